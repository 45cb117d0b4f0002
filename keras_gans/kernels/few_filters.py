"""Convolutions between a picture's few channels and many, two pixels at a time along both axes.

oneDNN's kernels make 16 filters at once. A convolution to three wastes most of that, and so does the gradient of one
from three with respect to its inputs. Four pixels of three filters are twelve: a convolution with stride 2 and a kernel
one pixel larger makes them in 0.4 of the time (7x7, 64 to 3 channels, 256x256, two cores).
"""

import tensorflow as tf

from keras_gans.kernels import plain

_FEW = 4  # filters, at most


def fits(inputs, kernel, strides, padding):
    """Whether `convolve` is faster than TensorFlow's convolution with this kernel."""
    return (
        strides == (1, 1)
        and padding != "SAME"
        and None not in inputs.shape[1:3]
        and min(kernel.shape[2:]) <= _FEW
        and max(kernel.shape[2:]) >= 16
        and kernel.shape[0] == kernel.shape[1] >= 3
    )


def convolve(inputs, kernel, strides=(1, 1), padding=0):
    """See `keras_gans.kernels.convolve`; a square kernel, between zeros on each side or none."""
    return _differentiable(plain.padded(inputs, padding), kernel)


def _differentiable(inputs, kernel):
    """The convolution wherever the kernel fits, [batch, h, w, channels] -> [batch, h - k + 1, w - k + 1, filters]."""

    @tf.custom_gradient
    def apply(inputs, kernel):
        def gradient(upstream):
            return _transposed(upstream, kernel), _differentiable_filter_gradient(inputs, upstream)

        return _convolve(inputs, kernel), gradient

    return apply(inputs, kernel)


def _differentiable_filter_gradient(inputs, upstream):
    @tf.custom_gradient
    def apply(inputs, upstream):
        def gradient(kernel):
            return _transposed(upstream, kernel), _differentiable(inputs, kernel)

        return _filter_gradient(inputs, upstream), gradient

    return apply(inputs, upstream)


def _transposed(upstream, kernel):
    """The gradient with respect to the inputs: a convolution, from filters to channels."""
    mirrored = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
    return convolve(upstream, mirrored, padding=kernel.shape[0] - 1)


def _in_blocks(outputs):
    """Whether outputs of this shape are made in blocks of 2x2 pixels."""
    return outputs[3] <= _FEW and outputs[1] % 2 == 0 and outputs[2] % 2 == 0


def _convolve(inputs, kernel):
    size, filters = kernel.shape[0], kernel.shape[3]
    height, width = (side - size + 1 for side in inputs.shape[1:3])
    if not _in_blocks([None, height, width, filters]):
        return tf.nn.conv2d(inputs, kernel, 1, "VALID")
    shifted = [tf.pad(kernel, [[i, 1 - i], [j, 1 - j], [0, 0], [0, 0]]) for i in (0, 1) for j in (0, 1)]
    return tf.nn.depth_to_space(tf.nn.conv2d(inputs, tf.concat(shifted, axis=3), 2, "VALID"), 2)


def _filter_gradient(inputs, upstream):
    size, channels = inputs.shape[1] - upstream.shape[1] + 1, inputs.shape[3]

    def of(size, upstream, stride):
        return tf.raw_ops.Conv2DBackpropFilter(
            input=inputs,
            filter_sizes=[size, size, channels, upstream.shape[3]],
            out_backprop=upstream,
            strides=[1, stride, stride, 1],
            padding="VALID",
        )

    if not _in_blocks(upstream.shape):
        return of(size, upstream, 1)
    shifted = tf.split(of(size + 1, tf.nn.space_to_depth(upstream, 2), 2), 4, axis=3)
    return tf.add_n([shifted[2 * i + j][i : i + size, j : j + size] for i in (0, 1) for j in (0, 1)])
