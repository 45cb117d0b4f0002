"""Standardization: numbers of any size brought to mean 0 and variance 1, by what has been seen of them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class Standardization(keras.layers.Layer):
    """(x - mean) / sqrt(variance + epsilon) of each number, with the statistics of all batches that it was trained on.

    Unlike batch normalization an example does not depend on the others of its batch, in training as little as afterwards:
    the running statistics are what divides, and no gradient goes through them. Every batch counts alike, until a thousand
    have come; then the last thousand or so. Statistics are float32.

    Args:
        epsilon: added to the variance. Default 0.01.

    Call:
        float [batch, n] -> float32 [batch, n]. With `training`, the batch is added to the statistics first.
    """

    _LEAST_RATE = 1e-3

    def __init__(self, epsilon=0.01, **kwargs):
        super().__init__(dtype="float32", **{name: value for name, value in kwargs.items() if name != "dtype"})
        self.epsilon = epsilon

    def build(self, input_shape):
        def add(name, shape, initializer):
            return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False, aggregation="mean")

        self.batches = add("batches", (), "zeros")
        self.mean = add("mean", input_shape[1:], "zeros")
        self.variance = add("variance", input_shape[1:], "ones")

    def call(self, inputs, training=None):
        mean, variance = self.mean, self.variance
        if training:
            seen = ops.stop_gradient(inputs)
            batches = self.batches + 1.0
            rate = ops.maximum(1.0 / batches, self._LEAST_RATE)
            mean = mean + rate * (ops.mean(seen, 0) - mean)
            variance = variance + rate * (ops.mean(ops.square(seen - mean), 0) - variance)
            self.batches.assign(batches)
            self.mean.assign(mean)
            self.variance.assign(variance)
        return (inputs - mean) * ops.rsqrt(variance + self.epsilon)

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}
