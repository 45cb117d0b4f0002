"""R3GAN (Huang et al. 2024): residual networks without any normalization, after brownvc/R3GAN `Networks.py`."""

import math

import keras
from keras import layers, ops

from keras_gans import kernels
from keras_gans.kernels import resample
from keras_gans.registry import DISCRIMINATORS, GENERATORS

_BASE = 4  # pixels: where the generator starts and the discriminator ends
_SLOPE = 0.2
_GAIN = math.sqrt(2 / (1 + _SLOPE**2))  # keeps the variance through LeakyReLU
_EXPANSION = 2  # of the channels inside a block


def _widths(image_size, width):
    """Returns the channels at 4, 8, 16, ... pixels: `width` up to 32, half as many at each doubling beyond.

    Raises:
        ValueError: not 4 times a power of two, or less than 8.
    """
    stages = (image_size // _BASE).bit_length()
    if image_size != _BASE << (stages - 1) or stages < 2:
        raise ValueError(f"image_size must be 4 times a power of two (8, 16, 32, 64, ...), not {image_size}")
    return [width // max(1, (_BASE << stage) // 32) for stage in range(stages)]


def _scaled(gain):
    """N(0, gain^2 / fan_in), the authors' `MSRInitializer`."""
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal") if gain else "zeros"


class GroupedConv2D(layers.Conv2D):
    """A `Conv2D` with groups, by `keras_gans.kernels`."""

    def convolution_op(self, inputs, kernel):
        inputs, kernel = (ops.convert_to_tensor(value, self.compute_dtype) for value in (inputs, kernel))
        return kernels.convolve(inputs, kernel, self.strides, self.padding.upper())


class Basis(layers.Layer):
    """Scales the channels of a learned 4x4 image.

    Call:
        scales float [batch, channels] -> [batch, 4, 4, channels].
    """

    def build(self, input_shape):
        self.basis = self.add_weight(
            shape=(_BASE, _BASE, input_shape[-1]), name="basis", initializer=keras.initializers.RandomNormal(0.0, 1.0)
        )

    def call(self, inputs):
        return inputs[:, None, None, :] * self.basis


class Resample(layers.Layer):
    """Doubles or halves an image with the filter [1, 3, 3, 1] (the authors' [1, 2, 1] over [1, 1]), zeros outside.

    Args:
        up: whether to double.

    Call:
        [batch, h, w, channels] -> [batch, 2h, 2w, channels] or [batch, h/2, w/2, channels].
    """

    def __init__(self, up, **kwargs):
        super().__init__(**kwargs)
        self.up = up

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height * 2, width * 2, channels) if self.up else (batch, height // 2, width // 2, channels)

    def call(self, inputs):
        return resample.upsample(inputs) if self.up else resample.downsample(inputs)


def _linear(channels, name):
    """A 1x1 convolution without bias."""
    return layers.Conv2D(channels, 1, use_bias=False, kernel_initializer=_scaled(1), name=name)


def _block(x, gain, group_size, name):
    """x + a bottleneck turned inside out: 1x1 to twice the channels, grouped 3x3, 1x1 back, which starts at zero."""
    channels = x.shape[-1]
    inner = channels * _EXPANSION
    if inner % group_size:
        raise ValueError(f"width: {inner} channels inside a block are no multiple of group_size {group_size}")
    y = layers.Conv2D(inner, 1, kernel_initializer=_scaled(gain), name=f"{name}_expand")(x)
    y = layers.LeakyReLU(negative_slope=_SLOPE)(y)
    y = GroupedConv2D(
        inner, 3, padding="same", groups=inner // group_size, kernel_initializer=_scaled(gain), name=f"{name}_grouped"
    )(y)
    y = layers.LeakyReLU(negative_slope=_SLOPE)(y)
    y = layers.Conv2D(channels, 1, use_bias=False, kernel_initializer="zeros", name=f"{name}_reduce")(y)
    return layers.Add()([x, y])


def _block_gain(stages, blocks):
    """The gain of a block's first two convolutions: L^(-1/4) of the usual for L blocks in all (Fixup)."""
    return _GAIN * (stages * blocks) ** -0.25


@GENERATORS.register("r3gan")
@keras.saving.register_keras_serializable("keras_gans")
class R3GANGenerator(keras.Model):
    """A learned 4x4 image scaled by the latent, then inverted-bottleneck blocks at each resolution; linear output.

    The defaults are the authors' networks for CIFAR-10 (at 32 pixels) and FFHQ-64 (at 64).

    Args:
        image_size: height and width in pixels, 4 times a power of two, at least 8. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 64.
        num_classes: conditional on labels when more than 0: their embedding joins the latent. Default 0.
        width: channels up to 32 pixels; half as many at each doubling beyond. Default 768.
        blocks: per resolution. Default 2.
        group_size: channels per group of the 3x3 convolutions, inside the block. Default 16.

    Call:
        latent float [batch, latent_dim] or [latent, label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels]; pixels beyond [-1, 1] are clipped where files are written.

    Raises:
        ValueError: an image size that it cannot make, or a width that the groups do not divide.
    """

    def __init__(
        self, image_size=32, channels=1, latent_dim=64, num_classes=0, width=768, blocks=2, group_size=16, **kwargs
    ):
        widths = _widths(image_size, width)
        gain = _block_gain(len(widths), blocks)

        # === Functional Model ===
        inputs = x = keras.Input((latent_dim,), name="latent")
        if num_classes:
            label = keras.Input((), dtype="int32", name="label")
            inputs = [x, label]
            embedding = _embedding(num_classes, latent_dim, 1, "embedding")(label)
            x = layers.Concatenate()([x, embedding])
        x = layers.Dense(widths[0], use_bias=False, kernel_initializer=_scaled(1), name="project")(x)
        x = Basis(name="basis")(x)  # [batch, 4, 4, widths[0]]
        for stage, filters in enumerate(widths):
            size = _BASE << stage
            if stage > 0:
                if filters != x.shape[-1]:
                    x = _linear(filters, f"narrow_{size}")(x)
                x = Resample(up=True, name=f"up_{size}")(x)
            for index in range(blocks):
                x = _block(x, gain, group_size, f"block_{size}_{index}")
        x = _linear(channels, "to_image")(x)
        image = layers.Activation("linear", dtype="float32", name="image")(x)
        super().__init__(inputs, image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.width = width
        self.blocks = blocks
        self.group_size = group_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "width": self.width,
            "blocks": self.blocks,
            "group_size": self.group_size,
            "name": self.name,
        }


def _embedding(num_classes, width, gain, name):
    """The authors' bias-free linear map of the one-hot label."""
    initializer = keras.initializers.RandomNormal(0.0, gain / math.sqrt(num_classes))
    return layers.Embedding(num_classes, width, embeddings_initializer=initializer, name=name)


@DISCRIMINATORS.register("r3gan")
@keras.saving.register_keras_serializable("keras_gans")
class R3GANDiscriminator(keras.Model):
    """The generator mirrored: blocks, then halving, down to 4x4, which one weight per pixel and channel sums up.

    Args:
        image_size: height and width in pixels, 4 times a power of two, at least 8. Default 32.
        channels: of the image. Default 1.
        num_classes: conditional on labels when more than 0, by the inner product with their embedding. Default 0.
        width: channels up to 32 pixels; half as many at each doubling beyond. Default 768.
        blocks: per resolution. Default 2.
        group_size: channels per group of the 3x3 convolutions, inside the block. Default 16.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] or [image, label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: an image size that it cannot take, or a width that the groups do not divide.
    """

    def __init__(self, image_size=32, channels=1, num_classes=0, width=768, blocks=2, group_size=16, **kwargs):
        widths = _widths(image_size, width)
        gain = _block_gain(len(widths), blocks)

        # === Functional Model ===
        inputs = image = keras.Input((image_size, image_size, channels), name="image")
        x = _linear(widths[-1], "from_image")(image)  # [batch, image_size, image_size, widths[-1]]
        for stage in reversed(range(len(widths))):
            size = _BASE << stage
            for index in range(blocks):
                x = _block(x, gain, group_size, f"block_{size}_{index}")
            if stage > 0:
                x = Resample(up=False, name=f"down_{size // 2}")(x)
                if widths[stage - 1] != x.shape[-1]:
                    x = _linear(widths[stage - 1], f"widen_{size // 2}")(x)
        x = layers.DepthwiseConv2D(
            _BASE, use_bias=False, name="basis", depthwise_initializer=keras.initializers.RandomNormal(0.0, 1 / _BASE)
        )(x)
        x = layers.Flatten()(x)  # [batch, widths[0]]
        score = layers.Dense(
            widths[0] if num_classes else 1, use_bias=False, kernel_initializer=_scaled(1), dtype="float32", name="score"
        )(x)
        if num_classes:
            label = keras.Input((), dtype="int32", name="label")
            inputs = [image, label]
            embedding = _embedding(num_classes, widths[0], 1 / math.sqrt(widths[0]), "embedding")(label)
            score = layers.Dot(axes=1, dtype="float32", name="inner_product")([score, embedding])
        super().__init__(inputs, score, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width
        self.blocks = blocks
        self.group_size = group_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "blocks": self.blocks,
            "group_size": self.group_size,
            "name": self.name,
        }
