"""FIR filters as layers; see `keras_gans.kernels.resample`."""

import keras

from keras_gans.kernels import resample


class _Filter(keras.layers.Layer):
    """A separable filter on [batch, h, w, channels], h and w known, with zeros outside."""

    def __init__(self, taps, **kwargs):
        super().__init__(**kwargs)
        self.taps = tuple(taps)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, self.side(height), self.side(width), channels

    def get_config(self):
        return super().get_config() | {"taps": self.taps}


@keras.saving.register_keras_serializable("keras_gans")
class Blur(_Filter):
    """Filters images, with a sum of 1.

    Args:
        taps: of the filter, along both axes. Default (1, 2, 1).
        grow: pixels by which the sides grow, 0 (default), 1 or more, as many before as behind, up to rounding.

    Call:
        [batch, h, w, channels] -> [batch, h + grow, w + grow, channels].
    """

    def __init__(self, taps=(1, 2, 1), grow=0, **kwargs):
        super().__init__(taps, **kwargs)
        self.grow = grow

    def side(self, side):
        return side + self.grow

    def call(self, inputs):
        return resample.blur(inputs, self.taps, self.grow)

    def get_config(self):
        return super().get_config() | {"grow": self.grow}


@keras.saving.register_keras_serializable("keras_gans")
class Upsample(_Filter):
    """Doubles images.

    Args:
        taps: of the filter, along both axes. Default (1, 3, 3, 1), as in StyleGAN2; (1, 1) repeats pixels.

    Call:
        [batch, h, w, channels] -> [batch, 2 h, 2 w, channels].
    """

    def __init__(self, taps=(1, 3, 3, 1), **kwargs):
        super().__init__(taps, **kwargs)

    def side(self, side):
        return side * 2

    def call(self, inputs):
        return resample.upsample(inputs, self.taps)


@keras.saving.register_keras_serializable("keras_gans")
class Downsample(_Filter):
    """Halves images.

    Args:
        taps: of the filter, along both axes. Default (1, 3, 3, 1), as in StyleGAN2; (1, 1) averages 2x2 pixels.

    Call:
        [batch, h, w, channels] -> [batch, h / 2, w / 2, channels].
    """

    def __init__(self, taps=(1, 3, 3, 1), **kwargs):
        super().__init__(taps, **kwargs)

    def side(self, side):
        return side // 2

    def call(self, inputs):
        return resample.downsample(inputs, self.taps)
