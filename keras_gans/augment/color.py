"""ADA's colour transformations (Karras et al. 2020, appendix B), linear in the images.

The original multiplies 4 x 4 matrices that act on (r, g, b, 1). All of them keep the grey axis and the plane across it,
so that their product is known by what happens to grey (a gain and an offset) and to the plane (a gain and an angle).
"""

import math

import numpy as np
import tensorflow as tf

COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")


def draw_colors(names, draw):
    """Draws what happens to colours, each transformation in `names` with probability `draw.p`.

    Args:
        names: of `COLOR`.
        draw: a `Draw`.

    Returns:
        `grey`, `offset`, `chroma` and `angle` for `recolor`.
    """
    nothing = tf.zeros([draw.batch, 1])
    offset = draw.normal(0.2) if "brightness" in names else nothing
    contrast = 2.0 ** draw.normal(0.5) if "contrast" in names else nothing + 1.0
    flip = draw.integer(2) if "lumaflip" in names else nothing
    angle = draw.uniform(math.pi) if "hue" in names else nothing
    saturation = 2.0 ** draw.normal(1.0) if "saturation" in names else 1.0
    return contrast * (1.0 - 2.0 * flip), offset, contrast * saturation, angle


def recolor(images, grey, offset, chroma, angle):
    """Returns grey (luma + offset) + chroma (what the luma leaves of the colour, turned around the grey axis).

    Luma is the mean of red, green and blue. Images of another number of channels have no hue: each of their channels
    becomes grey (channel + offset).

    Args:
        images: float32 [batch, h, w, c].
        grey, offset, chroma: float32 [batch, 1].
        angle: float32 [batch, 1] in radians; a third of a circle takes red to green.

    Returns:
        float32 [batch, h, w, c], not clipped.
    """
    grey, offset = grey[:, :, None, None], offset[:, :, None, None]
    if images.shape[-1] != 3:
        return grey * (images + offset)
    channel = np.arange(3)
    thirds = (2 * math.pi / 3 * (channel - channel[:, None])).astype(np.float32)
    matrix = grey[:, 0] / 3 + 2 / 3 * chroma[:, :, None] * tf.cos(angle[:, :, None] + thirds)
    return tf.einsum("bhwj,bij->bhwi", images, matrix) + grey * offset
