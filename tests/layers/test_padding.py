"""Padding as PyTorch has it, against NumPy, PyTorch and shifted sums."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.padding import PaddedConv2D, PaddedConv2DTranspose, ReflectionPadding2D


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("padding, sides", [(1, (1, 1)), (3, (3, 3)), ((0, 1), (0, 1)), ((2, 1), (2, 1))])
def test_reflection(padding, sides):
    x = images(2, 5, 4, 3)
    expected = np.pad(x, ((0, 0), sides, sides, (0, 0)), mode="reflect")
    layer = ReflectionPadding2D.from_config(ReflectionPadding2D(padding).get_config())
    np.testing.assert_array_equal(layer(x), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer(keras.Input((None, 4, 3))).shape == (None, None, 4 + sum(sides), 3)


def test_gradient_of_reflection_counts_how_often_a_pixel_is_seen():
    x = tf.ones([1, 4, 4, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(ReflectionPadding2D(1)(x))
    times = np.array([1, 2, 2, 1])
    np.testing.assert_array_equal(tape.gradient(value, x)[0, :, :, 0], np.outer(times, times))


def test_reflection_of_a_picture_smaller_than_the_padding_is_refused():
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        ReflectionPadding2D(3)(images(1, 3, 8, 1))


@pytest.mark.parity
@pytest.mark.parametrize("size", [(8, 6), (7, 9)], ids=["even", "odd"])
@pytest.mark.parametrize("kernel_size, strides, pad", [(3, 1, 1), (3, 2, 1), (4, 1, 1), (4, 2, 1), (5, 2, 0)])
def test_convolution_against_pytorch(size, kernel_size, strides, pad):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    layer = PaddedConv2D(4, kernel_size, strides, pad, bias_initializer="random_normal")
    x = images(2, *size, 3)
    outputs = layer(x)
    kernel, bias = (torch.tensor(np.asarray(weight)) for weight in layer.weights)
    expected = torch.nn.functional.conv2d(
        torch.tensor(x).permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, strides, pad
    ).permute(0, 2, 3, 1)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == outputs.shape


@pytest.mark.parity
@pytest.mark.parametrize("training", [False, True])
def test_transposed_convolution_against_pytorch(training):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    layer = PaddedConv2DTranspose(4, 3, 2, bias_initializer="random_normal")
    x = images(2, 5, 6, 3)
    outputs = layer(x, training=training)
    kernel, bias = (torch.tensor(np.asarray(weight)) for weight in layer.weights)
    planes = torch.tensor(x).permute(0, 3, 1, 2)
    expected = torch.nn.functional.conv_transpose2d(planes, kernel.permute(3, 2, 0, 1), bias, 2, 1, output_padding=1)
    expected = expected.permute(0, 2, 3, 1)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == outputs.shape


def test_transposed_convolution_is_the_transpose():
    """<y, conv x> = <conv^T y, x>."""
    layer, inverse = PaddedConv2D(4, 3, 2), PaddedConv2DTranspose(3, 3)
    x, y = images(1, 8, 8, 3), images(1, 4, 4, 4) + 1
    product = np.vdot(layer(x), y)
    inverse.build(y.shape)
    inverse.kernel.assign(layer.kernel)
    np.testing.assert_allclose(np.vdot(inverse(y), x), product, rtol=1e-4)


@pytest.mark.parametrize(
    "layer",
    [ReflectionPadding2D(2), PaddedConv2D(4, 4, 2), PaddedConv2DTranspose(4, 3)],
    ids=lambda layer: type(layer).__name__,
)
def test_any_size_and_a_saved_file(layer, tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[0].get_config() == layer.get_config()
    free = tf.function(again, input_signature=[tf.TensorSpec([None, None, None, 3])])
    for size in ((8, 6), (7, 9)):
        x = images(2, *size, 3)
        np.testing.assert_allclose(free(x), layer(x), atol=1e-6)
