"""Conditional batch normalization against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.conditional_batch_normalization import ConditionalBatchNormalization

IMAGES = np.random.default_rng(0).normal(1.0, 2.0, [4, 3, 3, 2]).astype("float32")
LABELS = np.array([2, 0, 1, 2], "int32")
GAMMAS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")


def layer_with_classes(**kwargs):
    layer = ConditionalBatchNormalization(3, **kwargs)
    layer.build(IMAGES.shape, LABELS.shape)
    layer.gammas.assign(GAMMAS)
    layer.betas.assign(-GAMMAS)
    return layer


def reference(epsilon=2e-5):
    normal = (IMAGES - IMAGES.mean((0, 1, 2))) / np.sqrt(IMAGES.var((0, 1, 2)) + epsilon)
    gamma = GAMMAS[LABELS][:, None, None, :]
    return normal * gamma - gamma


def test_training_takes_the_statistics_of_all_classes_together():
    np.testing.assert_allclose(layer_with_classes()(IMAGES, LABELS, training=True), reference(), rtol=1e-4, atol=1e-4)
    far = layer_with_classes(epsilon=0.5)(IMAGES, LABELS, training=True)
    np.testing.assert_allclose(far, reference(0.5), rtol=1e-4, atol=1e-4)


def test_starts_as_plain_batch_normalization():
    layer = ConditionalBatchNormalization(3)
    outputs = layer(IMAGES, LABELS, training=True).numpy()
    np.testing.assert_allclose(outputs.mean((0, 1, 2)), [0, 0], atol=1e-5)
    np.testing.assert_allclose(outputs.std((0, 1, 2)), [1, 1], rtol=1e-4)


def test_inference_takes_the_moving_statistics():
    layer = layer_with_classes()
    layer(IMAGES, LABELS, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * IMAGES.mean((0, 1, 2)), rtol=1e-5)
    outputs = layer(IMAGES[:1], LABELS[:1])
    expected = (IMAGES[:1] - layer.moving_mean) / np.sqrt(layer.moving_variance + 2e-5) * GAMMAS[2] - GAMMAS[2]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_only_the_classes_of_the_batch_get_a_gradient():
    layer = layer_with_classes()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(layer(IMAGES[:2], LABELS[:2], training=True)))
    names = [weight.name for weight in layer.trainable_variables]
    assert names == ["gammas", "betas"]
    for gradient in tape.gradient(total, layer.trainable_variables):
        gradient = tf.convert_to_tensor(gradient)
        assert np.all(gradient[1] == 0) and np.any(gradient[0] != 0) and np.any(gradient[2] != 0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_under_jit(policy):
    layer = layer_with_classes(dtype=policy)
    images = tf.cast(IMAGES, layer.compute_dtype)
    outputs = tf.function(lambda x: layer(x, LABELS, training=True), jit_compile=True)(images)
    assert outputs.dtype == images.dtype
    np.testing.assert_allclose(tf.cast(outputs, "float32"), reference(), rtol=0.02, atol=0.1)


def test_saves_and_loads(tmp_path):
    inputs = [keras.Input([3, 3, 2]), keras.Input([], dtype="int32")]
    model = keras.Model(inputs, ConditionalBatchNormalization(3, momentum=0.8, epsilon=1e-4)(*inputs))
    model.layers[-1].gammas.assign(GAMMAS)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert (copy.layers[-1].momentum, copy.layers[-1].epsilon) == (0.8, 1e-4)
    np.testing.assert_array_equal(copy([IMAGES, LABELS]), model([IMAGES, LABELS]))


def test_no_classes_are_refused():
    with pytest.raises(ValueError, match="num_classes is 0"):
        ConditionalBatchNormalization(0)
