"""Gated convolutions and pasting against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.inpainting import GatedConv2D, KeepKnown


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2}], ids=str)
def test_gated_convolution(options):
    x = images(2, 8, 6, 3)
    layer = GatedConv2D(5, 3, **options)
    outputs = layer(x)
    both = np.asarray(tf.nn.convolution(x, layer.kernel, options.get("strides", 1), "SAME",
                                        dilations=options.get("dilation_rate", 1)))
    features, gates = both[..., :5], both[..., 5:]
    expected = np.where(features > 0, features, np.expm1(features)) / (1 + np.exp(-gates))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == outputs.shape
    assert GatedConv2D.from_config(layer.get_config()).get_config() == layer.get_config()


def test_known_pixels_stay_to_the_bit():
    picture, prediction = images(2, 4, 6, 3), images(2, 4, 6, 3)[:, ::-1]
    mask = np.random.default_rng(1).choice([-1.0, 1.0], size=(2, 4, 6, 1)).astype("float32")
    outputs = KeepKnown()(np.concatenate([picture, mask], -1), prediction)
    np.testing.assert_array_equal(outputs, np.where(mask > 0, prediction, picture))


def test_known_pixels_stay_in_half_precision():
    picture = images(1, 4, 4, 3)
    layer = KeepKnown(dtype="mixed_bfloat16")
    inputs = np.concatenate([picture, np.full([1, 4, 4, 1], -1, "float32")], -1)
    outputs = layer(inputs, tf.zeros([1, 4, 4, 3], tf.bfloat16))
    np.testing.assert_array_equal(outputs, picture)


def test_shapes_of_any_size():
    output = KeepKnown()(keras.Input((None, 8, 4)), keras.Input((None, 8, 3)))
    assert output.shape == (None, None, 8, 3)


def test_a_deep_stack_keeps_the_size_of_its_values():
    keras.utils.set_random_seed(4)
    x = images(4, 24, 24, 64)
    for number in range(12):
        x = GatedConv2D(64, 3)(x)
        assert 0.4 < float(np.sqrt(np.mean(np.square(x)))) < 2.5, number
