"""Resizing as PyTorch's `interpolate` does it, to sizes that are known only when an image comes."""

import tensorflow as tf

MODES = ("area", "bilinear", "bicubic")


def resize(image, size, mode, factor=None):
    """Resizes an image, float32 [h, w, c], without antialiasing but by its mode.

    `interpolate(align_corners=False)` of PyTorch: "area" is the mean of all pixels that a new one touches, "bicubic" has
    a = -0.75, the border is repeated. Along each axis it is the product with a matrix.

    Args:
        size: int32 [2], the new height and width.
        mode: of `MODES`, or its number, int32 [].
        factor: new pixels to an old one, where that is not exactly what the sizes say (PyTorch's `scale_factor`).

    Returns:
        float32 [h', w', c].
    """
    mode = MODES.index(mode) if isinstance(mode, str) else mode
    old, channels = tf.shape(image)[:2], image.shape[-1]
    rows, columns = (resizing_matrix(old[axis], size[axis], mode, factor) for axis in (0, 1))
    image = tf.matmul(rows, tf.reshape(image, [old[0], old[1] * channels]))
    image = tf.transpose(tf.reshape(image, [size[0], old[1], channels]), [1, 0, 2])
    image = tf.matmul(columns, tf.reshape(image, [old[1], size[0] * channels]))
    return tf.transpose(tf.reshape(image, [size[1], size[0], channels]), [1, 0, 2])


def resizing_matrix(old, new, mode, factor=None):
    """Returns the matrix, float32 [new, old], that resizes one axis; see `resize`."""
    numbers = tf.range(new)
    step = tf.cast(old, tf.float32) / tf.cast(new, tf.float32) if factor is None else 1 / factor
    place = (tf.cast(numbers, tf.float32) + 0.5) * step - 0.5

    def mean():
        pixels, first, end = tf.range(old), numbers * old // new, -(-(numbers + 1) * old // new)
        touched = tf.cast((pixels >= first[:, None]) & (pixels < end[:, None]), tf.float32)
        return touched / tf.reduce_sum(touched, 1, keepdims=True)

    def linear():
        at = tf.maximum(place, 0.0)
        share = at - tf.floor(at)
        return _taps(at, old, ((0, 1 - share), (1, share)))

    def cubic():
        share = place - tf.floor(place)
        return _taps(place, old, ((tap, _cubic(tf.abs(share - tap))) for tap in (-1, 0, 1, 2)))

    return tf.switch_case(tf.convert_to_tensor(mode), [mean, linear, cubic])


def _taps(place, old, taps):
    """Returns the matrix of weights [new] at so many pixels from the one at or before `place`, the border repeated."""
    first = tf.cast(tf.floor(place), tf.int32)
    return tf.add_n([
        weights[:, None] * tf.one_hot(tf.clip_by_value(first + offset, 0, old - 1), old) for offset, weights in taps
    ])  # fmt: skip


def _cubic(x, a=-0.75):
    """Keys's kernel at distances from 0 to 2."""
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    return tf.where(x <= 1, near, a * (((x - 5) * x + 8) * x - 4))
