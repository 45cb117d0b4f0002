"""What an exported generator must answer: the same latents through Keras."""

import contextlib

import numpy as np
import tensorflow as tf

from keras_gans.errors import UserError

_COUNT = 16


def refuse_other_than_images(run):
    """Raises a UserError for a run whose generator does not make images."""
    if len(run.generator.output_shape) != 4:
        raise UserError(f"{run.directory} makes points, not images; there is nothing to export")


@contextlib.contextmanager
def exact_float32():
    """Multiplies in full float32 meanwhile; GPUs else round to 10 bits (TensorFloat-32), more than a check allows."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def reference(run):
    """Runs a few latents (and every class in turn) through the run's generator.

    Returns:
        A pair: the inputs by name, latent float32 [16, latent_dim] and for conditional runs label int32 [16]; and the
        images, float32 [16, h, w, c] in [-1, 1].
    """
    inputs = {"latent": np.asarray(run.draw_latent(_COUNT, 0))}
    if run.num_classes:
        inputs["label"] = np.arange(_COUNT, dtype=np.int32) % run.num_classes
    values = list(inputs.values())
    images = run.generator(values if run.num_classes else values[0], training=False)
    return inputs, np.asarray(images)


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
