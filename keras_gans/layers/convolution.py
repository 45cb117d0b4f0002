"""Strided 4x4 convolutions whose slow parts run as matrix products on a CPU.

oneDNN's kernels behind TensorFlow reach the machine's peak on most of what a DCGAN needs, but not on two things
(`benchmarks/convolutions.py`): transposed convolutions of small maps or to few channels, in float32 (half the peak, or a
tenth), and filter gradients in bfloat16 (a third). Both are matrix products: a 4x4 convolution with stride 2 sees its
input as 2x2 blocks of pixels, of which each output takes 2x2.
"""

import keras
import tensorflow as tf


def convolve(inputs, kernel):
    """A 4x4 convolution with stride 2 and "same" padding (one pixel all round).

    Args:
        inputs: float [batch, height, width, channels], even sides.
        kernel: [4, 4, channels, filters], of the same type.

    Returns:
        [batch, height / 2, width / 2, filters]; differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, kernel):
        def gradient(upstream):
            return convolve_transposed(upstream, kernel), filter_gradient(inputs, upstream)

        return tf.nn.conv2d(inputs, kernel, 2, "SAME"), gradient

    return apply(inputs, kernel)


def convolve_transposed(inputs, kernel):
    """The transpose of `convolve`: twice as high and wide.

    Args:
        inputs: float [batch, height, width, filters].
        kernel: [4, 4, channels, filters], of the same type.

    Returns:
        [batch, 2 * height, 2 * width, channels]; differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, kernel):
        def gradient(upstream):
            return convolve(upstream, kernel), filter_gradient(upstream, inputs)

        small = inputs.shape[1] <= 4 or kernel.shape[2] <= 4
        if small and inputs.dtype == tf.float32:
            return _fold(inputs, kernel), gradient
        batch, height, width, _ = _sizes(inputs)
        shape = [batch, 2 * height, 2 * width, kernel.shape[2]]
        return tf.nn.conv2d_transpose(inputs, kernel, shape, 2, "SAME"), gradient

    return apply(inputs, kernel)


def filter_gradient(inputs, upstream):
    """The gradient of `convolve` with respect to its kernel.

    Args:
        inputs: of the convolution, [batch, height, width, channels].
        upstream: gradient of its outputs, [batch, height / 2, width / 2, filters].

    Returns:
        [4, 4, channels, filters].
    """
    channels, filters = inputs.shape[-1], upstream.shape[-1]
    if inputs.dtype != tf.bfloat16 or channels < 16:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=inputs, filter_sizes=[4, 4, channels, filters], out_backprop=upstream, strides=[1, 2, 2, 1], padding="SAME"
        )
    return _filter_product(inputs, upstream)


def _filter_product(inputs, upstream):
    """`filter_gradient` as four matrix products, one for each of the 2x2 blocks of pixels that an output sees."""
    channels, filters = inputs.shape[-1], upstream.shape[-1]
    _, height, width, _ = _sizes(upstream)
    blocks = tf.nn.space_to_depth(tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]), 2)
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
    """`convolve_transposed` as one matrix product, whose 2x2 blocks of pixels are added where they overlap."""
    channels, filters = kernel.shape[2:]
    batch, height, width, _ = _sizes(inputs)
    taps = tf.transpose(tf.reshape(kernel, [2, 2, 2, 2, channels, filters]), [5, 0, 2, 1, 3, 4])
    spread = tf.matmul(tf.reshape(inputs, [-1, filters]), tf.reshape(taps, [filters, 16 * channels]))
    spread = tf.reshape(spread, [batch, height, width, 4, 4 * channels])
    blocks = tf.add_n(
        [tf.pad(spread[:, :, :, 2 * i + j], [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]]) for i in (0, 1) for j in (0, 1)]
    )
    return tf.nn.depth_to_space(blocks, 2)[:, 1:-1, 1:-1]


def _sizes(tensor):
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(tensor.shape)]


def _fits(layer, inputs):
    """Whether the layer and its inputs are what this module is for; elsewhere Keras's own operation runs."""
    return (
        not isinstance(inputs, keras.KerasTensor)
        and not tf.config.list_physical_devices("GPU")
        and layer.kernel_size == (4, 4)
        and layer.strides == (2, 2)
        and layer.padding == "same"
        and layer.dilation_rate == (1, 1)
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
        and None not in inputs.shape[1:]
        and not inputs.shape[1] % 2
        and not inputs.shape[2] % 2
    )


@keras.saving.register_keras_serializable("keras_gans")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, faster to train on a CPU when it is 4x4 with stride 2. Same arguments and numbers."""

    def convolution_op(self, inputs, kernel):
        if not _fits(self, inputs):
            return super().convolution_op(inputs, kernel)
        return convolve(inputs, tf.convert_to_tensor(kernel))


@keras.saving.register_keras_serializable("keras_gans")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`, faster to train on a CPU when it is 4x4 with stride 2. Same arguments and numbers.

    Outside training it is Keras's operation, so that an exported graph has one transposed convolution in it.
    """

    def call(self, inputs, training=None):
        if not training or not _fits(self, inputs) or self.output_padding is not None:
            return super().call(inputs)
        outputs = convolve_transposed(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs += tf.convert_to_tensor(self.bias)
        return outputs if self.activation is None else self.activation(outputs)
