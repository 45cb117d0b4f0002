"""Padding as PyTorch's networks have it: by reflection, and by as many zeros on each side, whatever the stride."""

import keras
import tensorflow as tf

from keras_gans import kernels


@keras.saving.register_keras_serializable("keras_gans")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images by their reflection; the border pixel is not repeated (PyTorch `ReflectionPad2d`).

    Args:
        padding: pixels on each side, less than the height and the width; or a pair, above and on the left, below and
            on the right.

    Call:
        [batch, h, w, channels] -> [batch, h + 2 padding, w + 2 padding, channels].
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding
        self.sides = (padding, padding) if isinstance(padding, int) else tuple(padding)

    def call(self, inputs):
        return kernels.reflect(inputs, self.sides)

    def compute_output_shape(self, input_shape):
        return _grown(input_shape, self.sides)

    def get_config(self):
        return super().get_config() | {"padding": self.padding}


@keras.saving.register_keras_serializable("keras_gans")
class PaddedConv2D(keras.layers.Conv2D):
    """A convolution between `pad` zeros on each side, as PyTorch's `Conv2d` is.

    With a stride, "same" is something else: it pads an even side by one zero less in front.

    Args:
        filters, kernel_size, strides: see `keras.layers.Conv2D`.
        pad: zeros on each side, in pixels. Default 1.

    Call:
        [batch, h, w, channels] -> [batch, (h + 2 pad - kernel_size) // strides + 1, ..., filters].
    """

    def __init__(self, filters, kernel_size, strides=1, pad=1, **kwargs):
        super().__init__(filters, kernel_size, strides, **kwargs)
        self.pad = pad

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs)
        outputs = kernels.convolve(inputs, tf.convert_to_tensor(self.kernel), self.strides, self.pad)
        outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs
        return outputs if self.activation is None else self.activation(outputs)

    def convolution_op(self, inputs, kernel):
        return kernels.convolve(inputs, tf.convert_to_tensor(kernel), self.strides, self.pad, training=False)

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(_grown(input_shape, (self.pad, self.pad)))

    def get_config(self):
        config = super().get_config() | {"pad": self.pad}
        del config["padding"]
        return config


@keras.saving.register_keras_serializable("keras_gans")
class PaddedConv2DTranspose(keras.layers.Conv2DTranspose):
    """The transpose of `PaddedConv2D` with stride 2 and one zero on each side, to twice the sides.

    PyTorch's `ConvTranspose2d(kernel_size, 2, padding=1, output_padding=1)`; "same" is that, moved by one pixel.

    Args:
        filters: see `keras.layers.Conv2DTranspose`.
        kernel_size, strides: 3 and 2.

    Call:
        [batch, h, w, channels] -> [batch, 2 h, 2 w, filters].
    """

    def __init__(self, filters, kernel_size=3, strides=2, **kwargs):
        super().__init__(filters, kernel_size, strides, "same", **kwargs)

    def call(self, inputs, training=None):
        outputs = kernels.convolve_transposed(inputs, tf.convert_to_tensor(self.kernel), 2, 1, training)
        return tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs

    def get_config(self):
        config = super().get_config()
        del config["padding"]
        return config


def _grown(shape, sides):
    batch, height, width, channels = shape
    return batch, *(side and side + sum(sides) for side in (height, width)), channels
