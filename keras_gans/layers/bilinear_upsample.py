"""Bilinear enlargement to twice the sides, as TensorFlow 1 has it and as PyTorch has it."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class BilinearUpsample(keras.layers.Layer):
    """Doubles both sides.

    Every pixel stays, and the mean of two neighbours (at the end: of one) comes behind it: `tf.image.resize_images` of
    TensorFlow 1 without aligned corners.

    Args:
        centered: each pixel becomes two that lie a quarter of a pixel to both sides of it instead, as in `tf.image.resize` and
            in PyTorch's `interpolate` without aligned corners. Default False.

    Call:
        [batch, h, w, channels] -> [batch, 2 h, 2 w, channels].
    """

    def __init__(self, centered=False, **kwargs):
        super().__init__(**kwargs)
        self.centered = centered

    def call(self, inputs):
        height, width = (2 * (known or tf.shape(inputs)[axis]) for axis, known in enumerate(inputs.shape[1:3], 1))
        # In float32, as its result is: its gradient for narrower types is none of theirs.
        images = tf.cast(inputs, "float32")
        large = tf.raw_ops.ResizeBilinear(images=images, size=[height, width], half_pixel_centers=self.centered)
        return tf.cast(large, inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and 2 * side for side in (height, width)), channels

    def get_config(self):
        return super().get_config() | {"centered": self.centered}
