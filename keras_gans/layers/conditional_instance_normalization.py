"""Instance normalization whose scale and offset a style decides."""

import keras
from keras import ops

from keras_gans.layers.instance_normalization import InstanceNormalization


@keras.saving.register_keras_serializable("keras_gans")
class ConditionalInstanceNormalization(InstanceNormalization):
    """gamma(style) * (x - mean) / sqrt(variance + epsilon) + beta(style), both linear in the style.

    With a style of N weights that sum to one it is Dumoulin et al. 2017: a row of gamma (from 1) and beta (from 0) for
    each of N styles, blended by the weights. With `use_bias` it is Ghiasi et al. 2017: gamma and beta are affine maps of
    a style vector.

    Args:
        use_bias: whether gamma and beta have a part that no style changes (from 1 and 0), beside kernels that start
            small. Default False.
        epsilon, two_stage: see `InstanceNormalization`.

    Call:
        inputs: float [batch, height, width, channels].
        style: float [batch, styles].
        statistics: see `InstanceNormalization`.
    """

    def __init__(self, use_bias=False, epsilon=1e-5, two_stage=False, **kwargs):
        super().__init__(epsilon=epsilon, two_stage=two_stage, **kwargs)
        self.use_bias = use_bias

    def build(self, inputs_shape, style_shape=None):
        super().build(inputs_shape)
        channels, table = inputs_shape[-1], (style_shape[-1], inputs_shape[-1])
        first = "glorot_uniform" if self.use_bias else "ones"

        def add(name, shape, initializer):
            return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

        self.gammas = add("gammas", table, first)
        self.betas = add("betas", table, first if self.use_bias else "zeros")
        if self.use_bias:
            self.gamma_bias = add("gamma_bias", (channels,), "ones")
            self.beta_bias = add("beta_bias", (channels,), "zeros")

    def call(self, inputs, style, statistics=None, training=None):
        style = ops.cast(style, "float32")
        gamma, beta = ops.matmul(style, self.gammas), ops.matmul(style, self.betas)
        if self.use_bias:
            gamma, beta = gamma + self.gamma_bias, beta + self.beta_bias
        return self.normalized(inputs, gamma[:, None, None], beta[:, None, None], statistics, training)

    def compute_output_shape(self, inputs_shape, style_shape=None):
        return inputs_shape

    def get_config(self):
        config = super().get_config() | {"use_bias": self.use_bias}
        del config["affine"]
        return config
