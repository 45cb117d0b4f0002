"""Layers as TFLite's builtin operators have them."""

import keras
import tensorflow as tf

from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.padding import PaddedConv2DTranspose


class _CroppedConv2DTranspose(PaddedConv2DTranspose):
    """`PaddedConv2DTranspose` without padding, which TFLite's operator does not take, and cut to size behind it."""

    def call(self, inputs, training=None):
        batch, height, width, _ = [tf.shape(inputs)[i] if side is None else side for i, side in enumerate(inputs.shape)]
        size = [2 * side - 2 + kernel for side, kernel in zip((height, width), self.kernel_size)]
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = tf.nn.conv2d_transpose(inputs, kernel, [batch, *size, self.filters], 2, "VALID")
        outputs = outputs[:, 1 : 2 * height + 1, 1 : 2 * width + 1]
        return outputs + tf.convert_to_tensor(self.bias) if self.use_bias else outputs


_SUBSTITUTES = {
    Conv2D: keras.layers.Conv2D,  # whose gradient the converter need not know
    PaddedConv2DTranspose: _CroppedConv2DTranspose,
}


def rewritten(network):
    """Returns a copy of a functional network that answers the same, by operators that TFLite has built in."""

    def clone(layer):
        return _SUBSTITUTES.get(type(layer), type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=clone)
    copy.set_weights(network.get_weights())
    return copy
