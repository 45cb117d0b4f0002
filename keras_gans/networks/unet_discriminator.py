"""The U-Net discriminator of Real-ESRGAN (Wang et al. 2021)."""

import keras
from keras import layers

from keras_gans.layers.bilinear_upsample import BilinearUpsample
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.registry import DISCRIMINATORS


@DISCRIMINATORS.register("unet_sn")
@keras.saving.register_keras_serializable("keras_gans")
class UNetDiscriminator(keras.Model):
    """Judges every pixel: three halvings and three doublings with skips, spectral normalization, LeakyReLU 0.2.

    `UNetDiscriminatorSN` in `discriminator_arch.py` of `xinntao/Real-ESRGAN`: 4x4 convolutions of stride 2 on the way down, 3x3
    ones behind bilinear enlargement on the way up, skips are added. Without biases and normalized but for the first and
    the last. 4,376,897 weights at width 64.

    Args:
        channels: of the image. Default 3.
        width: channels at full size, doubled by each halving. Default 64.

    Call:
        image float [batch, h, w, channels] in [-1, 1] (there [0, 1]), h and w multiples of 8
        -> float32 logits [batch, h, w, 1].
    """

    def __init__(self, channels=3, width=64, **kwargs):
        # === Functional Model ===
        image = keras.Input((None, None, channels), name="image")
        x = layers.Rescaling(0.5, 0.5, name="to_unit")(image)
        x = _activated(_convolution(width, 3, "conv_0", use_bias=True)(x), "conv_0")
        skips = [x]  # [batch, h >> level, w >> level, width << level]
        for level in (1, 2, 3):
            skips.append(_activated(_normalized(width << level, 4, f"conv_{level}", strides=2)(skips[-1]), f"conv_{level}"))
        x = skips.pop()
        for index, skip in zip((4, 5, 6), reversed(skips)):
            x = BilinearUpsample(centered=True, name=f"up_{index}")(x)
            x = _activated(_normalized(skip.shape[-1], 3, f"conv_{index}")(x), f"conv_{index}")
            x = layers.Add(name=f"skip_{index}")([x, skip])
        for index in (7, 8):
            x = _activated(_normalized(width, 3, f"conv_{index}")(x), f"conv_{index}")
        logits = layers.Activation("linear", dtype="float32", name="logits")(_convolution(1, 3, "conv_9", use_bias=True)(x))
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.channels = channels
        self.width = width

    def get_config(self):
        return {"channels": self.channels, "width": self.width, "name": self.name}


def _convolution(filters, size, name, strides=1, use_bias=False):
    """A convolution from U(-1, 1) / sqrt(fan_in), as PyTorch's are."""
    initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return PaddedConv2D(filters, size, strides, use_bias=use_bias, kernel_initializer=initializer, name=name)


def _normalized(filters, size, name, strides=1):
    return SpectralNormalization(_convolution(filters, size, name, strides), name=f"norm_{name}")


def _activated(x, name):
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu")(x)
