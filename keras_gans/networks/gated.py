"""Free-form inpainting with gated convolutions (Yu et al. 2019, DeepFill v2)."""

import keras
from keras import layers

from keras_gans.layers.inpainting import GatedConv2D, KeepKnown, SmoothFill
from keras_gans.layers.pixel_shuffle import NearestUpsample
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS


@GENERATORS.register("gated")
@keras.saving.register_keras_serializable("keras_gans")
class GatedInpainter(Translator):
    """Fills the holes of a picture; its known pixels pass unchanged.

    The first stage of `JiahuiYu/generative_inpainting` (`inpaint_model.py`), a quarter of the size inside, with
    dilations of 2 to 16 that look across holes. The second stage, with contextual attention, is left out.

    Args:
        channels: of the picture. Default 3.
        input_channels: one more, for the mask. Default: channels + 1.
        width: channels after the gates at full size. Default 24 (the authors' 48, half of which are gates).
        smooth: whether the network sees the holes filled by `SmoothFill` and draws what is to be added to that, as
            networks for super-resolution may add to bicubic enlargement (Kim et al. 2016, VDSR): a fair answer already
            at the first step. The way up then sees the maps of the way down, as in U-Nets, since what is to be
            corrected is fine. Default False, as published.

    Call:
        float [batch, h, w, channels + 1], h and w multiples of 4 (of 16 if `smooth`): a picture in [-1, 1] whose missing
        pixels are of no account (0, say), and its mask, +1 where pixels are missing and -1 where they are known
        -> float32 [batch, h, w, channels] in [-1, 1]; if `smooth`, values beyond are clipped where files are written.

    Raises:
        ValueError: an input without a mask.
        UserError: called with sides that are no such multiples.
    """

    def __init__(self, channels=3, input_channels=None, width=24, smooth=False, **kwargs):
        if input_channels not in (None, channels + 1):
            raise ValueError(
                f"input_channels must be {channels + 1}, a picture of {channels} channels and its mask, not {input_channels}"
            )

        # === Functional Model ===
        images = x = keras.Input((None, None, channels + 1), name="images")
        if smooth:
            fill = SmoothFill(name="smooth_fill")(images)
            x = layers.Concatenate(name="filled")([fill, images[..., -1:]])
        x = wide = GatedConv2D(width, 5, name="conv_1")(x)  # [batch, h, w, width]
        x = GatedConv2D(2 * width, 3, 2, name="conv_2")(x)  # [batch, h / 2, w / 2, 2 width]
        x = half = GatedConv2D(2 * width, 3, name="conv_3")(x)
        x = GatedConv2D(4 * width, 3, 2, name="conv_4")(x)  # [batch, h / 4, w / 4, 4 width]
        for index, dilation in enumerate((1, 1, 2, 4, 8, 16, 1, 1), 5):
            x = GatedConv2D(4 * width, 3, dilation_rate=dilation, name=f"conv_{index}")(x)
        x = NearestUpsample(name="up_13")(x)
        if smooth:
            x = layers.Concatenate(name="skip_13")([x, half])
        x = GatedConv2D(2 * width, 3, name="conv_13")(x)  # [batch, h / 2, w / 2, 2 width]
        x = GatedConv2D(2 * width, 3, name="conv_14")(x)
        x = NearestUpsample(name="up_15")(x)
        if smooth:
            x = layers.Concatenate(name="skip_15")([x, wide])
        x = GatedConv2D(width, 3, name="conv_15")(x)  # [batch, h, w, width]
        x = GatedConv2D(width // 2, 3, name="conv_16")(x)
        x = layers.Conv2D(
            channels, 3, padding="same", kernel_initializer="zeros" if smooth else "glorot_uniform", name="conv_17"
        )(x)
        if smooth:
            prediction = layers.Add(dtype="float32", name="prediction")([fill, x])
        else:
            prediction = layers.Activation("tanh", dtype="float32", name="prediction")(x)
        super().__init__(images, KeepKnown(name="output")(images, prediction), **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = channels + 1
        self.width = width
        self.smooth = smooth
        self.multiple = 16 if smooth else 4  # pieces of a large picture begin with whole pixels of the fill's pyramid

    def get_config(self):
        return {"channels": self.channels, "width": self.width, "smooth": self.smooth, "name": self.name}
