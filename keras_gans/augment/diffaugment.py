"""Differentiable augmentation (Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training")."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.augment.draw import batch_of
from keras_gans.configured import Configured
from keras_gans.errors import UserError
from keras_gans.randomness import fold, uniform
from keras_gans.registry import AUGMENTS, nearest


def change_color(images, seed):
    """Shifts brightness by U(-0.5, 0.5), multiplies saturation by U(0, 2) and contrast by U(0.5, 1.5).

    Saturation is the distance of a pixel from the mean of its channels (a grey image has none), contrast its distance
    from the image's mean.
    """
    brightness, saturation, contrast = tf.unstack(uniform(seed, [batch_of(images), 3])[:, :, None, None, None], axis=1)
    images = images + (brightness - 0.5)
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    images = grey + (images - grey) * (2.0 * saturation)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (images - mean) * (contrast + 0.5)


def translate(images, seed):
    """Moves by whole pixels, at most 1/8 of the size each way; what comes in is 0."""
    fraction = uniform(seed, [batch_of(images), 2])
    for axis, size in ((1, images.shape[1]), (2, images.shape[2])):
        reach = int(size / 8 + 0.5)
        distance = pick(fraction[:, axis - 1, None], 2 * reach + 1)
        padding = [[reach, reach] if i == axis else [0, 0] for i in range(4)]
        images = tf.gather(tf.pad(images, padding), np.arange(size) + distance, axis=axis, batch_dims=1)
    return images


def cut_out(images, seed, share=0.5):
    """Sets a rectangle of `share` of the height and of the width to 0; it may stand over the border."""
    fraction = uniform(seed, [batch_of(images), 2])

    def outside(axis, size):
        length = int(size * share + 0.5)
        first = pick(fraction[:, axis, None], size + 1 - length % 2) - length // 2
        position = np.arange(size)
        return (position < first) | (position >= first + length)

    height, width = images.shape[1:3]
    keep = outside(0, height)[:, :, None] | outside(1, width)[:, None, :]
    return images * tf.cast(keep, images.dtype)[..., None]


def pick(fraction, end):
    """Turns U[0, 1) into whole numbers, int32, from 0 to `end` - 1."""
    return tf.cast(end * fraction, tf.int32)


POLICIES = {"color": change_color, "translation": translate, "cutout": cut_out}


@AUGMENTS.register("diffaugment")
@keras.saving.register_keras_serializable("keras_gans")
class DiffAugment(Configured):
    """Augments every image that the discriminator sees: always, and differently each time.

    Sizes and orders are those of `DiffAugment_pytorch.py` in `mit-han-lab/data-efficient-gans`. All operations are
    linear in the image (plus a constant), with exact gradients of any order.

    Args:
        policy: `color`, `translation` and `cutout` (default: all three), joined by `+`; applied in the order given.
        cutout_share: the rectangle's part of the height and of the width, above 0 to 1. Default 0.5; Projected GAN's code
            has 0.2.

    Raises:
        UserError: an unknown policy.
        ValueError: a share out of range.
    """

    def __init__(self, policy="color+translation+cutout", cutout_share=0.5):
        if not 0 < cutout_share <= 1:
            raise ValueError(f"cutout_share must be above 0 and at most 1, not {cutout_share}")
        self.cutout_share = cutout_share
        self.policy = str(policy).split("+")
        for name in self.policy:
            if name not in POLICIES:
                raise UserError(
                    f"augmentation diffaugment: policy={policy!r} has no part {name!r}; "
                    f"known: {', '.join(POLICIES)}{nearest(name, POLICIES)}"
                )

    def __call__(self, images, *, seed):
        """Augments images [batch, h, w, c] in [-1, 1] with the noise of `seed`, int32 [2]; the dtype stays.

        h and w must be known. The result is computed in float32 and not clipped.
        """
        dtype, images = images.dtype, tf.cast(images, tf.float32)
        for name in self.policy:
            keywords = {"share": self.cutout_share} if name == "cutout" else {}
            images = POLICIES[name](images, fold(seed, name), **keywords)
        return tf.cast(images, dtype)
