"""Batch normalization whose scale and offset are made for each example by other layers."""

import keras
import numpy as np
from keras import ops

from keras_gans.layers.batch_norm import BatchNorm


@keras.saving.register_keras_serializable("keras_gans")
class ModulatedBatchNorm(BatchNorm):
    """(1 + gain) * (x - mean) / sqrt(variance + epsilon) + bias, with the batch's own mean and variance.

    Brock et al. 2019 (BigGAN), appendix B; `ajbrock/BigGAN-PyTorch`, `layers.py`, `ccbn`.

    Args:
        momentum: of the moving statistics, 0.9 by default as in that code.
        epsilon: 1e-5 by default as in that code.

    Call:
        inputs: float [batch, ..., channels].
        gain, bias: float [batch, channels].
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, center=False, scale=False, **kwargs)

    def build(self, inputs_shape, gain_shape=None, bias_shape=None):
        super().build(inputs_shape)
        channels = inputs_shape[-1]
        # What the kernels multiply and add before the example has its say.
        self.gamma, self.beta = np.ones(channels, "float32"), np.zeros(channels, "float32")

    def call(self, inputs, gain, bias, training=None):
        outputs = super().call(inputs, training=training)
        shape = (-1, *(1 for _ in inputs.shape[1:-1]), inputs.shape[-1])
        gain, bias = (ops.reshape(ops.cast(part, outputs.dtype), shape) for part in (gain, bias))
        return outputs * (1 + gain) + bias

    def compute_output_shape(self, inputs_shape, gain_shape=None, bias_shape=None):
        return inputs_shape

    def get_config(self):
        config = super().get_config()
        for fixed in ("center", "scale"):
            del config[fixed]
        return config
