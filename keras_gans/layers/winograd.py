"""3x3 convolutions in a quarter of the products: Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016).

A tile of 4x4 outputs sees 6x6 inputs. Both the tile and the kernel are taken to 36 values by small matrices; there the
convolution is 36 matrix products over the channels. Between layers of 256 channels and 64x64 pixels it takes half the
time of oneDNN's direct kernel on two cores, and a third for the kernel's gradient, so it is for training on a CPU.
Rounding errors are three times those of the direct sum (2e-5 of the outputs' standard deviation at most).
"""

import numpy as np
import tensorflow as tf

_OUT, _IN, _TAPS = 4, 6, 3  # pixels: of a tile of outputs, of the inputs that it sees, of the kernel


def _transforms(points):
    """Returns (A, B, G) with correlate(d, g) = A ((G g) * (B d)) for the `_IN` values d and the `_TAPS` values g.

    Cook and Toom: values of polynomials at `_IN - 1` points and at infinity, their product, and the interpolation.
    """
    points = np.array(points)
    a = np.append(np.vander(points, _OUT, increasing=True).T, np.eye(_OUT)[:, -1:], axis=1)
    scale = [np.prod(point - np.delete(points, i)) for i, point in enumerate(points)]
    g = np.append(np.vander(points, _TAPS, increasing=True) / np.transpose([scale]), np.eye(_TAPS)[-1:], axis=0)
    b = [np.append(np.poly(np.delete(points, i))[::-1], 0) for i in range(_IN - 1)] + [np.poly(points)[::-1]]
    return a, np.array(b), g


# Of the usual sets of points the one with the smallest errors; along both axes of an image: Kronecker products.
_A, _B, _G = (np.kron(matrix, matrix).astype(np.float32) for matrix in _transforms((0, 1, -1, 1 / 2, -2)))


def fits(inputs, kernel):
    """Whether `convolve` trains faster on a CPU than TensorFlow's convolution of these inputs with this kernel."""
    return (kernel.shape[:2] == (_TAPS, _TAPS) and min(kernel.shape[2:]) >= 128
            and min(inputs.shape[1:3]) >= 16 and inputs.dtype in (tf.float32, tf.bfloat16))


def convolve(inputs, kernel, pad=0):
    """A 3x3 convolution with stride 1.

    In bfloat16 only the kernel's gradient takes this way, in float32: the tiles' values would lose too many bits.

    Args:
        inputs: float32 or bfloat16 [batch, h, w, channels], h and w known.
        kernel: [3, 3, channels, filters], of the same type.
        pad: zeros around the inputs, 0 to 2 pixels. Default 0.

    Returns:
        [batch, h + 2 pad - 2, w + 2 pad - 2, filters], differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, kernel):
        def gradient(upstream):
            return convolve_transposed(upstream, kernel, pad), filter_gradient(inputs, upstream, pad)

        if inputs.dtype == tf.float32:
            return _convolve(inputs, kernel, pad), gradient
        return tf.nn.conv2d(_padded(inputs, pad), kernel, 1, "VALID"), gradient

    return apply(inputs, kernel)


def convolve_transposed(upstream, kernel, pad=0):
    """The gradient of `convolve` with respect to its inputs.

    Args:
        upstream: gradient of its outputs, [batch, h + 2 pad - 2, w + 2 pad - 2, filters].
        kernel, pad: of the convolution.

    Returns:
        [batch, h, w, channels], differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(upstream, kernel):
        def gradient(inputs):
            return convolve(inputs, kernel, pad), filter_gradient(inputs, upstream, pad)

        if upstream.dtype == tf.float32:
            return _convolve(upstream, kernel, 2 - pad, transposed=True), gradient
        height, width = upstream.shape[1:3]
        shape = [tf.shape(upstream)[0], height + 2, width + 2, kernel.shape[2]]
        padded = tf.nn.conv2d_transpose(upstream, kernel, shape, 1, "VALID")
        return tf.slice(padded, [0, pad, pad, 0], [-1, height + 2 - 2 * pad, width + 2 - 2 * pad, -1]), gradient

    return apply(upstream, kernel)


def filter_gradient(inputs, upstream, pad=0):
    """The gradient of `convolve` with respect to its kernel.

    Args:
        inputs, pad: of the convolution.
        upstream: gradient of its outputs.

    Returns:
        [3, 3, channels, filters], differentiable any number of times.
    """

    @tf.custom_gradient
    def apply(inputs, upstream):
        def gradient(kernel):
            return convolve_transposed(upstream, kernel, pad), convolve(inputs, kernel, pad)

        return _filter_gradient(inputs, upstream, pad), gradient

    return apply(inputs, upstream)


def _padded(images, before, height=0, width=0):
    """Pads with zeros: `before` pixels all round, and `height` and `width` more below and to the right."""
    sides = [[0, 0], [before, before + height], [before, before + width], [0, 0]]
    return tf.pad(images, sides) if before or height or width else images


def _convolve(inputs, kernel, pad, transposed=False):
    """The convolution, or with `transposed` the one with the mirrored kernel, from its filters to its channels."""
    height, width = (side + 2 * pad - 2 for side in inputs.shape[1:3])
    taps = tf.matmul(_G[:, ::-1] if transposed else _G, _rows(kernel))
    taps = tf.reshape(taps, [_IN**2, *kernel.shape[2:]])
    products = tf.matmul(_input_tiles(inputs, pad), taps, transpose_b=transposed)
    tiles, filters = tf.matmul(_A, _rows(products)), products.shape[2]
    down, across = -(-height // _OUT), -(-width // _OUT)
    tiles = tf.transpose(tf.reshape(tiles, [_OUT, _OUT, -1, down, across, filters]), [2, 3, 0, 4, 1, 5])
    outputs = tf.reshape(tiles, [-1, down * _OUT, across * _OUT, filters])
    return tf.slice(outputs, [0, 0, 0, 0], [-1, height, width, -1])


def _filter_gradient(inputs, upstream, pad):
    height, width, filters = upstream.shape[1:]
    images = tf.cast(_padded(upstream, 0, -height % _OUT, -width % _OUT), tf.float32)
    down, across = images.shape[1] // _OUT, images.shape[2] // _OUT
    tiles = tf.transpose(tf.reshape(images, [-1, down, _OUT, across, _OUT, filters]), [2, 4, 0, 1, 3, 5])
    tiles = tf.reshape(tf.matmul(_A, tf.reshape(tiles, [_OUT**2, -1]), transpose_a=True), [_IN**2, -1, filters])
    products = tf.matmul(_input_tiles(tf.cast(inputs, tf.float32), pad), tiles, transpose_a=True)
    gradient = tf.matmul(_G, _rows(products), transpose_a=True)
    return tf.cast(tf.reshape(gradient, [_TAPS, _TAPS, inputs.shape[3], filters]), inputs.dtype)


def _rows(values):
    """[n, n, ...] or [n n, ...] -> [n n, everything else]."""
    count = values.shape[0] if len(values.shape) == 3 else values.shape[0] * values.shape[1]
    return tf.reshape(values, [count, -1])


def _input_tiles(inputs, pad):
    """Returns the transformed inputs of all tiles, [36, batch tiles, channels]."""
    channels = inputs.shape[3]
    below, right = (-(side + 2 * pad - 2) % _OUT for side in inputs.shape[1:3])
    images = _padded(inputs, pad, below, right)
    height, width = images.shape[1:3]
    rows, columns = (np.arange(_IN)[:, None] + np.arange(0, side - 2, _OUT) for side in (height, width))
    pixels = (rows[:, None, :, None] * width + columns[None, :, None, :]).reshape(_IN**2, 1, -1)
    pixels = pixels + height * width * tf.range(tf.shape(images)[0])[:, None]
    seen = tf.gather(tf.reshape(images, [-1, channels]), pixels)
    return tf.reshape(_B @ tf.reshape(seen, [_IN**2, -1]), [_IN**2, -1, channels])
