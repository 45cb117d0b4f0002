"""Conditioning by concatenation (Mirza & Osindero 2014): the paper's fully connected pair, and the same on DCGAN."""

import keras
from keras import layers, ops

from keras_gans.layers.dropout import Dropout
from keras_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from keras_gans.networks.mlp import maxout, to_image, uniform
from keras_gans.registry import DISCRIMINATORS, GENERATORS


def label_input(num_classes):
    """Returns the input for int32 labels [batch], and their one-hot form float [batch, num_classes].

    Raises:
        ValueError: `num_classes` is 0, as it is for data without labels.
    """
    if num_classes < 1:
        raise ValueError("this network needs labels: give labelled data and --conditional (num_classes is 0)")
    label = keras.Input((), dtype="int32", name="label")
    return label, ops.one_hot(label, num_classes)


@GENERATORS.register("cgan")
@keras.saving.register_keras_serializable("keras_gans")
class CGANGenerator(keras.Model):
    """Latent and label each through a ReLU layer (200 and 1000 units), joined in one of 1200 (paper, section 4.1).

    tanh instead of the paper's sigmoid, for images in [-1, 1]; weights start as in the original GAN's code, on which
    the paper built.

    Args:
        image_size: height and width in pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 100.
        num_classes: how many labels there are, at least 1. Default 10.
        width: units of the joint layer; latent and label take 1/6 and 5/6 of it. Default 1200.
        dropout: share of the hidden units dropped in training. Default 0.5.

    Call:
        [latent float [batch, latent_dim], label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: no classes.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=100, num_classes=10, width=1200, dropout=0.5, **kwargs):
        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label, one_hot = label_input(num_classes)
        small, large = width // 6, width - width // 6
        parts = [
            layers.Dense(units, "relu", kernel_initializer=uniform(0.05), name=name)(x)
            for x, units, name in ((latent, small, "from_latent"), (one_hot, large, "from_label"))
        ]
        x = Dropout(dropout, name="dropout_0")(layers.Concatenate()(parts))
        x = layers.Dense(width, "relu", kernel_initializer=uniform(0.05), name="joint")(x)
        image = to_image(Dropout(dropout, name="dropout_1")(x), image_size, channels)
        super().__init__([latent, label], image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.width = width
        self.dropout = dropout

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "width": self.width,
            "dropout": self.dropout,
            "name": self.name,
        }


@DISCRIMINATORS.register("cgan")
@keras.saving.register_keras_serializable("keras_gans")
class CGANDiscriminator(keras.Model):
    """Image and label each through a maxout layer (240 and 50 units of 5 pieces), joined in one of 240 units of 4.

    Args:
        image_size: height and width in pixels. Default 32.
        channels: of the image. Default 1.
        num_classes: how many labels there are, at least 1. Default 10.
        width: units of the image's and of the joint layer. Default 240.
        label_width: units of the label's layer. Default 50.
        dropout: share of the hidden units dropped in training. Default 0.5.

    Call:
        [image float [batch, image_size, image_size, channels] in [-1, 1], label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: no classes.
    """

    def __init__(self, image_size=32, channels=1, num_classes=10, width=240, label_width=50, dropout=0.5, **kwargs):
        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        label, one_hot = label_input(num_classes)
        parts = [
            maxout(layers.Flatten()(image), width, 5, 0.005, name="from_image"),
            maxout(one_hot, label_width, 5, 0.005, name="from_label"),
        ]
        x = Dropout(dropout, name="dropout_0")(layers.Concatenate()(parts))
        x = Dropout(dropout, name="dropout_1")(maxout(x, width, 4, 0.005, name="joint"))
        logits = layers.Dense(1, kernel_initializer=uniform(0.005), dtype="float32", name="logits")(x)
        super().__init__([image, label], logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width
        self.label_width = label_width
        self.dropout = dropout

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "label_width": self.label_width,
            "dropout": self.dropout,
            "name": self.name,
        }


@GENERATORS.register("cdcgan")
@keras.saving.register_keras_serializable("keras_gans")
class ConditionalDCGANGenerator(keras.Model):
    """The DCGAN generator, whose latent is followed by the one-hot label.

    Args:
        num_classes: how many labels there are, at least 1. Default 10.
        image_size, channels, latent_dim, width, kernel_size: see `DCGANGenerator`.

    Call:
        [latent float [batch, latent_dim], label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: no classes, or an image size that it cannot make.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=100, num_classes=10, width=128, kernel_size=4, **kwargs):
        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label, one_hot = label_input(num_classes)
        dcgan = DCGANGenerator(image_size, channels, latent_dim + num_classes, width, kernel_size, name="dcgan")
        super().__init__([latent, label], dcgan(layers.Concatenate()([latent, one_hot])), **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.width = width
        self.kernel_size = kernel_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "width": self.width,
            "kernel_size": self.kernel_size,
            "name": self.name,
        }


@DISCRIMINATORS.register("cdcgan")
@keras.saving.register_keras_serializable("keras_gans")
class ConditionalDCGANDiscriminator(keras.Model):
    """The DCGAN discriminator, whose image is followed by one constant map per class: 1 for the label's, else 0.

    Args:
        num_classes: how many labels there are, at least 1. Default 10.
        image_size, channels, width, kernel_size, norm: see `DCGANDiscriminator`.

    Call:
        [image float [batch, image_size, image_size, channels] in [-1, 1], label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: no classes, or an image size that it cannot take.
    """

    def __init__(self, image_size=32, channels=1, num_classes=10, width=64, kernel_size=4, norm=True, **kwargs):
        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        label, one_hot = label_input(num_classes)
        # [batch, image_size, image_size, num_classes]
        maps = layers.UpSampling2D(image_size)(layers.Reshape((1, 1, num_classes))(one_hot))
        dcgan = DCGANDiscriminator(image_size, channels + num_classes, width, kernel_size, norm, name="dcgan")
        super().__init__([image, label], dcgan(layers.Concatenate()([image, maps])), **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width
        self.kernel_size = kernel_size
        self.norm = norm

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "kernel_size": self.kernel_size,
            "norm": self.norm,
            "name": self.name,
        }
