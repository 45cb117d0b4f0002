"""AnimeGANv2's generator, after `net/generator.py` and `net/generator_lite.py` of `TachibanaYoshino/AnimeGANv2`."""

import keras
from keras import layers

from keras_gans.layers.bilinear_upsample import BilinearUpsample
from keras_gans.layers.image_layer_normalization import ImageLayerNormalization
from keras_gans.layers.padding import PaddedConv2D, ReflectionPadding2D
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS


@GENERATORS.register("animegan")
@keras.saving.register_keras_serializable("keras_gans")
class AnimeGANGenerator(Translator):
    """Quarters the picture, passes it through inverted residual blocks, and restores its size; tanh at the end.

    Convolutions without biases between reflections, each with a layer norm over the whole image and LeakyReLU 0.2; bilinear
    enlargement. 2,143,552 weights, 2.13 million of them of convolutions.

    Args:
        channels: of the output. Default 3.
        input_channels: of the input. Default 3.
        width: channels at full size; inside up to 16 times as many. Default 32, as published; phones want fewer.
        lite: the small one of `generator_lite.py`: an eighth of the size inside, bottlenecks of plain convolutions, and
            skips between maps of one size, which are added. Default False.

    Call:
        images float [batch, h, w, input_channels] in [-1, 1], h and w multiples of 4 (lite: 8), at least 16
        -> float32 [batch, h, w, channels] in [-1, 1].

    Raises:
        ValueError: a width below 1.
        UserError: called with other sides.
    """

    def __init__(self, channels=3, input_channels=3, width=32, lite=False, **kwargs):
        if width < 1:
            raise ValueError(f"width should be 1 or more, not {width}")

        # === Functional Model ===
        images = keras.Input((None, None, input_channels), name="images")
        x = (_lite if lite else _full)(images, width)
        x = _convolve(x, channels, 1, "to_image")
        super().__init__(images, layers.Activation("tanh", dtype="float32", name="tanh")(x), **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = input_channels
        self.width = width
        self.lite = lite
        self.multiple = 8 if lite else 4

    def get_config(self):
        return {
            "channels": self.channels,
            "input_channels": self.input_channels,
            "width": self.width,
            "lite": self.lite,
            "name": self.name,
        }


def _full(x, w):
    x = _unit(x, w, 7, "full_0")  # [batch, h, w, w]
    x = _unit(x, 2 * w, 3, "half_0", 2)  # [batch, h / 2, w / 2, 2 w]
    x = _unit(x, 2 * w, 3, "half_1")
    x = _unit(x, 4 * w, 3, "quarter_0", 2)  # [batch, h / 4, w / 4, 4 w]
    x = _unit(x, 4 * w, 3, "quarter_1")
    x = _unit(x, 4 * w, 3, "quarter_2")
    for index in range(4):
        x = _inverted_residual(x, 8 * w, f"block_{index}")
    x = _unit(x, 4 * w, 3, "quarter_3")
    x = _unit(BilinearUpsample(name="up_half")(x), 4 * w, 3, "half_2")
    x = _unit(x, 4 * w, 3, "half_3")
    x = _unit(BilinearUpsample(name="up_full")(x), 2 * w, 3, "full_1")
    x = _unit(x, 2 * w, 3, "full_2")
    return _unit(x, w, 7, "full_3")


def _lite(x, w):
    x = full = _unit(x, w, 7, "full_0")
    x = _unit(x, w, 3, "half_0", 2)
    x = half = _unit(x, 2 * w, 3, "half_1")
    x = _unit(x, 2 * w, 3, "quarter_0", 2)
    x = quarter = _unit(x, 4 * w, 3, "quarter_1")
    x = _unit(x, 2 * w, 3, "eighth_0", 2)
    x = _unit(x, 4 * w, 3, "eighth_1")
    for index in range(4):
        y = _unit(x, w, 1, f"block_{index}_0")
        y = _unit(y, w, 3, f"block_{index}_1")
        x = layers.Add(name=f"block_{index}")([x, _convolve(y, 4 * w, 1, f"block_{index}_2")])
    for skip, size, filters, kernel_size in ((quarter, "quarter", 2, 3), (half, "half", 1, 3), (full, "full", 1, 7)):
        x = _unit(BilinearUpsample(name=f"up_{size}")(x), skip.shape[-1], 3, f"{size}_2")
        x = _unit(layers.Add(name=f"skip_{size}")([x, skip]), filters * w, kernel_size, f"{size}_3")
    return x


def _inverted_residual(x, filters, name):
    """1x1 to twice the channels, 3x3 each by itself, 1x1 to `filters`, not activated; plus `x` where it has as many."""
    y = _unit(x, 2 * x.shape[-1], 1, f"{name}_expand")
    y = ReflectionPadding2D(1, name=f"{name}_depthwise_pad")(y)
    y = layers.DepthwiseConv2D(3, depthwise_initializer="he_normal", name=f"{name}_depthwise")(y)
    y = _activated(_normalized(y, f"{name}_depthwise"), f"{name}_depthwise")
    y = _normalized(_convolve(y, filters, 1, f"{name}_project"), f"{name}_project")
    return layers.Add(name=name)([x, y]) if x.shape[-1] == filters else y


def _unit(x, filters, kernel_size, name, strides=1):
    return _activated(_normalized(_convolve(x, filters, kernel_size, name, strides), name), name)


def _convolve(x, filters, kernel_size, name, strides=1):
    """A convolution of an image that is reflected on all sides; with a stride of 2, below and on the right alone."""
    if kernel_size > 1:
        x = ReflectionPadding2D((0, 1) if strides == 2 else kernel_size // 2, name=f"{name}_pad")(x)
    return PaddedConv2D(
        filters, kernel_size, strides, pad=0, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)


def _normalized(x, name):
    return ImageLayerNormalization(name=f"{name}_norm")(x)


def _activated(x, name):
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu")(x)
