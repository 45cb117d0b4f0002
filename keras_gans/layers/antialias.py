"""Resampling that does not alias (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again"), as CUT has it.

`Downsample` and `Upsample` of `taesungp/contrastive-unpaired-translation` (`models/networks.py`) with their defaults, for
sides known or not; `keras_gans.kernels.resample` has filters with zeros outside.
"""

import keras
import tensorflow as tf

from keras_gans import kernels


@keras.saving.register_keras_serializable("keras_gans")
class BlurDownsample(keras.layers.Layer):
    """Filters with [1, 2, 1] / 4 along both axes, reflecting at the border, and keeps every other pixel.

    Call:
        [batch, h, w, channels] -> [batch, ceil(h / 2), ceil(w / 2), channels]; sides of at least 2.
    """

    def call(self, inputs):
        x = kernels.reflect(inputs, (1, 1))
        # [1, 2, 1] / 4 is the mean of two, twice. Strided slices, with their gradient, take 12 to 17 times as long on a CPU
        # (2026-11-26, one core AMD EPYC, `taskset -c 0 python benchmarks/resampling.py`).
        return tf.nn.avg_pool2d(tf.nn.avg_pool2d(x, 2, 1, "VALID"), 2, 2, "VALID")

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
        height, width = (2 * (known or tf.shape(inputs)[axis]) for axis, known in enumerate(inputs.shape[1:3], 1))
        # In float32, as its result is: XLA's gradient for narrower types has the wrong type.
        return tf.cast(tf.image.resize(tf.cast(inputs, "float32"), [height, width]), inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and 2 * side for side in (height, width)), channels
