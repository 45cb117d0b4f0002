"""Resampling that does not alias (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"), as CUT has it.

`Downsample` and `Upsample` of `taesungp/contrastive-unpaired-translation` (`models/networks.py`) with their defaults, as
sums of shifted images, for sides known or not; `keras_gans.layers.resample` has filters with zeros outside.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class BlurDownsample(keras.layers.Layer):
    """Filters with [1, 2, 1] / 4 along both axes, reflecting at the border, and keeps every other pixel.

    Call:
        [batch, h, w, channels] -> [batch, ceil(h / 2), ceil(w / 2), channels]; sides of at least 2.
    """

    def call(self, inputs):
        x = tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        x = x[:, :-2:2] + 2 * x[:, 1:-1:2] + x[:, 2::2]
        return (x[:, :, :-2:2] + 2 * x[:, :, 1:-1:2] + x[:, :, 2::2]) / 16

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and (side + 1) // 2 for side in (height, width)), channels


@keras.saving.register_keras_serializable("keras_gans")
class BlurUpsample(keras.layers.Layer):
    """Doubles both sides with the filter [1, 3, 3, 1] / 4, repeating the border pixel: bilinear interpolation.

    Call:
        [batch, h, w, channels] -> [batch, 2 h, 2 w, channels].
    """

    def call(self, inputs):
        return _double(_double(inputs, 1), 2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and 2 * side for side in (height, width)), channels


def _double(x, axis):
    """Doubles one axis of [batch, h, w, c]: each pixel becomes two, three quarters of it and one of a neighbour."""
    sides = [[1, 1] if index == axis else [0, 0] for index in range(4)]
    padded = tf.pad(x, sides, "SYMMETRIC")
    before, after = (padded[:, :-2], padded[:, 2:]) if axis == 1 else (padded[:, :, :-2], padded[:, :, 2:])
    near = 0.75 * x
    sizes = [tf.shape(x)[index] if side is None else side for index, side in enumerate(x.shape)]
    sizes[axis] *= 2
    return tf.reshape(tf.stack([near + 0.25 * before, near + 0.25 * after], axis + 1), sizes)
