"""Modulated convolution (Karras et al. 2020, section 2.2): a style scales the kernel's inputs, its outputs are brought back.

Scaling the inputs of a kernel is scaling the images, and scaling its outputs is scaling what comes out. So one
convolution serves the whole batch, where the authors' other form makes a kernel for each image and convolves in groups.
On two CPU cores a 3x3 layer of 64 channels at 16x16, batch 16, takes 9 ms with its gradients this way, 12 ms image by
image and 337 ms in groups (2026-11-24, `benchmarks/modulated_convolution.py --types=float32 --repeats=3`); at 64x64 the
first two are equal, 85 and 83 ms.
"""

import math

import keras
import tensorflow as tf

from keras_gans import kernels
from keras_gans.kernels import resample

_EPSILON = 1e-8


def modulated_convolution(images, kernel, styles, demodulate=True, gain=1.0, up=False, taps=(1, 3, 3, 1), training=False):
    """Convolves each image with its own kernel: `kernel`, its inputs scaled by the image's style.

    With float16 images, kernel and styles are first divided by their largest value (the kernel by the root of its
    inputs' number too), which demodulation makes up for (Karras et al. 2020, ADA, appendix D.1).

    Args:
        images: float [batch, h, w, channels], h and w known.
        kernel: float32 [k, k, channels, filters].
        styles: float32 [batch, channels].
        demodulate: divide each image's kernel by the norm of each filter, sqrt(sum + 1e-8), in float32.
        gain: factor of the outputs. Default 1.
        up: double the images before, each pixel followed by zeros, and filter behind with `taps`. The kernel is then
            mirrored, as in the authors' code.
        taps: of the filter.
        training: see `keras_gans.kernels.convolve`.

    Returns:
        [batch, h, w, filters], or twice the sides, in the images' type.
    """
    if demodulate:
        if images.dtype == tf.float16:
            largest = tf.reduce_max(tf.abs(kernel), axis=(0, 1, 2), keepdims=True)
            kernel = kernel / (largest * math.sqrt(math.prod(kernel.shape[:3])))
            styles = styles / tf.reduce_max(tf.abs(styles), axis=1, keepdims=True)
        squares = tf.matmul(tf.square(styles), tf.reduce_sum(tf.square(kernel), axis=(0, 1)))  # [batch, filters]
        scales = gain * tf.math.rsqrt(squares + _EPSILON)
    else:
        kernel = gain * kernel
    kernel = tf.cast(kernel, images.dtype)
    images = images * tf.cast(styles, images.dtype)[:, None, None, :]
    pad = kernel.shape[0] // 2
    images = _doubled(images, kernel, taps) if up else kernels.convolve(images, kernel, 1, pad, training)
    return images * tf.cast(scales, images.dtype)[:, None, None, :] if demodulate else images


def _doubled(images, kernel, taps):
    """The transposed convolution with stride 2, filtered: [batch, h, w, channels] -> [batch, 2h, 2w, filters]."""
    batch = tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
    height, width = (2 * side + kernel.shape[0] - 2 for side in images.shape[1:3])
    kernel = 4 * tf.transpose(kernel, [0, 1, 3, 2])  # of four pixels three are zeros
    images = tf.nn.conv2d_transpose(images, kernel, [batch, height, width, kernel.shape[2]], 2, "VALID")
    return resample.blur(images, taps, grow=-1)


@keras.saving.register_keras_serializable("keras_gans")
class ModulatedConv2D(keras.layers.Layer):
    """See `modulated_convolution`. No bias.

    Args:
        filters: channels of the outputs.
        kernel_size: in pixels, odd. 3 by default.
        up: whether the image is doubled; with a kernel of 3 pixels. Default False.
        demodulate: default True. Without, the kernel is scaled by 1 / sqrt(inputs), for an equalized learning rate;
            with, its scale does not matter.
        gain: factor of the outputs. Default 1.
        taps: of the filter behind doubling. Default (1, 3, 3, 1).

    Call:
        [images [batch, h, w, channels], styles [batch, channels]] -> [batch, h, w, filters], or twice the sides; h and w
        known.
    """

    def __init__(self, filters, kernel_size=3, up=False, demodulate=True, gain=1.0, taps=(1, 3, 3, 1), **kwargs):
        super().__init__(autocast=False, **kwargs)  # the styles stay in float32
        self.filters = filters
        self.kernel_size = kernel_size
        self.up = up
        self.demodulate = demodulate
        self.gain = gain
        self.taps = tuple(taps)

    def build(self, input_shape):
        shape = (self.kernel_size, self.kernel_size, input_shape[0][-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, name="kernel", autocast=False, initializer=keras.initializers.RandomNormal(0.0, 1.0)
        )

    def call(self, inputs, training=None):
        images, styles = inputs
        kernel = tf.convert_to_tensor(self.kernel)
        if not self.demodulate:
            kernel = kernel / math.sqrt(math.prod(kernel.shape[:3]))
        return modulated_convolution(
            tf.cast(images, self.compute_dtype),
            kernel,
            tf.cast(styles, kernel.dtype),
            self.demodulate,
            self.gain,
            self.up,
            self.taps,
            training,
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape[0]
        factor = 2 if self.up else 1
        return batch, height * factor, width * factor, self.filters

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "up": self.up,
            "demodulate": self.demodulate,
            "gain": self.gain,
            "taps": self.taps,
        }
