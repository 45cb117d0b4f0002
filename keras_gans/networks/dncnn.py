"""DnCNN (Zhang et al. 2017): a denoiser that learns the noise."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS


@GENERATORS.register("dncnn")
@keras.saving.register_keras_serializable("keras_gans")
class DnCNN(Translator):
    """The picture minus the noise in it, which `depth` 3x3 convolutions with ReLU find.

    Batch norm in all of them but the first and the last (section III).

    Args:
        channels: of the picture. Default 3.
        input_channels: the same. Default: channels.
        depth: convolutions, at least 2. Default 17 (noise of one known level); 20 for blind denoising.
        width: channels inside. Default 64.
        init: "small" (default): the last kernels start at a tenth of He's distribution, and the output at the picture as it
            is; "he": all by He, as published.

    Call:
        images float [batch, h, w, channels] in [-1, 1] -> float32 [batch, h, w, channels]; values beyond [-1, 1] are
        clipped where files are written.

    Raises:
        ValueError: a depth below 2, another init, or input_channels other than channels.
    """

    def __init__(self, channels=3, input_channels=None, depth=17, width=64, init="small", **kwargs):
        if input_channels not in (None, channels):
            raise ValueError(f"input_channels must be channels, {channels}, not {input_channels}")
        if depth < 2:
            raise ValueError(f"depth must be at least 2, not {depth}")
        if init not in ("small", "he"):
            raise ValueError(f"init must be small or he, not {init}")

        # === Functional Model ===
        images = x = keras.Input((None, None, channels), name="images")
        for index in range(depth - 1):
            x = layers.Conv2D(
                width, 3, padding="same", use_bias=index == 0, kernel_initializer="he_normal", name=f"conv_{index}"
            )(x)
            if index > 0:
                x = BatchNorm(gamma_initializer="ones", name=f"norm_{index}")(x)
            x = layers.ReLU(name=f"relu_{index}")(x)
        last = keras.initializers.VarianceScaling(0.02) if init == "small" else "he_normal"  # variances: 0.02 and 2
        noise = layers.Conv2D(channels, 3, padding="same", kernel_initializer=last, name=f"conv_{depth - 1}")(x)
        super().__init__(images, layers.Subtract(dtype="float32", name="output")([images, noise]), **kwargs)

        # === Config ===
        self.channels = self.input_channels = channels
        self.depth = depth
        self.width = width
        self.init = init

    def get_config(self):
        return {
            "channels": self.channels,
            "depth": self.depth,
            "width": self.width,
            "init": self.init,
            "name": self.name,
        }
