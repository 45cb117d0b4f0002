"""3x3 convolutions in fewer products, for training on a CPU: Winograd's minimal filtering (Lavin and Gray 2016).

A tile of m x m outputs sees (m + 2) x (m + 2) inputs. Both the tile and the kernel are taken to (m + 2)^2 values by small
matrices; there the convolution is (m + 2)^2 matrix products over the channels, m^2 / (m + 2)^2 * 9 times fewer in all.

In float32 m is 4. Between layers of 256 channels and 64x64 pixels it takes half the time of oneDNN's direct kernel on two
cores, and a third for the kernel's gradient. Errors are three times those of the direct sum (2e-5 of the outputs'
standard deviation at most). In bfloat16, whose 8 bits the larger tiles' transforms would use up, m is 2: three quarters
and half of the time, with errors of 0.5% of the standard deviation, where rounding the direct sum makes 0.2%.
"""

import functools

import numpy as np
import tensorflow as tf

from keras_gans.kernels.trilinear import Trilinear

_TAPS = 3  # of the kernel, along each axis


class _Form:
    """The transforms of F(m x m, 3x3): correlate(d, g) = a ((g_ g) * (b d)) along one axis; here for both at once.

    Cook and Toom: values of polynomials at m + 1 points and at infinity, their product, and the interpolation.

    Args:
        points: m + 1 numbers. The more of them, and the farther from 1, the larger the rounding errors.
    """

    def __init__(self, points):
        self.inputs, self.outputs = len(points) + 1, len(points) - 1  # pixels, along each axis
        points = np.array(points)
        scales = [np.prod(point - np.delete(points, i)) for i, point in enumerate(points)]
        a = np.vander(points, self.outputs, increasing=True).T
        a = np.append(a, np.eye(self.outputs)[:, -1:], axis=1)
        g = np.vander(points, _TAPS, increasing=True) / np.transpose([scales])
        g = np.append(g, np.eye(_TAPS)[-1:], axis=0)
        b = [np.append(np.poly(np.delete(points, i))[::-1], 0) for i in range(len(points))] + [np.poly(points)[::-1]]
        self.of_outputs, self.of_inputs, self.of_kernel = (np.kron(matrix, matrix) for matrix in (a, b, g))


# For 4x4 outputs the set of points with the smallest errors, of the usual ones.
_FORMS = {tf.float32: _Form((0, 1, -1, 1 / 2, -2)), tf.bfloat16: _Form((0, 1, -1))}


def fits(inputs, kernel, strides, padding):
    """Whether `convolve` trains faster on a CPU than TensorFlow's convolution of these inputs with this kernel."""
    return (
        kernel.shape[:2] == (_TAPS, _TAPS)
        and strides == (1, 1)
        and padding in ("SAME", 0, 1, 2)
        and None not in inputs.shape[1:3]
        and min(kernel.shape[2:]) >= 128
        and min(inputs.shape[1:3]) >= 16
        and inputs.dtype in _FORMS
    )


def convolve(inputs, kernel, strides=(1, 1), padding=0):
    """See `keras_gans.kernels.convolve`; float32 or bfloat16, 3x3, between 0 to 2 zeros on each side."""
    padding = 1 if padding == "SAME" else padding
    return Trilinear(
        functools.partial(_convolve, pad=padding),
        functools.partial(_convolve, pad=2 - padding, transposed=True),
        functools.partial(_filter_gradient, pad=padding),
    ).convolve(inputs, kernel)


def _convolve(inputs, kernel, pad, transposed=False):
    """The convolution, or with `transposed` the one with the mirrored kernel, from its filters to its channels."""
    form = _FORMS[inputs.dtype]
    height, width = (side + 2 * pad - 2 for side in inputs.shape[1:3])
    taps = _product(form.of_kernel[:, ::-1] if transposed else form.of_kernel, tf.reshape(kernel, [_TAPS**2, -1]))
    taps = tf.reshape(taps, [-1, *kernel.shape[2:]])
    products = tf.matmul(_input_tiles(inputs, pad), taps, transpose_b=transposed)  # [(m + 2)^2, tiles, filters]
    tiles, filters = _product(form.of_outputs, tf.reshape(products, [form.inputs**2, -1])), products.shape[2]
    down, across = -(-height // form.outputs), -(-width // form.outputs)
    # [batch, down, m, across, m, filters]
    tiles = tf.transpose(tf.reshape(tiles, [form.outputs, form.outputs, -1, down, across, filters]), [2, 3, 0, 4, 1, 5])
    outputs = tf.reshape(tiles, [-1, down * form.outputs, across * form.outputs, filters])
    return tf.slice(outputs, [0, 0, 0, 0], [-1, height, width, -1])


def _filter_gradient(inputs, upstream, pad):
    form = _FORMS[inputs.dtype]
    side = form.outputs
    height, width, filters = upstream.shape[1:]
    images = _padded(upstream, 0, -height % side, -width % side)
    down, across = images.shape[1] // side, images.shape[2] // side
    tiles = tf.transpose(tf.reshape(images, [-1, down, side, across, side, filters]), [2, 4, 0, 1, 3, 5])
    tiles = _product(form.of_outputs.T, tf.reshape(tiles, [side**2, -1]))
    tiles = tf.reshape(tiles, [form.inputs**2, -1, filters])  # [(m + 2)^2, tiles, filters]
    products = tf.matmul(_input_tiles(inputs, pad), tiles, transpose_a=True)  # [(m + 2)^2, channels, filters]
    gradient = _product(form.of_kernel.T, tf.reshape(products, [form.inputs**2, -1]))
    return tf.reshape(gradient, [_TAPS, _TAPS, inputs.shape[3], filters])


def _input_tiles(inputs, pad):
    """Returns the transformed inputs of all tiles, [(m + 2)^2, batch tiles, channels]."""
    form, channels = _FORMS[inputs.dtype], inputs.shape[3]
    below, right = (-(side + 2 * pad - 2) % form.outputs for side in inputs.shape[1:3])
    images = _padded(inputs, pad, below, right)
    height, width = images.shape[1:3]
    rows, columns = (np.arange(form.inputs)[:, None] + np.arange(0, side - 2, form.outputs) for side in (height, width))
    pixels = (rows[:, None, :, None] * width + columns[None, :, None, :]).reshape(form.inputs**2, 1, -1)
    pixels = pixels + height * width * tf.range(tf.shape(images)[0])[:, None]  # [(m + 2)^2, batch, tiles of an image]
    seen = tf.gather(tf.reshape(images, [-1, channels]), pixels)
    tiles = _product(form.of_inputs, tf.reshape(seen, [form.inputs**2, -1]))
    return tf.reshape(tiles, [form.inputs**2, -1, channels])


def _product(matrix, values):
    return tf.matmul(tf.constant(matrix, values.dtype), values)


def _padded(images, before, height, width):
    """Pads with zeros: `before` pixels all round, and `height` and `width` more below and to the right."""
    sides = [[0, 0], [before, before + height], [before, before + width], [0, 0]]
    return tf.pad(images, sides) if before or height or width else images
