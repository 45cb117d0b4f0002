"""The original GAN's fully connected pair (Goodfellow et al. 2014), and small ones for points in the plane."""

import math

import keras
from keras import layers, ops

from keras_gans.layers.dropout import Dropout
from keras_gans.registry import DISCRIMINATORS, GENERATORS


def maxout(x, units, pieces, limit, name):
    """Maxout (Goodfellow et al. 2013): the largest of `pieces` affine maps, for each of `units` outputs.

    Args:
        x: [batch, features].
        limit: weights start as U(-limit, limit), biases at 0.

    Returns:
        [batch, units].
    """
    x = layers.Dense(units * pieces, kernel_initializer=uniform(limit), name=name)(x)
    return ops.max(layers.Reshape((units, pieces))(x), axis=-1)


def uniform(limit):
    """Returns the initializer U(-limit, limit)."""
    return keras.initializers.RandomUniform(-limit, limit)


@GENERATORS.register("mlp")
@keras.saving.register_keras_serializable("keras_gans")
class MLPGenerator(keras.Model):
    """Two hidden ReLU layers (the authors' `mnist.yaml`: 1200 units, weights U(-0.05, 0.05)).

    Images are in [-1, 1] here, so the last activation is tanh where the original has a sigmoid; the output bias starts
    at 0, not at the marginals of the data.

    Args:
        image_size: height and width in pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 100 (the authors draw it from a uniform distribution).
        width: units of each hidden layer. Default 1200.

    Call:
        latent float [batch, latent_dim] -> float32 [batch, image_size, image_size, channels] in [-1, 1].
    """

    def __init__(self, image_size=32, channels=1, latent_dim=100, width=1200, **kwargs):
        # === Functional Model ===
        latent = x = keras.Input((latent_dim,), name="latent")
        for index in range(2):
            x = layers.Dense(width, "relu", kernel_initializer=uniform(0.05), name=f"hidden_{index}")(x)
        image = to_image(x, image_size, channels)
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


def to_image(x, image_size, channels):
    """Maps [batch, features] to a tanh image, float32 [batch, image_size, image_size, channels]."""
    shape = (image_size, image_size, channels)
    x = layers.Dense(math.prod(shape), kernel_initializer=uniform(0.05), name="pixels")(x)
    return layers.Activation("tanh", dtype="float32", name="image")(layers.Reshape(shape)(x))


@DISCRIMINATORS.register("mlp")
@keras.saving.register_keras_serializable("keras_gans")
class MLPDiscriminator(keras.Model):
    """Two maxout layers with dropout (the authors' `mnist.yaml`: 240 units of 5 pieces, weights U(-0.005, 0.005)).

    Args:
        image_size: height and width in pixels. Default 32.
        channels: of the image. Default 1.
        width: units of each hidden layer. Default 240.
        pieces: affine maps per unit. Default 5.
        input_dropout: share of the pixels dropped in training. Default 0.2.
        dropout: share of the hidden units dropped in training. Default 0.5.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, 1].
    """

    def __init__(self, image_size=32, channels=1, width=240, pieces=5, input_dropout=0.2, dropout=0.5, **kwargs):
        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        x = Dropout(input_dropout, name="dropout")(layers.Flatten()(image))
        for index in range(2):
            x = maxout(x, width, pieces, 0.005, name=f"hidden_{index}")
            x = Dropout(dropout, name=f"dropout_{index}")(x)
        logits = layers.Dense(1, kernel_initializer=uniform(0.005), dtype="float32", name="logits")(x)
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self.pieces = pieces
        self.input_dropout = input_dropout
        self.dropout = dropout

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "pieces": self.pieces,
            "input_dropout": self.input_dropout,
            "dropout": self.dropout,
            "name": self.name,
        }
