"""What a drawing keeps of its photograph, and takes from drawings (CartoonGAN, AnimeGAN). All return float32 [batch]."""

import tensorflow as tf

from keras_gans.losses.reductions import flat_float32
from keras_gans.losses.style import gram


def feature_distance(features, targets):
    """The mean absolute difference of features [batch, h, w, c] (Chen et al. 2018, equation 4)."""
    return tf.reduce_mean(tf.abs(flat_float32(features) - flat_float32(targets)), axis=1)


def texture_distance(features, targets):
    """The mean absolute difference of Gram matrices, of features [batch, h, w, c] and of others of any height and width.

    A Gram matrix is here a sum over positions, divided by positions times channels (`tools/ops.py` of
    `TachibanaYoshino/AnimeGANv2`).
    """
    difference = flat_float32(gram(features)) - flat_float32(gram(targets))
    return tf.reduce_mean(tf.abs(difference), axis=1) / features.shape[-1]


def color_distance(images, others):
    """How far colours are apart, of images [batch, h, w, 3] in [-1, 1]: of Y, U and V of RGB in [0, 1].

    The mean absolute difference of Y, plus Huber's loss with a bend at 1 of U and of V (`tools/ops.py`, see above).
    """
    luma, *chroma = tf.split(tf.abs(tf.image.rgb_to_yuv(images / 2) - tf.image.rgb_to_yuv(others / 2)), 3, axis=-1)
    bent = [tf.where(part <= 1, 0.5 * tf.square(part), part - 0.5) for part in chroma]
    return tf.reduce_sum([tf.reduce_mean(flat_float32(part), axis=1) for part in (luma, *bent)], axis=0)
