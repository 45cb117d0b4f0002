"""Contextual attention (Yu et al. 2018): what is missing is put together from patches of what is known."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class ContextualAttention(keras.layers.Layer):
    """Rebuilds each place of a feature map from the known patches that resemble it, in float32.

    After `contextual_attention` in `inpaint_ops.py` of `JiahuiYu/generative_inpainting`: 3x3 patches of the map, smaller
    by `rate`, are compared by their cosine times the length of the one at the place; neighbours that match in step add up
    (over three along each axis); the softmax over all patches without a missing pixel says how much of each larger patch,
    `2 rate` wide, is pasted.

    Args:
        rate: by which the map is made smaller for the comparison, an even number. Default 2.
        scale: of the similarities in the softmax. Default 10.

    Call:
        (features float [batch, h, w, c], h and w multiples of `rate`; missing float [batch, h, w, 1], 1 where the picture
        is missing and 0 where it is known) -> float32 [batch, h, w, c].

    Raises:
        ValueError: an odd rate.
    """

    def __init__(self, rate=2, scale=10.0, **kwargs):
        if rate < 2 or rate % 2:
            raise ValueError(f"rate must be an even number, not {rate}")
        super().__init__(**kwargs | {"dtype": "float32"})
        self.rate = rate
        self.scale = scale

    def call(self, features, missing):
        shape = tf.shape(features)
        batch, height, width = shape[0], shape[1] // self.rate, shape[2] // self.rate
        places, channels = height * width, features.shape[-1]
        small = patches(nearest(features, height, width), 3)
        keys = tf.reshape(small, [batch, places, 9 * channels])
        gaps = tf.reshape(patches(nearest(missing, height, width), 3), [batch, 1, places, 9])
        known = tf.cast(tf.equal(tf.reduce_sum(gaps, -1), 0), tf.float32)  # [batch, 1, patches]
        lengths = tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(keys), -1, keepdims=True), 1e-8))
        scores = tf.matmul(keys, keys / lengths, transpose_b=True)  # [batch, places, patches]
        scores = fuse(scores, height, width) * known
        weights = tf.nn.softmax(self.scale * scores) * known
        values = patches(features, 2 * self.rate, self.rate)
        values = tf.reshape(values, [batch, places, 4 * self.rate**2 * channels])
        pasted = tf.reshape(tf.matmul(weights, values), [batch, height, width, 4 * self.rate**2 * channels])
        return paste(pasted, self.rate, channels) / 4.0

    def compute_output_shape(self, features_shape, missing_shape):
        return features_shape

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "scale": self.scale}


def nearest(images, height, width):
    """Makes images [batch, h, w, c] smaller by taking pixels, the corners first (TensorFlow 1's `align_corners`)."""
    for axis, size in ((1, height), (2, width)):
        step = tf.cast(tf.shape(images)[axis] - 1, tf.float32) / tf.cast(tf.maximum(size - 1, 1), tf.float32)
        images = tf.gather(images, tf.cast(tf.floor(tf.cast(tf.range(size), tf.float32) * step + 0.5), tf.int32), axis=axis)
    return images


def patches(images, size, stride=1):
    """Returns the patches [batch, h / stride, w / stride, size^2 c] of images with zeros around, as "same" has it."""
    shape = tf.shape(images)
    height, width = shape[1] // stride, shape[2] // stride
    before = (size - stride) // 2
    sides = [before, size - stride - before]
    padded = tf.pad(images, [[0, 0], sides, sides, [0, 0]])
    return tf.concat(
        [
            padded[:, row : row + stride * (height - 1) + 1 : stride, column : column + stride * (width - 1) + 1 : stride]
            for row in range(size)
            for column in range(size)
        ],
        axis=-1,
    )


def fuse(scores, height, width):
    """Adds to each score [batch, place, patch] those of both neighbours, place and patch moved alike; along both axes."""
    count = height * width

    def along(scores):
        padded = tf.pad(scores, [[0, 0], [1, 1], [1, 1]])
        return tf.add_n([padded[:, step : step + count, step : step + count] for step in range(3)])

    def turned(scores, height, width):
        grid = tf.reshape(scores, [-1, height, width, height, width])
        return tf.reshape(tf.transpose(grid, [0, 2, 1, 4, 3]), [-1, count, count])

    return turned(along(turned(along(scores), height, width)), width, height)


def paste(pieces, rate, channels):
    """Lays patches [batch, h, w, (2 rate)^2 c] at their places, `rate` apart, and adds where they overlap."""
    shape = tf.shape(pieces)
    batch, height, width = shape[0], shape[1], shape[2]
    # The patch is 2x2 blocks of rate x rate pixels.
    blocks = tf.reshape(pieces, [batch, height * width, 2, rate, 2, rate * channels])
    total = 0.0
    for i in (0, 1):
        for j in (0, 1):
            block = tf.reshape(blocks[:, :, i, :, j], [batch, height, width, rate * rate * channels])
            total += tf.pad(block, [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]])
    half = rate // 2
    return tf.nn.depth_to_space(total, rate)[:, half:-half, half:-half]
