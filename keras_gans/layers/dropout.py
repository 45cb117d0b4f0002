"""Dropout whose noise is a pure function of the game's seed and step."""

import keras
import tensorflow as tf

from keras_gans import randomness


@keras.saving.register_keras_serializable("keras_gans")
class Dropout(keras.layers.Layer):
    """Sets a random fraction of the inputs to zero in training and scales the rest by 1 / (1 - rate).

    `keras.layers.Dropout` keeps a seed generator, whose state is lost on resume and equal on all replicas; this one
    draws from the game's `randomness.scope`, keyed by its name, which must be given and unique in its network.

    Args:
        rate: fraction that is dropped, 0 to below 1. Default 0.5.

    Call:
        inputs float [batch, ...] -> the same shape and dtype; unchanged outside training.

    Raises:
        ValueError: a rate outside its range.
    """

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate should be from 0 to below 1, not {rate}")
        self.rate = rate

    def call(self, inputs, training=False):
        if not training or self.rate == 0 or isinstance(inputs, keras.KerasTensor):
            return inputs
        sizes = [tf.shape(inputs)[i] if size is None else size for i, size in enumerate(inputs.shape)]
        keep = randomness.uniform(randomness.layer_seed(self.name), sizes) >= self.rate
        return tf.where(keep, inputs / tf.cast(1 - self.rate, inputs.dtype), tf.zeros([], inputs.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"rate": self.rate}
