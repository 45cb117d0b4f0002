"""How far an exported model is from Keras."""

import contextlib

import numpy as np
import tensorflow as tf


@contextlib.contextmanager
def exact_float32():
    """Multiplies in full float32 meanwhile; GPUs else round to 10 bits (TensorFloat-32), more than a check allows."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def difference(output, expected):
    """Returns the largest absolute difference of an output from what Keras answers; infinite for another shape.

    Args:
        output: an array; of strings, PNG files.
        expected: an array, or for files a list of their pixels.
    """
    if np.asarray(output).dtype == object:
        return max(difference(tf.io.decode_png(file).numpy(), pixels) for file, pixels in zip(output, expected, strict=True))
    expected = np.asarray(expected, np.float64)
    return float(np.max(np.abs(output - expected))) if np.shape(output) == expected.shape else np.inf


def psnr(images, expected):
    """Peak signal-to-noise ratio of the worst image.

    Args:
        images, expected: float [n, h, w, c] in [0, 1].

    Returns:
        Decibels, 10 log10(1 / mean squared error); infinite for equal images, NaN if any value is.
    """
    error = np.mean((np.asarray(images, np.float64) - expected) ** 2, axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return float(np.min(-10 * np.log10(error)))
