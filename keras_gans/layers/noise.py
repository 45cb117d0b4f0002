"""Noise inputs of style-based generators (Karras et al. 2019, section 2)."""

import contextlib
import threading

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError

MODES = ("constant", "none", "random")
_local = threading.local()


@contextlib.contextmanager
def noise_mode(mode):
    """Sets what the `NoiseInjection` layers called inside add, whether they train or not.

    Args:
        mode: `constant`, the image that was drawn with the weights; `none`; or `random`, drawn from the enclosing
            `randomness.scope`.

    Raises:
        UserError: another mode.
    """
    if mode not in MODES:
        raise UserError(f"noise must be {', '.join(MODES[:-1])} or {MODES[-1]}, not {mode!r}")
    previous = getattr(_local, "mode", None)
    _local.mode = mode
    try:
        yield
    finally:
        _local.mode = previous


@keras.saving.register_keras_serializable("keras_gans")
class NoiseInjection(keras.layers.Layer):
    """Adds one image of N(0, 1) noise to all channels, times a learned strength that starts at zero.

    The noise is drawn anew in training, from the game's `randomness.scope`, keyed by the layer's name, which must be
    given and unique in its network. Outside training it is a constant; see also `noise_mode`.

    Args:
        per_channel: a strength for every channel (StyleGAN), or one for all (StyleGAN2, the default).
        gain: factor of the strength. Default 1.

    Call:
        [batch, h, w, channels] -> the same; h and w known.
    """

    def __init__(self, per_channel=False, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain
        self.per_channel = per_channel

    def build(self, input_shape):
        _, height, width, channels = input_shape
        self.constant = self.add_weight(
            shape=(height, width, 1), name="constant", trainable=False, initializer=keras.initializers.RandomNormal(0.0, 1.0)
        )
        self.strength = self.add_weight(shape=(channels,) if self.per_channel else (), name="strength", initializer="zeros")

    def call(self, inputs, training=None):
        mode = getattr(_local, "mode", None) or ("random" if training else "constant")
        if mode == "none":
            return inputs
        noise = tf.convert_to_tensor(self.constant)
        if mode == "random":
            batch = tf.shape(inputs)[0] if inputs.shape[0] is None else inputs.shape[0]
            noise = randomness.normal(randomness.layer_seed(self.name), [batch, *noise.shape], inputs.dtype)
        return inputs + noise * (tf.convert_to_tensor(self.strength) * self.gain)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"per_channel": self.per_channel, "gain": self.gain}
