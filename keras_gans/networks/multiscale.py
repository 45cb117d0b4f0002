"""The multi-scale discriminator of pix2pixHD (Wang et al. 2018) and SPADE (Park et al. 2019).

After `MultiscaleDiscriminator` of `NVIDIA/pix2pixHD` and of `NVlabs/SPADE`.
"""

import keras
from keras import layers

from keras_gans.layers.average_downsample import AverageDownsample
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.layers.spectral_normalization import SpectralNormalization
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
        spectral: whether the convolutions in front of a norm are spectrally normalised and have no biases, as SPADE's.
            Default False.
        init: see `translator.initializer`. Default "normal" (SPADE: "xavier").

    Call:
        image float [batch, h, w, channels] in [-1, 1] -> a list of float32 logits [batch, h', w', 1], the largest first.

    Raises:
        ValueError: an unknown norm or distribution, no scales or no halvings.
    """

    def __init__(self, channels=3, scales=2, halvings=3, width=64, norm="instance", spectral=False, init="normal", **kwargs):
        if scales < 1 or halvings < 1:
            raise ValueError(f"scales and halvings should be 1 or more, not {scales} and {halvings}")

        # === Functional Model ===
        image = x = keras.Input((None, None, channels), name="image")
        found = []
        for scale in range(scales):
            x = AverageDownsample(name=f"down_{scale}")(x) if scale else x
            found.append(_patches(x, halvings, width, norm, spectral, init, f"scale_{scale}"))
        super().__init__(image, [made[-1] for made in found], **kwargs)
        self._found = tuple(tuple(made) for made in found)

        # === Config ===
        self.channels = channels
        self.scales = scales
        self.halvings = halvings
        self.width = width
        self.norm = norm
        self.spectral = spectral
        self.init = init

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
            "spectral": self.spectral,
            "init": self.init,
            "name": self.name,
        }


def _patches(x, halvings, width, norm, spectral, init, name):
    """Returns a PatchGAN's layers, each behind its LeakyReLU, and its logits: a list."""
    found = []
    for index in range(halvings + 1):
        filters, strides = width * min(1 << index, 8), 2 if index < halvings else 1
        convolution = _convolution(filters, strides, init, f"{name}_conv_{index}", use_bias=not (spectral and index))
        x = (SpectralNormalization(convolution, name=f"{name}_spectral_{index}") if spectral and index else convolution)(x)
        if index:
            x = normalization(norm, f"{name}_norm_{index}")(x)
        x = layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu_{index}")(x)
        found.append(x)
    x = _convolution(1, 1, init, f"{name}_conv_{halvings + 1}")(x)
    return [*found, layers.Activation("linear", dtype="float32", name=f"{name}_logits")(x)]


def _convolution(filters, strides, init, name, **kwargs):
    return PaddedConv2D(filters, 4, strides, pad=2, kernel_initializer=initializer(init), name=name, **kwargs)
