"""SAGAN (Zhang et al. 2019): SNGAN's ResNets with self-attention, spectrally normalised in both players.

After brain-research/self-attention-gan: `generator_test` and `discriminator_test`, which are the paper's at 128 pixels;
the smaller ones follow SNGAN's plan.
"""

import keras
from keras import layers

from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.self_attention import SelfAttention2D
from keras_gans.networks import resnet
from keras_gans.registry import DISCRIMINATORS, GENERATORS


def _conv(filters, kernel_size, gain, name, use_bias=True):
    """All kernels start as Glorot's, whatever the `gain`."""
    return resnet.spectral(Conv2D(filters, kernel_size, padding="same", use_bias=use_bias, name=name))


def _dense(units, name):
    return resnet.spectral(layers.Dense(units, name=name))


def _attention(image_size, attention_size):
    """Returns the attended size and `attention(x, size)`.

    Raises:
        ValueError: a size that no feature map of both players has.
    """
    chosen = attention_size or min(32, image_size // 2)
    known = [size for size in (8, 16, 32, 64) if size < image_size]
    if chosen not in known:
        raise ValueError(f"attention_size must be one of {', '.join(map(str, known))}, not {chosen}")

    def attention(x, size):
        return SelfAttention2D(name="attention")(x) if size == chosen else x

    return chosen, attention


@GENERATORS.register("sagan")
@keras.saving.register_keras_serializable("keras_gans")
class SAGANGenerator(keras.Model):
    """SNGAN's generator with spectral normalization, and self-attention on one feature map.

    The moving statistics of batch norm have momentum 0.9 as elsewhere here (the authors' 0.999 and 0.9999 suit a
    million steps).

    Args:
        image_size: 32, 64 or 128 pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 128.
        num_classes: 0 for an unconditional generator. Default 0.
        width: channels of every block at 32 pixels (default 256); of the last one at 64 and 128 (default 64). The
            attended map needs a multiple of 8 channels.
        attention_size: height of the attended map, 8 to image_size / 2 in powers of two. Default 32, or half the image
            if that is less.

    Call:
        latent float [batch, latent_dim] or [latent, label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: another image size, or no such map.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=128, num_classes=0, width=None, attention_size=None, **kwargs):
        resnet.check_size(image_size, resnet.SIZES)
        width = width or (256 if image_size == 32 else 64)
        attention_size, attention = _attention(image_size, attention_size)

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label = keras.Input((), dtype="int32", name="label") if num_classes else None
        image = resnet.generate(
            latent,
            resnet.generator_widths(image_size, width),
            channels,
            conv=_conv,
            dense=_dense,
            norm=resnet.norm_by(label, num_classes, epsilon=1e-5),
            last_norm=resnet.norm_by(None, 0, epsilon=1e-5),
            attention=attention,
        )
        super().__init__([latent, label] if num_classes else latent, image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.width = width
        self.attention_size = attention_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "width": self.width,
            "attention_size": self.attention_size,
            "name": self.name,
        }


@DISCRIMINATORS.register("sagan")
@keras.saving.register_keras_serializable("keras_gans")
class SAGANDiscriminator(keras.Model):
    """SNGAN's discriminator with self-attention on one feature map; labels come in by projection if there are classes.

    Args:
        image_size: 32, 64 or 128 pixels. Default 32.
        channels: of the image. Default 1.
        num_classes: 0 for an unconditional discriminator. Default 0.
        width: channels of every block at 32 pixels (default 128); of the first one at 64 and 128 (default 64). The
            attended map needs a multiple of 8 channels.
        attention_size: height of the attended map, 8 to image_size / 2 in powers of two. Default 32, or half the image
            if that is less.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] or [image, label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: another image size, or no such map.
    """

    def __init__(self, image_size=32, channels=1, num_classes=0, width=None, attention_size=None, **kwargs):
        resnet.check_size(image_size, resnet.SIZES)
        width = width or (128 if image_size == 32 else 64)
        attention_size, attention = _attention(image_size, attention_size)

        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        label = keras.Input((), dtype="int32", name="label") if num_classes else None
        features = resnet.discriminate(image, width, conv=_conv, attention=attention, wide=True)
        logits = resnet.projection_logits(features, label, num_classes)
        super().__init__([image, label] if num_classes else image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width
        self.attention_size = attention_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "attention_size": self.attention_size,
            "name": self.name,
        }
