"""The discriminator of SRGAN (Ledig et al. 2017)."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.padding import PaddedConv2D
from keras_gans.registry import DISCRIMINATORS


@DISCRIMINATORS.register("srgan")
@keras.saving.register_keras_serializable("keras_gans")
class SRGANDiscriminator(keras.Model):
    """Eight 3x3 convolutions, every other one of stride 2, and two dense layers; LeakyReLU 0.2 (figure 4).

    Batch norm in all convolutions but the first. It judges whole crops, so its images have one size.

    Args:
        image_size: height and width in pixels, at least 16. Default 96, as published.
        channels: of the image. Default 3.
        width: channels of the first convolution, doubled three times. Default 64.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, 1].

    Raises:
        ValueError: an image below 16 pixels.
    """

    def __init__(self, image_size=96, channels=3, width=64, **kwargs):
        if image_size < 16:
            raise ValueError(f"image_size must be at least 16, not {image_size}")

        # === Functional Model ===
        image = x = keras.Input((image_size, image_size, channels), name="image")
        for index in range(8):
            x = PaddedConv2D(
                width << index // 2,
                3,
                1 + index % 2,
                use_bias=index == 0,
                kernel_initializer="he_normal",
                name=f"conv_{index}",
            )(x)
            if index > 0:
                x = BatchNorm(gamma_initializer="ones", name=f"norm_{index}")(x)
            x = layers.LeakyReLU(negative_slope=0.2, name=f"relu_{index}")(x)
        x = layers.Dense(16 * width, kernel_initializer="he_normal", name="dense")(layers.Flatten()(x))
        x = layers.LeakyReLU(negative_slope=0.2, name="dense_relu")(x)
        super().__init__(image, layers.Dense(1, dtype="float32", name="logits")(x), **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width

    def get_config(self):
        return {"image_size": self.image_size, "channels": self.channels, "width": self.width, "name": self.name}
