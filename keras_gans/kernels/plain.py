"""The operations as TensorFlow has them: what runs on a GPU, and what every kernel of this room is compared with."""

import keras
import tensorflow as tf

from keras_gans.kernels import switch


def convolve(inputs, kernel, strides=(1, 1), padding="SAME"):
    """See `keras_gans.kernels.convolve`."""
    if grouped(inputs, kernel) and switch.device_type() == "CPU":
        # TensorFlow's CPU kernels have no gradient of these; Keras compiles them with XLA.
        return keras.ops.conv(padded(inputs, padding), kernel, strides, "same" if padding == "SAME" else "valid")
    # Not the explicit padding that tf.nn.conv2d offers: its gradients take 30 times as long in bfloat16 on a CPU.
    return tf.nn.conv2d(padded(inputs, padding), kernel, strides, "SAME" if padding == "SAME" else "VALID")


def convolve_depthwise(inputs, kernel, strides=(1, 1), padding="SAME"):
    """See `keras_gans.kernels.convolve_depthwise`."""
    kind = "SAME" if padding == "SAME" else "VALID"
    return tf.nn.depthwise_conv2d(padded(inputs, padding), kernel, [1, *strides, 1], kind)


def convolve_transposed(inputs, kernel, strides=(1, 1), padding="SAME"):
    """See `keras_gans.kernels.convolve_transposed`."""
    batch, height, width, _ = sizes(inputs)
    height, width = strides[0] * height, strides[1] * width
    if padding == "SAME":
        return tf.nn.conv2d_transpose(inputs, kernel, [batch, height, width, kernel.shape[2]], strides, "SAME")
    return cropped(inputs, kernel, strides, padding, height, width)


def cropped(inputs, kernel, strides, padding, height, width):
    """The transpose of a convolution between `padding` zeros of images of height x width pixels.

    Args:
        inputs: [batch, h, w, filters]; sides may be unknown.
        kernel: [k, k, channels, filters].
        strides: a pair.
        padding: pixels.
        height, width: of the result; numbers or scalar tensors.

    Returns:
        [batch, height, width, channels].
    """
    shape = tf.shape(inputs)
    sides = [stride * (shape[axis] - 1) + kernel.shape[axis - 1] for axis, stride in enumerate(strides, 1)]
    outputs = tf.nn.conv2d_transpose(inputs, kernel, [shape[0], *sides, kernel.shape[2]], strides, "VALID")
    outputs = outputs[:, padding : padding + height, padding : padding + width]
    outputs.set_shape([None, None, None, kernel.shape[2]])  # no operation: TensorFlow.js has none for it
    return outputs


def reflect(inputs, sides):
    """See `keras_gans.kernels.reflect`."""
    return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], "REFLECT")


def normalize(inputs, gamma, beta, epsilon, statistics=None):
    """See `keras_gans.kernels.normalize`.

    Args:
        inputs, gamma, beta, epsilon: see there; here inputs may have any number of axes of positions.
        statistics: (mean, variance) to use instead of the inputs' own, float32, broadcasting to [batch, 1, ..., channels].
    """
    mean, variance = moments(inputs) if statistics is None else statistics
    scale = tf.math.rsqrt(variance + epsilon)
    if gamma is not None:
        scale = scale * tf.cast(gamma, scale.dtype)
    outputs = (tf.cast(inputs, scale.dtype) - mean) * scale
    if beta is not None:
        outputs = outputs + tf.cast(beta, scale.dtype)
    return tf.cast(outputs, inputs.dtype)


def moments(inputs, mean=None):
    """Returns (mean, biased variance) over the positions of [batch, ..., channels], each [batch, 1, ..., channels].

    In float32, or float64 for float64 inputs.

    Args:
        mean: function that takes the mean over positions, with the axes kept. Default: in one sum.
    """
    mean = mean or (lambda values: tf.reduce_mean(values, axis=range(1, len(values.shape) - 1), keepdims=True))
    inputs = tf.convert_to_tensor(inputs)
    inputs = tf.cast(inputs, tf.float64 if inputs.dtype == tf.float64 else tf.float32)
    middle = mean(inputs)
    return middle, mean(tf.square(inputs - middle))


def grouped(inputs, kernel):
    """Whether the kernel takes a part of the channels only."""
    return inputs.shape[3] != kernel.shape[2]


def sizes(tensor):
    """Returns a tensor's shape as a list of numbers, and of scalar tensors where it is not known."""
    dynamic = tf.shape(tensor)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(tensor.shape)]


def padded(inputs, padding):
    """Puts `padding` zeros on each side of images, none for "SAME"."""
    if padding in ("SAME", 0):
        return inputs
    return tf.pad(inputs, [[0, 0], [padding, padding], [padding, padding], [0, 0]])
