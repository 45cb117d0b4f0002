"""N styles in one fast network (Johnson et al. 2016; Dumoulin, Shlens, Kudlur 2017)."""

import keras

from keras_gans.networks.style_network import StyleNetwork
from keras_gans.networks.style_transfer import build_transfer
from keras_gans.registry import GENERATORS


def _widths(widths):
    """Returns the five numbers of a text."""
    numbers = widths.split("-")
    if len(numbers) != 5 or not all(number.isdecimal() and int(number) > 0 for number in numbers):
        raise ValueError(f"widths should be five numbers such as 32-32-32-8-4, not {widths}")
    return tuple(map(int, numbers))


@GENERATORS.register("multi_style")
@keras.saving.register_keras_serializable("keras_gans")
class MultiStyle(StyleNetwork):
    """A transform network that shares all convolutions between its styles; a style is its norms' scales and offsets.

    Dumoulin et al. 2017, "A Learned Representation for Artistic Style"; with one style, Johnson et al. 2016 with
    instance norm. See `build_transfer` for the layers.

    Args:
        num_styles: how many. Default 1.
        channels: of the images. Default 3.
        width: channels at full size, twice as many at half and four times as many at a quarter of it. Default 32; 8 to 16 for
            phones.
        widths: in its place five numbers, such as `32-32-32-8-4`: channels at full, half and quarter size on the way in, at
            half and full size on the way out.
        blocks: residual blocks. Default 5.
        kernel_size: of the first and the last convolution. Default 9; 3 for phones.
        separable: depthwise and pointwise convolutions. Default False; True for phones.

    Call:
        [pictures float [batch, h, w, channels] in [-1, 1], weights float [batch, num_styles] that sum to one]
        -> float32 [batch, h, w, channels] in [-1, 1]; h and w multiples of 4.

    Raises:
        ValueError: no style, or widths that are not five numbers.
        UserError: called with other sides.
    """

    def __init__(self, num_styles=1, channels=3, width=32, blocks=5, kernel_size=9, separable=False, widths="", **kwargs):
        if num_styles < 1:
            raise ValueError(f"num_styles should be 1 or more, not {num_styles}")

        # === Functional Model ===
        transfer = build_transfer(num_styles, channels, _widths(widths) if widths else width, blocks, kernel_size, separable)
        super().__init__(transfer.inputs, transfer.outputs[0], **kwargs)

        # === Config ===
        self.num_styles = num_styles
        self.channels = channels
        self.width = width
        self.blocks = blocks
        self.kernel_size = kernel_size
        self.separable = separable
        self.widths = widths

    def get_config(self):
        return {
            "num_styles": self.num_styles,
            "channels": self.channels,
            "width": self.width,
            "blocks": self.blocks,
            "kernel_size": self.kernel_size,
            "separable": self.separable,
            "widths": self.widths,
            "name": self.name,
        }
