import numpy as np
import pytest
import tensorflow as tf

from keras_gans import kernels
from keras_gans.kernels import plain, reflection


def first_and_second(reflect, images, weights):
    """The padded images, the gradient of their square, and that gradient's own gradient."""
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            padded = reflect(images)
            value = tf.reduce_sum(tf.square(padded) * weights)
        gradient = inner.gradient(value, images)
        again = tf.reduce_sum(tf.square(gradient))
    return padded, gradient, outer.gradient(again, images)


@pytest.mark.parametrize("size", [(2, 3), (4, 7), (16, 8)])
@pytest.mark.parametrize("sides", [(1, 1), (0, 1), (3, 3), (2, 1)])
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("bfloat16", 0.05)])
def test_values_and_gradients(size, sides, dtype, tolerance):
    if max(sides) >= min(size):
        pytest.skip("more than there is to reflect")
    random = np.random.default_rng(0)
    images = random.normal(size=(2, *size, 3))
    expected = np.pad(images, [(0, 0), sides, sides, (0, 0)], "reflect")
    weights = random.normal(size=expected.shape)
    found = first_and_second(
        lambda images: reflection.reflect(images, sides), tf.constant(images, dtype), tf.constant(weights, dtype)
    )
    wanted = first_and_second(lambda images: plain.reflect(images, sides), tf.constant(images), tf.constant(weights))
    np.testing.assert_array_equal(wanted[0], expected)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(tf.cast(one, tf.float64), other, rtol=0, atol=tolerance * np.abs(other).max())


def test_sides_that_are_not_known_are_tensorflows():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])])
    def unknown(images):
        return kernels.reflect(images, (1, 2))

    @tf.function(input_signature=[tf.TensorSpec([None, 5, 6, 3])])
    def known(images):
        return kernels.reflect(images, (1, 2))

    images = tf.random.stateless_normal([2, 5, 6, 3], [0, 1])
    np.testing.assert_array_equal(unknown(images), known(images))
    kinds = [
        {node.type for node in function.get_concrete_function().graph.get_operations()} for function in (unknown, known)
    ]
    assert "MirrorPad" in kinds[0] and "MirrorPad" not in kinds[1]
    with kernels.use("plain"):
        plainly = tf.function(lambda images: kernels.reflect(images, (1, 2))).get_concrete_function(images)
    assert "MirrorPad" in {node.type for node in plainly.graph.get_operations()}
