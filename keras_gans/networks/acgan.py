"""AC-GAN (Odena, Olah, Shlens 2017, appendix A): a discriminator that names the class as well."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.dropout import Dropout
from keras_gans.networks.cgan import label_input
from keras_gans.registry import DISCRIMINATORS, GENERATORS

_SIZES = (32, 64, 128)


def _check(image_size):
    if image_size not in _SIZES:
        raise ValueError(f"image_size must be one of {', '.join(map(str, _SIZES))}, not {image_size}")


def _initializer():
    return keras.initializers.RandomNormal(0.0, 0.02)


@GENERATORS.register("acgan")
@keras.saving.register_keras_serializable("keras_gans")
class ACGANGenerator(keras.Model):
    """Latent and one-hot label to 4x4x384, then 5x5 transposed convolutions: 192, 96, image (table 2, CIFAR-10).

    At 64 and 128 pixels the first layers are 2 and 4 times as wide, one stage more for each doubling.

    Args:
        image_size: 32 (the paper's), 64 or 128 pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 100.
        num_classes: how many labels there are, at least 1. Default 10.
        width: channels before the last layer; each earlier stage has twice as many. Default 96.

    Call:
        [latent float [batch, latent_dim], label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: another image size, or no classes.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=100, num_classes=10, width=96, **kwargs):
        _check(image_size)
        size, filters = 4, width * image_size // 8

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label, one_hot = label_input(num_classes)
        x = layers.Concatenate()([latent, one_hot])
        x = layers.Dense(size * size * filters, "relu", kernel_initializer=_initializer(), name="project")(x)
        x = layers.Reshape((size, size, filters))(x)  # [batch, 4, 4, filters]
        while size < image_size // 2:
            size, filters = 2 * size, filters // 2
            x = layers.Conv2DTranspose(
                filters, 5, 2, "same", use_bias=False, kernel_initializer=_initializer(), name=f"up_{size}"
            )(x)
            x = layers.ReLU()(BatchNorm(name=f"norm_{size}")(x))
        x = layers.Conv2DTranspose(channels, 5, 2, "same", kernel_initializer=_initializer(), name=f"up_{image_size}")(x)
        image = layers.Activation("tanh", dtype="float32", name="image")(x)
        super().__init__([latent, label], image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.width = width

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "width": self.width,
            "name": self.name,
        }


@DISCRIMINATORS.register("acgan")
@keras.saving.register_keras_serializable("keras_gans")
class ACGANDiscriminator(keras.Model):
    """Six 3x3 convolutions, strides 2, 1, 2, 1, 2, 1, channels doubling from 16 to 512, then two linear heads.

    Each convolution is followed by batch norm (not the first), LeakyReLU 0.2 and dropout.

    Args:
        image_size: 32, 64 or 128 pixels. Default 32.
        channels: of the image. Default 1.
        num_classes: how many labels there are, at least 1. Default 10.
        width: channels of the first convolution. Default 16.
        dropout: share of activations dropped in training. Default 0.5.
        norm: batch norm from the second layer on. Default True.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1]
        -> {"logits": float32 [batch, 1], "class_logits": float32 [batch, num_classes]}.

    Raises:
        ValueError: another image size, or no classes.
    """

    def __init__(self, image_size=32, channels=1, num_classes=10, width=16, dropout=0.5, norm=True, **kwargs):
        _check(image_size)
        if num_classes < 1:
            raise ValueError("an auxiliary classifier needs labels: give labelled data and --conditional (num_classes is 0)")

        # === Functional Model ===
        image = x = keras.Input((image_size, image_size, channels), name="image")
        for index in range(6):
            normalised = norm and index > 0
            x = layers.Conv2D(
                width << index,
                3,
                2 - index % 2,
                "same",
                use_bias=not normalised,
                kernel_initializer=_initializer(),
                name=f"conv_{index}",
            )(x)
            if normalised:
                x = BatchNorm(name=f"norm_{index}")(x)
            x = layers.LeakyReLU(negative_slope=0.2)(x)
            x = Dropout(dropout, name=f"dropout_{index}")(x)
        x = layers.Flatten()(x)
        heads = {
            name: layers.Dense(units, kernel_initializer=_initializer(), dtype="float32", name=name)(x)
            for name, units in (("logits", 1), ("class_logits", num_classes))
        }
        super().__init__(image, heads, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width
        self.dropout = dropout
        self.norm = norm

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "dropout": self.dropout,
            "norm": self.norm,
            "name": self.name,
        }
