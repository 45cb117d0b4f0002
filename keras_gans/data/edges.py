"""Edge-smoothed drawings: what a cartoon looks like without its outlines, for a discriminator that should want them.

Chen et al. 2018, section 3.2, as the reimplementations make them (`edge_smooth.py` of `TachibanaYoshino/AnimeGANv2`): Canny
edges, made thick, and there a Gaussian blur. In the numbers of OpenCV, whose functions that file calls.
"""

import tensorflow as tf

from keras_gans.data.degradations import LUMA

_BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # OpenCV's Gaussian of 5 pixels
_TANGENT = 13573 / 2**15  # of 22.5 degrees, as OpenCV rounds it


def smooth_edges(images):
    """Blurs drawings along their edges.

    Args:
        images: float32 [n, h, w, 3] in [-1, 1], of 8-bit pixels.

    Returns:
        float32 [n, h, w, 3] in [-1, 1]: blurred within 2 pixels of an edge, as they were elsewhere.
    """
    pixels = tf.round((images + 1.0) * 127.5)
    grey = tf.round(tf.tensordot(pixels, tf.constant(LUMA), 1))[..., None]
    thick = tf.nn.max_pool2d(tf.cast(canny(grey), tf.float32), 5, 1, "SAME") > 0
    padded = tf.pad(pixels, [[0, 0], [2, 2], [2, 2], [0, 0]], "REFLECT")
    height, width = tf.unstack(tf.shape(pixels)[1:3])
    rows = tf.add_n([weight * padded[:, step : step + height] for step, weight in enumerate(_BLUR)])
    blurred = tf.add_n([weight * rows[:, :, step : step + width] for step, weight in enumerate(_BLUR)])
    return tf.where(thick, tf.floor(blurred) / 127.5 - 1.0, images)


def grey(images):
    """Returns the ITU-R 601 luma of images float [n, h, w, 3], three times: [n, h, w, 3]."""
    return tf.repeat(tf.tensordot(images, tf.constant(LUMA), 1)[..., None], 3, axis=-1)


def canny(grey, low=100.0, high=200.0):
    """Finds edges (Canny 1986) as OpenCV's `Canny` does with its defaults.

    Gradients are Sobel's of 3x3, their size is |dx| + |dy|.

    Args:
        grey: float32 [n, h, w, 1], whole numbers of 0 to 255.
        low: an edge goes on as long as gradients are above it.
        high: and begins where one is above this.

    Returns:
        bool [n, h, w, 1].
    """
    padded = tf.pad(grey, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    dx, dy = down[:, :, 2:] - down[:, :, :-2], across[:, 2:] - across[:, :-2]
    x, y = tf.abs(dx), tf.abs(dy)
    size = x + y
    around = tf.pad(size, [[0, 0], [1, 1], [1, 1], [0, 0]])
    height, width = tf.unstack(tf.shape(grey)[1:3])

    def beside(row, column):
        return around[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]

    # All products are exact in float32.
    horizontal, vertical = y < x * _TANGENT, y - 2 * x > x * _TANGENT
    falling = (dx < 0) == (dy < 0)
    ridge = tf.where(
        horizontal,
        (size > beside(0, -1)) & (size >= beside(0, 1)),
        tf.where(
            vertical,
            (size > beside(-1, 0)) & (size >= beside(1, 0)),
            tf.where(
                falling,
                (size > beside(-1, -1)) & (size > beside(1, 1)),
                (size > beside(-1, 1)) & (size > beside(1, -1)),
            ),
        ),
    )
    weak = tf.cast(ridge & (size > low), tf.float32)

    def grow(edges, _):
        grown = weak * tf.nn.max_pool2d(edges, 3, 1, "SAME")
        return grown, tf.reduce_any(grown > edges)

    strong = weak * tf.cast(size > high, tf.float32)
    edges, _ = tf.while_loop(lambda _, growing: growing, grow, (strong, tf.constant(True)))
    return edges > 0
