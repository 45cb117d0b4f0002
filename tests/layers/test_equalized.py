"""Equalized learning rate: scaling by hand, and the resampling convolutions against what they stand for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.bias_activation import BiasActivation
from keras_gans.layers.equalized import EqualizedConv2D, EqualizedDense

random = np.random.default_rng(0)


def images(*shape):
    return random.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("inputs", [4, 400])
@pytest.mark.parametrize("multiplier", [1.0, 0.01])
def test_variance_at_the_start_and_weights_that_act(inputs, multiplier):
    keras.utils.set_random_seed(0)
    layer = EqualizedDense(2000, gain=3.0, bias_gain=5.0, lr_multiplier=multiplier, bias=2.0)
    x = images(50, inputs)
    outputs = np.asarray(layer(x))
    np.testing.assert_allclose(np.std(layer.raw_kernel), 1 / multiplier, rtol=0.05)
    np.testing.assert_allclose(outputs.mean(), 5 * 2, atol=0.3)
    np.testing.assert_allclose(outputs.std(), 3 * np.sqrt(np.mean(x**2)), rtol=0.1)
    raw, bias = (np.asarray(weight) for weight in layer.trainable_weights)
    np.testing.assert_allclose(
        outputs, x @ raw * (3 * multiplier / np.sqrt(inputs)) + bias * 5 * multiplier, rtol=1e-4, atol=1e-4
    )
    # A step of Adam moves every weight by its learning rate, and so what acts by the multiplier times that.
    optimizer = keras.optimizers.Adam(0.1)
    before = np.asarray(layer.kernel)
    optimizer.apply([tf.ones_like(raw), tf.ones_like(bias)], layer.trainable_weights)
    np.testing.assert_allclose(before - layer.kernel, 0.1 * multiplier * 3 / np.sqrt(inputs), rtol=0.02)


def test_convolution_scales_by_all_that_it_sums():
    keras.utils.set_random_seed(0)
    layer = EqualizedConv2D(200, 3, gain=2.0)
    outputs = np.asarray(layer(images(2, 12, 12, 16)))
    np.testing.assert_allclose(outputs[:, 1:-1, 1:-1].std(), 2.0, rtol=0.05)
    np.testing.assert_allclose(layer.kernel, np.asarray(layer.raw_kernel) * 2 / np.sqrt(9 * 16), rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_up_is_nearest_neighbours_and_a_convolution(training):
    layer, x = EqualizedConv2D(3, 3, "up"), images(2, 4, 6, 2)
    layer.build(x.shape)
    layer.raw_bias.assign([1.0, 2.0, 3.0])
    large = x.repeat(2, 1).repeat(2, 2)
    expected = tf.nn.conv2d(large, layer.kernel, 1, "SAME") + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(layer(x, training=training), expected, atol=1e-5)


def test_down_is_a_convolution_and_a_mean_of_2x2():
    layer, x = EqualizedConv2D(3, 3, "down"), images(2, 8, 6, 2)
    layer.build(x.shape)
    expected = tf.nn.avg_pool2d(tf.nn.conv2d(x, layer.kernel, 1, "SAME"), 2, 2, "VALID")
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == (2, 4, 3, 3)


def test_bias_activation_is_gain_times_leaky_relu():
    """With the gain in the layer before, and in float16 limited to 256."""
    layer, x = BiasActivation(gain=2**0.5), images(2, 3, 3, 4)
    layer.build(x.shape)
    layer.bias.assign([1.0, -1.0, 0.5, 0.0])
    total = x + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(2**0.5 * x), 2**0.5 * np.where(total > 0, total, 0.2 * total), atol=1e-6)
    half = BiasActivation(gain=2**0.5, dtype="mixed_float16")
    np.testing.assert_allclose(half(np.array([[1000.0, -5000.0, 100.0]], np.float16)), [[256, -256, 100]], rtol=1e-3)
    np.testing.assert_allclose(half(np.array([[1000.0, -1000.0, 100.0]], np.float16)), [[256, -200, 100]], rtol=1e-3)


def test_unknown_resampling_is_refused():
    with pytest.raises(ValueError, match="resample must be None, up or down, not 'left'"):
        EqualizedConv2D(3, 3, "left")
