"""Padding as PyTorch's networks have it: by reflection, and by as many zeros on each side, whatever the stride."""

import keras
import tensorflow as tf

from keras_gans.layers.convolution import Conv2D, Conv2DTranspose, convolve


@keras.saving.register_keras_serializable("keras_gans")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images by their reflection; the border pixel is not repeated (PyTorch `ReflectionPad2d`).

    Args:
        padding: pixels on each side, less than the height and the width.

    Call:
        [batch, h, w, channels] -> [batch, h + 2 padding, w + 2 padding, channels].
    """

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs):
        sides = [self.padding, self.padding]
        return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape):
        return _padded(input_shape, self.padding)

    def get_config(self):
        return super().get_config() | {"padding": self.padding}


@keras.saving.register_keras_serializable("keras_gans")
class PaddedConv2D(Conv2D):
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

    def convolution_op(self, inputs, kernel):
        kernel = tf.convert_to_tensor(kernel)
        if (self.kernel_size, self.strides, self.pad) == ((4, 4), (2, 2), 1) and _even(inputs):
            return convolve(inputs, kernel)
        sides = [self.pad, self.pad]
        return tf.nn.conv2d(inputs, kernel, self.strides, [[0, 0], sides, sides, [0, 0]])

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(_padded(input_shape, self.pad))

    def get_config(self):
        config = super().get_config() | {"pad": self.pad}
        del config["padding"]
        return config


@keras.saving.register_keras_serializable("keras_gans")
class PaddedConv2DTranspose(Conv2DTranspose):
    """The transpose of `PaddedConv2D` with stride 2 and one zero on each side, to twice the sides.

    PyTorch's `ConvTranspose2d(kernel_size, 2, padding=1, output_padding=1)`; "same" is that, moved by one pixel.

    Args:
        filters, kernel_size: see `keras.layers.Conv2DTranspose`.
        strides: 2.

    Call:
        [batch, h, w, channels] -> [batch, 2 h, 2 w, filters].
    """

    def __init__(self, filters, kernel_size, strides=2, **kwargs):
        super().__init__(filters, kernel_size, strides, "same", **kwargs)

    def call(self, inputs, training=None):
        batch, height, width, _ = [tf.shape(inputs)[i] if side is None else side for i, side in enumerate(inputs.shape)]
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = tf.nn.conv2d_transpose(inputs, kernel, [batch, 2 * height, 2 * width, self.filters], 2,
                                         [[0, 0], [1, 1], [1, 1], [0, 0]])
        return outputs + tf.convert_to_tensor(self.bias) if self.use_bias else outputs

    def get_config(self):
        config = super().get_config()
        del config["padding"]
        return config


def _even(inputs):
    return all(side is not None and side % 2 == 0 for side in inputs.shape[1:3])


def _padded(shape, padding):
    batch, height, width, channels = shape
    return batch, *(side and side + 2 * padding for side in (height, width)), channels
