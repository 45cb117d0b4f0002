"""How StyleGAN2's layers end: bias, activation, gain and, in float16, a limit."""

import math

import keras
import tensorflow as tf

_LIMIT = 256.0  # of what float16 layers give on (Karras et al. 2020, ADA, appendix D.1)


@keras.saving.register_keras_serializable("keras_gans")
class BiasActivation(keras.layers.Layer):
    """gain LeakyReLU(x + b); in float16 limited to 256 times `scale`.

    Args:
        slope: of negative values. Default 0.2, with a gain of sqrt(2) that keeps the variance; 1 is linear, with gain 1.
        scale: a further factor, such as sqrt(1/2) in a residual block. Default 1.

    Call:
        [batch, ..., channels] -> the same.
    """

    def __init__(self, slope=0.2, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.slope = slope
        self.scale = scale

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), name="bias", initializer="zeros")

    def call(self, inputs):
        outputs = tf.nn.bias_add(inputs, tf.convert_to_tensor(self.bias))
        gain = self.scale
        if self.slope != 1:
            outputs, gain = tf.nn.leaky_relu(outputs, self.slope), math.sqrt(2) * self.scale
        outputs = outputs if gain == 1 else outputs * gain
        if self.compute_dtype == "float16":
            limit = _LIMIT * self.scale
            outputs = tf.clip_by_value(outputs, -limit, limit)
        return outputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"slope": self.slope, "scale": self.scale}
