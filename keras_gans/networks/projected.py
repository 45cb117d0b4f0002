"""Projected GAN's discriminator (Sauer et al. 2021): small networks on random projections of pretrained features."""

import math

import keras
from keras import layers, ops

from keras_gans.features.efficientnet_lite import build_efficientnet_lite0
from keras_gans.features.perceptual import Taps, create_perceptual
from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.fastgan import torch_bias, torch_dense, torch_embedding, torch_uniform
from keras_gans.registry import DISCRIMINATORS

NETWORK = "efficientnet_lite0"
STAGES = ("block2", "block4", "block10", "block15")  # at 1/4, 1/8, 1/16 and 1/32 of the size
FEATURE_SIZE = 224  # pixels, of the published networks
_SMALLEST = 64  # pixels: below, the deepest map has less than the 4x4 pixels that a head looks at
_SLOPE = 0.2
_EMBEDDED, _MATCHED = 128, 64  # numbers of a class's vector, and those that it is matched with a window in


@keras.saving.register_keras_serializable("keras_gans")
class AlignedResize(layers.Layer):
    """Bilinear resizing that keeps the centres of the corner pixels where they are (PyTorch's `align_corners=True`).

    Args:
        size: height and width of the output in pixels, 2 or more.

    Call:
        [batch, h, h, channels] -> [batch, size, size, channels].
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def call(self, inputs):
        weights = ops.cast(self._weights(inputs.shape[1]), inputs.dtype)
        return ops.einsum("ih,jw,bhwc->bijc", weights, weights, inputs)

    def _weights(self, side):
        """Returns what each pixel of the output takes of each of the input along one axis, [size, side]."""
        places = ops.linspace(0.0, side - 1.0, self.size)[:, None]
        return ops.relu(1 - ops.abs(places - ops.arange(side, dtype="float32")))

    def get_config(self):
        return super().get_config() | {"size": self.size}


def _features(pretrained):
    """Returns the frozen EfficientNet-Lite0: images [n, h, w, 3] in [-1, 1] -> a list of the maps of `STAGES`."""
    images, known, *_ = build_efficientnet_lite0()
    network = Taps(images, [known[stage] for stage in STAGES], name="features")
    if pretrained:
        network.set_weights(create_perceptual(NETWORK).taps(STAGES).get_weights())
    return network


def _mix(x, filters, name):
    """A random 1x1 convolution that stays as it was drawn."""
    return layers.Conv2D(
        filters,
        1,
        kernel_initializer=torch_uniform(),
        bias_initializer=torch_bias(x.shape[-1]),
        trainable=False,
        name=name,
    )(x)


def _project(maps, width):
    """Mixes channels, then scales from the deepest map on: each times 2 in size, added to the next.

    Returns:
        Maps at twice the size of `maps`, with 1, 1, 2 and 4 times `width` channels.
    """
    mixed = [_mix(x, width << scale, f"mix_channels{scale}") for scale, x in enumerate(maps)]
    sizes = [2 * maps[0].shape[1], *(x.shape[1] for x in maps[:-1])]  # twice their own where those can be halved
    projected, x = [], None
    for scale in reversed(range(len(maps))):
        x = mixed[scale] if x is None else x + mixed[scale]
        x = AlignedResize(sizes[scale], name=f"up{scale}")(x)
        x = _mix(x, width << max(scale - 1, 0), f"mix_scales{scale}")
        projected.insert(0, x)
    return projected


def _convolve(x, filters, stride, name, use_bias=True):
    """A 4x4 convolution with spectral normalization, padded by one pixel if it halves."""
    if stride == 2:
        x = layers.ZeroPadding2D(1)(x)
    convolution = layers.Conv2D(
        filters,
        4,
        stride,
        use_bias=use_bias,
        kernel_initializer=torch_uniform(),
        bias_initializer=torch_bias(16 * x.shape[-1]),
        name=f"{name}_inner",
    )
    return SpectralNormalization(convolution, name=name)(x)


def _separate(x, filters, name):
    """A 3x3 convolution of each channel, then a 1x1 one of all, both with spectral normalization."""
    shared = {"use_bias": False, "padding": "same"}
    # PyTorch counts the one input of each channel.
    each = layers.DepthwiseConv2D(
        3, depthwise_initializer=keras.initializers.RandomUniform(-1 / 3, 1 / 3), name=f"{name}_each_inner", **shared
    )
    x = SpectralNormalization(each, name=f"{name}_each")(x)
    convolution = layers.Conv2D(filters, 1, kernel_initializer=torch_uniform(), name=f"{name}_inner", **shared)
    return SpectralNormalization(convolution, name=name)(x)


def _matched(x, label, num_classes, name):
    """Each window's numbers times those that a label stands for, summed: [batch, h, w, 64] -> [batch, h, w, 1]."""
    vector = torch_embedding(num_classes, _EMBEDDED, f"{name}_embedding")(label)
    vector = layers.LeakyReLU(negative_slope=_SLOPE)(torch_dense(_MATCHED, _EMBEDDED, f"{name}_class")(vector))
    return ops.sum(x * vector[:, None, None], axis=-1, keepdims=True) * _MATCHED**-0.5


def _head(x, filters, name, separable, label, num_classes):
    """Halves `x` once for each of `filters`, then looks at windows of 4x4: logits [batch, windows]."""
    for index, count in enumerate(filters):
        down = f"{name}_down{index}"
        x = _separate(x, count, down) if separable else _convolve(x, count, 2, down)
        x = BatchNorm(gamma_initializer="ones", name=f"{name}_norm{index}")(x)
        x = layers.LeakyReLU(negative_slope=_SLOPE)(x)
        x = layers.AveragePooling2D(2)(x) if separable else x
    x = _convolve(x, _MATCHED if num_classes else 1, 1, f"{name}_logits", use_bias=False)
    return layers.Flatten()(_matched(x, label, num_classes, name) if num_classes else x)


@DISCRIMINATORS.register("projected")
@keras.saving.register_keras_serializable("keras_gans")
class ProjectedDiscriminator(keras.Model):
    """Four heads on randomly mixed features of a frozen EfficientNet-Lite0.

    As `autonomousvision/projected-gan` (`pg_modules/projector.py`, `discriminator.py`; the paper's table has Lite1). The
    mixing is drawn with the other weights, saved with them and never trained. Its augmentation is the game's:
    `--augment=diffaugment`. The weights are a package's (extra `efficientnet`), not timm's port.

    Args:
        image_size: height and width in pixels, 8 or more. Default 256.
        channels: of the image; one is shown as three. Default 3.
        width: channels of the first map; the heads grow to 8 times as many. Default 64.
        feature_size: smaller images are resized to this many pixels, at least 64, bilinearly; larger ones stay. Less is
            faster: below 224 the heads have fewer layers, as that code's for images of 128. Default 224.
        separable: convolutions of each channel and then of all, with pooling, in place of 4x4 ones that halve: fewer
            weights; that code has them with StyleGAN2's generator. Default False.
        num_classes: 0 for a discriminator without classes; else each head projects on the class (there:
            `SingleDiscCond`, after Miyato & Koyama 2018). Default 0.
        pretrained: whether to load the features' weights; False where others are loaded afterwards.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, windows], of all heads
        (64 of them at 224 pixels, 16 a head); the loss is the mean over them. With classes [image, label int32 [batch]].

    Attributes:
        trained_on: of the class, the name of the feature extractor whose scores are biased for its generator.

    Raises:
        ValueError: a size out of range, or channels other than 1 or 3.
        UserError: the weights are missing.
    """

    trained_on = NETWORK

    def __init__(
        self,
        image_size=256,
        channels=3,
        width=64,
        feature_size=FEATURE_SIZE,
        separable=False,
        num_classes=0,
        pretrained=True,
        **kwargs,
    ):
        if image_size < 8:
            raise ValueError(f"image_size must be 8 or more, not {image_size}")
        if channels not in (1, 3):
            raise ValueError(f"projected takes images of 1 or 3 channels, not {channels}")
        if feature_size < _SMALLEST:
            raise ValueError(f"feature_size must be {_SMALLEST} or more, not {feature_size}")

        # === Functional Model ===
        image = x = keras.Input((image_size, image_size, channels), name="image")
        label = keras.Input((), dtype="int32", name="label") if num_classes else None
        size = max(image_size, feature_size)
        if channels == 1:
            x = layers.Concatenate()([x, x, x])
        if size > image_size:
            x = layers.Resizing(size, size, interpolation="bilinear")(x)
        maps = _project(_features(pretrained)(x), width)
        fewer = max(0, math.ceil(math.log2(FEATURE_SIZE / size)))
        logits = []
        for scale, x in enumerate(maps):
            filters = (width, 2 * width, 4 * width, 8 * width)[scale + fewer :]  # at 64, 32, 16 and 8 pixels of 256
            logits.append(_head(x, filters, f"head{scale}", separable, label, num_classes))
        score = layers.Concatenate(dtype="float32", name="logits")(logits)
        super().__init__([image, label] if num_classes else image, score, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self.feature_size = feature_size
        self.separable = separable
        self.num_classes = num_classes

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "feature_size": self.feature_size,
            "separable": self.separable,
            "num_classes": self.num_classes,
            "pretrained": False,
            "name": self.name,
        }
