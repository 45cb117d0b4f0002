"""The networks of CartoonGAN (Chen et al. 2018, figure 2).

The generator as its released weights have it (`Yijunmaverick/CartoonGAN-Test-Pytorch-Torch`, `network/Transformer.py`); the
discriminator as the paper and AnimeGANv2 (`TachibanaYoshino/AnimeGANv2`, `net/discriminator.py`) have it.
"""

import keras
from keras import layers

from keras_gans.layers.image_layer_normalization import ImageLayerNormalization
from keras_gans.layers.padding import PaddedConv2D, PaddedConv2DTranspose, ReflectionPadding2D
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.translator import Translator, initializer, normalization
from keras_gans.registry import DISCRIMINATORS, GENERATORS


@GENERATORS.register("cartoongan")
@keras.saving.register_keras_serializable("keras_gans")
class CartoonGANGenerator(Translator):
    """Quarters the picture by pairs of convolutions, passes it through residual blocks, and restores its size by pairs.

    The first convolution of a pair, which changes the size, is neither normalised nor activated. Affine instance norms,
    ReLU, tanh at the end.

    Args:
        channels: of the output. Default 3.
        input_channels: of the input. Default 3.
        width: channels at full size; four times as many in the blocks. Default 64.
        blocks: residual blocks. Default 8.

    Call:
        images float [batch, h, w, input_channels] in [-1, 1], h and w multiples of 4, at least 16
        -> float32 [batch, h, w, channels] in [-1, 1].

    Raises:
        UserError: called with other sides.
    """

    multiple = 4

    def __init__(self, channels=3, input_channels=3, width=64, blocks=8, **kwargs):
        # === Functional Model ===
        images = keras.Input((None, None, input_channels), name="images")
        x = _activated(_convolve(_reflected(images, 3, "full"), width, 7, "full", pad=0), "full")
        for name, filters in (("half", 2 * width), ("quarter", 4 * width)):  # to [batch, h / 4, w / 4, 4 width]
            x = _convolve(_convolve(x, filters, 3, f"{name}_0", strides=2), filters, 3, f"{name}_1")
            x = _activated(x, name)
        for index in range(blocks):
            y = _convolve(_reflected(x, 1, f"block_{index}_0"), 4 * width, 3, f"block_{index}_0", pad=0)
            y = _activated(y, f"block_{index}_0")
            y = _convolve(_reflected(y, 1, f"block_{index}_1"), 4 * width, 3, f"block_{index}_1", pad=0)
            y = normalization("affine_instance", f"block_{index}_1_norm")(y)
            x = layers.Add(name=f"block_{index}")([x, y])
        for name, filters in (("up_half", 2 * width), ("up_full", width)):  # and back to [batch, h, w, width]
            x = PaddedConv2DTranspose(filters, 3, kernel_initializer=initializer("normal"), name=f"{name}_0")(x)
            x = _activated(_convolve(x, filters, 3, f"{name}_1"), name)
        x = _convolve(_reflected(x, 3, "to_image"), channels, 7, "to_image", pad=0)
        super().__init__(images, layers.Activation("tanh", dtype="float32", name="tanh")(x), **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = input_channels
        self.width = width
        self.blocks = blocks

    def get_config(self):
        return {
            "channels": self.channels,
            "input_channels": self.input_channels,
            "width": self.width,
            "blocks": self.blocks,
            "name": self.name,
        }


def _reflected(x, pixels, name):
    return ReflectionPadding2D(pixels, name=f"{name}_pad")(x)


def _convolve(x, filters, kernel_size, name, strides=1, pad=1):
    return PaddedConv2D(
        filters, kernel_size, strides, pad=pad, kernel_initializer=initializer("normal"), name=f"{name}_conv"
    )(x)


def _activated(x, name):
    return layers.ReLU(name=f"{name}_relu")(normalization("affine_instance", f"{name}_norm")(x))


@DISCRIMINATORS.register("cartoongan")
@keras.saving.register_keras_serializable("keras_gans")
class CartoonGANDiscriminator(keras.Model):
    """Judges each patch of the picture, for the edges and the texture of drawings. 3x3 convolutions, LeakyReLU 0.2.

    Pairs of a convolution of stride 2 and one of twice the channels, which has the norm; then two of stride 1.

    Args:
        channels: of the picture. Default 3.
        width: channels of the first convolution; eight times as many at the end. Default 32.
        halvings: pairs. Default 2, as published.
        norm: "affine_instance" (default), another one of `translator.normalization`, or "layer" over the whole picture
            (AnimeGANv2).
        spectral: divide the kernels by their spectral norm, and have no biases (AnimeGANv2). Default False.

    Call:
        image float [batch, h, w, channels] in [-1, 1] -> float32 logits [batch, h / 2^halvings, w / 2^halvings, 1].

    Raises:
        ValueError: an unknown norm.
    """

    def __init__(self, channels=3, width=32, halvings=2, norm="affine_instance", spectral=False, **kwargs):
        def convolve(x, filters, name, strides=1):
            layer = PaddedConv2D(
                filters, 3, strides, use_bias=not spectral, kernel_initializer=initializer("normal"), name=name
            )
            return (SpectralNormalization(layer, name=name) if spectral else layer)(x)

        def normalized(x, name):
            return ImageLayerNormalization(name=name)(x) if norm == "layer" else normalization(norm, name)(x)

        def activated(x, name):
            return layers.LeakyReLU(negative_slope=0.2, name=name)(x)

        # === Functional Model ===
        image = keras.Input((None, None, channels), name="image")
        x = activated(convolve(image, width, "first"), "first_relu")
        filters = width
        for index in range(halvings):
            x = activated(convolve(x, 2 * filters, f"half_{index}", 2), f"half_{index}_relu")
            x = normalized(convolve(x, 4 * filters, f"wide_{index}"), f"wide_{index}_norm")
            x = activated(x, f"wide_{index}_relu")
            filters *= 2
        x = activated(normalized(convolve(x, 2 * filters, "last"), "last_norm"), "last_relu")
        x = convolve(x, 1, "to_logits")
        super().__init__(image, layers.Activation("linear", dtype="float32", name="logits")(x), **kwargs)

        # === Config ===
        self.channels = channels
        self.width = width
        self.halvings = halvings
        self.norm = norm
        self.spectral = spectral

    def get_config(self):
        return {
            "channels": self.channels,
            "width": self.width,
            "halvings": self.halvings,
            "norm": self.norm,
            "spectral": self.spectral,
            "name": self.name,
        }
