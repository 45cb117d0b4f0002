"""BEGAN (Berthelot, Schumm, Metz 2017): a decoder against an autoencoder (carpedm20/BEGAN-tensorflow `models.py`)."""

import keras
from keras import layers

from keras_gans.registry import DISCRIMINATORS, GENERATORS

_BASE = 8  # pixels: where the decoder starts and the encoder ends


def _stages(image_size):
    """Returns how many resolutions there are from 8x8 to the image."""
    stages = (image_size // _BASE).bit_length()
    if image_size != _BASE << (stages - 1) or stages < 2:
        raise ValueError(f"image_size must be 8 times a power of two (16, 32, 64, 128, ...), not {image_size}")
    return stages


def _conv(filters, name, strides=1, activation="elu"):
    return layers.Conv2D(filters, 3, strides, "same", activation=activation, name=name)


def _decoder(code, stages, channels, width, name):
    """Two ELU convolutions at each resolution, nearest-neighbour doubling between them, a linear convolution last."""
    x = layers.Dense(_BASE * _BASE * width, name=f"{name}_project")(code)
    x = layers.Reshape((_BASE, _BASE, width))(x)  # [batch, 8, 8, width]
    for stage in range(stages):
        size = _BASE << stage
        if stage > 0:
            x = layers.UpSampling2D(2)(x)
        for index in range(2):
            x = _conv(width, f"{name}_{size}_{index}")(x)
    return _conv(channels, f"{name}_image", activation=None)(x)


@GENERATORS.register("began")
@keras.saving.register_keras_serializable("keras_gans")
class BEGANGenerator(keras.Model):
    """The decoder, alone. Its last layer is linear: pixels beyond [-1, 1] are clipped where images are written.

    Args:
        image_size: height and width in pixels, 8 times a power of two, at least 16. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 64 (the paper's N_h; drawn from U(-1, 1)).
        width: channels of every convolution. Default 128 (the paper's n; 64 for smaller images).

    Call:
        latent float [batch, latent_dim] -> float32 [batch, image_size, image_size, channels].

    Raises:
        ValueError: an image size that it cannot make.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=64, width=128, **kwargs):
        stages = _stages(image_size)

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        image = layers.Activation("linear", dtype="float32", name="image")(
            _decoder(latent, stages, channels, width, "decoder")
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


@DISCRIMINATORS.register("began")
@keras.saving.register_keras_serializable("keras_gans")
class BEGANAutoencoder(keras.Model):
    """Encoder and decoder; answers with the image that it makes of its input, not with logits (game `began`).

    The encoder has width x 1, 2, 3, ... channels at each halving, by strided convolutions; the decoder is the
    generator's, with weights of its own.

    Args:
        image_size: height and width in pixels, 8 times a power of two, at least 16. Default 32.
        channels: of the image. Default 1.
        code_dim: width of the code. Default 64.
        width: channels at full resolution and throughout the decoder. Default 128.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 reconstruction of the same shape.

    Raises:
        ValueError: an image size that it cannot take.
    """

    def __init__(self, image_size=32, channels=1, code_dim=64, width=128, **kwargs):
        stages = _stages(image_size)

        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        x = _conv(width, "encoder_image")(image)
        for stage in range(stages):
            size = image_size >> stage
            filters = width * (stage + 1)
            for index in range(2):
                x = _conv(filters, f"encoder_{size}_{index}")(x)
            if stage < stages - 1:
                x = _conv(filters, f"encoder_{size}_down", strides=2)(x)  # [batch, size / 2, size / 2, filters]
        code = layers.Dense(code_dim, name="code")(layers.Flatten()(x))
        reconstruction = layers.Activation("linear", dtype="float32", name="reconstruction")(
            _decoder(code, stages, channels, width, "decoder")
        )
        super().__init__(image, reconstruction, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.code_dim = code_dim
        self.width = width

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "code_dim": self.code_dim,
            "width": self.width,
            "name": self.name,
        }
