"""Channels into pixels and back, against NumPy and PyTorch."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.pixel_shuffle import NearestUpsample, PixelShuffle, PixelUnshuffle


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_shuffle_by_hand():
    """Four channels become a block of two rows; the next four are the next channel's."""
    x = np.arange(8.0, dtype="float32").reshape(1, 1, 1, 8)
    expected = [[[0, 4], [1, 5]], [[2, 6], [3, 7]]]
    np.testing.assert_array_equal(PixelShuffle(2)(x)[0], expected)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_unshuffle_is_the_inverse(factor):
    x = images(2, 12, 24, 5)
    small = PixelUnshuffle(factor)(x)
    assert small.shape == PixelUnshuffle(factor).compute_output_shape(x.shape)
    assert small.shape == (2, 12 // factor, 24 // factor, 5 * factor**2)
    again = PixelShuffle(factor)(small)
    assert again.shape == PixelShuffle(factor).compute_output_shape(small.shape)
    np.testing.assert_array_equal(again, x)


@pytest.mark.parity
@pytest.mark.parametrize("factor", [2, 4])
def test_against_pytorch(factor):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    x = images(2, 8, 4, 3)
    expected = torch.nn.functional.pixel_unshuffle(torch.tensor(x).permute(0, 3, 1, 2), factor).permute(0, 2, 3, 1)
    np.testing.assert_array_equal(PixelUnshuffle(factor)(x), expected)


def test_nearest():
    x = images(2, 3, 5, 4)
    expected = x.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(NearestUpsample()(x), expected)
    assert NearestUpsample().compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("layer", [PixelShuffle(), PixelUnshuffle(), NearestUpsample()], ids=lambda x: type(x).__name__)
def test_any_size(layer):
    free = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 4])])
    x = images(2, 6, 8, 4)
    np.testing.assert_array_equal(free(x), layer(x))
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
