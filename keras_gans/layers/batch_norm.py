"""Batch normalization as GANs use it: one fused pass on one device, global statistics on several."""

import keras
import tensorflow as tf

from keras_gans import randomness


@keras.saving.register_keras_serializable("keras_gans")
class BatchNorm(keras.layers.BatchNormalization):
    """Batch normalization over all axes but the last, with the published defaults of DCGAN.

    On one device 4-D inputs take TensorFlow's fused kernel, which reads the activations once (Keras computes the
    moments and the normalisation as separate passes). With several replicas the statistics are those of the global
    batch, so that a run does not depend on the number of replicas; in a batch that is worked through in parts, those of a part.

    Attributes:
        per_replica: whether the statistics are those of each replica's own part of the batch (ghost batches, Hoffer et al.
            2017); the moving statistics that are saved are then the first replica's. False unless it is set.

    Args:
        momentum: of the moving statistics. Default 0.9 (PyTorch's 0.1 of the original ports).
        epsilon: default 1e-5.
        gamma_initializer: default N(1, 0.02) (Radford et al. 2016).
        **kwargs: see `keras.layers.BatchNormalization`.
    """

    per_replica = False

    def __init__(self, momentum=0.9, epsilon=1e-5, gamma_initializer=None, **kwargs):
        gamma_initializer = gamma_initializer or keras.initializers.RandomNormal(1.0, 0.02)
        super().__init__(momentum=momentum, epsilon=epsilon, gamma_initializer=gamma_initializer, **kwargs)

    def call(self, inputs, training=None, mask=None):
        context = tf.distribute.get_replica_context()
        several = context is not None and context.num_replicas_in_sync > 1
        self.synchronized = bool(training) and several and not (self.per_replica or randomness.in_part())
        fused = training and self.trainable and not self.synchronized and len(inputs.shape) == 4
        if not fused or isinstance(inputs, keras.KerasTensor):
            return super().call(inputs, training=training, mask=mask)
        scale = tf.ones(inputs.shape[-1:]) if self.gamma is None else self.gamma
        offset = tf.zeros(inputs.shape[-1:]) if self.beta is None else self.beta
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=scale, offset=offset, mean=[], variance=[], epsilon=self.epsilon
        )
        # The fused kernel answers with the unbiased variance; Keras, and the path for several replicas, average the
        # biased one.
        count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], tf.float32)
        variance *= (count - 1) / count
        self.moving_mean.assign_sub((self.moving_mean - mean) * (1 - self.momentum))
        self.moving_variance.assign_sub((self.moving_variance - variance) * (1 - self.momentum))
        return outputs

    def get_config(self):
        config = super().get_config()
        del config["synchronized"]
        return config
