"""Channels into pixels and back (Shi et al. 2016), with PyTorch's order of channels, so that its weights fit."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class PixelShuffle(keras.layers.Layer):
    """Turns each group of factor^2 channels into a block of pixels (PyTorch `PixelShuffle`).

    Args:
        factor: by which the sides grow. Default 2.

    Call:
        [batch, h, w, channels factor^2] -> [batch, factor h, factor w, channels].
    """

    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        # TensorFlow wants the channels of one pixel of the block side by side.
        return tf.nn.depth_to_space(_swap(inputs, inputs.shape[-1] // self.factor**2, self.factor**2), self.factor)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and side * self.factor for side in (height, width)), channels // self.factor**2

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@keras.saving.register_keras_serializable("keras_gans")
class PixelUnshuffle(keras.layers.Layer):
    """Turns each block of pixels into a group of factor^2 channels: the inverse of `PixelShuffle`.

    Args:
        factor: by which the sides shrink, which divides them. Default 2.

    Call:
        [batch, factor h, factor w, channels] -> [batch, h, w, channels factor^2].
    """

    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return _swap(tf.nn.space_to_depth(inputs, self.factor), self.factor**2, inputs.shape[-1])

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and side // self.factor for side in (height, width)), channels * self.factor**2

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


def _swap(images, slow, fast):
    """Reorders the channels of [batch, h, w, slow * fast] to [batch, h, w, fast * slow]."""
    dynamic = tf.shape(images)
    batch, height, width, channels = [dynamic[i] if side is None else side for i, side in enumerate(images.shape)]
    images = tf.reshape(images, [batch, height * width, slow, fast])  # no more than four axes: mobile GPUs
    return tf.reshape(tf.transpose(images, [0, 1, 3, 2]), [batch, height, width, channels])


@keras.saving.register_keras_serializable("keras_gans")
class NearestUpsample(keras.layers.Layer):
    """Enlarges both sides by repeating each pixel.

    Args:
        factor: by which the sides grow, 2 or more. Default 2.

    Call:
        [batch, h, w, channels] -> [batch, factor h, factor w, channels].
    """

    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return tf.nn.depth_to_space(tf.concat([inputs] * self.factor**2, -1), self.factor)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and self.factor * side for side in (height, width)), channels

    def get_config(self):
        return super().get_config() | {"factor": self.factor}
