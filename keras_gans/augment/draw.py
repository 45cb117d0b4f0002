"""What is drawn for an image: how far each transformation goes, and whether it happens at all."""

import tensorflow as tf

from keras_gans.randomness import fold, normal, uniform

UNIFORMS, NORMALS = 29, 12  # random numbers that an image takes at most, with all transformations


def batch_of(images):
    """Returns the number of images: an int where it is known, else a scalar tensor."""
    return images.shape[0] or tf.shape(images)[0]


class Draw:
    """Hands out the random amounts of one transformation after the other, drawn per image.

    An amount is 0, which changes nothing, with probability 1 - p. All numbers are drawn at once: each stateless draw
    costs TensorFlow a hundred small operations.

    Args:
        seed: int32 [2].
        batch: images on this replica, an int or a scalar int32 tensor.
        p: probability that an image gets a transformation, a float or a scalar tensor.
    """

    def __init__(self, seed, batch, p):
        self.seed = seed
        self.batch = batch
        self.p = p
        self._uniforms = iter(tf.split(uniform(fold(seed, "uniform"), [batch, UNIFORMS]), UNIFORMS, axis=1))
        self._normals = iter(tf.split(normal(fold(seed, "normal"), [batch, NORMALS]), NORMALS, axis=1))

    def normal(self, deviation, width=1, p=None):
        """Draws N(0, deviation^2), float32 [batch, width]; the columns of an image are 0 together."""
        return self._or_zero(deviation * self._take(self._normals, width), p)

    def uniform(self, limit, width=1, p=None):
        """Draws U[-limit, limit), float32 [batch, width]; the columns of an image are 0 together."""
        return self._or_zero(limit * (2.0 * self.fraction(width) - 1.0), p)

    def integer(self, end):
        """Draws a whole number from 0 to `end` - 1, float32 [batch, 1]."""
        return self._or_zero(tf.floor(end * self.fraction()))

    def switch(self):
        """Draws 1 with probability p, else 0, float32 [batch, 1]."""
        return self._or_zero(tf.ones([self.batch, 1]))

    def fraction(self, width=1):
        """Draws U[0, 1) for every image, float32 [batch, width]."""
        return self._take(self._uniforms, width)

    def _take(self, numbers, width):
        return tf.concat([next(numbers) for _ in range(width)], axis=1)

    def _or_zero(self, amounts, p=None):
        return tf.where(self.fraction() < (self.p if p is None else p), amounts, 0.0)
