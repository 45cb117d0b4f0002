"""Blur kernels of real-world degradation, drawn at random, and the filter that applies them.

After `degradations.py` of `XPixelGroup/BasicSR` and `realesrgan_dataset.py` of `xinntao/Real-ESRGAN`.
"""

import math

import tensorflow as tf

from keras_gans.data.degradations import Uniforms

RADIUS = 10  # of the largest kernel; it has 21x21 weights
KINDS = ("gaussian", "generalized", "plateau")
_ODDS = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)  # of each kind, isotropic and anisotropic
_SIZES = 8 * (1 / 8,)  # 7x7, 9x9, ... 21x21


def gaussian(sigmas, angle, kind="gaussian", beta=1.0, radius=RADIUS):
    """Returns a bivariate kernel of sum 1, float32 [21, 21].

    With q = x' S^-1 x: exp(-q / 2) of a Gaussian, exp(-q^beta / 2) of a generalized one, 1 / (1 + q^beta) of a plateau.

    Args:
        sigmas: standard deviations along both axes before they are turned, in pixels.
        angle: in radians.
        kind: of `KINDS`, or its number, int32 [].
        beta: shape; 1 for a Gaussian.
        radius: weights further away along an axis are zero, at most 10.
    """
    rows, columns = _grid()
    cosine, sine = tf.cos(angle), tf.sin(angle)
    along, across = (columns * cosine + rows * sine) / sigmas[0], (rows * cosine - columns * sine) / sigmas[1]
    power = tf.pow(along**2 + across**2, beta)
    kind = KINDS.index(kind) if isinstance(kind, str) else kind
    return _cut(tf.where(kind == KINDS.index("plateau"), 1 / (1 + power), tf.exp(-power / 2)), radius)


def sinc(cutoff, radius=RADIUS):
    """Returns the kernel of sum 1, float32 [21, 21], of a circular low-pass filter, which rings.

    Args:
        cutoff: the highest frequency that passes, in radians a pixel, at most pi.
        radius: see `gaussian`.
    """
    rows, columns = _grid()
    distance = tf.sqrt(rows**2 + columns**2)
    inside = tf.maximum(distance, 0.5)
    values = cutoff * tf.math.special.bessel_j1(cutoff * inside) / (2 * math.pi * inside)
    return _cut(tf.where(distance > 0, values, cutoff**2 / (4 * math.pi)), radius)


def draw_kernel(seed, largest):
    """Draws a kernel, float32 [21, 21], as the options of x4plus have it.

    Its size is 7, 9, ... or 21. One in ten is a sinc filter; of the others 70 in 100 are Gaussians, 15 generalized Gaussians and
    15 plateaus, about a third of them anisotropic.

    Args:
        seed: int32 [2].
        largest: standard deviations are drawn uniformly from 0.2 to it, in pixels.
    """
    drawn = Uniforms(seed, 11)
    radius, rings, case = 3 + drawn.choose(_SIZES), drawn.below(0.1), drawn.choose(_ODDS)
    cutoff = drawn.between(tf.where(radius < 6, math.pi / 3, math.pi / 5), math.pi)
    kind, turned = case // 2, case % 2 == 1
    one, other = drawn.between(0.2, largest), drawn.between(0.2, largest)
    angle = tf.where(turned, drawn.between(-math.pi, math.pi), 0.0)
    # Below 1 as often as above; a plateau's is never below.
    flat, steep = drawn.between(0.5, 1.0), (drawn.between(1.0, 4.0), drawn.between(1.0, 2.0))
    low, high = tf.stack([1.0, flat, 1.0])[kind], tf.stack([1.0, *steep])[kind]
    beta = tf.where(drawn.below(0.5), low, high)
    return tf.cond(
        rings,
        lambda: sinc(cutoff, radius),
        lambda: gaussian((one, tf.where(turned, other, one)), angle, kind, beta, radius),
    )


def draw_sinc(seed):
    """Draws the kernel, float32 [21, 21], of the last filter: of 7x7 to 21x21, cut off from pi / 3 to pi."""
    drawn = Uniforms(seed, 2)
    return sinc(drawn.between(math.pi / 3, math.pi), 3 + drawn.choose(_SIZES))


def apply(image, kernel):
    """Filters an image, float32 [h, w, c], by a kernel [21, 21] that is the same when turned by half a circle.

    The border is reflected. By Fourier transform: a fifth of the time of a convolution.
    """
    size, channels = tf.shape(image)[:2], image.shape[-1]
    for axis in (0, 1):
        image = tf.gather(image, _reflected(size[axis]), axis=axis)
    # What comes around the circle falls on the first 20 rows and columns, which are cut away.
    length = 16 * ((size + 2 * RADIUS + 15) // 16)
    spectrum = tf.signal.rfft2d(tf.transpose(image, [2, 0, 1]), length) * tf.signal.rfft2d(kernel, length)
    filtered = tf.signal.irfft2d(spectrum, length)[:, 2 * RADIUS :, 2 * RADIUS :]
    return tf.ensure_shape(tf.transpose(filtered[:, : size[0], : size[1]], [1, 2, 0]), [None, None, channels])


def _reflected(size):
    """Returns the pixels' numbers, int32 [size + 20], with `RADIUS` reflected ones on each side; of small sizes again."""
    period = tf.maximum(2 * (size - 1), 1)
    numbers = tf.range(-RADIUS, size + RADIUS) % period
    return tf.minimum(numbers, period - numbers)


def _grid():
    steps = tf.range(-RADIUS, RADIUS + 1, dtype=tf.float32)
    return steps[:, None], steps[None]


def _cut(kernel, radius):
    rows, columns = _grid()
    reach = tf.cast(radius, tf.float32)
    kernel = tf.where((tf.abs(rows) <= reach) & (tf.abs(columns) <= reach), kernel, 0.0)
    return kernel / tf.reduce_sum(kernel)
