"""PatchGAN (Isola et al. 2017), after `NLayerDiscriminator` and `PixelDiscriminator` of the authors' PyTorch code."""

import keras
from keras import layers

from keras_gans.layers.antialias import BlurDownsample
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.networks.translator import initializer, normalization
from keras_gans.registry import DISCRIMINATORS


@DISCRIMINATORS.register("patchgan")
@keras.saving.register_keras_serializable("keras_gans")
class PatchGAN(keras.Model):
    """Judges each patch of the picture: a map of logits, one for each receptive field.

    4x4 convolutions between one zero on each side; `layers` of stride 2, then two of stride 1. LeakyReLU 0.2.

    Args:
        channels: of the picture; pix2pix judges input and output together, so it gives their sum. Default 3.
        layers: how many convolutions halve the picture: 3 (default) sees 70x70 pixels and turns 256x256 into 30x30,
            1 sees 16x16, and 0 is the pixel discriminator of 1x1 convolutions.
        width: channels of the first convolution, doubled by each further one up to eight times as many. Default 64.
        norm: "batch", "affine_instance", "instance" (default) or "none", from the second convolution on; see
            `translator.normalization`.
        antialias: halve by a [1, 2, 1] filter after a convolution of stride 1 (CUT). Default False.
        init: "normal", N(0, 0.02^2) (default), or "xavier", 0.02 times Glorot's normal one (CUT).

    Call:
        image float [batch, h, w, channels] in [-1, 1] -> float32 logits [batch, h', w', 1].

    Raises:
        ValueError: an unknown norm or distribution, or a negative number of layers.
    """

    def __init__(self, channels=3, layers=3, width=64, norm="instance", antialias=False, init="normal", **kwargs):
        if layers < 0:
            raise ValueError(f"layers must be 0 or more, not {layers}")
        network = _pixel if layers == 0 else _patch

        # === Functional Model ===
        image = keras.Input((None, None, channels), name="image")
        logits = network(image, layers, width, norm, antialias, init)
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.channels = channels
        self.convolutions = layers  # `layers` is what Keras calls all of them
        self.width = width
        self.norm = norm
        self.antialias = antialias
        self.init = init

    def get_config(self):
        return {
            "channels": self.channels,
            "layers": self.convolutions,
            "width": self.width,
            "norm": self.norm,
            "antialias": self.antialias,
            "init": self.init,
            "name": self.name,
        }


def _activated(x, norm, index):
    if norm is not None:
        x = normalization(norm, f"norm_{index}")(x)
    return layers.LeakyReLU(negative_slope=0.2, name=f"relu_{index}")(x)


def _patch(image, halvings, width, norm, antialias, init):
    x = image
    for index in range(halvings + 1):
        halves = index < halvings
        x = PaddedConv2D(
            width * min(1 << index, 8),
            4,
            2 if halves and not antialias else 1,
            use_bias=index == 0 or norm == "instance",
            kernel_initializer=initializer(init),
            name=f"conv_{index}",
        )(x)
        x = _activated(x, norm if index else None, index)
        if halves and antialias:
            x = BlurDownsample(name=f"down_{index}")(x)
    x = PaddedConv2D(1, 4, kernel_initializer=initializer(init), name=f"conv_{halvings + 1}")(x)
    return layers.Activation("linear", dtype="float32", name="logits")(x)


def _pixel(image, halvings, width, norm, antialias, init):
    biased = norm == "instance"
    x = layers.Conv2D(width, 1, kernel_initializer=initializer(init), name="conv_0")(image)
    x = _activated(x, None, 0)
    x = layers.Conv2D(2 * width, 1, use_bias=biased, kernel_initializer=initializer(init), name="conv_1")(x)
    x = _activated(x, norm, 1)
    x = layers.Conv2D(1, 1, use_bias=biased, kernel_initializer=initializer(init), name="conv_2")(x)
    return layers.Activation("linear", dtype="float32", name="logits")(x)
