"""4x4 convolutions with stride 2 whose slow parts run as matrix products on a CPU.

oneDNN's kernels behind TensorFlow reach the machine's peak on most of what a DCGAN needs, but not on three things
(`benchmarks/convolutions.py`): transposed convolutions of small maps or to few channels, in float32 (half the peak, or a
tenth); filter gradients in bfloat16 (a third); and all that sees few pixels, as pix2pix's inner layers do with one image in
a batch, for they bring the kernel into an order of their own each time, which takes longer than the few products. All are
matrix products: a 4x4 convolution with stride 2 sees its input as 2x2 blocks of pixels, of which each output takes 2x2.
"""

import tensorflow as tf

from keras_gans.kernels import plain
from keras_gans.kernels.trilinear import Trilinear

_FEW = 64  # pixels, of all images of a batch


def fits(inputs, kernel, strides, padding):
    """Whether the convolution, or its transpose, is 4x4 with stride 2 and a zero on each side, of even sides."""
    return (
        kernel.shape[:2] == (4, 4)
        and strides == (2, 2)
        and padding in ("SAME", 1)
        and None not in inputs.shape[1:]
        and not inputs.shape[1] % 2
        and not inputs.shape[2] % 2
    )


def convolve(inputs, kernel, strides=(2, 2), padding="SAME"):
    """See `keras_gans.kernels.convolve`."""
    return _FORM.convolve(inputs, kernel)


def convolve_transposed(inputs, kernel, strides=(2, 2), padding="SAME"):
    """See `keras_gans.kernels.convolve_transposed`."""
    return _FORM.transposed(inputs, kernel)


def _few(outputs):
    """Whether there are so few pixels of output, known ahead, that the kernel is read in the order it has."""
    return outputs.shape[0] is not None and outputs.shape[0] * outputs.shape[1] * outputs.shape[2] <= _FEW


def _convolve(inputs, kernel):
    batch, height, width, channels = inputs.shape
    if batch is None or batch * height * width > 4 * _FEW:
        return plain.convolve(inputs, kernel, 2, "SAME")
    product = tf.matmul(_patches(inputs), tf.reshape(kernel, [16 * channels, -1]))
    return tf.reshape(product, [batch, height // 2, width // 2, -1])


def _transposed(inputs, kernel):
    small = inputs.shape[1] <= 4 or kernel.shape[2] <= 4
    if (small and inputs.dtype == tf.float32) or _few(inputs):
        return _fold(inputs, kernel)
    return plain.convolve_transposed(inputs, kernel, (2, 2), "SAME")


def _filter_gradient(inputs, upstream):
    channels, filters = inputs.shape[-1], upstream.shape[-1]
    if _few(upstream):
        product = tf.matmul(_patches(inputs), tf.reshape(upstream, [-1, filters]), transpose_a=True)
        return tf.reshape(product, [4, 4, channels, filters])
    if inputs.dtype != tf.bfloat16 or channels < 16:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=inputs, filter_sizes=[4, 4, channels, filters], out_backprop=upstream, strides=[1, 2, 2, 1], padding="SAME"
        )
    return _filter_product(inputs, upstream)


_FORM = Trilinear(_convolve, _transposed, _filter_gradient)


def _filter_product(inputs, upstream):
    """The kernel's gradient as four matrix products, one for each of the 2x2 blocks of pixels that an output sees."""
    channels, filters = inputs.shape[-1], upstream.shape[-1]
    _, height, width, _ = plain.sizes(upstream)
    blocks = tf.nn.space_to_depth(tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]), 2)  # [batch, h + 1, w + 1, 4 channels]
    upstream = tf.reshape(upstream, [-1, filters])
    rows = []
    for i in (0, 1):
        row = []
        for j in (0, 1):
            seen = tf.reshape(blocks[:, i : i + height, j : j + width], [-1, 4 * channels])
            row.append(tf.reshape(tf.matmul(seen, upstream, transpose_a=True), [2, 2, channels, filters]))
        rows.append(tf.concat(row, 1))
    return tf.concat(rows, 0)


def _fold(inputs, kernel):
    """The transposed convolution as one matrix product, whose 2x2 blocks of pixels are added where they overlap."""
    channels, filters = kernel.shape[2:]
    batch, height, width, _ = plain.sizes(inputs)
    spread = tf.matmul(tf.reshape(inputs, [-1, filters]), tf.reshape(kernel, [16 * channels, filters]), transpose_b=True)
    spread = tf.reshape(spread, [batch, height, width, 2, 2, 2, 2 * channels])  # block and row in it, block, column in it
    blocks = tf.add_n(
        [
            tf.pad(
                tf.reshape(spread[:, :, :, i, :, j], [batch, height, width, 4 * channels]),
                [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]],
            )
            for i in (0, 1)
            for j in (0, 1)
        ]
    )  # [batch, h + 1, w + 1, 4 channels]
    return tf.nn.depth_to_space(blocks, 2)[:, 1:-1, 1:-1]


def _patches(inputs):
    """Returns what each output sees, in the kernel's order: [batch, 2 h, 2 w, channels] -> [batch * h * w, 16 channels]."""
    batch, height, width, channels = inputs.shape
    height, width = height // 2, width // 2
    padded = tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = tf.reshape(padded, [batch, height + 1, 2, 2 * width + 2, channels])
    rows = tf.reshape(tf.stack([rows[:, :-1], rows[:, 1:]], 2), [batch, height, 4, width + 1, 2, channels])
    both = tf.stack([rows[:, :, :, :-1], rows[:, :, :, 1:]], 4)  # [batch, h, 4, w, 2, 2, channels]
    return tf.reshape(tf.transpose(both, [0, 1, 3, 2, 4, 5, 6]), [batch * height * width, 16 * channels])
