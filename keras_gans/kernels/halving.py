"""3x3 convolutions with stride 2 between one zero on each side, whose kernel's gradient is made of matrix products.

oneDNN's kernel for that gradient, behind TensorFlow, runs at a quarter of the machine's float32 peak; the products at
half to two thirds (64 to 128 channels at 256x256, 128 to 256 at 128x128, two cores). A 3x3 convolution with stride 2
sees its input as 2x2 blocks of pixels: each output takes one whole block, half of two and a quarter of a fourth.
"""

import functools

import tensorflow as tf

from keras_gans.kernels import plain
from keras_gans.kernels.trilinear import Trilinear


def fits(inputs, kernel, strides, padding):
    """Whether the convolution, or its transpose, is 3x3 with stride 2 between one zero on each side."""
    return kernel.shape[:2] == (3, 3) and strides == (2, 2) and padding == 1 and None not in inputs.shape[1:3]


def convolve(inputs, kernel, strides=(2, 2), padding=1):
    """See `keras_gans.kernels.convolve`."""
    return _form(*inputs.shape[1:3]).convolve(inputs, kernel)


def convolve_transposed(inputs, kernel, strides=(2, 2), padding=1):
    """See `keras_gans.kernels.convolve_transposed`."""
    return _form(*(2 * side for side in inputs.shape[1:3])).transposed(inputs, kernel)


def _form(height, width):
    """The convolution of images of height x width pixels, and its gradients."""
    return Trilinear(
        functools.partial(plain.convolve, strides=2, padding=1),
        functools.partial(plain.cropped, strides=(2, 2), padding=1, height=height, width=width),
        _filter_gradient,
    )


def _filter_gradient(inputs, upstream):
    channels, filters = inputs.shape[3], upstream.shape[3]
    height, width = upstream.shape[1:3]
    # One zero before, and after as many as make blocks of 2x2 pixels, one more than there are outputs.
    sides = [[1, 2 * (outputs + 1) - side - 1] for side, outputs in zip(inputs.shape[1:3], (height, width))]
    blocks = tf.nn.space_to_depth(tf.pad(inputs, [[0, 0], *sides, [0, 0]]), 2)  # [batch, height + 1, width + 1, 4 channels]
    upstream = tf.reshape(upstream, [-1, filters])

    def taps(down, right, rows):
        """The gradient of the first `rows` rows of taps that see the block `down` and `right` of the output's."""
        seen = blocks[:, down : down + height, right : right + width, : 2 * rows * channels]
        product = tf.matmul(tf.reshape(seen, [-1, 2 * rows * channels]), upstream, transpose_a=True)
        return tf.reshape(product, [rows, 2, channels, filters])

    # Of the blocks on the right the kernel has one column of taps only.
    upper = tf.concat([taps(0, 0, 2), taps(0, 1, 2)[:, :1]], axis=1)
    lower = tf.concat([taps(1, 0, 1), taps(1, 1, 1)[:, :1]], axis=1)
    return tf.concat([upper, lower], axis=0)
