"""Keras's convolutions, faster to train on a CPU."""

import keras
import tensorflow as tf

from keras_gans import kernels


def _ours(layer, inputs, paddings=("same",)):
    """Whether `keras_gans.kernels` have this convolution; elsewhere Keras's own operation runs."""
    return (
        not isinstance(inputs, keras.KerasTensor)
        and layer.padding in paddings
        and layer.dilation_rate == (1, 1)
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
    )


def _finished(layer, outputs):
    """Adds the bias and applies the activation."""
    if layer.use_bias:
        outputs += tf.convert_to_tensor(layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)


@keras.saving.register_keras_serializable("keras_gans")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, faster to train on a CPU when it is 4x4 with stride 2, or 3x3 between many channels.

    Same arguments and numbers. Outside training it is Keras's operation, so that an exported graph has one convolution in it.
    """

    def call(self, inputs, training=None):
        if not training or not _ours(self, inputs, ("same", "valid")):
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        return _finished(self, kernels.convolve(inputs, kernel, self.strides, self.padding.upper()))


@keras.saving.register_keras_serializable("keras_gans")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, faster to train on a CPU when it is 4x4 with stride 2. Same arguments and numbers.

    Outside training it is Keras's operation, so that an exported graph has one transposed convolution in it.
    """

    def call(self, inputs, training=None):
        if not training or not _ours(self, inputs) or self.output_padding is not None:
            return super().call(inputs)
        outputs = kernels.convolve_transposed(inputs, tf.convert_to_tensor(self.kernel), self.strides, "SAME")
        return _finished(self, outputs)


@keras.saving.register_keras_serializable("keras_gans")
class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D`, faster to differentiate on a CPU in bfloat16. Same arguments and numbers."""

    def call(self, inputs):
        if not _ours(self, inputs, ("same", "valid")):
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = kernels.convolve_depthwise(inputs, kernel, self.strides, self.padding.upper())
        return _finished(self, outputs)
