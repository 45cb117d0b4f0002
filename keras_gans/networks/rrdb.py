"""RRDBNet: the generator of ESRGAN (Wang et al. 2018) and Real-ESRGAN, after `XPixelGroup/BasicSR`."""

import keras
from keras import layers

from keras_gans.layers.pixel_shuffle import NearestUpsample, PixelUnshuffle
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS

_RESIDUAL = 0.2  # of each residual that reaches the sum, at both levels


def _convolve(x, filters, name, initializer=("uniform", 1 / 3)):
    """A 3x3 convolution; by default from U(-1, 1) / sqrt(fan_in), as PyTorch's are."""
    distribution, scale = initializer
    initializer = keras.initializers.VarianceScaling(scale, "fan_in", distribution)
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=initializer, name=name)(x)


def _activate(x, name):
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu")(x)


def _dense_block(x, growth, name):
    """x + 0.2 of five convolutions, each of which sees x and the outputs of all before it.

    Their kernels start at a tenth of He's normal distribution.
    """
    small = ("untruncated_normal", 2 * 0.1**2)
    seen = x
    for index in range(1, 5):
        y = _activate(_convolve(seen, growth, f"{name}_conv{index}", small), f"{name}_conv{index}")
        seen = layers.Concatenate(name=f"{name}_seen{index}")([seen, y])  # [.., channels of x + index growth]
    return x + _RESIDUAL * _convolve(seen, x.shape[-1], f"{name}_conv5", small)


@GENERATORS.register("rrdb")
@keras.saving.register_keras_serializable("keras_gans")
class RRDBNet(Translator):
    """Residual-in-residual dense blocks without norms, then two nearest-neighbour doublings; linear output.

    For scales 2 and 1 blocks of 2x2 or 4x4 pixels become channels first (Real-ESRGAN). Pixels are in [0, 1] inside, as
    published, so that published weights fit.

    Args:
        channels: of the output. Default 3.
        input_channels: of the input. Default 3.
        scale: by which both sides grow: 1, 2 or 4 (default).
        blocks: default 23.
        width: channels between the blocks. Default 64.
        growth: channels that each convolution of a dense block adds. Default 32.

    Call:
        images float [batch, h, w, input_channels] in [-1, 1], h and w multiples of 4 / scale
        -> float32 [batch, scale h, scale w, channels]; values beyond [-1, 1] are clipped where files are written.

    Raises:
        ValueError: another scale.
        UserError: called with sides that are no multiples of 4 / scale.
    """

    def __init__(self, channels=3, input_channels=3, scale=4, blocks=23, width=64, growth=32, **kwargs):
        if scale not in (1, 2, 4):
            raise ValueError(f"scale must be 1, 2 or 4, not {scale}")

        # === Functional Model ===
        images = keras.Input((None, None, input_channels), name="images")
        x = layers.Rescaling(0.5, 0.5, name="to_unit")(images)
        if scale < 4:
            x = PixelUnshuffle(4 // scale, name="unshuffle")(x)
        first = x = _convolve(x, width, "conv_first")  # [batch, h scale / 4, w scale / 4, width]
        for block in range(blocks):
            y = x
            for index in range(1, 4):
                y = _dense_block(y, growth, f"body_{block}_rdb{index}")
            x = x + _RESIDUAL * y
        x = layers.Add(name="body")([first, _convolve(x, width, "conv_body")])
        for name in ("conv_up1", "conv_up2"):
            x = _activate(_convolve(NearestUpsample(name=f"{name}_nearest")(x), width, name), name)
        x = _activate(_convolve(x, width, "conv_hr"), "conv_hr")
        x = _convolve(x, channels, "conv_last")
        output = layers.Rescaling(2.0, -1.0, dtype="float32", name="output")(x)
        super().__init__(images, output, **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = input_channels
        self.scale = scale
        self.blocks = blocks
        self.width = width
        self.growth = growth
        self.multiple = 4 // scale

    def get_config(self):
        return {
            "channels": self.channels,
            "input_channels": self.input_channels,
            "scale": self.scale,
            "blocks": self.blocks,
            "width": self.width,
            "growth": self.growth,
            "name": self.name,
        }
