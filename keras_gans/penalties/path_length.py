"""Path length regularization of a style-based generator (Karras et al. 2020, StyleGAN2, section 3.2 and appendix B)."""

import math

import keras
import tensorflow as tf

from keras_gans import microbatches, randomness
from keras_gans.penalties.gradient import INNER_SCALE


def path_lengths(synthesis, styles, seed):
    """How far the image moves for a step of the styles: |J^T y| with noise y, for each image.

    Args:
        synthesis: styles -> images [n, h, w, c], h and w known; may be of mixed precision.
        styles: float32 [n, layers, w_dim].
        seed: int32 [2], of the noise N(0, 1) / sqrt(h w) that the images are multiplied with.

    Returns:
        float32 [n]: the root of the squares' sum over w_dim, averaged over layers.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(styles)
        images = tf.cast(synthesis(styles), tf.float32)
        height, width, channels = images.shape[1:]
        count = images.shape[0] or tf.shape(images)[0]
        noise = randomness.normal(seed, [count, height, width, channels]) / math.sqrt(height * width)
        total = INNER_SCALE * tf.reduce_sum(images * noise)
    with microbatches.differentiated_by(()):
        slopes = tf.cast(tape.gradient(total, styles), tf.float32) / INNER_SCALE
    return tf.sqrt(tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=2), axis=1))


class PathLength(keras.layers.Layer):
    """The mean of (length - a)^2, where a is the moving average of the lengths' mean. Lazy, as a `Penalty` is.

    Args:
        weight: of the penalty in the generator's loss. Default 2.
        interval: it acts at every `interval`-th step only, times `interval`. Default 4.
        decay: how far a moves towards each new mean. Default 0.01.

    Attributes:
        average: float32 scalar variable, a.

    Raises:
        ValueError: a number outside its range.
    """

    def __init__(self, weight=2.0, interval=4, decay=0.01):
        super().__init__(name="path_length", dtype="float32", autocast=False, trainable=False)
        if weight < 0 or not 0 < decay <= 1:
            raise ValueError(f"path length: weight should be 0 or more and decay from 0 to 1, not {weight} and {decay}")
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f"path length: interval should be a positive integer, not {interval}")
        self.weight = weight
        self.interval = interval
        self.decay = decay
        self.average = self.add_weight(
            name="average", shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica"
        )
        self.built = True

    def penalty(self, lengths):
        """Returns the penalty and the new average, float32 scalars; gradients flow through both, as in the original."""
        average = self.average + self.decay * (tf.reduce_mean(lengths) - self.average)
        return tf.reduce_mean(tf.square(lengths - average)), average

    def update(self, average):
        """Sets the average to the mean over the replicas of what `penalty` returned."""
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            average = context.all_reduce(tf.distribute.ReduceOp.MEAN, average)
        self.average.assign(average)
