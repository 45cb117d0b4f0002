"""Equalized learning rate (Karras et al. 2018, section 4.1): weights start at N(0, 1) and are scaled where they are used.

Adam's steps are of one size for all weights. Scaled by the same He constant as their initial values would be, all layers
then learn at one speed.
"""

import math

import keras
import tensorflow as tf

from keras_gans import kernels


class _Equalized(keras.layers.Layer):
    """gain (W / sqrt(inputs) x + b), both times the learning rate's multiplier; W starts at N(0, 1 / multiplier^2)."""

    def __init__(self, units, gain, bias_gain, lr_multiplier, use_bias, bias, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gain = gain
        self.bias_gain = bias_gain
        self.lr_multiplier = lr_multiplier
        self.use_bias = use_bias
        self.initial_bias = bias

    def _add_weights(self, shape):
        self.raw_kernel = self.add_weight(
            shape=shape, name="kernel", initializer=keras.initializers.RandomNormal(0.0, 1.0 / self.lr_multiplier)
        )
        if self.use_bias:
            start = keras.initializers.Constant(self.initial_bias / self.lr_multiplier)
            self.raw_bias = self.add_weight(shape=(self.units,), name="bias", initializer=start)

    @property
    def kernel(self):
        """The weights as they act: those that are learned, scaled."""
        fan_in = math.prod(self.raw_kernel.shape[:-1])
        return tf.convert_to_tensor(self.raw_kernel) * (self.gain * self.lr_multiplier / math.sqrt(fan_in))

    @property
    def bias(self):
        """The bias as it acts."""
        return tf.convert_to_tensor(self.raw_bias) * (self.bias_gain * self.lr_multiplier)

    def _with_bias(self, outputs):
        return tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs

    def get_config(self):
        return super().get_config() | {
            "gain": self.gain,
            "bias_gain": self.bias_gain,
            "use_bias": self.use_bias,
            "lr_multiplier": self.lr_multiplier,
            "bias": self.initial_bias,
        }


@keras.saving.register_keras_serializable("keras_gans")
class EqualizedDense(_Equalized):
    """A dense layer with equalized learning rate.

    Args:
        units: outputs. An integer.
        gain: the outputs' deviation at the start is `gain` times the inputs' root mean square. Default 1.
        bias_gain: factor of the bias. Default 1.
        lr_multiplier: how fast it learns, to other layers; 0.01 in mapping networks. Default 1.
        use_bias: default True.
        bias: value that the bias starts at. Default 0.

    Call:
        [batch, inputs] -> [batch, units].
    """

    def __init__(self, units, gain=1.0, bias_gain=1.0, lr_multiplier=1.0, use_bias=True, bias=0.0, **kwargs):
        super().__init__(units, gain, bias_gain, lr_multiplier, use_bias, bias, **kwargs)

    def build(self, input_shape):
        self._add_weights((input_shape[-1], self.units))

    def call(self, inputs):
        return self._with_bias(tf.matmul(inputs, self.kernel))

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], self.units

    def get_config(self):
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable("keras_gans")
class EqualizedConv2D(_Equalized):
    """A convolution with equalized learning rate, between as many zeros as keep the size (unless `pad` is given).

    Args:
        filters: channels of the outputs.
        kernel_size: in pixels; 3 where it resamples.
        resample: None, "up" or "down": doubles the image before (each pixel to four, in one transposed convolution), or
            averages 2x2 pixels behind it (in one convolution with stride 2).
        strides: 1 by default.
        pad: zeros on each side; default kernel_size // 2.
        gain, bias_gain, lr_multiplier, use_bias, bias: see `EqualizedDense`.

    Call:
        [batch, h, w, channels] -> [batch, h', w', filters]; h and w known.

    Raises:
        ValueError: another `resample`.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        resample=None,
        strides=1,
        pad=None,
        gain=1.0,
        bias_gain=1.0,
        lr_multiplier=1.0,
        use_bias=True,
        bias=0.0,
        **kwargs,
    ):
        super().__init__(filters, gain, bias_gain, lr_multiplier, use_bias, bias, **kwargs)
        if resample not in (None, "up", "down"):
            raise ValueError(f"resample must be None, up or down, not {resample!r}")
        self.kernel_size = kernel_size
        self.resample = resample
        self.strides = strides
        self.pad = kernel_size // 2 if pad is None else pad

    def build(self, input_shape):
        self._add_weights((self.kernel_size, self.kernel_size, input_shape[-1], self.units))

    def call(self, inputs, training=None):
        if self.resample == "up":
            # Neighbours of an enlarged image are equal, so that pairs of taps act as one.
            kernel = tf.transpose(doubled(self.kernel)[::-1, ::-1], [0, 1, 3, 2])
            outputs = kernels.convolve_transposed(inputs, kernel, 2, "SAME")
        elif self.resample == "down":
            outputs = kernels.convolve(inputs, doubled(self.kernel) / 4, 2, "SAME")
        else:
            outputs = kernels.convolve(inputs, self.kernel, self.strides, self.pad, training)
        return self._with_bias(outputs)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        if self.resample:
            height, width = (side * 2 if self.resample == "up" else side // 2 for side in (height, width))
        else:
            height, width = ((side + 2 * self.pad - self.kernel_size) // self.strides + 1 for side in (height, width))
        return batch, height, width, self.units

    def get_config(self):
        return super().get_config() | {
            "filters": self.units,
            "kernel_size": self.kernel_size,
            "resample": self.resample,
            "strides": self.strides,
            "pad": self.pad,
        }


def doubled(kernel):
    """Returns a kernel [k, k, channels, filters] convolved with 2x2 ones: [k + 1, k + 1, channels, filters]."""
    return tf.add_n([tf.pad(kernel, [[i, 1 - i], [j, 1 - j], [0, 0], [0, 0]]) for i in (0, 1) for j in (0, 1)])
