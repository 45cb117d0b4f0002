"""What a discriminator's layers see between a generated image and a real one (pix2pixHD, Wang et al. 2018, equation 4)."""

import tensorflow as tf

from keras_gans.losses.reductions import flat_float32


def feature_matching(of_fake, of_real):
    """The mean absolute differences of features, summed over layers, the mean over discriminators.

    At the published sizes (two discriminators of four layers before the logits) this is the sum of pix2pixHD's code, whose
    factors are 4 / layers and 1 / discriminators, and SPADE's.

    Args:
        of_fake, of_real: lists, one for each discriminator, of lists of float [batch, h, w, c], one for each layer; the last
            of each are logits, which do not count. No gradient goes to `of_real`.

    Returns:
        float32 [batch].
    """
    sums = [
        tf.add_n(
            [
                tf.reduce_mean(tf.abs(flat_float32(one) - tf.stop_gradient(flat_float32(other))), axis=1)
                for one, other in zip(fakes[:-1], reals[:-1], strict=True)
            ]
        )
        for fakes, reals in zip(of_fake, of_real, strict=True)
    ]
    return tf.add_n(sums) / len(sums)
