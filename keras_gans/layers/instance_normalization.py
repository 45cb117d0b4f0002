"""Instance normalization: one layer for every network."""

import keras
from keras import ops

from keras_gans import kernels


@keras.saving.register_keras_serializable("keras_gans")
class InstanceNormalization(keras.layers.Layer):
    """(x - mean) / sqrt(variance + epsilon) over the positions of each channel of each example.

    Ulyanov et al. 2016. The variance is the biased one. Statistics are float32 (float64 for float64 inputs)
    whatever the compute type.

    Args:
        epsilon: added to the variance, 1e-5 by default, as in the networks' original code (Keras and
            tensorflow-addons: 1e-3).
        affine: whether each channel has a learned scale (from 1) and offset (from 0). False by default, as in CycleGAN.
        gamma_initializer: of the scale. Ones by default.
        two_stage: take the means over width, then over height. Equal but for rounding; mobile GPUs sum in float16,
            where one sum over a whole image overflows. Exporters set the attribute. False by default.

    Call:
        inputs: float [batch, ..., channels], with one axis of positions or more.
        statistics: None, or the (mean, variance) to use in place of the inputs' own, float32, broadcasting to
            [batch, 1, ..., channels]: `statistics(whole_image)` makes tiles agree with the whole.

    Raises:
        ValueError: epsilon is not positive, or inputs without positions.
    """

    def __init__(self, epsilon=1e-5, affine=False, gamma_initializer="ones", two_stage=False, **kwargs):
        super().__init__(autocast=False, **kwargs)  # given statistics must stay in float32
        if epsilon <= 0:
            raise ValueError(f"epsilon should be positive, not {epsilon}")
        self.epsilon = epsilon
        self.affine = affine
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.two_stage = two_stage

    def build(self, input_shape):
        if len(input_shape) < 3:
            raise ValueError(f"instance normalization wants [batch, positions..., channels], not {tuple(input_shape)}")
        if self.affine:
            self.gamma = self.add_weight(
                name="gamma", shape=(input_shape[-1],), initializer=self.gamma_initializer, autocast=False
            )
            self.beta = self.add_weight(name="beta", shape=(input_shape[-1],), initializer="zeros", autocast=False)

    def statistics(self, inputs):
        """Returns (mean, variance) over positions, each float32 [batch, 1, ..., channels]."""
        return kernels.plain.moments(inputs, self._mean)

    def _mean(self, values):
        axes = tuple(range(1, len(values.shape) - 1))
        if not self.two_stage:
            return ops.mean(values, axis=axes, keepdims=True)
        for axis in reversed(axes):
            values = ops.mean(values, axis=axis, keepdims=True)
        return values

    def call(self, inputs, statistics=None, training=None):
        affine = (self.gamma, self.beta) if self.affine else (None, None)
        return self.normalized(inputs, *affine, statistics, training)

    def normalized(self, inputs, gamma, beta, statistics=None, training=None):
        """Returns gamma * (x - mean) / sqrt(variance + epsilon) + beta.

        Args:
            inputs, statistics: see the class.
            gamma, beta: [channels], or one for each example, [batch, 1, ..., channels]; None for 1 and 0.
            training: whether gradients will be taken.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        if training and statistics is None and not self.two_stage and len(inputs.shape) == 4:
            return kernels.normalize(inputs, gamma, beta, self.epsilon)
        statistics = self.statistics(inputs) if statistics is None else statistics
        return kernels.plain.normalize(inputs, gamma, beta, self.epsilon, statistics)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "epsilon": self.epsilon,
            "affine": self.affine,
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "two_stage": self.two_stage,
        }
