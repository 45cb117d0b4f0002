"""The filters as layers against scipy.signal.upfirdn, and their gradients' gradients."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from keras_gans.layers.fir import Blur, Downsample, Upsample

X = np.random.default_rng(0).normal(size=(2, 6, 8, 3)).astype(np.float32)


def reference(x, taps, up=1, down=1, before=0, after=0):
    """Along both axes: zeros around what is upsampled, then the filter where it fits."""
    taps = up * np.array(taps) / np.sum(taps)
    for axis in (1, 2):
        x = np.moveaxis(x, axis, -1)
        wide = signal.upfirdn([1.0], x, up)
        wide = np.pad(wide, [(0, 0)] * 3 + [(before, after + up - 1)])
        kept = signal.upfirdn(taps, wide)[..., len(taps) - 1 : wide.shape[-1]]
        x = np.moveaxis(kept[..., ::down], -1, axis)
    return x


@pytest.mark.parametrize(
    "layer, arguments",
    [
        (Blur(), dict(taps=(1, 2, 1), before=1, after=1)),
        (Blur((1, 3, 3, 1), grow=1), dict(taps=(1, 3, 3, 1), before=2, after=2)),
        (Blur((1, 3, 3, 1), grow=-1), dict(taps=(1, 3, 3, 1), before=1, after=1)),
        (Downsample(), dict(taps=(1, 3, 3, 1), down=2, before=1, after=1)),
        (Downsample((1, 1)), dict(taps=(1, 1), down=2)),
        (Upsample(), dict(taps=(1, 3, 3, 1), up=2, before=2, after=1)),
        (Upsample((1, 1)), dict(taps=(1, 1), up=2, before=1)),
    ],
    ids=str,
)
def test_values(layer, arguments):
    expected = reference(X, **arguments)
    assert layer.compute_output_shape(X.shape) == expected.shape
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


@pytest.mark.parametrize("layer", [Blur((1, 3, 3, 1), grow=1), Downsample(), Upsample()])
def test_gradients_of_a_linear_map(layer):
    """<L x, y> = <x, L' y>, and the gradient of |L' y|^2 with respect to y is 2 L L' y."""
    x = tf.constant(X)
    y = tf.random.stateless_normal(layer.compute_output_shape(X.shape), [1, 2])
    with tf.GradientTape() as outer:
        outer.watch(y)
        with tf.GradientTape() as tape:
            tape.watch(x)
            product = tf.reduce_sum(layer(x) * y)
        back = tape.gradient(product, x)
        square = tf.reduce_sum(back**2)
    np.testing.assert_allclose(tf.reduce_sum(back * x), product, rtol=1e-4)
    np.testing.assert_allclose(outer.gradient(square, y), 2 * layer(back), atol=1e-4)
