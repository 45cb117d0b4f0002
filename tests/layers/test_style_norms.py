"""Adaptive and conditional instance normalization against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.adaptive_instance_normalization import AdaptiveInstanceNormalization, style_statistics
from keras_gans.layers.conditional_instance_normalization import ConditionalInstanceNormalization

RANDOM = np.random.default_rng(0)
CONTENT = RANDOM.normal(3.0, 2.0, (2, 6, 5, 3)).astype("float32")
STYLE = RANDOM.normal(-1.0, 0.5, (2, 4, 7, 3)).astype("float32")


def adain_reference(content, style, epsilon=1e-5):
    """Equation 8 of the paper; the epsilon is the content's alone, as in the authors' Torch code."""
    content, style = content.astype("float64"), style.astype("float64")
    normalized = (content - content.mean((1, 2), keepdims=True)) / np.sqrt(content.var((1, 2), keepdims=True) + epsilon)
    return normalized * style.std((1, 2), keepdims=True) + style.mean((1, 2), keepdims=True)


@pytest.mark.parametrize("epsilon", [1e-5, 1.0])
def test_adain_equals_numpy(epsilon):
    layer = AdaptiveInstanceNormalization(epsilon=epsilon)
    outputs = layer(CONTENT, style_statistics(STYLE))
    np.testing.assert_allclose(outputs, adain_reference(CONTENT, STYLE, epsilon), rtol=1e-4, atol=1e-5)


def test_adain_gives_the_statistics_of_the_style():
    outputs = AdaptiveInstanceNormalization()(CONTENT, style_statistics(STYLE))
    np.testing.assert_allclose(style_statistics(outputs), style_statistics(STYLE), rtol=1e-4)


def test_adain_with_its_own_statistics_is_the_content():
    """Alpha rests on it: a blend of styles is a blend of outputs, and the content's own style changes nothing."""
    layer, own, other = AdaptiveInstanceNormalization(), style_statistics(CONTENT), style_statistics(STYLE)
    np.testing.assert_allclose(layer(CONTENT, own), CONTENT, rtol=1e-4, atol=1e-4)
    blend = layer(CONTENT, 0.3 * other + 0.7 * own)
    np.testing.assert_allclose(blend, 0.3 * layer(CONTENT, other) + 0.7 * CONTENT, rtol=1e-4, atol=1e-4)


def test_adain_of_flat_pictures_is_finite():
    layer, flat = AdaptiveInstanceNormalization(), np.full((1, 4, 4, 3), 0.5, "float32")
    np.testing.assert_allclose(layer(CONTENT[:1], style_statistics(flat)), np.full((1, 6, 5, 3), 0.5), atol=1e-5)
    outputs = layer(flat, style_statistics(STYLE[:1]))  # nothing to scale: the style's mean everywhere
    np.testing.assert_allclose(outputs, np.broadcast_to(STYLE[:1].mean((1, 2), keepdims=True), (1, 4, 4, 3)), atol=1e-4)


def test_conditional_norm_starts_plain_and_blends_styles():
    layer = ConditionalInstanceNormalization()
    weights = np.eye(2, dtype="float32")
    plain = adain_reference(CONTENT, CONTENT)
    plain = (plain - plain.mean((1, 2), keepdims=True)) / plain.std((1, 2), keepdims=True)
    np.testing.assert_allclose(layer(CONTENT, weights), plain, atol=1e-4)
    layer.gammas.assign([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]])
    layer.betas.assign([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
    outputs = layer(CONTENT, weights)  # the first image in the first style, the second in the second
    np.testing.assert_allclose(outputs[0], plain[0] * [1, 2, 3] + [0, 0, 1], atol=1e-4)
    np.testing.assert_allclose(outputs[1], plain[1] * 0.5 + [-1, 0, 0], atol=1e-4)
    blend = layer(CONTENT[:1], np.array([[0.25, 0.75]], "float32"))
    np.testing.assert_allclose(blend[0], plain[0] * [0.625, 0.875, 1.125] + [-0.75, 0, 0.25], atol=1e-4)


def test_conditional_norm_of_a_vector_is_affine_in_it():
    layer = ConditionalInstanceNormalization(use_bias=True)
    zero = np.zeros((2, 7), "float32")
    plain = layer(CONTENT, zero).numpy()
    np.testing.assert_allclose(plain.mean((1, 2)), np.zeros((2, 3)), atol=1e-5)
    np.testing.assert_allclose(plain.std((1, 2)), np.ones((2, 3)), atol=1e-4)
    vector = RANDOM.normal(size=(2, 7)).astype("float32")
    gammas, betas, gamma, beta = layer.get_weights()
    gamma, beta = vector @ gammas + gamma, vector @ betas + beta
    np.testing.assert_allclose(layer(CONTENT, vector), plain * gamma[:, None, None] + beta[:, None, None], atol=1e-4)


@pytest.mark.parametrize(
    "layer",
    [
        AdaptiveInstanceNormalization(epsilon=1e-3, two_stage=True),
        ConditionalInstanceNormalization(use_bias=True, two_stage=True),
    ],
    ids=["adaptive", "conditional"],
)
def test_saves_loads_and_runs_in_half_precision(layer, tmp_path):
    inputs = [keras.Input((None, None, 3)), keras.Input((6,))]
    model = keras.Model(inputs, layer(*inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    style = RANDOM.uniform(0.5, 1.0, (2, 6)).astype("float32")
    np.testing.assert_array_equal(copy([CONTENT, style]), model([CONTENT, style]))
    half = type(layer).from_config(layer.get_config() | {"dtype": "mixed_bfloat16"})
    outputs = half(CONTENT, style)
    half.set_weights(layer.get_weights())
    outputs = half(CONTENT, style)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(outputs, "float32"), model([CONTENT, style]), atol=0.05)


@pytest.mark.parametrize("policy, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 0.03)])
@pytest.mark.parametrize("kind", [AdaptiveInstanceNormalization, ConditionalInstanceNormalization])
def test_training_is_the_same_by_the_fused_kernel(kind, policy, tolerance):
    """Outputs and gradients, of the style too, which differs from example to example, against float32 without it."""
    style = tf.constant(RANDOM.uniform(0.5, 1.5, (2, 6)).astype("float32"))
    upstream = tf.constant(RANDOM.normal(size=CONTENT.shape).astype("float32"))
    fused, plain = kind(dtype=policy), kind()
    kinds = []

    def everything(layer, training):
        def step(content, style):
            with tf.GradientTape() as tape:
                tape.watch([content, style])
                outputs = tf.cast(layer(content, style, training=training), "float32")
                value = tf.reduce_sum(outputs**2 * upstream)
            return [outputs, *tape.gradient(value, [content, style, *(w.value for w in layer.trainable_weights)])]

        function = tf.function(step).get_concrete_function(tf.TensorSpec(CONTENT.shape), tf.TensorSpec(style.shape))
        kinds.append({operation.type for operation in function.graph.get_operations()})
        return function(tf.constant(CONTENT), style)

    for layer in (fused, plain):
        layer.build(CONTENT.shape, style.shape)
    fused.set_weights([RANDOM.normal(size=weight.shape) for weight in plain.weights])
    plain.set_weights(fused.get_weights())
    for one, other in zip(everything(fused, True), everything(plain, False), strict=True):
        np.testing.assert_allclose(one / np.abs(other).max(), other / np.abs(other).max(), atol=tolerance)
    assert ["FusedBatchNormV3" in one for one in kinds] == [True, False]
