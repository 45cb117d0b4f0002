"""What lies between the mapping and the synthesis of a style-based generator (Karras et al. 2019)."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class Styles(keras.layers.Layer):
    """Gives w to every layer, drawn towards the average w on demand: average + truncation (w - average).

    Args:
        layers: how many. An integer.

    Call:
        w: float32 [batch, w_dim].
        truncation: psi, a number or a float32 scalar tensor. Default 1: w as it is.
        cutoff: how many of the first layers truncation is for. Default: all.
        Returns float32 [batch, layers, w_dim].

    Attributes:
        average: float32 [w_dim], not trainable: the moving average of w, which the game keeps.
    """

    def __init__(self, layers, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})
        self.count = layers

    def build(self, input_shape):
        self.average = self.add_weight(
            shape=(input_shape[-1],), name="average", initializer="zeros", trainable=False, aggregation="only_first_replica"
        )

    def call(self, w, truncation=1.0, cutoff=None):
        styles = tf.tile(w[:, None, :], [1, self.count, 1])
        if isinstance(truncation, (int, float)) and truncation == 1:
            return styles
        average = tf.convert_to_tensor(self.average)
        truncated = average + truncation * (styles - average)
        cutoff = self.count if cutoff is None else cutoff
        return tf.concat([truncated[:, :cutoff], styles[:, cutoff:]], axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.count, input_shape[-1]

    def get_config(self):
        return super().get_config() | {"layers": self.count}


@keras.saving.register_keras_serializable("keras_gans")
class StyleModulation(keras.layers.Layer):
    """x (scale + 1) + offset, per channel ("StyleMod" of `NVlabs/stylegan`).

    Call:
        [images [batch, h, w, channels], style [batch, 2 channels]: scales, then offsets] -> [batch, h, w, channels].
    """

    def call(self, inputs):
        images, style = inputs
        scale, offset = tf.split(style[:, None, None, :], 2, axis=-1)
        return images * (scale + 1) + offset

    def compute_output_shape(self, input_shape):
        return input_shape[0]
