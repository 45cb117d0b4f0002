"""The layers that progressive growing introduced (Karras et al. 2018; `tkarras/progressive_growing_of_gans`)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class PixelNorm(keras.layers.Layer):
    """x / sqrt(mean over channels of x^2 + epsilon), in float32 (section 4.2).

    Args:
        epsilon: 1e-8 by default.

    Call:
        inputs: float [batch, ..., channels].
    """

    def __init__(self, epsilon=1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs):
        values = ops.cast(inputs, "float32")
        values = values * ops.rsqrt(ops.mean(ops.square(values), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(values, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}


@keras.saving.register_keras_serializable("keras_gans")
class MinibatchStd(keras.layers.Layer):
    """Appends one channel: how much the images of a group differ (section 3).

    The standard deviation over a group, averaged over channels and positions, is written to all positions of the
    group's images; in float32. Group m of M holds the images m, m + M, m + 2M, ..., as in the original.

    Args:
        group_size: images per group, 4 by default; the largest number up to it that divides the batch.
        epsilon: inside the square root, 1e-8 by default.

    Call:
        inputs: float [batch, height, width, channels] -> [batch, height, width, channels + 1]. (The original takes
            only batches that group_size divides.)

    Raises:
        ValueError: group_size below 2.
    """

    def __init__(self, group_size=4, epsilon=1e-8, **kwargs):
        super().__init__(**kwargs)
        if group_size < 2:
            raise ValueError(f"group_size should be 2 or more, not {group_size}")
        self.group_size = group_size
        self.epsilon = epsilon

    def call(self, inputs):
        batch, height, width, channels = ops.shape(inputs)
        sizes = ops.arange(1, self.group_size + 1, dtype="int32")
        size = ops.max(ops.where(ops.equal(batch % sizes, 0), sizes, 1))
        # [size, groups, h, w, channels]
        groups = ops.reshape(ops.cast(inputs, "float32"), (size, -1, height, width, channels))
        deviation = groups - ops.mean(groups, axis=0, keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(deviation), axis=0) + self.epsilon)  # [groups, h, w, channels]
        deviation = ops.mean(deviation, axis=(1, 2, 3))  # [groups]
        feature = ops.reshape(ops.tile(deviation, (size,)), (-1, 1, 1, 1))  # [batch, 1, 1, 1]
        feature = ops.broadcast_to(ops.cast(feature, inputs.dtype), (batch, height, width, 1))
        return ops.concatenate([inputs, feature], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return super().get_config() | {"group_size": self.group_size, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("keras_gans")
class Fade(keras.layers.Layer):
    """(1 - alpha) old + alpha new: lets a new resolution in (section 2, figure 2).

    Call:
        [old, new], of one shape -> the same.

    Attributes:
        alpha: float32 scalar, not trainable, 0 to 1, starts at 1; the game moves it.
    """

    def build(self, input_shape):
        self.alpha = self.add_weight(
            shape=(), name="alpha", initializer="ones", trainable=False, autocast=False, aggregation="only_first_replica"
        )

    def call(self, inputs):
        old, new = inputs
        alpha = ops.cast(self.alpha, new.dtype)
        return (1 - alpha) * old + alpha * new

    def compute_output_shape(self, input_shape):
        return input_shape[1]


@keras.saving.register_keras_serializable("keras_gans")
class Constant(keras.layers.Layer):
    """A learned image, the same for all: the start of a style-based generator.

    Args:
        size: height and width in pixels.
        channels: of the image.
        initializer: default `ones` (StyleGAN); StyleGAN2 has `random_normal` of deviation 1.

    Call:
        anything [batch, ...] -> [batch, size, size, channels].
    """

    def __init__(self, size, channels, initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.channels = channels
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.image = self.add_weight(shape=(self.size, self.size, self.channels), name="image", initializer=self.initializer)

    def call(self, inputs):
        return ops.tile(ops.expand_dims(ops.convert_to_tensor(self.image), 0), (ops.shape(inputs)[0], 1, 1, 1))

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.size, self.size, self.channels

    def get_config(self):
        return super().get_config() | {
            "size": self.size,
            "channels": self.channels,
            "initializer": keras.initializers.serialize(self.initializer),
        }
