"""The U-Net of pix2pix (Isola et al. 2017), after `UnetGenerator` of `junyanz/pytorch-CycleGAN-and-pix2pix`."""

import keras
from keras import layers

from keras_gans.layers.convolution import Conv2D, Conv2DTranspose
from keras_gans.layers.dropout import Dropout
from keras_gans.networks.translator import Translator, initializer, normalization
from keras_gans.registry import GENERATORS


def _halvings(size):
    """Returns how often `size` can be halved."""
    return (size & -size).bit_length() - 1


def _resize(convolution, filters, biased, name):
    """A 4x4 convolution, or transposed convolution, with stride 2."""
    return convolution(filters, 4, 2, "same", use_bias=biased, kernel_initializer=initializer("normal"), name=name)


@GENERATORS.register("unet")
@keras.saving.register_keras_serializable("keras_gans")
class UNet(Translator):
    """Halves the picture `depth` times and doubles it again, with skips between maps of one size; tanh at the end.

    All convolutions are 4x4 with stride 2. As in the original, whose LeakyReLU works in place, a skip carries what the
    next convolution sees: values after LeakyReLU 0.2. The outermost and the innermost convolution down have no norm.
    The original keeps dropout on and takes the batch's own statistics at test time too: call with `training=True`.

    Args:
        image_size: side of the training images in pixels; used for `depth` only. Default 256.
        channels: of the output. Default 3.
        input_channels: of the input. Default 3.
        width: channels of the outermost maps, doubled inwards up to eight times as many. Default 64.
        depth: how often the picture is halved, at least 2. Default: as often as `image_size` can be (256: 8, 128: 7).
        norm: "batch" (default), "affine_instance" or "instance", see `translator.normalization`.
        dropout: rate in the blocks with the most channels on the way up, without the innermost. Default 0.5.

    Call:
        images float [batch, h, w, input_channels] in [-1, 1], h and w multiples of 2**depth
        -> float32 [batch, h, w, channels] in [-1, 1].

    Raises:
        ValueError: depth below 2, an image size that cannot be halved twice, or an unknown norm.
        UserError: called with sides that are no multiples of 2**depth.
    """

    def __init__(
        self, image_size=256, channels=3, input_channels=3, width=64, depth=None, norm="batch", dropout=0.5, **kwargs
    ):
        levels = _halvings(image_size) if depth is None else depth
        if levels < 2:
            raise ValueError(f"image_size must be a multiple of 4 and depth at least 2, not {image_size} and {depth}")
        filters = [width * min(1 << level, 8) for level in range(levels)]
        innermost = levels - 1
        biased = norm == "instance"

        # === Functional Model ===
        images = keras.Input((None, None, input_channels), name="images")
        x = _resize(Conv2D, filters[0], biased, "down_0")(images)
        skips = []
        for level in range(1, levels):
            x = layers.LeakyReLU(negative_slope=0.2, name=f"down_relu_{level}")(x)
            skips.append(x)
            x = _resize(Conv2D, filters[level], biased, f"down_{level}")(x)  # [batch, h / 2^(level + 1), ..]
            if level < innermost:
                x = normalization(norm, f"down_norm_{level}")(x)
        for level in range(innermost, 0, -1):
            x = layers.ReLU(name=f"up_relu_{level}")(x)
            x = _resize(Conv2DTranspose, filters[level - 1], biased, f"up_{level}")(x)  # [batch, h / 2^level, ..]
            x = normalization(norm, f"up_norm_{level}")(x)
            if 4 <= level < innermost:
                x = Dropout(dropout, name=f"dropout_{level}")(x)
            x = layers.Concatenate(name=f"skip_{level}")([skips.pop(), x])  # [batch, h / 2^level, .., 2 filters]
        x = layers.ReLU(name="up_relu_0")(x)
        x = _resize(Conv2DTranspose, channels, True, "up_0")(x)
        output = layers.Activation("tanh", dtype="float32", name="output")(x)
        super().__init__(images, output, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.input_channels = input_channels
        self.width = width
        self.depth = depth
        self.norm = norm
        self.dropout = dropout
        self.multiple = 1 << levels

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "input_channels": self.input_channels,
            "width": self.width,
            "depth": self.depth,
            "norm": self.norm,
            "dropout": self.dropout,
            "name": self.name,
        }
