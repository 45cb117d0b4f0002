"""Images at half the size, as pix2pixHD's discriminators see them."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class AverageDownsample(keras.layers.Layer):
    """The means of 3x3 pixels around every other one, of those that lie in the image.

    PyTorch's `AvgPool2d(3, 2, 1, count_include_pad=False)`; Keras's "same" takes other pixels where sides are even.

    Call:
        [batch, h, w, channels] -> [batch, ceil(h / 2), ceil(w / 2), channels].
    """

    def call(self, inputs):
        def pooled(x):
            return tf.nn.avg_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")

        return pooled(inputs) / pooled(tf.ones_like(inputs[:1, ..., :1]))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and (side + 1) // 2 for side in (height, width)), channels
