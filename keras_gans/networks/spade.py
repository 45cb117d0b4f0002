"""SPADE (Park et al. 2019): from label maps to photographs, after `SPADEGenerator` of `NVlabs/SPADE`."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.layers.label_map import EveryOther, LabelMap, Modulation, NoStyle, Spread
from keras_gans.layers.padding import PaddedConv2D
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
        style_dim: length of a vector of style, of which the first features are made in place of the label map's (the code's
            --use_vae; there 256), and which `encoder` takes from a photograph. Default 0: none.
        start: side of the square of first features that a style gives, stretched to what the maps want. Default 8, which is that
            of 256 pixels.

    Call:
        label maps float [batch, h, w, input_channels] in [-1, 1], see `layers.label_map.LabelMap`, h and w multiples of
        2^doublings -> float32 [batch, h, w, channels] in [-1, 1]; of networks with styles in the mean style, a vector of zeros
        (code: a normal one). See `paint` for others.

    Attributes:
        encoder: `keras.Model`, see `build_encoder`, or None.

    Raises:
        ValueError: no labels, another norm or number of doublings, a negative length, no start.
        UserError: called with sides that are no multiples of 2^doublings.
    """

    def __init__(
        self,
        labels=0,
        channels=3,
        input_channels=1,
        width=64,
        doublings=5,
        hidden=128,
        norm="batch",
        style_dim=0,
        start=8,
        **kwargs,
    ):
        if not 1 <= labels <= 256 or input_channels not in (1, 2):
            raise ValueError(
                f"it paints label maps: give --labels with 1 to 256 labels, not {labels} (and {input_channels} channels)"
            )
        if doublings not in (5, 6, 7):
            raise ValueError(f"doublings should be 5, 6 or 7, not {doublings}")
        if style_dim < 0 or start < 1:
            raise ValueError(f"style_dim should be 0 or more and start 1 or more, not {style_dim} and {start}")

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
        if style_dim:
            style = NoStyle(style_dim, name="no_style")(semantics)
            first = layers.Dense(start**2 * 16 * width, kernel_initializer=initializer("xavier"), name="fc")(style)
            x = Spread(name="spread")(layers.Reshape((start, start, 16 * width), name="square")(first), x)
        else:
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
        painted = layers.Activation("tanh", dtype="float32", name="tanh")(x)
        super().__init__(maps, painted, **kwargs)
        self.encoder = build_encoder(width, style_dim, channels) if style_dim else None
        # A function: as a model, its weights would be saved under the names of this and not the generator's.
        self._paint = keras.Model([maps, style], painted, name="paint").__call__ if style_dim else None

        # === Config ===
        self.labels = labels
        self.channels = channels
        self.input_channels = input_channels
        self.width = width
        self.doublings = doublings
        self.multiple = 1 << doublings
        self.hidden = hidden
        self.norm = norm
        self.style_dim = style_dim
        self.start = start

    def encode(self, photographs):
        """Returns mean and logarithm of the variance of the styles of photographs, float32 [batch, style_dim] each."""
        return self.encoder(photographs)

    def paint(self, maps, style, training=False):
        """Paints label maps as the call does, in styles.

        Args:
            maps: as of the call.
            style: float [batch, style_dim], such as the first of `encode`, or normally distributed.
            training: as of Keras's calls.
        """
        return self._paint([maps, style], training=training)

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
            "style_dim": self.style_dim,
            "start": self.start,
            "name": self.name,
        }


def build_encoder(width, style_dim, channels=3):
    """Builds the code's `ConvEncoder`: from photographs to the distribution of their style.

    Six 3x3 convolutions of stride 2 with spectral and instance norms, LeakyReLU 0.2; two dense layers. At 256 pixels whatever the
    photograph has (code: below 256 one halving fewer, behind which its dense layers do not fit).

    Args:
        width: channels of the first convolution, eight times as many at the end.
        style_dim: length of a style.
        channels: of the photographs. Default 3.

    Returns:
        A `keras.Model`: photographs float [batch, h, w, channels] in [-1, 1] -> two float32 [batch, style_dim], the mean and the
        logarithm of the variance.
    """
    photographs = keras.Input((None, None, channels), name="photographs")
    x = layers.Resizing(256, 256, interpolation="bilinear", name="resized")(photographs)
    for index in range(6):
        x = _halving(width * min(8, 1 << index), f"half_{index}")(x)
        x = InstanceNormalization(name=f"half_{index}_norm")(x)
        x = layers.LeakyReLU(negative_slope=0.2, name=f"half_{index}_relu")(x)
    x = layers.Flatten(name="flat")(x)
    dense = (
        layers.Dense(style_dim, kernel_initializer=initializer("xavier"), dtype="float32", name=name)
        for name in ("mean", "log_variance")
    )
    return keras.Model(photographs, [layer(x) for layer in dense], name="encoder")


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
    return Conv2D(filters, size, padding="same", kernel_initializer=initializer("xavier"), name=name, **kwargs)


def _spectral(filters, size, name, **kwargs):
    return SpectralNormalization(_convolve(filters, size, f"{name}_plain", **kwargs), name=name)


def _halving(filters, name):
    """A 3x3 convolution of stride 2 behind a border of one zero pixel, as PyTorch's."""
    layer = PaddedConv2D(
        filters, 3, 2, pad=1, use_bias=False, kernel_initializer=initializer("xavier"), name=f"{name}_plain"
    )
    return SpectralNormalization(layer, name=name)
