"""What restoration undoes: `--degrade=name:key=value` turns an image into the input of a generator that gives it back.

Every degradation is a function of the image and a stateless seed alone, in tf.data's own operations. A part registers
with `@DEGRADATIONS.register`.
"""

import itertools
import math

import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.registry import DEGRADATIONS

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Degradation:
    """Base class; alone it leaves an image as it is.

    Attributes:
        scale: by which the sides of images become smaller. Default 1.
        margin: pixels by which images are larger than what a pair shows of them, a multiple of `scale`: they are degraded
            whole, then a window is drawn. Default 0.
    """

    scale = 1
    margin = 0

    def input_shape(self, image_shape):
        """Returns the shape (h, w, c) of what becomes of images of `image_shape`.

        Raises:
            UserError: not of these images.
        """
        return image_shape

    def __call__(self, image, seed):
        """Degrades one image.

        Args:
            image: uint8 [h, w, c].
            seed: int32 [2].

        Returns:
            uint8 of `input_shape`.
        """
        raise NotImplementedError


def quantize(image):
    """Rounds float [0, 255] to uint8, clamped."""
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def draw(seed, name, low, high):
    """Draws one float uniformly from `low` to `high` for the call site `name`."""
    return tf.random.stateless_uniform([], randomness.fold(seed, name), low, high, alg="philox")


class Uniforms:
    """Many random numbers of one draw, handed out in the order of the calls; a graph of many draws is slow to trace.

    Args:
        seed: int32 [2].
        count: int, how many, at most.
    """

    def __init__(self, seed, count):
        self._left = iter(tf.unstack(tf.random.stateless_uniform([count], seed, alg="philox")))

    def between(self, low, high):
        """Returns the next, float32 [] uniformly from `low` to `high`, numbers or scalar tensors."""
        return low + (high - low) * next(self._left)

    def below(self, share):
        """Returns whether the next is below `share`, bool []."""
        return next(self._left) < share

    def choose(self, odds):
        """Returns the number, int32 [], of one of `odds`, which sum up to 1."""
        return tf.reduce_sum(tf.cast(next(self._left) >= list(itertools.accumulate(odds[:-1])), tf.int32))


def add_gaussian(image, seed, sigma):
    """Adds N(0, sigma^2) to a float image, sigma in grey levels."""
    return image + sigma * tf.random.stateless_normal(image.shape, randomness.fold(seed, "gaussian"), alg="philox")


def add_poisson(image, seed, peak):
    """Counts photons: Poisson(image / 255 * peak), brought back to [0, 255]; `peak` are those of a white pixel."""
    expected = image * (peak / 255.0)
    counts = tf.random.stateless_poisson(image.shape, randomness.fold(seed, "poisson"), expected, tf.float32)
    return counts * (255.0 / peak)


def compress(image, quality):
    """Saves a uint8 image as JPEG (quality int32, 1 to 100; colour at half resolution) and reads it again."""
    return tf.image.adjust_jpeg_quality(image, quality, dct_method="INTEGER_ACCURATE")


def _check_range(low, high, least, most):
    if not least <= low <= high <= most:
        raise ValueError(f"low={low} and high={high} should be in order and from {least} to {most}")


@DEGRADATIONS.register("downscale")
class Downscale(Degradation):
    """Super-resolution: smaller by the bicubic filter (Keys 1981, a = -1/2), antialiased, as Pillow's.

    Args:
        scale: how many times smaller each side is. An integer of at least 2. Default 4.

    Raises:
        ValueError: a scale that is no integer of at least 2.
    """

    def __init__(self, scale=4):
        if scale != int(scale) or scale < 2:
            raise ValueError(f"scale should be an integer of at least 2, not {scale}")
        self.scale = int(scale)

    def input_shape(self, image_shape):
        height, width, channels = image_shape
        if height % self.scale or width % self.scale:
            raise UserError(
                f"--degrade=downscale: images of {width}x{height} cannot be made {self.scale} times "
                f"smaller; take an --image_size that is a multiple of {self.scale}"
            )
        return height // self.scale, width // self.scale, channels

    def __call__(self, image, seed):
        size = self.input_shape(image.shape)[:2]
        return quantize(tf.image.resize(image, size, tf.image.ResizeMethod.BICUBIC, antialias=True))


@DEGRADATIONS.register("downscale2")
def downscale2():
    """Super-resolution by 2, see downscale."""
    return Downscale(2)


@DEGRADATIONS.register("downscale4")
def downscale4():
    """Super-resolution by 4, see downscale."""
    return Downscale(4)


@DEGRADATIONS.register("noise")
class Noise(Degradation):
    """Additive white Gaussian noise, clamped and rounded to 8 bits.

    Args:
        sigma: standard deviation in grey levels (of 255). Default 25.0.
        low, high: where `high` is positive, sigma is drawn uniformly between them for each image (blind denoising;
            DnCNN-B, Zhang et al. 2017: 0 to 55).

    Raises:
        ValueError: sigma outside 0 to 255.
    """

    def __init__(self, sigma=25.0, low=0.0, high=0.0):
        _check_range(low, high, 0, 255)
        if not 0 < sigma <= 255:
            raise ValueError(f"sigma should be from 0 to 255 grey levels, not {sigma}")
        self.low, self.high = (low, high) if high else (sigma, sigma)

    def __call__(self, image, seed):
        sigma = draw(seed, "sigma", self.low, self.high)
        return quantize(add_gaussian(tf.cast(image, tf.float32), seed, sigma))


@DEGRADATIONS.register("poisson")
class Poisson(Degradation):
    """Shot noise.

    Args:
        peak: expected photons of a white pixel; fewer are noisier. Default 30.0.

    Raises:
        ValueError: a peak of 0 or less.
    """

    def __init__(self, peak=30.0):
        if peak <= 0:
            raise ValueError(f"peak should be positive, not {peak}")
        self.peak = peak

    def __call__(self, image, seed):
        return quantize(add_poisson(tf.cast(image, tf.float32), seed, self.peak))


@DEGRADATIONS.register("jpeg")
class Jpeg(Degradation):
    """JPEG artefacts.

    Args:
        low, high: the quality, as libjpeg counts it (1 to 100), is drawn uniformly from low to high for each image.
            Default 10 and 40.
    """

    def __init__(self, low=10, high=40):
        _check_range(low, high, 1, 100)
        self.low, self.high = low, high

    def __call__(self, image, seed):
        quality = tf.cast(draw(seed, "quality", self.low, self.high + 1), tf.int32)
        return compress(image, tf.minimum(quality, self.high))  # rounding can reach the upper end


@DEGRADATIONS.register("blind")
class Blind(Degradation):
    """Shot noise, then Gaussian noise, then JPEG, each of a strength drawn for each image.

    Args:
        sigma: the strongest Gaussian noise, in grey levels; drawn uniformly from 0. Default 30.0.
        peak: the strongest shot noise, in photons of a white pixel; its standard deviation is drawn uniformly from
            almost 0. Default 30.0.
        quality: the lowest JPEG quality; drawn uniformly up to 95. Default 30.

    Raises:
        ValueError: sigma below 0, a peak of 0 or less, or a quality outside 1 to 95.
    """

    def __init__(self, sigma=30.0, peak=30.0, quality=30):
        if sigma < 0 or peak <= 0 or not 1 <= quality <= 95:
            raise ValueError("sigma should be at least 0, peak positive, and quality from 1 to 95")
        self.noise, self.peak, self.jpeg = sigma, peak, Jpeg(quality, 95)

    def __call__(self, image, seed):
        share = draw(seed, "share", 0.02, 1.0)  # of the strongest standard deviation, which goes with peak^-1/2
        noisy = add_poisson(tf.cast(image, tf.float32), seed, self.peak / share**2)
        noisy = add_gaussian(noisy, seed, draw(seed, "sigma", 0.0, self.noise))
        return self.jpeg(quantize(noisy), seed)


@DEGRADATIONS.register("gray")
class Gray(Degradation):
    """Colourisation: the ITU-R 601 luma, one channel, as Pillow's mode L."""

    def input_shape(self, image_shape):
        if image_shape[-1] != 3:
            raise UserError(
                "--degrade=gray: the images are grey already; colour is learnt from colour images (--channels=3)"
            )
        return *image_shape[:2], 1

    def __call__(self, image, seed):
        return quantize(tf.tensordot(tf.cast(image, tf.float32), tf.constant(LUMA), 1))[..., None]


@DEGRADATIONS.register("mask")
class Mask(Degradation):
    """Inpainting: pixels are missing. They are grey (127), and a last channel is 255 where they are, else 0.

    Args:
        shape: "free" for brush strokes (free-form masks, Yu et al. 2019, algorithm 1), "box" for one rectangle of an
            aspect ratio between 1:2 and 2:1, "both" for one or the other with equal chances.
        low, high: bounds of the share of missing pixels, which is drawn uniformly between them for a box; brush strokes
            are added up to a share so drawn, so that they end between it and `high`. Default 0.1 and 0.4.

    Raises:
        ValueError: another shape, or bounds that are none.
    """

    def __init__(self, shape="free", low=0.1, high=0.4):
        if shape not in ("free", "box", "both"):
            raise ValueError(f"shape should be free, box or both, not {shape}")
        _check_range(low, high, 0, 1)
        if not low < high < 1:
            raise ValueError(f"low={low} should be below high={high}, and that below 1")
        self.shape, self.low, self.high = shape, low, high

    def input_shape(self, image_shape):
        return *image_shape[:2], image_shape[-1] + 1

    def __call__(self, image, seed):
        missing = self.draw(image.shape[:2], seed)[..., None]
        known = tf.where(missing, tf.constant(127, tf.uint8), image)
        return tf.concat([known, tf.where(missing, tf.constant(255, tf.uint8), tf.constant(0, tf.uint8))], axis=-1)

    def draw(self, size, seed):
        """Returns a mask, bool [h, w]: what is missing.

        Args:
            size: (h, w).
            seed: int32 [2].
        """
        share = draw(seed, "share", self.low, self.high)
        if self.shape == "both":
            return tf.cond(
                draw(seed, "shape", 0.0, 1.0) < 0.5,
                lambda: box(size, seed, share),
                lambda: strokes(size, seed, share, self.high),
            )
        return box(size, seed, share) if self.shape == "box" else strokes(size, seed, share, self.high)


def box(size, seed, share):
    """Returns a mask, bool [h, w], with one rectangle of `share` of it, but for the rounding of its sides."""
    height, width = size
    aspect = tf.exp(draw(seed, "aspect", -math.log(2), math.log(2)))
    tall = tf.clip_by_value(tf.round(height * tf.sqrt(share * aspect)), 1, height)
    wide = tf.clip_by_value(tf.round(share * height * width / tall), 1, width)
    top = tf.floor(draw(seed, "top", 0.0, 1.0) * (height - tall + 1))
    left = tf.floor(draw(seed, "left", 0.0, 1.0) * (width - wide + 1))
    rows, columns = tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32)
    inside = (rows >= top) & (rows < top + tall)
    return inside[:, None] & ((columns >= left) & (columns < left + wide))[None]


def strokes(size, seed, share, most, tries=100):
    """Returns a mask, bool [h, w], with brush strokes until at least `share` and at most `most` of it is covered.

    A stroke that would cover too much is left out, and the next ones are thinner.
    """

    def add(number, mask, covered, thickness):
        with_stroke = mask | stroke(size, randomness.fold(randomness.fold(seed, "stroke"), number), thickness)
        more = tf.reduce_mean(tf.cast(with_stroke, tf.float32))
        fits = more <= most
        return (
            number + 1,
            tf.where(fits, with_stroke, mask),
            tf.where(fits, more, covered),
            tf.where(fits, thickness, 0.8 * thickness),
        )

    return tf.while_loop(
        lambda number, mask, covered, thickness: (covered < share) & (number < tries),
        add,
        (0, tf.zeros(size, tf.bool), 0.0, 1.0),
    )[1]


def stroke(size, seed, thickness=1.0):
    """Returns a mask, bool [h, w], with one brush stroke of Yu et al. 2019 (algorithm 1, the constants of their code).

    A zigzag of 4 to 11 lines from a point of the image: angles of 2/5 pi, give or take up to 2/15 pi, upwards and
    downwards in turn, lengths N(r, r / 2) clipped to [0, 2 r] where r is an eighth of the diagonal; a round brush of
    12 to 40 pixels at 256x256, here in proportion to the size; mirrored along both axes by chance.

    Args:
        size: (h, w).
        seed: int32 [2].
        thickness: factor of the brush's width.
    """
    height, width = size
    diagonal = math.hypot(height, width)
    uniform = tf.random.stateless_uniform([30], randomness.fold(seed, "uniform"), alg="philox")
    lines = 4 + tf.cast(8 * uniform[0], tf.int32)
    middle, spread = 2 * math.pi / 5, 2 * math.pi / 15
    start, sign = uniform[1:3] * tf.constant([height, width], tf.float32), tf.where(uniform[3:5] < 0.5, -1.0, 1.0)
    low, high = middle - spread * uniform[5], middle + spread * uniform[6]
    radius = thickness * (12 + 28 * uniform[7]) / 2 * diagonal / math.hypot(256, 256)
    angles = (low + (high - low) * uniform[8:19]) * tf.where(tf.range(11) % 2 == 0, -1.0, 1.0)
    normal = tf.random.stateless_normal([11], randomness.fold(seed, "lengths"), alg="philox")
    lengths = tf.clip_by_value(1 + normal / 2, 0, 2) * diagonal / 8
    steps = (tf.stack([tf.sin(angles), tf.cos(angles)], axis=1) * lengths[:, None] * sign)[:lines]
    ends = start + tf.cumsum(steps)
    # The distance of each pixel from each line: from its nearest point, a share t of the way along it.
    rows = tf.range(height, dtype=tf.float32)[None, :, None] + 0.5 - (ends - steps)[:, 0, None, None]
    columns = tf.range(width, dtype=tf.float32)[None, None, :] + 0.5 - (ends - steps)[:, 1, None, None]
    down, right = steps[:, 0, None, None], steps[:, 1, None, None]
    along = tf.clip_by_value((rows * down + columns * right) / tf.maximum(down**2 + right**2, 1e-6), 0, 1)
    distance = (rows - along * down) ** 2 + (columns - along * right) ** 2
    return tf.reduce_any(distance <= radius**2, axis=0)
