"""What a stylised picture should keep of its content and take from its style, on the features of a pretrained network.

Per example, like all losses here: features float [batch, height, width, channels] -> float32 [batch].
"""

import tensorflow as tf

from keras_gans.losses.reductions import flat_float32


def content_loss(features, targets):
    """The mean squared difference of features [batch, h, w, c] (Johnson et al. 2016, equation 2) -> float32 [batch]."""
    return tf.reduce_mean(tf.square(flat_float32(features) - flat_float32(targets)), axis=1)


def gram(features):
    """Correlations of channels, the mean over positions: float [batch, h, w, c] -> float32 [batch, c, c].

    Gatys et al. 2016 take the sum over positions, Johnson et al. 2016 (equation 3) divide by the channels too, Magenta
    (`image_stylization/learning.py`) has this mean.
    """
    rows = _positions(features)
    return tf.matmul(rows, rows, transpose_a=True) / tf.cast(tf.shape(rows)[1], tf.float32)


def gram_loss(grams, targets):
    """The mean squared difference of the c x c entries: float32 [batch, c, c] -> [batch] (as Magenta's)."""
    return tf.reduce_mean(tf.square(grams - targets), axis=(1, 2))


def moments(features, epsilon=1e-6):
    """Means and deviations of channels, one behind the other: float [batch, h, w, c] -> float32 [batch, 2 c].

    The variance is the biased one; the epsilon inside the root keeps the gradient of a constant channel finite, as in
    `xunhuang1995/AdaIN-style`, `lib/StyleINLossModule.lua` (which has none in the target's root: give 0 there).
    """
    rows = _positions(features)
    mean = tf.reduce_mean(rows, axis=1, keepdims=True)
    variance = tf.reduce_mean(tf.square(rows - mean), axis=1)
    return tf.concat([mean[:, 0], tf.sqrt(variance + epsilon)], axis=1)


def moments_loss(values, targets):
    """The squared differences of means and deviations, summed over channels: float32 [batch, 2 c] -> [batch].

    Huang & Belongie 2017, equation 13, with the reduction of their code.
    """
    return tf.reduce_sum(tf.square(values - targets), axis=1)


def total_variation(images):
    """The mean squared difference of neighbours, down and across: float [batch, h, w, c] -> float32 [batch].

    Twice Magenta's (`image_stylization/learning.py`) on images of the same range.
    """
    down, across = images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]
    return sum(tf.reduce_mean(tf.square(flat_float32(step)), axis=1) for step in (down, across))


def shift_loss(images, shifted, rows, columns, most):
    """The mean squared difference of two pictures where they show the same, so that stylised video does not flicker.

    Args:
        images: float [batch, h, w, c], a picture's stylisation.
        shifted: that of the picture moved up by `rows` and left by `columns`: its pixel (0, 0) shows what pixel
            (rows, columns) of `images` shows.
        rows, columns: whole numbers or int32 scalars, from 0 to `most`.
        most: pixels; a border of this width, at the top and the left of `images`, is not compared.

    Returns:
        float32 [batch].
    """
    window = images[:, most:, most:]
    same = tf.slice(shifted, [0, most - rows, most - columns, 0], tf.shape(window))
    return content_loss(window, same)


def _positions(features):
    """Returns float32 [batch, positions, channels]."""
    shape = tf.shape(features)
    return tf.cast(tf.reshape(features, [shape[0], shape[1] * shape[2], features.shape[-1]]), tf.float32)
