"""The convolutions that train faster on a CPU against TensorFlow's: values, gradients, second derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from keras_gans.layers import few_filters, halving, winograd
from keras_gans.layers.padding import PaddedConv2D, PaddedConv2DTranspose

SIZES = [(16, 18), (17, 21), (6, 7)]
TOLERANCES = {"float32": 4e-6, "bfloat16": 0.02}  # of the largest value


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def plain(inputs, kernel, strides=1, pad=0):
    sides = [pad, pad]
    return tf.nn.conv2d(tf.pad(inputs, [[0, 0], sides, sides, [0, 0]]), kernel, strides, "VALID")


def everything(convolve, inputs, kernel):
    """Outputs, gradients of their squares' sum, and gradients of the squared gradients."""
    with tf.GradientTape() as outer:
        outer.watch([inputs, kernel])
        with tf.GradientTape() as inner:
            inner.watch([inputs, kernel])
            outputs = convolve(inputs, kernel)
            total = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        gradients = inner.gradient(total, [inputs, kernel])
        squares = tf.add_n([tf.reduce_sum(tf.cast(gradient, tf.float32) ** 2) for gradient in gradients])
    return [outputs, *gradients, *outer.gradient(squares, [inputs, kernel])]


def agree(ours, theirs, inputs, kernel, dtype):
    """Checks `ours` in `dtype` against `theirs` in float32."""
    expected = everything(theirs, inputs, kernel)
    seen = everything(ours, tf.cast(inputs, dtype), tf.cast(kernel, dtype))
    for one, other in zip(seen, expected, strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(
            tf.cast(one, tf.float32) / np.abs(other).max(), other / np.abs(other).max(), rtol=0, atol=TOLERANCES[dtype]
        )


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_winograd(size, pad, dtype):
    agree(
        lambda inputs, kernel: winograd.convolve(inputs, kernel, pad),
        lambda inputs, kernel: plain(inputs, kernel, pad=pad),
        normal(2, *size, 5),
        normal(3, 3, 5, 7, seed=1),
        dtype,
    )


def test_winograd_in_a_deep_sum():
    """At the ResNet's 256 channels, against float64, in standard deviations."""
    inputs, kernel = normal(1, 18, 18, 256), normal(3, 3, 256, 256, seed=1)
    expected = plain(tf.cast(inputs, tf.float64), tf.cast(kernel, tf.float64)).numpy()
    for dtype, largest in (("float32", 5e-5), ("bfloat16", 0.04)):
        outputs = tf.cast(winograd.convolve(tf.cast(inputs, dtype), tf.cast(kernel, dtype)), tf.float64)
        assert np.abs(outputs - expected).max() <= largest * expected.std()


@pytest.mark.parametrize("form", winograd._FORMS.values(), ids=lambda form: f"{form.outputs}x{form.outputs}")
def test_transforms_of_winograd_are_exact(form):
    random = np.random.default_rng(0)
    inputs, kernel = random.normal(size=[form.inputs, form.inputs]), random.normal(size=[3, 3])
    products = (form.of_kernel @ kernel.ravel()) * (form.of_inputs @ inputs.ravel())
    expected = signal.correlate2d(inputs, kernel, "valid")
    np.testing.assert_allclose(form.of_outputs @ products, expected.ravel(), atol=1e-12)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_halving(size, dtype):
    agree(
        halving.convolve,
        lambda inputs, kernel: plain(inputs, kernel, 2, 1),
        normal(2, *size, 5),
        normal(3, 3, 5, 7, seed=1),
        dtype,
    )


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_doubling(size, dtype):
    height, width = 2 * size[0], 2 * size[1]
    agree(
        lambda inputs, kernel: halving.convolve_transposed(inputs, kernel, height, width),
        lambda inputs, kernel: tf.nn.conv2d_transpose(
            inputs, kernel, [2, height, width, 5], 2, [[0, 0], [1, 1], [1, 1], [0, 0]]
        ),
        normal(2, *size, 7),
        normal(3, 3, 5, 7, seed=1),
        dtype,
    )


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels, filters, kernel_size", [(16, 3, 5), (3, 16, 5), (16, 1, 4), (4, 16, 3)])
def test_few_filters(channels, filters, kernel_size, size, dtype):
    agree(
        few_filters.convolve,
        plain,
        normal(2, *size, channels),
        normal(kernel_size, kernel_size, channels, filters, seed=1),
        dtype,
    )


LAYERS = {
    "winograd": (PaddedConv2D(128, 3, bias_initializer="random_normal"), (16, 18, 128)),
    "winograd, valid": (PaddedConv2D(128, 3, pad=0, activation="relu"), (18, 17, 128)),
    "halving": (PaddedConv2D(8, 3, 2, bias_initializer="random_normal"), (9, 12, 5)),
    "4x4": (PaddedConv2D(8, 4, 2), (8, 12, 5)),
    "few filters": (PaddedConv2D(3, 7, pad=3, bias_initializer="random_normal"), (8, 12, 16)),
    "few channels": (PaddedConv2D(16, 7, pad=0), (12, 12, 3)),
    "doubling": (PaddedConv2DTranspose(8, bias_initializer="random_normal"), (9, 12, 5)),
    "another kernel": (PaddedConv2D(8, 5, 2, pad=2), (9, 12, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_answer_the_same_in_training(name):
    """With sides known, so that the faster way is taken, and without; in graphs and compiled by XLA."""
    layer, shape = LAYERS[name]
    inputs = normal(2, *shape)
    expected = layer(inputs, training=False).numpy()
    train = tf.function(lambda inputs: layer(inputs, training=True))
    for known in ([None, *shape], [None, None, None, shape[-1]]):
        outputs = train.get_concrete_function(tf.TensorSpec(known))(inputs)
        np.testing.assert_allclose(outputs, expected, atol=2e-5)
    np.testing.assert_allclose(tf.function(train, jit_compile=True)(inputs), expected, atol=2e-5)


@pytest.mark.parametrize("name, operation", [("winograd", "GatherV2"), ("few filters", "DepthToSpace")])
def test_the_faster_way_is_for_training(name, operation):
    layer, shape = LAYERS[name]
    for training in (False, True):
        graph = (
            tf.function(lambda inputs: layer(inputs, training=training))
            .get_concrete_function(tf.TensorSpec([2, *shape]))
            .graph
        )
        assert any(node.type == operation for node in graph.get_operations()) == training


def test_float16_takes_no_winograd():
    layer = PaddedConv2D(128, 3, dtype="mixed_float16")
    inputs = normal(1, 16, 16, 128)
    np.testing.assert_array_equal(layer(inputs, training=True), layer(inputs, training=False))
    assert isinstance(layer, keras.layers.Conv2D)
