"""How StyleGAN2's layers end: bias, activation and, in float16, a limit."""

import math

import keras
import tensorflow as tf

_LIMIT = 256.0 / math.sqrt(2)  # times gain, of what float16 layers give on (Karras et al. 2020, ADA, appendix D.1)


@keras.saving.register_keras_serializable("keras_gans")
class BiasActivation(keras.layers.Layer):
    """LeakyReLU(x + gain b); in float16 limited to 256 times gain / sqrt(2).

    The authors multiply what LeakyReLU gives by the gain. Here the layer before has it in its weights, which saves
    passes over the images.

    Args:
        slope: of negative values, 0.2 by default; 1 is linear.
        gain: default 1.

    Call:
        [batch, ..., channels] -> the same.
    """

    def __init__(self, slope=0.2, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.slope = slope
        self.gain = gain

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), name="bias", initializer="zeros")

    def call(self, inputs):
        outputs = tf.nn.bias_add(inputs, tf.convert_to_tensor(self.bias) * self.gain)
        outputs = outputs if self.slope == 1 else tf.nn.leaky_relu(outputs, self.slope)
        if self.compute_dtype == "float16":
            limit = _LIMIT * self.gain * (math.sqrt(2) if self.slope == 1 else 1)
            outputs = tf.clip_by_value(outputs, -limit, limit)
        return outputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"slope": self.slope, "gain": self.gain}
