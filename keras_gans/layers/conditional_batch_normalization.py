"""Batch normalization whose scale and offset depend on the class."""

import keras
import numpy as np
from keras import ops

from keras_gans.layers.batch_norm import BatchNorm


@keras.saving.register_keras_serializable("keras_gans")
class ConditionalBatchNormalization(BatchNorm):
    """gamma[label] * (x - mean) / sqrt(variance + epsilon) + beta[label], with the batch's own mean and variance.

    Dumoulin et al. 2017, as the generators of SNGAN and SAGAN have it (`pfnet-research/sngan_projection`,
    `source/links/categorical_conditional_batch_normalization.py`): one mean and variance for all classes.

    Args:
        num_classes: number of classes, 1 or more.
        momentum: of the moving statistics, 0.9 by default as in that code.
        epsilon: 2e-5 by default as in that code.

    Call:
        inputs: float [batch, ..., channels].
        labels: int32 [batch], 0 to num_classes - 1.

    Raises:
        ValueError: no classes.
    """

    def __init__(self, num_classes, momentum=0.9, epsilon=2e-5, **kwargs):
        if num_classes < 1:
            raise ValueError(f"conditional batch norm wants labelled data: num_classes is {num_classes}")
        super().__init__(momentum=momentum, epsilon=epsilon, center=False, scale=False, **kwargs)
        self.num_classes = num_classes

    def build(self, inputs_shape, labels_shape=None):
        super().build(inputs_shape)
        channels = inputs_shape[-1]
        # What the kernels multiply and add before the class has its say.
        self.gamma, self.beta = np.ones(channels, "float32"), np.zeros(channels, "float32")
        table = (self.num_classes, channels)
        self.gammas = self.add_weight(name="gammas", shape=table, initializer="ones")
        self.betas = self.add_weight(name="betas", shape=table, initializer="zeros")

    def call(self, inputs, labels, training=None):
        outputs = super().call(inputs, training=training)
        shape = (-1, *(1 for _ in inputs.shape[1:-1]), inputs.shape[-1])
        gamma, beta = (
            ops.reshape(ops.cast(ops.take(table, labels, axis=0), outputs.dtype), shape)
            for table in (self.gammas, self.betas)
        )
        return outputs * gamma + beta

    def compute_output_shape(self, inputs_shape, labels_shape=None):
        return inputs_shape

    def get_config(self):
        config = super().get_config() | {"num_classes": self.num_classes}
        for fixed in ("center", "scale"):
            del config[fixed]
        return config
