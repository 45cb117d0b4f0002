"""The degradation of Real-ESRGAN (Wang et al. 2021): what happens to pictures on their way through cameras and the net."""

import typing

import tensorflow as tf

from keras_gans import randomness
from keras_gans.data.degradations import DEGRADATIONS, LUMA, Degradation, Uniforms, compress, quantize
from keras_gans.data.real_world import blur, resizing
from keras_gans.errors import UserError
from keras_gans.kernels.sharpen import usm_sharpen

SMALLEST = 16  # pixels of an image; 2 are left after the first round
_GRAY = 0.4  # of the noise has no colour
_JPEG = (30.0, 95.0)  # qualities
_MODES = 3 * (1 / 3,)  # of `resizing.MODES`


class Round(typing.NamedTuple):
    """Once around: the strengths, as `train_realesrgan_x4plus.yml` has them.

    Attributes:
        blur: the share of images that are blurred.
        sigma: the largest standard deviation of blur kernels, in pixels.
        odds: of enlarging, making smaller and keeping the size.
        smallest, largest: factors of the size.
        noise: the strongest Gaussian noise, in grey levels; drawn uniformly from 1.
        poisson: the strongest shot noise, as a factor of its standard deviation; drawn uniformly from 0.05.
    """

    blur: float
    sigma: float
    odds: tuple
    smallest: float
    largest: float
    noise: float
    poisson: float


FIRST = Round(blur=1.0, sigma=3.0, odds=(0.2, 0.7, 0.1), smallest=0.15, largest=1.5, noise=30.0, poisson=3.0)
SECOND = Round(blur=0.8, sigma=1.5, odds=(0.3, 0.4, 0.3), smallest=0.3, largest=1.2, noise=25.0, poisson=2.5)


@DEGRADATIONS.register("realesrgan")
class RealESRGAN(Degradation):
    """Twice blur, resizing, noise and JPEG; then a filter that rings, before or behind the last JPEG (section 3.1 to 3.3).

    The image is sharpened first (`keras_gans.kernels.sharpen`). Everything is drawn for each image, where the authors'
    code draws the kinds of resizing and noise for a batch and mixes batches in a pool of 180 pairs; there is no pool here. JPEG is
    libjpeg's, of whole qualities and 8 bits (code: DiffJPEG, of any quality, of unrounded pixels and tables).

    Args:
        scale: how many times smaller each side is. Default 4.
        margin: pixels by which what is degraded is larger than what is shown of it, so that neither borders nor the grid of
            JPEG lie at the same place in all pairs; a multiple of `scale`. Default 0 (published: 144, of images of 400).

    Raises:
        ValueError: a scale that is no integer of at least 1, a margin that is no multiple of it.
    """

    def __init__(self, scale=4, margin=0):
        if scale != int(scale) or scale < 1:
            raise ValueError(f"scale should be an integer of at least 1, not {scale}")
        if margin < 0 or margin % scale:
            raise ValueError(f"margin should be a multiple of the scale of {scale}, not {margin}")
        self.scale, self.margin = int(scale), int(margin)

    def input_shape(self, image_shape):
        height, width, channels = image_shape
        if height % self.scale or width % self.scale or min(height, width) < SMALLEST:
            raise UserError(
                f"--degrade=realesrgan: images of {width}x{height} are too small, or cannot be made {self.scale} times "
                f"smaller; take an --image_size of at least {SMALLEST} that is a multiple of {self.scale}"
            )
        return height // self.scale, width // self.scale, channels

    def __call__(self, image, seed):
        return self.stages(image, seed)["last"]

    @tf.autograph.experimental.do_not_convert  # it takes a minute, and there is nothing to convert
    def stages(self, image, seed):
        """Degrades one image and keeps what it was on the way.

        Args:
            image: uint8 [h, w, c].
            seed: int32 [2].

        Returns:
            A dict, in order: `sharp`, `blur 1`, `resize 1`, `noise 1`, `jpeg 1`, `blur 2`, `resize 2`, `noise 2`, float32
            [h', w', c] in [0, 255] (rings of filters beyond it), and `last`, uint8 of `input_shape`.
        """
        small = self.input_shape(image.shape)
        size = tf.constant(small[:2], tf.float32)
        image = 255.0 * usm_sharpen(tf.cast(image, tf.float32)[None] / 255.0)[0]
        stages = {"sharp": image}
        for number, strengths in enumerate((FIRST, SECOND), 1):
            key = randomness.fold(seed, number)
            drawn = Uniforms(key, 10)
            image = stages[f"blur {number}"] = blurred(image, drawn, randomness.fold(key, "kernel"), strengths)
            image = stages[f"resize {number}"] = resized(image, drawn, strengths, size if number == 2 else None)
            image = stages[f"noise {number}"] = noisy(image, drawn, randomness.fold(key, "noise"), strengths)
            quality = tf.cast(tf.round(drawn.between(*_JPEG)), tf.int32)
            if number == 1:
                image = stages["jpeg 1"] = saved(image, quality)
        drawn = Uniforms(randomness.fold(seed, "last"), 3)
        rings, mode, rings_first = drawn.below(0.8), drawn.choose(_MODES), drawn.below(0.5)
        kernel_seed = randomness.fold(seed, "sinc")

        def shrunk(image):
            image = resizing.resize(image, tf.cast(size, tf.int32), mode)
            return tf.cond(rings, lambda: blur.apply(image, blur.draw_sinc(kernel_seed)), lambda: image)

        last = tf.cond(rings_first, lambda: saved(shrunk(image), quality), lambda: shrunk(saved(image, quality)))
        return stages | {"last": tf.ensure_shape(quantize(last), small)}


def blurred(image, drawn, seed, strengths):
    """Returns the image, float32 [h, w, c], behind a kernel that is drawn; or as it is.

    Args:
        drawn: `Uniforms`, of which one is taken.
        seed: int32 [2], of the kernel.
        strengths: a `Round`.
    """
    blurs = drawn.below(strengths.blur)
    return tf.cond(blurs, lambda: blur.apply(image, blur.draw_kernel(seed, strengths.sigma)), lambda: image)


def resized(image, drawn, strengths, size=None):
    """Returns the image, float32 [h, w, c], larger, smaller or as large as before, in a mode that is drawn.

    Args:
        drawn: `Uniforms`, of which four are taken.
        strengths: a `Round`.
        size: float32 [2], to which the factor belongs. Default: that of the image.
    """
    factors = drawn.between(1.0, strengths.largest), drawn.between(strengths.smallest, 1.0), 1.0
    factor = tf.stack(factors)[drawn.choose(strengths.odds)]
    wanted = tf.cast(tf.shape(image)[:2], tf.float32) if size is None else size
    wanted = tf.cast(wanted * factor, tf.int32)
    # The code goes by the factor where there is no size, and the rounded sizes do not say it exactly.
    return resizing.resize(image, wanted, drawn.choose(_MODES), factor if size is None else None)


def noisy(image, drawn, seed, strengths):
    """Adds Gaussian noise or shot noise, with equal chances, to an image float32 [h, w, c] in [0, 255]; clips it.

    Args:
        drawn: `Uniforms`, of which four are taken.
        seed: int32 [2], of the noise.
        strengths: a `Round`.
    """
    gray, is_gaussian = drawn.below(_GRAY), drawn.below(0.5)
    sigma, factor = drawn.between(1.0, strengths.noise), drawn.between(0.05, strengths.poisson)

    def gaussian():
        shape = tf.shape(image)
        shape = tf.where(gray, tf.concat([shape[:2], [1]], 0), shape)
        return sigma * tf.random.stateless_normal(shape, seed, alg="philox")

    def poisson():
        if image.shape[-1] == 1:
            return shot_noise(image, seed)
        return tf.cond(gray, lambda: shot_noise(_luma(image), seed), lambda: shot_noise(image, seed))

    noise = tf.cond(is_gaussian, gaussian, lambda: factor * poisson())
    return tf.ensure_shape(tf.clip_by_value(image + noise, 0.0, 255.0), [None, None, image.shape[-1]])


def shot_noise(image, seed):
    """Returns shot noise of an image, float32 [h, w, c] in grey levels; the deviation is the square root of what is expected.

    A white pixel expects as many photons as the image has different levels, rounded up to a power of two
    (`generate_poisson_noise_pt` of BasicSR).
    """
    levels = tf.clip_by_value(tf.round(image), 0.0, 255.0)
    known = tf.math.bincount(tf.cast(tf.reshape(levels, [-1]), tf.int32), minlength=256)
    count = tf.math.count_nonzero(known, dtype=tf.int32)
    powers = tf.constant([2**power for power in range(9)])
    peak = tf.cast(tf.reduce_min(tf.where(powers < count, powers[-1], powers)), tf.float32)
    expected = levels * (peak / 255.0)
    photons = tf.random.stateless_poisson(tf.shape(image), seed, expected, tf.float32)
    return (photons - expected) * (255.0 / peak)


def _luma(image):
    return tf.tensordot(image, tf.constant(LUMA), 1)[..., None]


def saved(image, quality):
    """Saves an image, float32 [h, w, c] in [0, 255], as JPEG of a quality from 1 to 100, int32 [], and reads it again."""
    return tf.ensure_shape(tf.cast(compress(quantize(image), quality), tf.float32), image.shape)
