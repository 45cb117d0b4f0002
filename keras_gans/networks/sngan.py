"""SNGAN's ResNets (Miyato et al. 2018) and the projection discriminator (Miyato & Koyama 2018), 32 to 128 pixels.

After pfnet-research/sngan_projection: `gen_models/resnet*.py`, `dis_models/snresnet*.py`.
"""

import keras
from keras import layers

from keras_gans.layers.convolution import Conv2D
from keras_gans.networks import resnet
from keras_gans.registry import DISCRIMINATORS, GENERATORS


def _conv(filters, kernel_size, gain, name, use_bias=True):
    return Conv2D(filters, kernel_size, padding="same", use_bias=use_bias, kernel_initializer=resnet.glorot(gain), name=name)


def _spectral_conv(*args, **kwargs):
    return resnet.spectral(_conv(*args, **kwargs))


@GENERATORS.register("sngan")
@keras.saving.register_keras_serializable("keras_gans")
class SNGANGenerator(keras.Model):
    """Residual blocks that double from 4x4, with batch norm, conditional on the label if there are classes.

    Args:
        image_size: 32, 64 or 128 pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 128.
        num_classes: 0 for an unconditional generator. Default 0.
        width: channels of every block at 32 pixels (default 256); of the last one at 64 and 128 (default 64).

    Call:
        latent float [batch, latent_dim] or [latent, label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: another image size.
    """

    def __init__(self, image_size=32, channels=1, latent_dim=128, num_classes=0, width=None, **kwargs):
        resnet.check_size(image_size, resnet.SIZES)
        width = width or (256 if image_size == 32 else 64)

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label = keras.Input((), dtype="int32", name="label") if num_classes else None
        image = resnet.generate(
            latent,
            resnet.generator_widths(image_size, width),
            channels,
            conv=_conv,
            dense=layers.Dense,
            norm=resnet.norm_by(label, num_classes, epsilon=2e-5),
            last_norm=resnet.norm_by(None, 0, epsilon=2e-5),
        )
        super().__init__([latent, label] if num_classes else latent, image, **kwargs)

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


@DISCRIMINATORS.register("sngan")
@keras.saving.register_keras_serializable("keras_gans")
class SNGANDiscriminator(keras.Model):
    """Residual blocks that halve, every kernel spectrally normalised; labels, if any, come in by projection.

    Args:
        image_size: 32, 64 or 128 pixels. Default 32.
        channels: of the image. Default 1.
        num_classes: 0 for an unconditional discriminator. Default 0.
        width: channels of every block at 32 pixels (default 128); of the first one at 64 and 128 (default 64).

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] or [image, label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: another image size.
    """

    def __init__(self, image_size=32, channels=1, num_classes=0, width=None, **kwargs):
        resnet.check_size(image_size, resnet.SIZES)
        width = width or (128 if image_size == 32 else 64)

        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        label = keras.Input((), dtype="int32", name="label") if num_classes else None
        features = resnet.discriminate(image, width, conv=_spectral_conv)
        # The CIFAR network's last layer has no bias.
        logits = resnet.projection_logits(features, label, num_classes, bias=image_size != 32)
        super().__init__([image, label] if num_classes else image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "name": self.name,
        }
