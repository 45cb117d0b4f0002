"""Batches for training: whole batches of numbers are shuffled, fetched and converted at once."""

import tensorflow as tf

from keras_gans.data.source import numbers, stable
from keras_gans.errors import UserError


def batches(source, batch_size, seed, start=0, labels=False, worker=(0, 1), flip=False):
    """Returns the endless shuffled sequence of `source.stream(seed)` as batches in the model's range.

    Like the stream it is a pure function of its arguments: `start` = images seen so far resumes it exactly.

    Args:
        source: a `Source`.
        batch_size: images in a global batch, over all workers.
        seed: int, the run's seed.
        start: position of the first image.
        labels: whether to yield (images, labels) in place of images.
        worker: (index, count): worker `index` gets its block of rows of every global batch.
        flip: mirror half of the images left to right, drawn anew for every position of the sequence.

    Returns:
        A `tf.data.Dataset` of float32 [batch_size / workers, h, w, c] in [-1, 1], or with int32 [...] labels.

    Raises:
        UserError: a batch size that the workers cannot share.
    """
    index, workers = worker
    if batch_size < 1 or batch_size % workers:
        raise UserError(f"--batch_size={batch_size} cannot be shared by {workers} workers; "
                        f"take a positive multiple of {workers}")
    rows = batch_size // workers

    mine = slice(index * rows, (index + 1) * rows)

    def batch(indices, coins):
        images, classes = source.fetch(indices[mine])
        if flip:  # before the conversion: a quarter of the bytes
            images = tf.where(coins[mine, None, None, None], tf.reverse(images, axis=[2]), images)
        images = tf.ensure_shape(source.to_model(images), [rows, *source.image_shape])
        return (images, classes) if labels else images

    batches_of_numbers = numbers(source.count, seed, start, batch_size)
    return stable(batches_of_numbers.map(batch, num_parallel_calls=2).prefetch(4))
