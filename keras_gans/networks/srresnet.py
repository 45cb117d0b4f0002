"""SRResNet (Ledig et al. 2017): the generator of SRGAN."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.layers.pixel_shuffle import PixelShuffle
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS


def _convolve(x, filters, kernel_size, name, use_bias=True):
    return PaddedConv2D(
        filters, kernel_size, pad=kernel_size // 2, use_bias=use_bias, kernel_initializer="he_normal", name=name
    )(x)


def _activate(x, name):
    """PReLU with a slope for each channel, from 0.25 (He et al. 2015)."""
    return layers.PReLU(keras.initializers.Constant(0.25), shared_axes=(1, 2), name=name)(x)


def _normalised(x, name):
    x = _convolve(x, x.shape[-1], 3, name, use_bias=False)
    return BatchNorm(gamma_initializer="ones", name=f"{name}_norm")(x)


@GENERATORS.register("srresnet")
@keras.saving.register_keras_serializable("keras_gans")
class SRResNet(Translator):
    """Residual blocks with batch norm and PReLU at the input's size, then sub-pixel convolutions.

    Figure 4 of the paper: low resolution in [0, 1] inside, high resolution in [-1, 1].

    Args:
        channels: of the output. Default 3.
        input_channels: of the input. Default 3.
        scale: by which both sides grow: 1, 2, 4 (default), 8, ...
        blocks: default 16.
        width: channels inside. Default 64.
        activation: of the output, `linear` (default) or `tanh`, as some ports have it.

    Call:
        images float [batch, h, w, input_channels] in [-1, 1] -> float32 [batch, scale h, scale w, channels]; values
        beyond [-1, 1] are clipped where files are written.

    Raises:
        ValueError: a scale that is no power of two, or another activation.
    """

    def __init__(self, channels=3, input_channels=3, scale=4, blocks=16, width=64, activation="linear", **kwargs):
        if scale < 1 or scale & (scale - 1):
            raise ValueError(f"scale must be 1, 2, 4 or another power of two, not {scale}")

        if activation not in ("linear", "tanh"):
            raise ValueError(f"activation must be linear or tanh, not {activation}")

        # === Functional Model ===
        images = keras.Input((None, None, input_channels), name="images")
        x = layers.Rescaling(0.5, 0.5, name="to_unit")(images)
        first = x = _activate(_convolve(x, width, 9, "first"), "first_prelu")
        for index in range(blocks):
            y = _activate(_normalised(x, f"block_{index}_conv_1"), f"block_{index}_prelu")
            x = layers.Add(name=f"block_{index}")([x, _normalised(y, f"block_{index}_conv_2")])
        x = layers.Add(name="body")([first, _normalised(x, "body_conv")])
        for index in range(scale.bit_length() - 1):
            # to [batch, 2 h, 2 w, width]
            x = PixelShuffle(2, name=f"up_{index}")(_convolve(x, 4 * width, 3, f"up_{index}_conv"))
            x = _activate(x, f"up_{index}_prelu")
        x = _convolve(x, channels, 9, "last")
        super().__init__(images, layers.Activation(activation, dtype="float32", name="output")(x), **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = input_channels
        self.scale = scale
        self.blocks = blocks
        self.width = width
        self.activation = activation

    def get_config(self):
        return {
            "channels": self.channels,
            "input_channels": self.input_channels,
            "scale": self.scale,
            "blocks": self.blocks,
            "width": self.width,
            "activation": self.activation,
            "name": self.name,
        }
