"""Layers of inpainting networks: gated convolutions, and pasting what is known."""

import keras
from keras import layers, ops
from keras.initializers import VarianceScaling


@keras.saving.register_keras_serializable("keras_gans")
class GatedConv2D(layers.Conv2D):
    """elu(features) * sigmoid(gates), both by one convolution with "same" padding (Yu et al. 2019, equation 3).

    Args:
        filters: channels of the output; the convolution has twice as many, features first.
        kernel_size, strides, dilation_rate: see `keras.layers.Conv2D`.
        kernel_initializer: default a variance of 5 / fan_in, which keeps the mean square of a layer's values through
            elu and gate. (Glorot's takes 0.4 of the size at each: behind seventeen layers 1e-7 is left, and training
            crawls.)

    Call:
        [batch, h, w, channels] -> [batch, ceil(h / strides), ceil(w / strides), filters].
    """

    def __init__(self, filters, kernel_size, strides=1, dilation_rate=1, kernel_initializer=None, **kwargs):
        super().__init__(2 * filters, kernel_size, strides, "same", dilation_rate=dilation_rate,
                         kernel_initializer=kernel_initializer or VarianceScaling(5.0), **kwargs)

    def call(self, inputs):
        features, gates = ops.split(super().call(inputs), 2, axis=-1)
        return ops.elu(features) * ops.sigmoid(gates)

    def compute_output_shape(self, input_shape):
        return *super().compute_output_shape(input_shape)[:-1], self.filters // 2

    def get_config(self):
        config = super().get_config() | {"filters": self.filters // 2}
        del config["padding"]
        return config


@keras.saving.register_keras_serializable("keras_gans")
class KeepKnown(layers.Layer):
    """Puts the known pixels back over a prediction, in float32.

    Call:
        (images float [batch, h, w, channels + 1]: a picture and its mask, +1 where it is missing and -1 where it is
        known; prediction float [batch, h, w, channels]) -> float32 [batch, h, w, channels].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})

    def call(self, images, prediction):
        missing = (images[..., -1:] + 1) / 2
        return missing * prediction + (1 - missing) * images[..., :-1]

    def compute_output_shape(self, images_shape, prediction_shape):
        return prediction_shape
