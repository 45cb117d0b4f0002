"""The transform network of fast style transfer, whose instance norms a style drives."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.conditional_instance_normalization import ConditionalInstanceNormalization
from keras_gans.layers.padding import ReflectionPadding2D


def build_transfer(style_dim, channels=3, width=32, blocks=5, kernel_size=9, separable=False, style_vector=False):
    """Builds the network of Johnson et al. 2016 as Dumoulin et al. 2017 have it: c32, d64, d128, 5 R128, u64, u32, c3.

    Every convolution is padded by reflection; nearest-neighbour upsampling before a convolution takes the place of
    transposed ones ("avoids checkerboard patterning"); each convolution is followed by a conditional instance norm, the
    last one too (`magenta/models/image_stylization/model.py`). tanh at the end is that code's sigmoid for [-1, 1].

    Args:
        style_dim: length of the style.
        channels: of the images. Default 3.
        width: channels at full size; four times as many in the blocks. Default 32. Or five numbers: channels at full, half and
            quarter size on the way in, at half and full size on the way out.
        blocks: residual blocks. Default 5.
        kernel_size: of the first and the last convolution. Default 9.
        separable: depthwise 3x3 and pointwise convolutions in the blocks and where the picture grows. Default False.
        style_vector: the style is a vector, of which scales and offsets are affine, and the three convolutions that
            shrink the picture have batch norm, which folds into them and is no style (Ghiasi et al. 2017,
            `magenta/models/arbitrary_image_stylization/nza_model.py`). Default False: the style is a set of weights.

    Returns:
        keras.Model: [images float [batch, h, w, channels] in [-1, 1], style float [batch, style_dim]] -> float32
        [batch, h, w, channels] in [-1, 1]. h and w are multiples of 4 and at least `2 * kernel_size`.
    """
    full, half, inner, half_again, full_again = (
        (width, 2 * width, 4 * width, 2 * width, width) if isinstance(width, int) else width
    )
    images = keras.Input((None, None, channels), name="images")
    style = keras.Input((style_dim,), name="style")

    def convolve(x, filters, kernel, name, strides=1, separable=False):
        x = ReflectionPadding2D(kernel // 2, name=f"{name}_pad")(x)
        make = layers.SeparableConv2D if separable else layers.Conv2D
        return make(filters, kernel, strides, use_bias=False, name=f"{name}_conv")(x)

    def stylize(x, name):
        return ConditionalInstanceNormalization(use_bias=style_vector, name=f"{name}_norm")(x, style)

    def shrink(x, filters, kernel, name, strides=1):
        x = convolve(x, filters, kernel, name, strides)
        x = BatchNorm(name=f"{name}_norm")(x) if style_vector else stylize(x, name)
        return layers.ReLU(name=f"{name}_relu")(x)

    x = shrink(images, full, kernel_size, "first")  # [batch, h, w, width]
    x = shrink(x, half, 3, "down_2", 2)
    x = shrink(x, inner, 3, "down_4", 2)  # [batch, h / 4, w / 4, 4 width]
    for number in range(1, blocks + 1):
        y = stylize(convolve(x, inner, 3, f"block{number}_1", separable=separable), f"block{number}_1")
        y = layers.ReLU(name=f"block{number}_relu")(y)
        y = stylize(convolve(y, inner, 3, f"block{number}_2", separable=separable), f"block{number}_2")
        x = layers.Add(name=f"block{number}")([x, y])
    for filters, name in ((half_again, "up_2"), (full_again, "up_1")):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_nearest")(x)
        x = stylize(convolve(x, filters, 3, name, separable=separable), name)
        x = layers.ReLU(name=f"{name}_relu")(x)
    x = stylize(convolve(x, channels, kernel_size, "last"), "last")
    return keras.Model([images, style], layers.Activation("tanh", dtype="float32", name="image")(x), name="transfer")
