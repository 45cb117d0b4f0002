"""FIR resampling against its definition, written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import kernels
from keras_gans.kernels import resample

CASES = [  # up, down, padding, taps
    (1, 1, (2, 1), 4),
    (2, 1, (2, 1), 4),
    (1, 2, (1, 1), 4),
    (2, 1, (0, 0), 4),
    (2, 1, (3, 3), 4),
    (3, 2, (2, 0), 5),
    (2, 3, (1, 3), 6),
    (4, 1, (0, 1), 2),
]


def along_an_axis(values, taps, up, down, padding):
    stuffed = np.zeros(len(values) * up)
    stuffed[::up] = values
    return np.convolve(np.pad(stuffed, padding), taps, mode="valid")[::down]


def by_definition(images, *args):
    return np.apply_along_axis(along_an_axis, 2, np.apply_along_axis(along_an_axis, 1, images, *args), *args)


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("up", "down", "padding", "k"), CASES)
def test_upfirdn(up, down, padding, k, jit):
    images, taps = draw(2, 7, 9, 3), draw(k)
    function = tf.function(lambda x: resample.upfirdn(x, taps, up, down, padding), jit_compile=jit)
    expected = by_definition(images, taps, up, down, padding)
    np.testing.assert_allclose(function(images), expected, rtol=0, atol=1e-5)


def test_gradient_is_the_transpose():
    images, taps = tf.constant(draw(2, 6, 8, 3)), draw(4)
    with tf.GradientTape() as tape:
        tape.watch(images)
        result = resample.upfirdn(images, taps, 2, 1, (2, 1))
        weights = draw(*result.shape)
        product = tf.reduce_sum(weights * result)
    gradient = tape.gradient(product, images)
    # For a linear f, <gradient of <w, f(x)>, v> = <w, f(v)> for every v.
    other = draw(2, 6, 8, 3)[::-1]
    expected = np.sum(weights * by_definition(other, taps, 2, 1, (2, 1)))
    np.testing.assert_allclose(np.sum(gradient * other), expected, rtol=1e-4)


def test_a_constant_stays():
    images = tf.ones([1, 8, 8, 2])
    for result in (resample.upsample(images), resample.downsample(images, factor=2), resample.blur(images)):
        np.testing.assert_allclose(result[:, 2:-2, 2:-2], 1.0, atol=1e-6)
        assert 0.0 < result[0, 0, 0, 0] < 1.0  # zeros lie outside


def test_alignment():
    """A point stays where it is: the double grid has two pixels for each, and half of the filter on either side."""
    point = np.zeros([1, 8, 8, 1], np.float32)
    point[0, 3, 4] = 1.0
    large = resample.upsample(point)
    assert large.shape == (1, 16, 16, 1)
    np.testing.assert_allclose(large[0, 5:9, 8, 0], np.array([1, 3, 3, 1]) / 4 * 3 / 4)
    small = resample.downsample(large)
    assert small.shape == point.shape
    profile = np.array([6, 20, 6]) / 32 * 20 / 32  # (1 3 3 1) correlated with itself at shifts -2, 0 and 2
    np.testing.assert_allclose(small[0, 2:5, 4, 0], profile, rtol=1e-6)
    blurred = resample.blur(point, (1, 2, 1))
    np.testing.assert_allclose(blurred[0, 2:5, 4, 0], np.array([1, 2, 1]) / 8)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtype_stays(dtype):
    images = draw(2, 8, 8, 3)
    result = resample.upsample(tf.cast(images, dtype))
    assert result.dtype == dtype
    np.testing.assert_allclose(tf.cast(result, "float32"), resample.upsample(images), rtol=0.02, atol=0.02)


def test_reflection():
    matrix = resample.filter_matrix(4, [1.0, 2.0, 4.0], reflect=(1, 1))
    values = np.array([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_allclose(matrix @ values, np.convolve([10, 1, 10, 100, 1000, 100], [1, 2, 4], mode="valid"))


@pytest.mark.parametrize("padding", [(-1, 0), (0, 4)])
def test_padding_outside_its_range(padding):
    with pytest.raises(ValueError, match="from 0 to 3 for a filter of 4 taps"):
        resample.filter_matrix(8, [1, 3, 3, 1], padding=padding)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("choice, filtered", [("fast", "float32"), ("plain", None)])
def test_a_cpu_filters_half_precision_in_float32(choice, filtered, dtype):
    images = tf.cast(draw(1, 8, 8, 3), dtype)
    with kernels.use(choice):
        blur = tf.function(resample.blur).get_concrete_function(tf.TensorSpec(images.shape, images.dtype))
    filters = [node for node in blur.graph.get_operations() if node.type == "DepthwiseConv2dNative"]
    assert [node.get_attr("T") for node in filters] == [filtered or dtype]
    assert blur(images).dtype == dtype
    expected = resample.blur(tf.cast(images, "float32"))
    np.testing.assert_allclose(tf.cast(blur(images), "float32"), expected, rtol=0, atol=0.01)
