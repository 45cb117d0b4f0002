"""Any style by adaptive instance normalization (Huang & Belongie 2017)."""

import keras
import numpy as np
from keras import layers

from keras_gans.features.efficientnet_lite import build_efficientnet_lite0
from keras_gans.features.perceptual import Taps, create_perceptual
from keras_gans.features.vgg import DEPTHS
from keras_gans.layers.adaptive_instance_normalization import AdaptiveInstanceNormalization, style_statistics
from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.padding import ReflectionPadding2D
from keras_gans.networks.style_network import StyleNetwork, connect
from keras_gans.registry import GENERATORS, parse_spec

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
WIDTHS = (64, 128, 256, 512)
QUICK, QUICK_LAYERS = "efficientnet_lite0", ("stem", "expand1", "expand3", "expand5")  # at 1/2, 1/2, 1/4 and 1/8


@GENERATORS.register("adain")
@keras.saving.register_keras_serializable("keras_gans")
class AdaIN(StyleNetwork):
    """A frozen VGG up to a layer, its features with the style's statistics, and a decoder that mirrors it.

    Huang & Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", layer by layer
    as `xunhuang1995/AdaIN-style` (`train.lua`): both halves pad by reflection; the decoder upsamples by nearest
    neighbour and has neither norms nor an activation at its end. A 1x1 convolution before the encoder holds the VGG's
    preprocessing, as in that code's `vgg_normalised`.

    Args:
        channels: 3.
        encoder: spec of a VGG, see `keras_gans.features`: vgg19 (the paper's; its weights must be had), vgg16
            or vgg16-hed; or efficientnet_lite0, which knows colours where an ImageNet VGG cannot be had.
        layer: whose features take the style's statistics: relu4_1 (default, the paper's), relu3_1 or relu2_1; of
            efficientnet_lite0 expand5 (default), expand3 or expand1. A shallower one keeps more of the photograph and
            takes smaller textures of the style.
        width: channels of the decoder at full size. Default 64; less is faster.
        pretrained: whether to load the encoder's weights; False where others are loaded afterwards.

    Call:
        [pictures float [batch, h, w, 3], style images float [batch, h', w', 3]], both in [-1, 1] -> float32
        [batch, h, w, 3], about [-1, 1]; with relu4_1 or expand5, h and w multiples of 8, all sides at least 16
        (expand5: 24); half as much for each layer less.

    Attributes:
        encoder: `keras.Model`, images -> list of the features of `STYLE_LAYERS` or `QUICK_LAYERS` up to `layer`;
            frozen.
        decoder: `keras.Model`, features of `layer` -> image.

    Raises:
        ValueError: channels other than 3, another encoder, or another layer.
        UserError: called with other sides, or the encoder's weights are missing.
    """

    def __init__(self, channels=3, encoder="vgg19", layer=None, width=64, pretrained=True, **kwargs):
        if channels != 3:
            raise ValueError(f"adain takes RGB images, not {channels} channels; take --channels=3")
        name = parse_spec(encoder)[0]
        architecture = name.partition("-")[0]
        if architecture not in (*DEPTHS, QUICK):
            raise ValueError(f"encoder should be vgg19, vgg16, vgg16-hed or {QUICK}, not {encoder!r}")
        known = QUICK_LAYERS if architecture == QUICK else STYLE_LAYERS
        layer = layer or known[-1]
        if layer not in known[1:]:
            raise ValueError(f"layer should be {', '.join(known[1:-1])} or {known[-1]}, not {layer!r}")
        blocks = 1 + known.index(layer)

        # === Functional Model ===
        if architecture == QUICK:
            encoding, depths = build_quick_encoder(encoder, blocks, pretrained), DEPTHS["vgg16"]
        else:
            encoding, depths = build_encoder(DEPTHS[architecture], blocks), DEPTHS[architecture]
            if pretrained:
                load_encoder(encoding, encoder)
        decoding = build_decoder(depths, width, blocks, encoding.outputs[-1].shape[-1])
        images = keras.Input((None, None, 3), name="images")
        style = keras.Model(images, style_statistics(encoding(images)[-1]), name="style")
        images = keras.Input((None, None, 3), name="images")
        statistics = keras.Input(style.output_shape[1:], name="style")
        features = AdaptiveInstanceNormalization(name="adain")(encoding(images)[-1], statistics)
        transfer = keras.Model([images, statistics], decoding(features), name="transfer")
        super().__init__(*connect(style, transfer), **kwargs)
        self.style = style
        self.transfer = transfer
        self.multiple = transfer.multiple = 2 ** (blocks - 1)
        # At a layer two pixels, of which one can be padded by reflection; the kernel of 5 before expand5 needs three.
        self.smallest = 24 if layer == QUICK_LAYERS[-1] else 2**blocks
        self.encoder = encoding
        self.decoder = decoding

        # === Config ===
        self.encoder_spec = encoder
        self.layer = layer
        self.width = width

    def get_config(self):
        return {
            "encoder": self.encoder_spec,
            "layer": self.layer,
            "width": self.width,
            "pretrained": False,
            "name": self.name,
        }


def build_encoder(depths, blocks=4):
    """Builds a VGG up to the first convolution of a block, relu4_1 by default, with reflection padding.

    Args:
        depths: convolutions of each block, see `DEPTHS`.
        blocks: how many, 2 to 4.

    Returns:
        keras.Model: images float [batch, h, w, 3] in [-1, 1], sides of at least 2 ** blocks -> a list of features, at
        full size (64 channels), half (128), a quarter (256) and an eighth (512), of which `blocks` are there.
    """
    images = keras.Input((None, None, 3), name="images")
    x, outputs = layers.Conv2D(3, 1, name="preprocess")(images), []
    for block, width in enumerate(WIDTHS[:blocks], start=1):
        for number in range(1, (depths[block - 1] if block < blocks else 1) + 1):
            x = ReflectionPadding2D(1, name=f"pad{block}_{number}")(x)
            x = Conv2D(width, 3, name=f"conv{block}_{number}")(x)
            x = layers.ReLU(name=f"relu{block}_{number}")(x)
            if number == 1:
                outputs.append(x)
        if block < blocks:
            x = layers.MaxPooling2D(padding="same", name=f"pool{block}")(x)  # odd sides are rounded up
    encoder = keras.Model(images, outputs, name="encoder")
    encoder.trainable = False
    return encoder


def build_quick_encoder(spec, blocks, pretrained):
    """Builds EfficientNet-Lite0 up to a layer: images -> features of `QUICK_LAYERS`, of which `blocks` are there.

    It pads by reflection, as the other encoders do.
    """
    images, known, *_ = build_efficientnet_lite0(reflect=True)
    encoder = Taps(images, [known[layer] for layer in QUICK_LAYERS[:blocks]])
    if pretrained:
        source = create_perceptual(spec).taps(QUICK_LAYERS[:blocks])
        for layer in encoder.layers:
            if layer.weights:
                layer.set_weights(source.get_layer(layer.name).get_weights())
    return encoder


def build_decoder(depths, width, blocks, channels):
    """Builds the mirror of `build_encoder`; with four blocks: [batch, h, w, channels] -> images [batch, 8 h, 8 w, 3]."""
    features = x = keras.Input((None, None, channels), name="features")
    filters = (3, width, 2 * width, 4 * width)
    for block in range(blocks, 0, -1):
        depth = depths[block - 1] if block < blocks else 1
        if block < blocks:
            x = layers.UpSampling2D(2, interpolation="nearest", name=f"up{block}")(x)
        for number in range(depth, 0, -1):
            last = block == number == 1
            x = ReflectionPadding2D(1, name=f"pad{block}_{number}")(x)
            x = Conv2D(
                filters[block - 1] if number == 1 else filters[block],
                3,
                name=f"conv{block}_{number}",
                dtype="float32" if last else None,
            )(x)
            if not last:
                x = layers.ReLU(name=f"relu{block}_{number}")(x)
    return keras.Model(features, x, name="decoder")


def load_encoder(encoder, spec):
    """Gives `build_encoder`'s model the weights of the VGG that `spec` names, and normalises them."""
    convolutions = _convolutions(encoder)
    source = create_perceptual(spec).taps([convolutions[-1].name.replace("conv", "relu")])
    for layer in convolutions:
        layer.set_weights(source.get_layer(layer.name).get_weights())
    # The preprocessing is affine: what it makes of grey is its bias, and of the three primaries its kernel.
    preprocess = keras.Model(source.inputs[0], source.get_layer("conv1_1").input)
    # [4, 3], of grey, red, green and blue
    values = keras.ops.convert_to_numpy(preprocess(np.eye(4, 3, -1, dtype="float32")[:, None, None])).reshape(4, 3)
    encoder.get_layer("preprocess").set_weights([(values[1:] - values[0])[None, None], values[0]])
    normalize(encoder)


def normalize(encoder):
    """Scales each convolution so that its activations are 1 in the mean over natural noise; the network stays the same.

    The decoder's input and the losses then have the size that the paper's weights are made for. (`vgg_normalised` is
    scaled channel by channel on ImageNet; in a network fine-tuned to other ends some channels are never active.)
    """
    convolutions = _convolutions(encoder)
    activations = keras.Model(
        encoder.inputs[0], [encoder.get_layer(layer.name.replace("conv", "relu")).output for layer in convolutions]
    )
    before = 1.0
    for layer, features in zip(convolutions, activations(natural_noise(4, 64)), strict=True):
        mean = float(keras.ops.mean(keras.ops.cast(features, "float32")))  # NumPy sums bfloat16 in bfloat16
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * before / mean, bias / mean])
        before = mean


def natural_noise(count, size):
    """Returns noise with the spectrum of photographs, amplitudes as 1 / frequency: float32 [count, size, size, 3]."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None, None], np.fft.rfftfreq(size)[:, None])  # [size, size / 2 + 1, 1]
    frequency[0, 0] = np.inf
    white = np.random.default_rng(0).normal(size=(count, size, size, 3))  # [count, size, size, 3]
    noise = np.fft.irfft2(np.fft.rfft2(white, axes=(1, 2)) / frequency, axes=(1, 2))
    return np.clip(0.5 * noise / noise.std(), -1, 1).astype("float32")


def _convolutions(encoder):
    return [layer for layer in encoder.layers if layer.name.startswith("conv")]
