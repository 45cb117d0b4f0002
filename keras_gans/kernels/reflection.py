"""Padding by reflection, put together of slices: TensorFlow's kernel on a CPU goes from pixel to pixel.

The gradient is TensorFlow's, as that of the slices is slower on large maps.
"""

import tensorflow as tf

_ROWS, _COLUMNS = 1, 2


def fits(inputs, sides):
    """Whether height and width are known, and larger than what is reflected (else TensorFlow says what is wrong)."""
    return None not in inputs.shape[1:3] and max(sides) < min(inputs.shape[1:3])


def reflect(inputs, sides):
    """See `keras_gans.kernels.reflect`."""
    paddings = [[0, 0], list(sides), list(sides), [0, 0]]

    @tf.custom_gradient
    def padded(inputs):
        outputs = inputs
        for axis in (_COLUMNS, _ROWS):
            last = outputs.shape[axis] - 1
            before = [_line(outputs, axis, step) for step in range(sides[0], 0, -1)]
            after = [_line(outputs, axis, last - step) for step in range(1, sides[1] + 1)]
            outputs = tf.concat([*before, outputs, *after], axis)
        return outputs, lambda upstream: tf.raw_ops.MirrorPadGrad(input=upstream, paddings=paddings, mode="REFLECT")

    return padded(inputs)


def _line(images, axis, index):
    """One row or one column, whose axis stays."""
    return images[:, index : index + 1] if axis == _ROWS else images[:, :, index : index + 1]
