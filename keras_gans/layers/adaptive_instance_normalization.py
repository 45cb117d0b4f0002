"""Adaptive instance normalization: the statistics of one image given to another."""

import keras
from keras import ops

from keras_gans.layers.instance_normalization import InstanceNormalization


def style_statistics(features):
    """Returns the mean and the deviation over positions of each channel, one behind the other.

    The deviation is the root of the biased variance, without an epsilon (`xunhuang1995/AdaIN-style`,
    `lib/AdaptiveInstanceNormalization.lua`). Its gradient at a constant channel is infinite: it is for features of a
    frozen encoder.

    Args:
        features: float [batch, height, width, channels].

    Returns:
        float32 [batch, 2 * channels]: means, then deviations. Styles are blended by blending these.
    """
    features = ops.cast(features, "float32")
    mean = ops.mean(features, (1, 2), keepdims=True)
    variance = ops.mean(ops.square(features - mean), (1, 2))
    return ops.concatenate([mean[:, 0, 0], ops.sqrt(variance)], -1)


@keras.saving.register_keras_serializable("keras_gans")
class AdaptiveInstanceNormalization(InstanceNormalization):
    """deviation * (x - E[x]) / sqrt(Var[x] + epsilon) + mean, with the mean and deviation of a style.

    Huang & Belongie 2017, equation 8; as in their code the epsilon belongs to the content's variance alone, and
    variances are biased.

    Args:
        epsilon, two_stage: see `InstanceNormalization`.

    Call:
        inputs: float [batch, height, width, channels], the content.
        style: float [batch, 2 * channels], see `style_statistics`.
        statistics: see `InstanceNormalization`.
    """

    def __init__(self, epsilon=1e-5, two_stage=False, **kwargs):
        super().__init__(epsilon=epsilon, two_stage=two_stage, **kwargs)

    def build(self, inputs_shape, style_shape=None):
        super().build(inputs_shape)

    def call(self, inputs, style, statistics=None, training=None):
        mean, deviation = ops.split(ops.cast(style, "float32")[:, None, None, :], 2, axis=-1)
        return self.normalized(inputs, deviation, mean, statistics, training)

    def compute_output_shape(self, inputs_shape, style_shape=None):
        return inputs_shape

    def get_config(self):
        config = super().get_config()
        del config["affine"]
        return config
