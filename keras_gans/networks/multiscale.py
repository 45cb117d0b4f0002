"""The multi-scale discriminator of pix2pixHD (Wang et al. 2018), after `MultiscaleDiscriminator` of `NVIDIA/pix2pixHD`."""

import keras
from keras import layers

from keras_gans.layers.average_downsample import AverageDownsample
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.networks.translator import initializer, normalization
from keras_gans.registry import DISCRIMINATORS


@DISCRIMINATORS.register("multiscale")
@keras.saving.register_keras_serializable("keras_gans")
class MultiScaleDiscriminator(keras.Model):
    """Several PatchGANs, each of which judges the picture at half the size of the one before.

    4x4 convolutions with biases between two zeros on each side: one of stride 2, `halvings` - 1 more with a norm, one of
    stride 1 with a norm, and the logits. LeakyReLU 0.2.

    Args:
        channels: of the picture; pix2pix judges input and output together, so it gives their sum. Default 3.
        scales: how many, at least 1. Default 2, as published.
        halvings: convolutions of stride 2 of each, at least 1. Default 3, as published.
        width: channels of the first convolution, doubled by each further one up to eight times as many. Default 64.
        norm: see `translator.normalization`. Default "instance".

    Call:
        image float [batch, h, w, channels] in [-1, 1] -> a list of float32 logits [batch, h', w', 1], the largest first.

    Raises:
        ValueError: an unknown norm, no scales or no halvings.
    """

    def __init__(self, channels=3, scales=2, halvings=3, width=64, norm="instance", **kwargs):
        if scales < 1 or halvings < 1:
            raise ValueError(f"scales and halvings should be 1 or more, not {scales} and {halvings}")

        # === Functional Model ===
        image = x = keras.Input((None, None, channels), name="image")
        found = []
        for scale in range(scales):
            x = AverageDownsample(name=f"down_{scale}")(x) if scale else x
            found.append(_patches(x, halvings, width, norm, f"scale_{scale}"))
        super().__init__(image, [made[-1] for made in found], **kwargs)
        self._found = tuple(tuple(made) for made in found)

        # === Config ===
        self.channels = channels
        self.scales = scales
        self.halvings = halvings
        self.width = width
        self.norm = norm

    def features(self):
        """Returns a model, on the same weights, that answers with a list for each scale: of each layer, then the logits."""
        return keras.Model(self.inputs[0], [list(made) for made in self._found])

    def get_config(self):
        return {
            "channels": self.channels,
            "scales": self.scales,
            "halvings": self.halvings,
            "width": self.width,
            "norm": self.norm,
            "name": self.name,
        }


def _patches(x, halvings, width, norm, name):
    """Returns a PatchGAN's layers, each behind its LeakyReLU, and its logits: a list."""
    found = []
    for index in range(halvings + 1):
        filters, strides = width * min(1 << index, 8), 2 if index < halvings else 1
        x = _convolve(x, filters, strides, f"{name}_conv_{index}")
        if index:
            x = normalization(norm, f"{name}_norm_{index}")(x)
        x = layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu_{index}")(x)
        found.append(x)
    x = _convolve(x, 1, 1, f"{name}_conv_{halvings + 1}")
    return [*found, layers.Activation("linear", dtype="float32", name=f"{name}_logits")(x)]


def _convolve(x, filters, strides, name):
    return PaddedConv2D(filters, 4, strides, pad=2, kernel_initializer=initializer("normal"), name=name)(x)
