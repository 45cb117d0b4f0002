"""The discriminator of ESRGAN as `XPixelGroup/BasicSR` has it."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.registry import DISCRIMINATORS


def _as_pytorch():
    """U(-1, 1) / sqrt(fan_in)."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


@DISCRIMINATORS.register("vgg_style")
@keras.saving.register_keras_serializable("keras_gans")
class VGGStyleDiscriminator(keras.Model):
    """A 3x3 convolution and a 4x4 one of stride 2 at each size down to 4x4, then two dense layers; LeakyReLU 0.2.

    `VGGStyleDiscriminator` in `discriminator_arch.py`: batch norm in all convolutions but the first. It judges whole
    crops, so its images have one size.

    Args:
        image_size: height and width in pixels, 4 times a power of two, at least 8. Default 128 (there: 128 or 256).
        channels: of the image. Default 3.
        width: channels at full size, doubled at each smaller one up to eight times as many. Default 64.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] (there [0, 1]) -> float32 logits [batch, 1].

    Raises:
        ValueError: another image size.
    """

    def __init__(self, image_size=128, channels=3, width=64, **kwargs):
        halvings = (image_size // 4).bit_length() - 1
        if halvings < 1 or image_size != 4 << halvings:
            raise ValueError(f"image_size must be 4 times a power of two and at least 8, not {image_size}")

        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        x = layers.Rescaling(0.5, 0.5, name="to_unit")(image)
        for level in range(halvings):
            for index, (size, stride) in enumerate(((3, 1), (4, 2))):
                name = f"{level}_{index}"
                x = PaddedConv2D(
                    width << min(level, 3),
                    size,
                    stride,
                    use_bias=name == "0_0",
                    kernel_initializer=_as_pytorch(),
                    name=f"conv_{name}",
                )(x)
                if name != "0_0":
                    x = BatchNorm(gamma_initializer="ones", name=f"norm_{name}")(x)
                x = layers.LeakyReLU(negative_slope=0.2, name=f"relu_{name}")(x)
        x = layers.Dense(100, kernel_initializer=_as_pytorch(), name="dense")(layers.Flatten()(x))
        x = layers.LeakyReLU(negative_slope=0.2, name="dense_relu")(x)
        logits = layers.Dense(1, kernel_initializer=_as_pytorch(), dtype="float32", name="logits")(x)
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width

    def get_config(self):
        return {"image_size": self.image_size, "channels": self.channels, "width": self.width, "name": self.name}
