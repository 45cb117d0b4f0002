"""ADA's image-space filtering, noise and cutout (Karras et al. 2020, appendix B)."""

import numpy as np
import tensorflow as tf
from scipy.signal import upfirdn

from keras_gans.kernels.resample import filter_matrix
from keras_gans.randomness import fold, normal

# The low-pass filter of the sym2 wavelet.
SYM2 = np.array([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025])
# The power that photographs have in each frequency band, the lowest first.
POWER = np.array([10, 1, 1, 1], np.float32) / 13


def band_filters():
    """Returns symmetric filters of the four frequency bands, the lowest first, [4, 43]; their sum is the identity."""
    low = np.convolve(SYM2, SYM2[::-1]) / 2
    high = low * (-1.0) ** np.arange(-3, 4)
    filters = [np.ones(1)]
    for _ in range(3):
        filters = [upfirdn(low, taps, up=2) for taps in filters] + [high]
    width = len(filters[0])
    return np.stack([np.pad(taps, (width - len(taps)) // 2) for taps in filters])


def band_matrices(size):
    """Returns the matrices, float32 [4, size, size], that filter along an axis with its reflection on both sides."""
    filters = band_filters()
    half = filters.shape[1] // 2
    return np.stack([filter_matrix(size, taps, reflect=(half, half)) for taps in filters])


def draw_gains(draw):
    """Draws the gain of each frequency band, float32 [batch, 4]: log2 N(0, 1), each with probability `draw.p`.

    They are normalised so that a photograph keeps the power that is expected of it.
    """
    gains = 2.0 ** tf.concat([draw.normal(1.0) for _ in POWER], axis=1)
    power = tf.reduce_prod(1.0 + POWER * (gains**2 - 1.0), axis=1, keepdims=True)
    return gains / tf.sqrt(power)


def amplify(images, gains):
    """Multiplies the frequency bands of images [batch, h, w, c] by gains [batch, 4], first up and down, then across."""
    height, width = images.shape[1:3]
    rows = tf.einsum("bg,gij->bij", gains, band_matrices(height))
    columns = tf.einsum("bg,gij->bij", gains, band_matrices(width))
    return tf.einsum("bij,bjkc,blk->bilc", rows, images, columns)


def add_noise(images, draw):
    """Adds N(0, sigma^2) to each number, sigma = |N(0, 0.1^2)| per image, with probability `draw.p`."""
    sigma = tf.abs(draw.normal(0.1))[:, :, None, None]
    return images + sigma * normal(fold(draw.seed, "noise"), [draw.batch, *images.shape[1:]])


def draw_cutout(draw):
    """Draws a square of half the image's size: its middle and its size, float32 [batch, 2] and [batch, 1].

    Both are fractions of the image's height and width; the size is 0 with probability 1 - `draw.p`.
    """
    return draw.fraction(width=2), 0.5 * draw.switch()


def cut_out(images, middle, size):
    """Sets a rectangle to 0 (mid-grey): images [batch, h, w, c], middle [batch, 2] and size [batch, 1] as fractions."""

    def outside(axis, pixels):
        position = (np.arange(pixels, dtype=np.float32) + 0.5) / pixels
        return tf.abs(position - middle[:, axis, None]) >= size / 2

    height, width = images.shape[1:3]
    keep = outside(0, height)[:, :, None] | outside(1, width)[:, None, :]
    return images * tf.cast(keep, images.dtype)[..., None]
