"""What SPADE (Park et al. 2019) does to label maps, and with them."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class LabelMap(keras.layers.Layer):
    """Label maps as games see pictures -> one channel for each label.

    Args:
        labels: how many there are, from 1 to 256.
        edges: whether a second channel says where instances meet. Default False.

    Call:
        float [batch, h, w, 1 or 2] in [-1, 1]: the index x / 127.5 - 1, and 1 on edges, else -1
        -> [batch, h, w, labels (+ 1)], 1 or 0; none of the labels where the index is beyond them.
    """

    def __init__(self, labels, edges=False, **kwargs):
        super().__init__(autocast=False, **kwargs)  # in half precision neighbouring indices are the same number
        self.labels, self.edges = labels, edges

    def call(self, inputs):
        index = tf.cast(tf.round((tf.cast(inputs[..., 0], tf.float32) + 1) * 127.5), tf.int32)
        found = tf.one_hot(index, self.labels, dtype=self.compute_dtype)
        if not self.edges:
            return found
        return tf.concat([found, (tf.cast(inputs[..., 1:], self.compute_dtype) + 1) / 2], -1)

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], self.labels + self.edges

    def get_config(self):
        return super().get_config() | {"labels": self.labels, "edges": self.edges}


@keras.saving.register_keras_serializable("keras_gans")
class EveryOther(keras.layers.Layer):
    """Makes maps smaller by taking the first of every `step` rows and columns, as PyTorch's nearest resizing does.

    Args:
        step: an int, 1 or more.

    Call:
        [batch, h, w, channels] -> [batch, ceil(h / step), ceil(w / step), channels].
    """

    def __init__(self, step, **kwargs):
        super().__init__(**kwargs)
        self.step = step

    def call(self, inputs):
        return inputs[:, :: self.step, :: self.step]

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, *(side and -(-side // self.step) for side in (height, width)), channels

    def get_config(self):
        return super().get_config() | {"step": self.step}


@keras.saving.register_keras_serializable("keras_gans")
class Modulation(keras.layers.Layer):
    """x (1 + gamma) + beta, gamma and beta of x's shape (Park et al. 2019, equation 1, as the authors' code has it).

    Call:
        inputs, gamma, beta: float [batch, h, w, channels].
    """

    def call(self, inputs, gamma, beta):
        return inputs * (1 + gamma) + beta

    def compute_output_shape(self, input_shape, *others):
        return input_shape


@keras.saving.register_keras_serializable("keras_gans")
class NoStyle(keras.layers.Layer):
    """One vector of zeros for each label map.

    Args:
        size: its length, an int from 1.

    Call:
        [batch, h, w, channels] -> [batch, size].
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs):
        return tf.zeros([tf.shape(inputs)[0], self.size], self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.size

    def get_config(self):
        return super().get_config() | {"size": self.size}


@keras.saving.register_keras_serializable("keras_gans")
class Spread(keras.layers.Layer):
    """Stretches features to the sides of others, bilinearly; those that have them already pass.

    Call:
        features [batch, h, w, channels], others [batch, h', w', ...] -> [batch, h', w', channels].
    """

    def call(self, features, others):
        sides = tf.shape(others)[1:3]
        made = tf.image.resize(features, sides)
        return tf.cast(tf.ensure_shape(made, [None, *others.shape[1:3], features.shape[-1]]), features.dtype)

    def compute_output_shape(self, features_shape, others_shape):
        return *others_shape[:3], features_shape[-1]
