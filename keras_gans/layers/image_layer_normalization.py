"""Layer normalization of whole images: one mean and one variance over height, width and channels."""

import keras
from keras import ops

from keras_gans import kernels
from keras_gans.layers.instance_normalization import InstanceNormalization


@keras.saving.register_keras_serializable("keras_gans")
class ImageLayerNormalization(InstanceNormalization):
    """(x - mean) / sqrt(variance + epsilon) over all positions and channels of each example.

    Ba et al. 2016, with a scale and an offset for each channel, as `tf.contrib.layers.layer_norm` has them, whose epsilon
    this is. The moments are taken channel by channel and then put together, so that all that knows the statistics of an
    instance norm (bands of large pictures, means in two stages for mobile GPUs) serves this one too.

    Args:
        epsilon: default 1e-12.
        affine: default True.
        gamma_initializer, two_stage: see `InstanceNormalization`.

    Call:
        see `InstanceNormalization`; `statistics` are those of its channels.
    """

    def __init__(self, epsilon=1e-12, affine=True, **kwargs):
        super().__init__(epsilon=epsilon, affine=affine, **kwargs)

    def normalized(self, inputs, gamma, beta, statistics=None, training=None):
        inputs = ops.cast(inputs, self.compute_dtype)
        means, variances = self.statistics(inputs) if statistics is None else statistics
        mean = ops.mean(means, axis=-1, keepdims=True)
        variance = ops.mean(variances + ops.square(means - mean), axis=-1, keepdims=True)
        return kernels.plain.normalize(inputs, gamma, beta, self.epsilon, (mean, variance))
