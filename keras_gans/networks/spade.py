"""SPADE (Park et al. 2019): from label maps to photographs, after `SPADEGenerator` of `NVlabs/SPADE`."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.layers.label_map import EveryOther, LabelMap, Modulation
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.translator import Translator, initializer
from keras_gans.registry import GENERATORS


@GENERATORS.register("spade")
@keras.saving.register_keras_serializable("keras_gans")
class SPADEGenerator(Translator):
    """Begins with the label map at a 2^`doublings`th of its size, and doubles it between residual blocks; tanh at the end.

    In place of a learned scale and offset, each norm has a scale and an offset for every pixel, which two convolutions make
    of the label map: it is not washed away on the way (section 3.1). Convolutions are 3x3, those of the blocks are
    spectrally normalised, LeakyReLU 0.2.

    Args:
        labels: how many labels there are, 1 to 256. Of a run, those of `--labels`.
        channels: of the output. Default 3.
        input_channels: 1, or 2 where label maps come with the edges of instances. Default 1.
        width: channels at full size, 16 times as many in the first blocks. Default 64.
        doublings: 5 (default; the code's "normal"), 6 (a doubling more between the blocks in the middle: "more") or 7 (and one
            block with half the width at the end: "most").
        hidden: channels between a label map and its scales and offsets. Default 128.
        norm: "batch" (default; over all devices, as published) or "instance"; neither has weights.

    Call:
        label maps float [batch, h, w, input_channels] in [-1, 1], see `layers.label_map.LabelMap`, h and w multiples of
        2^doublings -> float32 [batch, h, w, channels] in [-1, 1].

    Raises:
        ValueError: no labels, another norm or number of doublings.
        UserError: called with sides that are no multiples of 2^doublings.
    """

    def __init__(self, labels=0, channels=3, input_channels=1, width=64, doublings=5, hidden=128, norm="batch", **kwargs):
        if not 1 <= labels <= 256 or input_channels not in (1, 2):
            raise ValueError(
                f"it paints label maps: give --labels with 1 to 256 labels, not {labels} (and {input_channels} channels)"
            )
        if doublings not in (5, 6, 7):
            raise ValueError(f"doublings should be 5, 6 or 7, not {doublings}")

        # === Functional Model ===
        maps = keras.Input((None, None, input_channels), name="images")
        semantics = LabelMap(labels, input_channels == 2, name="labels")(maps)
        seen = {1: semantics}  # by how many times smaller than the picture

        def block(x, filters, name):
            step = 1 << remaining
            if step not in seen:
                seen[step] = EveryOther(step, name=f"labels_{step}")(semantics)
            return _block(x, seen[step], filters, hidden, norm, name)

        remaining = doublings
        x = EveryOther(1 << doublings, name="first")(semantics)
        x = _convolve(16 * width, 3, "fc")(x)
        x = block(x, 16 * width, "head_0")
        doubled = [(16, "G_middle_0"), (16, "G_middle_1"), (8, "up_0"), (4, "up_1"), (2, "up_2"), (1, "up_3"), (0.5, "up_4")]
        for factor, name in doubled[: 7 if doublings == 7 else 6]:
            if name != "G_middle_1" or doublings > 5:
                remaining -= 1
                x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_doubled")(x)
            x = block(x, max(1, int(factor * width)), name)
        x = layers.LeakyReLU(negative_slope=0.2, name="last_relu")(x)
        x = _convolve(channels, 3, "conv_img")(x)
        super().__init__(maps, layers.Activation("tanh", dtype="float32", name="tanh")(x), **kwargs)

        # === Config ===
        self.labels = labels
        self.channels = channels
        self.input_channels = input_channels
        self.width = width
        self.doublings = doublings
        self.multiple = 1 << doublings
        self.hidden = hidden
        self.norm = norm

    def semantics(self, maps):
        """Returns one channel for each label (and one of edges) of label maps as of the call, [batch, h, w, ...]."""
        return self.get_layer("labels")(maps)

    def get_config(self):
        return {
            "labels": self.labels,
            "channels": self.channels,
            "input_channels": self.input_channels,
            "width": self.width,
            "doublings": self.doublings,
            "hidden": self.hidden,
            "norm": self.norm,
            "name": self.name,
        }


def _block(x, semantics, filters, hidden, norm, name):
    """Two convolutions behind their norms; the shortcut has a convolution and a norm where the channels change."""

    def normed(x, index):
        return _spatially_adaptive(x, semantics, hidden, norm, f"{name}_norm_{index}")

    middle = min(x.shape[-1], filters)
    shortcut, y = x, x
    if x.shape[-1] != filters:
        shortcut = _spectral(filters, 1, f"{name}_conv_s", use_bias=False)(normed(x, "s"))
    for index, width in enumerate((middle, filters)):
        y = layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu_{index}")(normed(y, index))
        y = _spectral(width, 3, f"{name}_conv_{index}")(y)
    return layers.Add(name=name)([shortcut, y])


def _spatially_adaptive(x, semantics, hidden, norm, name):
    """Spatially-adaptive normalization: a norm without weights, and a scale and an offset for each pixel."""
    if norm == "batch":
        normalized = BatchNorm(center=False, scale=False, name=name)(x)
    elif norm == "instance":
        normalized = InstanceNormalization(name=name)(x)
    else:
        raise ValueError(f"norm should be batch or instance, not {norm!r}")
    made = layers.ReLU(name=f"{name}_relu")(_convolve(hidden, 3, f"{name}_shared")(semantics))
    gamma, beta = (_convolve(x.shape[-1], 3, f"{name}_{part}")(made) for part in ("gamma", "beta"))
    return Modulation(name=f"{name}_modulation")(normalized, gamma, beta)


def _convolve(filters, size, name, **kwargs):
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=initializer("xavier"), name=name, **kwargs)


def _spectral(filters, size, name, **kwargs):
    return SpectralNormalization(_convolve(filters, size, f"{name}_plain", **kwargs), name=name)
