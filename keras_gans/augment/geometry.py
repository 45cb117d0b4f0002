"""ADA's pixel blitting and geometric transformations (Karras et al. 2020, appendix B).

All transformations of an image are gathered in one matrix, float32 [batch, 3, 3], that maps the position of a pixel of
the result to where it comes from: homogeneous columns (x, y, 1) in pixels, x to the right and y down from the middle of
the image. Outside the image lies its reflection (the border pixel is not repeated). The operations on images are
linear, with exact gradients of any order.

Numbers, order and results are those of `training/augment.py` in `NVlabs/stylegan2-ada-pytorch`, but for two things.
With nothing but `BLIT`, pixels are copied, as the paper has it; there they are resampled. And its reflection ends after
one image width, with black beyond, where few draws ever look; here it goes on.
"""

import functools
import math

import numpy as np
import tensorflow as tf

from keras_gans.kernels.resample import filter_matrix

BLIT = ("xflip", "rotate90", "xint")  # move whole pixels
WARP = ("scale", "rotate", "aniso", "xfrac")

# The low-pass filter of the sym6 wavelet, its sum scaled to 1. Upsampling and downsampling with it changes nothing.
SYM6 = np.array(
    [
        0.015404109327027373,
        0.0034907120842174702,
        -0.11799011114819057,
        -0.048311742585633,
        0.4910559419267466,
        0.787641141030194,
        0.3379294217276218,
        -0.07263752278646252,
        -0.021060292512300564,
        0.04472490177066578,
        0.0017677118642428036,
        -0.007800708325034148,
    ]
) / math.sqrt(2)


# --- matrices ---------------------------------------------------------------------------------------------------------


def draw_matrix(names, draw, height, width):
    """Draws the matrices of the transformations in `names`, each with probability `draw.p`.

    Args:
        names: of `BLIT` and `WARP`.
        draw: a `Draw`.
        height, width: of the images, in pixels.

    Returns:
        float32 [batch, 3, 3].
    """
    size = np.array([width, height], np.float32)
    # Rotation comes before or after the anisotropic scaling, or both; with probability p it comes at all.
    p_rotate = 1.0 - tf.sqrt(tf.clip_by_value(1.0 - draw.p, 0.0, 1.0))
    steps = (
        ("xflip", lambda: scale(1.0 - 2.0 * draw.integer(2) * [1.0, 0.0])),
        ("rotate90", lambda: rotate(math.pi / 2 * draw.integer(4))),
        ("xint", lambda: shift(tf.round(draw.uniform(0.125, width=2) * size))),
        ("scale", lambda: scale(2.0 ** (draw.normal(0.2) * [1.0, 1.0]))),
        ("rotate", lambda: rotate(draw.uniform(math.pi, p=p_rotate))),
        ("aniso", lambda: scale(2.0 ** (draw.normal(0.2) * [1.0, -1.0]))),
        ("rotate", lambda: rotate(draw.uniform(math.pi, p=p_rotate))),
        ("xfrac", lambda: shift(draw.normal(0.125, width=2) * size)),
    )
    return functools.reduce(tf.matmul, [matrix() for name, matrix in steps if name in names])


def affine(a, b, c, d, e, f):
    """Builds [[a, b, c], [d, e, f], [0, 0, 1]], float32 [batch, 3, 3], of numbers and tensors [batch, 1]."""
    entries = (a, b, c, d, e, f, 0, 0, 1)
    like = next(entry for entry in entries if tf.is_tensor(entry))
    entries = [entry if tf.is_tensor(entry) else tf.fill(tf.shape(like), float(entry)) for entry in entries]
    return tf.reshape(tf.concat(entries, axis=1), [-1, 3, 3])


def shift(pixels):
    """Moves images by `pixels`, float32 [batch, 2]: to the right and down."""
    x, y = tf.split(-pixels, 2, axis=1)
    return affine(1, 0, x, 0, 1, y)


def scale(factors):
    """Magnifies images by `factors`, float32 [batch, 2]: their width and their height."""
    x, y = tf.split(1.0 / factors, 2, axis=1)
    return affine(x, 0, 0, 0, y, 0)


def rotate(angle):
    """Turns images counterclockwise by `angle` radians, float32 [batch, 1]."""
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return affine(cosine, -sine, 0, sine, cosine, 0)


# --- images -----------------------------------------------------------------------------------------------------------


def blit(images, matrix):
    """Moves whole pixels.

    Args:
        images: float32 [batch, h, w, c], h and w at least 2 and known.
        matrix: float32 [batch, 3, 3], which takes whole pixels to whole pixels.

    Returns:
        float32 [batch, h, w, c].
    """
    height, width = images.shape[1:3]
    x, y = sources(matrix, np.arange(width), np.arange(height), width, height)
    row, column = reflect(tf.round(y), height), reflect(tf.round(x), width)
    return tf.gather_nd(images, tf.stack([row, column], axis=-1), batch_dims=1)


def warp(images, matrix):
    """Moves, turns and stretches images, without aliasing.

    They are brought to twice their size by the sym6 filter, sampled there bilinearly, and brought back.

    Args:
        images: float32 [batch, h, w, c], h and w at least 2 and known.
        matrix: float32 [batch, 3, 3].

    Returns:
        float32 [batch, h, w, c].
    """
    height, width, channels = images.shape[1:]
    planes = tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [-1, height, width])
    planes = tf.matmul(upsampling(height) @ planes, upsampling(width), transpose_b=True)
    x, y = sources(matrix, fine_grid(width), fine_grid(height), width, height)
    planes = tf.reshape(planes, [-1, channels, *planes.shape[1:]])
    planes = bilinear(planes, 2 * x, 2 * y)
    planes = tf.reshape(planes, [-1, *planes.shape[2:]])
    planes = tf.matmul(downsampling(height) @ planes, downsampling(width), transpose_b=True)
    return tf.transpose(tf.reshape(planes, [-1, channels, height, width]), [0, 2, 3, 1])


def upsampling(size):
    """Returns the matrix from an axis to one period of its reflections on the double grid, and the next pixel."""
    return filter_matrix(size, 2 * SYM6, up=2, reflect=(3, size + 1))


def downsampling(size):
    """Returns the matrix from the double grid, with five pixels more on either side, back to the axis."""
    return filter_matrix(2 * size + 10, SYM6[::-1], down=2)


def fine_grid(size):
    """Returns where the pixels of the double grid lie that `downsampling` takes, in pixels of the image."""
    return np.arange(-5, 2 * size + 5) / 2


def sources(matrix, x, y, width, height):
    """Finds where pixels come from.

    Args:
        matrix: float32 [batch, 3, 3].
        x, y: columns [n] and rows [m] of the result, counted from the middle of the first pixel.
        width, height: of the images, in pixels.

    Returns:
        Columns and rows in the image, float32 [batch, m, n] each.
    """
    x = (x - (width - 1) / 2).astype(np.float32)
    y = (y - (height - 1) / 2).astype(np.float32)[:, None]
    terms = matrix[:, :2, :, None, None]
    column = (terms[:, 0, 0] * x + terms[:, 0, 2] + (width - 1) / 2) + terms[:, 0, 1] * y
    row = (terms[:, 1, 1] * y + terms[:, 1, 2] + (height - 1) / 2) + terms[:, 1, 0] * x
    return column, row


def reflect(position, size):
    """Returns the pixels, int32, that whole-numbered float32 positions outside an image of `size` pixels reflect."""
    position = wrap(position, 2 * size - 2)
    return tf.cast(tf.minimum(position, 2 * size - 2 - position), tf.int32)


def wrap(position, period):
    """Returns whole-numbered float32 positions modulo `period`, exactly."""
    return position - period * tf.floor((position + 0.5) / period)


def bilinear(images, x, y):
    """Samples periodic images between their pixels.

    Args:
        images: float32 [batch, c, h + 1, w + 1], the first row and column repeated at the end.
        x, y: float32 [batch, m, n], in pixels from the first one.

    Returns:
        float32 [batch, c, m, n].
    """
    channels, rows, columns = images.shape[1:]
    left, top = tf.floor(x), tf.floor(y)
    right_share, lower_share = (x - left)[:, None], (y - top)[:, None]
    first = tf.cast(wrap(top, rows - 1), tf.int32) * columns + tf.cast(wrap(left, columns - 1), tf.int32)
    start = tf.reshape(tf.range(tf.size(images) // (rows * columns)), [-1, channels, 1, 1]) * (rows * columns)
    corner, pixels = first[:, None] + start, tf.reshape(images, [-1])

    def blend(index):
        left = tf.gather(pixels, index)
        return left + right_share * (tf.gather(pixels, index + 1) - left)

    upper = blend(corner)
    return upper + lower_share * (blend(corner + columns) - upper)
