"""The ResNets of WGAN-GP (Gulrajani et al. 2017): `gan_cifar_resnet.py` at 32 pixels, `gan_64x64.py` ("good") at 64."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.convolution import Conv2D
from keras_gans.networks.resnet import check_size, discriminate, down_block, generate, glorot, no_norm
from keras_gans.registry import DISCRIMINATORS, GENERATORS

_SIZES = (32, 64)


def _conv(filters, kernel_size, gain, name, use_bias=True):
    return Conv2D(filters, kernel_size, padding="same", use_bias=use_bias, kernel_initializer=glorot(gain), name=name)


def _batch_norm(x, name):
    return BatchNorm(gamma_initializer="ones", name=name)(x)


def _layer_norm(x, name):
    """Over height, width and channels, with one scale and offset per channel (`tflib/ops/layernorm.py`)."""
    return layers.GroupNormalization(groups=1, epsilon=1e-5, name=name)(x)


_NORMS = {"none": no_norm, "layer": _layer_norm}


@GENERATORS.register("wgan_gp_resnet")
@keras.saving.register_keras_serializable("keras_gans")
class WGANGPGenerator(keras.Model):
    """Residual blocks that double from 4x4, with batch norm.

    Args:
        image_size: 32 or 64 pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 128.
        width: at 32 pixels the channels of every block (default 128), at 64 those of the last (default 64).

    Call:
        latent float [batch, latent_dim] -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: another image size.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=128, width=None, **kwargs):
        check_size(image_size, _SIZES)
        width = width or {32: 128, 64: 64}[image_size]
        large = image_size == 64
        widths = [width * factor for factor in ((8, 8, 4, 2, 1) if large else (1, 1, 1, 1))]

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        image = generate(
            latent,
            widths,
            channels,
            conv=_conv,
            dense=layers.Dense,
            norm=_batch_norm,
            first_bias=not large,
            last_gain=2**0.5 if large else 1,
        )
        super().__init__(latent, image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.width = width

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "name": self.name,
        }


@DISCRIMINATORS.register("wgan_gp_resnet")
@keras.saving.register_keras_serializable("keras_gans")
class WGANGPCritic(keras.Model):
    """Residual blocks that halve, without batch norm, so that a gradient penalty per example makes sense.

    Args:
        image_size: 32 or 64 pixels. Default 32.
        channels: of the image. Default 1.
        width: at 32 pixels the channels of every block (default 128), at 64 those of the first layer (default 64).
        norm: `none`, `layer`, or `auto`, the authors' choice: `none` at 32 pixels, `layer` at 64. Default `auto`.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, 1].

    Raises:
        ValueError: another image size or norm.
    """

    def __init__(self, image_size=32, channels=1, width=None, norm="auto", **kwargs):
        check_size(image_size, _SIZES)
        if norm == "auto":
            norm = {32: "none", 64: "layer"}[image_size]
        if norm not in _NORMS:
            raise ValueError(f"norm must be auto, none or layer, not {norm!r}")
        width = width or {32: 128, 64: 64}[image_size]

        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        if image_size == 32:
            x = layers.GlobalAveragePooling2D()(discriminate(image, width, conv=_conv, norm=_NORMS[norm]))
        else:
            x = _conv(width, 3, 1, "from_image")(image)
            for factor, size in zip((2, 4, 8, 8), (32, 16, 8, 4)):
                x = down_block(x, width * factor, conv=_conv, norm=_NORMS[norm], first_bias=False, name=f"block_{size}")
            x = layers.Flatten()(x)
        logits = layers.Dense(1, dtype="float32", name="logits")(x)
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self.norm = norm

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "norm": self.norm,
            "name": self.name,
        }
