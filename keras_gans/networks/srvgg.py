"""SRVGGNetCompact: the small generator of Real-ESRGAN (Wang et al. 2021), after `xinntao/Real-ESRGAN`
(`realesrgan/archs/srvgg_arch.py`): `realesr-general-x4v3`, `realesr-animevideov3`.
"""

import keras
from keras import layers

from keras_gans.layers.pixel_shuffle import NearestUpsample, PixelShuffle
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS


@GENERATORS.register("srvgg")
@keras.saving.register_keras_serializable("keras_gans")
class SRVGGNet(Translator):
    """Plain 3x3 convolutions with PReLU at the input's size, one pixel shuffle, and the enlarged input added; linear output.

    The input is enlarged by repeating its pixels. Pixels are in [0, 1] inside, as published, so that published weights fit.

    Args:
        channels: of the output. Default 3.
        input_channels: of the input: as many as of the output, which it is added to. Default 3.
        scale: by which both sides grow, 1 or more. Default 4.
        width: channels inside. Default 64.
        depth: convolutions between the first and the last. Default 16, as `realesr-animevideov3` has; 32 in
            `realesr-general-x4v3`.
        init: first kernels: "pytorch" (default), as published, U(-1, 1) / sqrt(fan_in), by which 16 convolutions make a millionth
            of what is seen, so that short trainings learn nothing (100 kimg with Adam at 1e-3: no PSNR gained); or "he"
            (He et al. 2015, for this PReLU), which keeps it, in all but the last.

    Call:
        images float [batch, h, w, channels] in [-1, 1] -> float32 [batch, scale h, scale w, channels]; values beyond
        [-1, 1] are clipped where files are written.

    Raises:
        ValueError: another scale, no depth, another number of channels in than out, or an unknown init.
    """

    def __init__(self, channels=3, input_channels=3, scale=4, width=64, depth=16, init="pytorch", **kwargs):
        if scale < 1 or depth < 0:
            raise ValueError(f"scale must be 1 or more and depth 0 or more, not {scale} and {depth}")
        if input_channels != channels:
            raise ValueError(f"srvgg adds its input to its output: {input_channels} channels cannot become {channels}")
        if init not in _VARIANCES:
            raise ValueError(f"init should be {' or '.join(_VARIANCES)}, not {init!r}")

        # === Functional Model ===
        images = keras.Input((None, None, channels), name="images")
        unit = x = layers.Rescaling(0.5, 0.5, name="to_unit")(images)
        for index in range(depth + 1):  # [batch, h, w, width]
            x = _convolve(x, width, f"conv_{index}", _VARIANCES[init])
            x = layers.PReLU(keras.initializers.Constant(0.25), shared_axes=(1, 2), name=f"prelu_{index}")(x)
        x = _convolve(x, channels * scale**2, "conv_last")
        if scale > 1:  # to [batch, scale h, scale w, channels]
            x, unit = PixelShuffle(scale, name="shuffle")(x), NearestUpsample(scale, name="enlarged")(unit)
        x = layers.Add(name="residual")([x, unit])
        output = layers.Rescaling(2.0, -1.0, dtype="float32", name="output")(x)
        super().__init__(images, output, **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = input_channels
        self.scale = scale
        self.width = width
        self.depth = depth
        self.init = init

    def get_config(self):
        return {
            "channels": self.channels,
            "input_channels": self.input_channels,
            "scale": self.scale,
            "width": self.width,
            "depth": self.depth,
            "init": self.init,
            "name": self.name,
        }


_VARIANCES = {"pytorch": 1 / 3, "he": 2 / (1 + 0.25**2)}  # of a kernel's weights, times the fan-in


def _convolve(x, filters, name, variance=_VARIANCES["pytorch"]):
    initializer = keras.initializers.VarianceScaling(variance, "fan_in", "uniform")
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=initializer, name=name)(x)
