"""Bilinear enlargement as TensorFlow 1 has it, for networks that were trained with it."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class BilinearUpsample(keras.layers.Layer):
    """Doubles both sides: every pixel stays, and the mean of two neighbours (at the end: of one) comes behind it.

    `tf.image.resize_images` of TensorFlow 1 without aligned corners: a quarter of a pixel beside `tf.image.resize`.

    Call:
        [batch, h, w, channels] -> [batch, 2 h, 2 w, channels].
    """

    def call(self, inputs):
        height, width = (2 * (known or tf.shape(inputs)[axis]) for axis, known in enumerate(inputs.shape[1:3], 1))
        # In float32, as its result is: its gradient for narrower types is none of theirs.
        return tf.cast(tf.raw_ops.ResizeBilinear(images=tf.cast(inputs, "float32"), size=[height, width]), inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and 2 * side for side in (height, width)), channels
