"""Data as `fit` takes them: a `tf.data.Dataset` that is over after an epoch and goes on in the next."""

import tensorflow as tf

from keras_gans.data.opening import open_source
from keras_gans.data.pipeline import batches
from keras_gans.data.source import stable
from keras_gans.errors import UserError


def open(spec, batch_size=64, *, labels=False, flip=False, seed=0, start=0, **options):
    """Opens data by the same names as `--data`, for `fit`, `evaluate` and loops of one's own.

    An epoch is as many whole batches as the data hold. Epoch after epoch they are those of one endless shuffled sequence,
    the one that `keras-gans train` sees: each iteration over the dataset goes on where the last began, plus an epoch.

    Args:
        spec: such as `embedded:fashion`, `folder:PATH` or `paired:A:B`, see `open_source`.
        batch_size: images (or pairs) in a batch. Default 64. A game with n_critic takes n_critic times its images.
        labels: whether to yield (images, labels) in place of images. Default False.
        flip: mirror half of the images left to right, drawn anew each time. Default False.
        seed: of the order, an int. Default 0.
        start: images seen so far, to go on from a saved model: its `step` times the images of a step. Default 0.
        **options: `image_size`, `channels`, `split`, `degrade`, `load_size`, `resize`, `crop`, `bad`, see `open_source`.

    Returns:
        A `tf.data.Dataset` of float32 [batch_size, h, w, c] in [-1, 1], with int32 [batch_size] labels, or of pairs. Its
        attribute `source` is the `Source`: `image_shape`, `class_names`, `count` and so on.

    Raises:
        UserError: as of `open_source`; fewer images than a batch.
    """
    source = open_source(spec, **options)
    count = source.count // batch_size if batch_size > 0 else 0
    if not count:
        raise UserError(
            f"{spec} holds {source.count} images, which make no batch of {batch_size}; take a smaller batch_size"
        )
    position = tf.Variable(start, dtype=tf.int64, trainable=False)

    def epoch(_):
        first = position.assign_add(count * batch_size) - count * batch_size
        return batches(source, batch_size, seed, first, labels, flip=flip).take(count)

    dataset = stable(tf.data.Dataset.from_tensors(0).flat_map(epoch))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    dataset.source = source
    return dataset
