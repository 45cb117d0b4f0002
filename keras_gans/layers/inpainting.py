"""Layers of inpainting networks: gated convolutions, a smooth fill, and pasting what is known."""

import keras
from keras import layers, ops
from keras.initializers import VarianceScaling

from keras_gans.layers.antialias import BlurUpsample

_SMOOTHINGS = 2  # at each level of `SmoothFill`


@keras.saving.register_keras_serializable("keras_gans")
class GatedConv2D(layers.Conv2D):
    """activation(features) * sigmoid(gates), both by one convolution with "same" padding (Yu et al. 2019, equation 3).

    Args:
        filters: channels of the output; the convolution has twice as many, features first.
        kernel_size, strides, dilation_rate: see `keras.layers.Conv2D`.
        kernel_initializer: default a variance of 5 / fan_in, which keeps the mean square of a layer's values through
            elu and gate. (Glorot's takes 0.4 of the size at each: behind seventeen layers 1e-7 is left, and training
            crawls.)
        feature_activation: "elu" (default) or "relu".

    Call:
        [batch, h, w, channels] -> [batch, ceil(h / strides), ceil(w / strides), filters].
    """

    def __init__(
        self, filters, kernel_size, strides=1, dilation_rate=1, kernel_initializer=None, feature_activation="elu", **kwargs
    ):
        super().__init__(
            2 * filters,
            kernel_size,
            strides,
            "same",
            dilation_rate=dilation_rate,
            kernel_initializer=kernel_initializer or VarianceScaling(5.0),
            **kwargs,
        )
        self.feature_activation = feature_activation
        self._activate = {"elu": ops.elu, "relu": ops.relu}[feature_activation]

    def call(self, inputs):
        features, gates = ops.split(super().call(inputs), 2, axis=-1)
        return self._activate(features) * ops.sigmoid(gates)

    def compute_output_shape(self, input_shape):
        return *super().compute_output_shape(input_shape)[:-1], self.filters // 2

    def get_config(self):
        config = super().get_config() | {"filters": self.filters // 2, "feature_activation": self.feature_activation}
        del config["padding"]
        return config


@keras.saving.register_keras_serializable("keras_gans")
class SmoothFill(layers.Layer):
    """Fills holes smoothly with the colours around them, in float32: push-pull (Gortler et al. 1996, "The Lumigraph", 3.5).

    Pushed, each pixel of the next level is the mean of the known ones of four, and known as far as they together make
    one whole pixel; pulled, what a level lacks comes from the next one, enlarged bilinearly. There it is smoothed
    twice by 3x3 means, as by a multigrid method on its way to the harmonic fill: 0.18 dB more on photographs.

    Args:
        levels: halvings. Default 8: holes of up to 256 pixels across are filled from their surroundings; what no
            level knows is grey, 0.

    Call:
        float [batch, h, w, channels + 1]: a picture and its mask, +1 where it is missing and -1 where it is known
        -> float32 [batch, h, w, channels], unchanged where it is known.
    """

    def __init__(self, levels=8, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})
        self.levels = levels
        self._enlarge = BlurUpsample(dtype="float32")

    def call(self, images):
        known = (1 - images[..., -1:]) / 2  # [batch, h, w, 1]: 1 where it is known
        pyramid = [(images[..., :-1] * known, known)]  # values times weights, and weights
        for _ in range(self.levels):
            # [batch, h / 2, w / 2, channels], [.., 1]
            values, known = (ops.average_pool(part, 2, padding="same") for part in pyramid[-1])
            pyramid.append((values * ops.minimum(4.0, 1 / ops.maximum(known, 1e-6)), ops.minimum(4 * known, 1.0)))
        filled, _ = pyramid.pop()
        for values, known in reversed(pyramid):
            _, height, width, _ = ops.shape(values)
            filled = values + (1 - known) * self._enlarge(filled)[:, :height, :width]  # as large as values
            for _ in range(_SMOOTHINGS):
                filled = values + (1 - known) * ops.average_pool(filled, 3, 1, padding="same")
        return filled

    def compute_output_shape(self, images_shape):
        return *images_shape[:-1], images_shape[-1] - 1

    def get_config(self):
        return super().get_config() | {"levels": self.levels}


@keras.saving.register_keras_serializable("keras_gans")
class KeepKnown(layers.Layer):
    """Puts the known pixels back over a prediction, in float32.

    Call:
        (images float [batch, h, w, channels + 1]: a picture and its mask, +1 where it is missing and -1 where it is
        known; prediction float [batch, h, w, channels]) -> float32 [batch, h, w, channels].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})

    def call(self, images, prediction):
        missing = (images[..., -1:] + 1) / 2
        return missing * prediction + (1 - missing) * images[..., :-1]

    def compute_output_shape(self, images_shape, prediction_shape):
        return prediction_shape
