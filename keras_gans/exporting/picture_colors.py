"""Colour profiles (ICC) of three curves and a matrix, inside a graph."""

import numpy as np
import tensorflow as tf

from keras_gans.exporting import picture_headers
from keras_gans.exporting.picture_headers import number, read

_TAGS = 2**7  # in a profile; usual ones have about twenty
# XYZ of sRGB's red, green and blue, in columns, as seen in D50 (the light of profiles)
_SRGB = np.float32([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]])
_GRID = np.stack(np.meshgrid(*3 * [np.arange(0, 256, 15)]), -1).astype(np.uint8).reshape(1, -1, 3)
_ENDS = np.array([[[0] * 3, [255] * 3]], np.uint8)


class Profile:
    """A profile that has been read.

    Args:
        data: string [], the profile.

    Attributes:
        is_taken: bool [], whether it is an RGB profile of curves and a matrix, without tables that come before these, whose
            black and white are those of sRGB.
    """

    def __init__(self, data):
        self._data = data
        count = tf.minimum(number(data, 128, 4, little=False), _TAGS)
        self._tags = tf.reshape(read(data, 132, 12 * count), [-1, 12])
        wanted = [self._place(name) for name in (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")]
        tables = [self._place(name) for name in (b"A2B0", b"D2B0")]
        spaces = picture_headers.cut(data, 16, 8) == b"RGB XYZ "
        columns = [self._fixed(place + 8, 3) for place in wanted[:3]]
        self._matrix = tf.linalg.inv(_SRGB) @ tf.stack(columns, 1)
        self._curves = tf.map_fn(self._curve, tf.stack(wanted[3:]), fn_output_signature=tf.float32)
        ends = tf.cast(self._apply(_ENDS), tf.int32)
        whole = (tf.reduce_min(wanted) > 0) & (tf.reduce_max(tables) == 0)
        self.is_taken = spaces & whole & (tf.reduce_max(tf.abs(ends - _ENDS.astype(np.int32))) <= 1)

    def to_srgb(self, colors):
        """Turns uint8 [h, w, 3] into uint8 of sRGB; as it is where the profile changes no colour by more than a level."""
        changed = tf.reduce_max(tf.abs(tf.cast(self._apply(_GRID), tf.int32) - _GRID.astype(np.int32)))
        return tf.cond(changed > 1, lambda: self._apply(colors), lambda: colors)

    def _apply(self, colors):
        linear = tf.stack([tf.gather(self._curves[index], tf.cast(colors[..., index], tf.int32)) for index in range(3)], -1)
        linear = tf.clip_by_value(tf.einsum("hwc,dc->hwd", linear, self._matrix), 0.0, 1.0)
        encoded = tf.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        return tf.cast(tf.round(255 * encoded), tf.uint8)

    def _place(self, name):
        """Returns where a tag lies, int64 []; 0 where there is none."""
        is_it = tf.reduce_all(self._tags[:, :4] == tf.constant(list(name), tf.int64), -1)
        places = tf.reduce_sum(self._tags[:, 4:8] * tf.constant([2**24, 2**16, 2**8, 1], tf.int64), -1)
        return tf.concat([tf.boolean_mask(places, is_it), [0]], 0)[0]

    def _fixed(self, at, count):
        """Reads numbers of 16 bits before and 16 behind the point, float32 [count]."""
        values = tf.io.decode_raw(_padded(self._data, at, 4 * count), tf.int32, little_endian=False)
        return tf.ensure_shape(tf.cast(values, tf.float32) / 2**16, [count])

    def _curve(self, place):
        """Returns what a tag makes of the levels 0 to 255, float32 [256], 0 to 1."""
        levels = tf.range(256, dtype=tf.float32) / 255
        curve = tf.cond(
            picture_headers.cut(self._data, place, 4) == b"para",
            lambda: self._formula(place, levels),
            lambda: self._table(place, levels),
        )
        return tf.clip_by_value(tf.ensure_shape(curve, [256]), 0.0, 1.0)

    def _table(self, place, levels):
        """A `curv`: nothing (as it is), one number (a power), or values at even distances."""
        count = tf.minimum(number(self._data, place + 8, 4, little=False), 2**16)
        raw = tf.io.decode_raw(_padded(self._data, place + 12, 2 * tf.maximum(count, 2)), tf.uint16, little_endian=False)
        values = tf.cast(raw, tf.float32)
        exact = levels * tf.cast(tf.maximum(count - 1, 1), tf.float32)
        below = tf.cast(tf.floor(exact), tf.int64)
        part = exact - tf.cast(below, tf.float32)
        above = tf.minimum(below + 1, tf.maximum(count - 1, 1))
        between = (1 - part) * tf.gather(values, below) + part * tf.gather(values, above)
        return tf.case(
            [(tf.equal(count, 0), lambda: levels), (tf.equal(count, 1), lambda: levels ** (values[0] / 256))],
            default=lambda: between / 65535,
        )

    def _formula(self, place, levels):
        """A `para`: of five kinds, which are the last one with some of its numbers fixed."""
        kind = tf.minimum(number(self._data, place + 8, 2, little=False), 4)
        g, a, b, c, d, e, f = tf.unstack(self._fixed(place + 12, 7))
        zero, one = tf.zeros([]), tf.ones([])
        kinds = [
            [g, one, zero, zero, zero, zero, zero],
            [g, a, b, zero, tf.math.divide_no_nan(-b, a), zero, zero],
            [g, a, b, zero, tf.math.divide_no_nan(-b, a), c, c],
            [g, a, b, c, d, zero, zero],
            [g, a, b, c, d, e, f],
        ]
        g, a, b, c, d, e, f = tf.unstack(tf.gather(tf.stack([tf.stack(numbers) for numbers in kinds]), kind))
        return tf.where(levels >= d, tf.maximum(a * levels + b, 0) ** g + e, c * levels + f)


def _padded(data, at, count):
    """Cuts bytes out of a string; what lies behind its end is 0."""
    text = picture_headers.cut(data, at, count)
    zeros = tf.fill([tf.cast(count, tf.int64) - picture_headers.count_bytes(text)], b"\0")
    return tf.strings.join([text, tf.strings.reduce_join(zeros)])
