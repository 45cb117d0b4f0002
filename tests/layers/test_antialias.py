"""CUT's resampling against SciPy's filters."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_gans.layers.antialias import BlurDownsample, BlurUpsample


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (2, 3)])
def test_halving(size):
    x = images(2, *size, 3)
    expected = x
    for axis in (1, 2):
        expected = ndimage.correlate1d(expected, [0.25, 0.5, 0.25], axis, mode="mirror")  # SciPy's word for "reflect"
    layer = BlurDownsample()
    np.testing.assert_allclose(layer(x), expected[:, ::2, ::2], atol=1e-6)
    assert layer.compute_output_shape(x.shape) == expected[:, ::2, ::2].shape


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 1)])
def test_doubling(size):
    """Zeros between pixels, then the filter, over pixels repeated at the border."""
    x = images(2, *size, 3)
    expected = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    for axis in (1, 2):
        expected = np.insert(expected, range(1, expected.shape[axis] + 1), 0, axis)
        # The four taps have no middle: origin -1 leans the window to the later side.
        expected = ndimage.correlate1d(expected, [0.25, 0.75, 0.75, 0.25], axis, mode="constant", origin=-1)
    expected = expected[:, 1:-3, 1:-3]
    layer = BlurUpsample()
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)
    assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("layer", [BlurDownsample(), BlurUpsample()], ids=lambda layer: type(layer).__name__)
def test_a_constant_stays(layer):
    np.testing.assert_allclose(layer(np.full([1, 6, 5, 2], 3.0, "float32")), 3.0, atol=1e-6)


@pytest.mark.parametrize("layer", [BlurDownsample(), BlurUpsample()], ids=lambda layer: type(layer).__name__)
def test_any_size_and_half_precision(layer):
    free = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 3])])
    half = type(layer)(dtype="mixed_bfloat16")
    for size in ((8, 6), (7, 9)):
        x = images(2, *size, 3)
        expected = np.asarray(layer(x))
        np.testing.assert_allclose(free(x), expected, atol=1e-6)
        assert half(x).dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(half(x), tf.float32), expected, atol=0.05)
    assert layer(keras.Input((None, 4, 3))).shape[1] is None
