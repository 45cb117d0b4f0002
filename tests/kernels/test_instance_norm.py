"""The CPU's instance normalization against the plain one, and that against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.kernels import instance_norm, plain

IMAGES = np.random.default_rng(0).normal(3.0, 2.0, [3, 6, 5, 4]).astype("float32")
EACH = np.random.default_rng(1).normal(size=[2, 3, 1, 1, 4]).astype("float32")  # a scale and an offset for each example
TOLERANCES = {"float32": 1e-5, "bfloat16": 0.04}  # of the largest value


def test_plain_by_definition():
    mean, variance = IMAGES.mean((1, 2), keepdims=True), IMAGES.var((1, 2), keepdims=True)
    expected = EACH[0] * (IMAGES - mean) / np.sqrt(variance + 0.1) + EACH[1]
    np.testing.assert_allclose(plain.normalize(tf.constant(IMAGES), *EACH, 0.1), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    "affine", [(None, None), (EACH[0, 0, 0, 0], EACH[1, 0, 0, 0]), tuple(EACH)], ids=["none", "one", "each"]
)
def test_values_and_gradients(affine, dtype):
    parts = [tf.constant(part) for part in (IMAGES, *affine) if part is not None]

    def everything(normalize, dtype):
        with tf.GradientTape() as tape:
            tape.watch(parts)
            outputs = normalize(tf.cast(parts[0], dtype), *(parts[1:] or affine), 1e-3)
            assert outputs.dtype == dtype
            value = tf.reduce_sum(tf.cast(outputs, "float32") ** 3)
        return [tf.cast(outputs, "float32"), *tape.gradient(value, parts)]

    expected = everything(plain.normalize, "float32")
    for one, other in zip(everything(instance_norm.normalize, dtype), expected, strict=True):
        largest = np.abs(other).max()
        np.testing.assert_allclose(one / largest, other / largest, rtol=0, atol=TOLERANCES[dtype])
