"""The matrix-product forms of strided convolutions against Keras's operations: values, gradients, second derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D

SHAPES = [(8, 3, 5), (8, 32, 16), (16, 1, 8), (6, 20, 4)]  # size of the larger map, channels, filters


def pairs(channels, filters, dtype):
    for ours, theirs, width in (
        (Conv2D, keras.layers.Conv2D, filters),
        (Conv2DTranspose, keras.layers.Conv2DTranspose, channels),
    ):
        yield ours(width, 4, 2, "same", dtype=dtype), theirs(width, 4, 2, "same")


def apply(layer, inputs):
    """Calls a layer as in training, where ours take their own way."""
    return layer(inputs, training=True) if isinstance(layer, (Conv2D, Conv2DTranspose)) else layer(inputs)


def everything(layer, inputs):
    """Outputs, gradients and gradients of the squared gradients, with respect to inputs, kernel and bias."""
    sources = [inputs, *(weight.value for weight in layer.trainable_variables)]
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = tf.cast(apply(layer, inputs), tf.float32)
            total = tf.reduce_sum(outputs**3)
        gradients = inner.gradient(total, sources)
        squares = tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in gradients])
    return [outputs, *gradients, *outer.gradient(squares, sources)]


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("mixed_bfloat16", 0.05)])
@pytest.mark.parametrize("size, channels, filters", SHAPES)
def test_agrees_with_keras(size, channels, filters, dtype, tolerance):
    large = tf.random.stateless_normal([3, size, size, channels], [1, 2])
    small = tf.random.stateless_normal([3, size // 2, size // 2, filters], [3, 4])
    for (ours, theirs), inputs in zip(pairs(channels, filters, dtype), (large, small)):
        ours.build(inputs.shape)
        theirs.build(inputs.shape)
        theirs.set_weights([np.asarray(weight) for weight in ours.weights])
        for mine, reference in zip(everything(ours, inputs), everything(theirs, inputs)):
            scale = np.abs(reference).max()
            np.testing.assert_allclose(mine / scale, reference / scale, atol=tolerance)


@pytest.mark.parametrize("arguments", [{"kernel_size": 5}, {"strides": 1}, {"padding": "valid"}])
def test_other_convolutions_are_keras_own(arguments):
    arguments = {"kernel_size": 4, "strides": 2, "padding": "same"} | arguments
    inputs = tf.random.stateless_normal([2, 8, 8, 3], [1, 2])
    for ours, theirs in ((Conv2D, keras.layers.Conv2D), (Conv2DTranspose, keras.layers.Conv2DTranspose)):
        one, two = ours(4, **arguments), theirs(4, **arguments)
        one.build(inputs.shape)
        two.build(inputs.shape)
        two.set_weights([np.asarray(weight) for weight in one.weights])
        np.testing.assert_array_equal(apply(one, inputs), two(inputs))


def test_odd_sides_are_keras_own():
    layer = Conv2D(4, 4, 2, "same")
    assert layer(tf.zeros([1, 7, 7, 3]), training=True).shape == (1, 4, 4, 4)


def test_jit_and_config_round_trip():
    inputs = tf.random.stateless_normal([2, 8, 8, 3], [1, 2])
    for layer in (Conv2D(4, 4, 2, "same", name="down"), Conv2DTranspose(4, 4, 2, "same", name="up")):
        expected = apply(layer, inputs)
        compiled = tf.function(lambda images, layer=layer: apply(layer, images), jit_compile=True)
        np.testing.assert_allclose(compiled(inputs), expected, atol=1e-5)
        again = type(layer).from_config(layer.get_config())
        again.build(inputs.shape)
        again.set_weights([np.asarray(weight) for weight in layer.weights])
        np.testing.assert_array_equal(apply(again, inputs), expected)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("mixed_bfloat16", 0.05)])
@pytest.mark.parametrize(
    "arguments", [{}, {"padding": "valid"}, {"strides": 1}, {"dilation_rate": 2, "strides": 1}], ids=str
)
def test_depthwise_agrees_with_keras(arguments, dtype, tolerance):
    arguments = {"kernel_size": 5, "strides": 2, "padding": "same", "activation": "relu", "depth_multiplier": 2} | arguments
    inputs = tf.random.stateless_normal([3, 12, 12, 4], [1, 2])
    ours, theirs = DepthwiseConv2D(dtype=dtype, **arguments), keras.layers.DepthwiseConv2D(**arguments)
    for layer in (ours, theirs):
        layer.build(inputs.shape)
    ours.bias.assign(tf.random.stateless_normal(ours.bias.shape, [3, 4]))
    theirs.set_weights([np.asarray(weight) for weight in ours.weights])
    for mine, reference in zip(everything(ours, inputs), everything(theirs, inputs), strict=True):
        scale = np.abs(reference).max()
        np.testing.assert_allclose(mine / scale, reference / scale, atol=tolerance)
    again = DepthwiseConv2D.from_config(ours.get_config())
    again.build(inputs.shape)
    again.set_weights([np.asarray(weight) for weight in ours.weights])
    np.testing.assert_array_equal(tf.cast(again(inputs), tf.float32), tf.cast(ours(inputs), tf.float32))
    compiled = tf.function(again, jit_compile=True)
    np.testing.assert_allclose(tf.cast(compiled(inputs), tf.float32), tf.cast(ours(inputs), tf.float32), atol=0.05)
