"""DCGAN (Radford, Metz, Chintala 2016): the all-convolutional pair."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.convolution import Conv2D, Conv2DTranspose
from keras_gans.registry import DISCRIMINATORS, GENERATORS

NORMS = {"inner": "inner", True: "inner", "all": "all", "none": "none", False: "none"}
_BASE = 4  # pixels: where the generator starts and the discriminator ends


def _stages(image_size):
    """Returns how many factors of two lie between 4x4 and the image."""
    stages = (image_size // _BASE).bit_length() - 1
    if stages < 1 or image_size != _BASE << stages:
        raise ValueError(f"image_size must be 4 times a power of two (8, 16, 32, 64, 128, ...), not {image_size}")
    return stages


def _initializer():
    return keras.initializers.RandomNormal(0.0, 0.02)


@GENERATORS.register("dcgan")
@keras.saving.register_keras_serializable("keras_gans")
class DCGANGenerator(keras.Model):
    """Projects the latent to 4x4 and doubles it by transposed convolutions; batch norm and ReLU, tanh at the end.

    With the defaults it is the textbooks' 512-256-128-1 at 32x32; `kernel_size=5` at 64x64 with three channels is
    the authors' 1024-512-256-128-3.

    Args:
        image_size: height and width in pixels, 4 times a power of two. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 100.
        width: channels before the last layer; each earlier stage has twice as many. Default 128.
        kernel_size: of every transposed convolution. Default 4 (the authors' code: 5).

    Call:
        latent float [batch, latent_dim] -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: an image size that it cannot make.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=100, width=128, kernel_size=4, **kwargs):
        stages = _stages(image_size)

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        filters = width << (stages - 1)
        x = layers.Dense(_BASE * _BASE * filters, use_bias=False, kernel_initializer=_initializer(), name="project")(latent)
        x = layers.Reshape((_BASE, _BASE, filters))(x)  # [batch, 4, 4, filters]
        x = layers.ReLU()(BatchNorm(name="norm_4")(x))
        for stage in range(1, stages):
            filters //= 2
            size = _BASE << stage
            x = Conv2DTranspose(
                filters, kernel_size, 2, "same", use_bias=False, kernel_initializer=_initializer(), name=f"up_{size}"
            )(x)
            x = layers.ReLU()(BatchNorm(name=f"norm_{size}")(x))  # [batch, size, size, filters]
        x = Conv2DTranspose(
            channels, kernel_size, 2, "same", use_bias=False, kernel_initializer=_initializer(), name=f"up_{image_size}"
        )(x)
        image = layers.Activation("tanh", dtype="float32", name="image")(x)
        super().__init__(latent, image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.width = width
        self.kernel_size = kernel_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "kernel_size": self.kernel_size,
            "name": self.name,
        }


@DISCRIMINATORS.register("dcgan")
@keras.saving.register_keras_serializable("keras_gans")
class DCGANDiscriminator(keras.Model):
    """Halves the image by strided convolutions down to 4x4, then one logit; batch norm and LeakyReLU 0.2.

    With the defaults it is the textbooks' 64-128-256-1 at 32x32.

    Args:
        image_size: height and width in pixels, 4 times a power of two. Default 32.
        channels: of the image. Default 1.
        width: channels of the first layer, doubled by each further one. Default 64 (the authors' code: 128).
        kernel_size: of every strided convolution. Default 4 (the authors' code: 5).
        norm: where batch norm stands: `inner` (or True), from the second layer on, as in the paper; `all`, behind the first
            layer too, as in the textbooks' listing; `none` (or False), for use with a gradient penalty. Default `inner`.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, 1].

    Raises:
        ValueError: an image size that it cannot take, or another norm.
    """

    def __init__(self, image_size=32, channels=1, width=64, kernel_size=4, norm="inner", **kwargs):
        stages = _stages(image_size)
        if norm not in NORMS:
            raise ValueError(f"norm must be inner, all or none, not {norm!r}")
        norm = NORMS[norm]

        # === Functional Model ===
        image = x = keras.Input((image_size, image_size, channels), name="image")
        for stage in range(stages):
            size = image_size >> (stage + 1)
            x = Conv2D(
                width << stage,
                kernel_size,
                2,
                "same",
                use_bias=False,
                kernel_initializer=_initializer(),
                name=f"down_{size}",
            )(x)
            if norm == "all" or (norm == "inner" and stage > 0):
                x = BatchNorm(name=f"norm_{size}")(x)
            x = layers.LeakyReLU(negative_slope=0.2)(x)
        x = layers.Conv2D(1, _BASE, use_bias=False, kernel_initializer=_initializer(), name="score")(x)
        logits = layers.Flatten(dtype="float32", name="logits")(x)
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self.kernel_size = kernel_size
        self.norm = norm

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "kernel_size": self.kernel_size,
            "norm": self.norm,
            "name": self.name,
        }
