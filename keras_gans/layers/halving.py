"""3x3 convolutions with stride 2 between one zero on each side, whose kernel's gradient is made of matrix products.

oneDNN's kernel for that gradient, behind TensorFlow, runs at a quarter of the machine's float32 peak; the products at
half to two thirds (64 to 128 channels at 256x256, 128 to 256 at 128x128, two cores). A 3x3 convolution with stride 2
sees its input as 2x2 blocks of pixels: each output takes one whole block, half of two and a quarter of a fourth.
"""

import tensorflow as tf


def convolve(inputs, kernel):
    """The convolution.

    Args:
        inputs: float [batch, h, w, channels], h and w known.
        kernel: [3, 3, channels, filters], of the same type.

    Returns:
        [batch, ceil(h / 2), ceil(w / 2), filters], differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, kernel):
        def gradient(upstream):
            return convolve_transposed(upstream, kernel, *inputs.shape[1:3]), filter_gradient(inputs, upstream)

        return tf.nn.conv2d(tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]), kernel, 2, "VALID"), gradient

    return apply(inputs, kernel)


def convolve_transposed(inputs, kernel, height, width):
    """The transpose of `convolve`.

    Args:
        inputs: float [batch, ceil(height / 2), ceil(width / 2), filters].
        kernel: [3, 3, channels, filters], of the same type.
        height, width: of the result, in pixels.

    Returns:
        [batch, height, width, channels], differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, kernel):
        def gradient(upstream):
            return convolve(upstream, kernel), filter_gradient(upstream, inputs)

        return transposed(inputs, kernel, height, width), gradient

    return apply(inputs, kernel)


def transposed(inputs, kernel, height, width):
    """`convolve_transposed` with TensorFlow's gradients; sides may be unknown."""
    shape = tf.shape(inputs)
    shape = [shape[0], 2 * shape[1] + 1, 2 * shape[2] + 1, kernel.shape[2]]
    outputs = tf.nn.conv2d_transpose(inputs, kernel, shape, 2, "VALID")
    return tf.ensure_shape(outputs[:, 1 : height + 1, 1 : width + 1], [None, None, None, kernel.shape[2]])


def filter_gradient(inputs, upstream):
    """The gradient of `convolve` with respect to its kernel.

    Args:
        inputs: of the convolution.
        upstream: gradient of its outputs.

    Returns:
        [3, 3, channels, filters], differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, upstream):
        def gradient(kernel):
            return convolve_transposed(upstream, kernel, *inputs.shape[1:3]), convolve(inputs, kernel)

        return _filter_gradient(inputs, upstream), gradient

    return apply(inputs, upstream)


def _filter_gradient(inputs, upstream):
    channels, filters = inputs.shape[3], upstream.shape[3]
    height, width = upstream.shape[1:3]
    # One zero before, and after as many as make blocks of 2x2 pixels, one more than there are outputs.
    sides = [[1, 2 * (outputs + 1) - side - 1] for side, outputs in zip(inputs.shape[1:3], (height, width))]
    blocks = tf.nn.space_to_depth(tf.pad(inputs, [[0, 0], *sides, [0, 0]]), 2)
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
