"""Batches for training: whole batches of numbers are shuffled, fetched and converted at once."""

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data.source import stable
from keras_gans.errors import UserError


def batches(
    source,
    batch_size,
    seed,
    start=0,
    labels=False,
    worker=(0, 1),
    replicas=1,
    turns=1,
    flip=False,
    rotate=False,
    dequantize=False,
):
    """Returns the endless shuffled sequence of `source.stream(seed)` as batches in the model's range.

    Like the stream it is a pure function of its arguments: `start` = images seen so far resumes it exactly.

    Args:
        source: a `Source`.
        batch_size: images (or pairs) in a global batch, over all workers.
        seed: int, the run's seed.
        start: position of the first image.
        labels: whether to yield (images, labels) in place of images.
        worker: (index, count): worker `index` gets the rows of its replicas alone.
        replicas: of each worker; the rows of the one lie behind those of the other. Replica r of all R has the rows r,
            r + R, r + 2R, ... of every global batch, as `randomness` has it.
        turns: how many batches a global one is for: the rows i, i + turns, ... are for turn i, see `GAN.train_step`, and
            a replica has its rows of each turn.
        flip: mirror half of the images left to right, drawn anew for every position of the sequence; both sides of a
            pair alike, and before it is degraded; each side of unpaired data on its own.
        rotate: turn the images by 0, 90, 180 or 270 degrees, drawn as the mirroring is; with `flip` all eight ways that a
            square can lie are equally likely.
        dequantize: spread the 256 levels x over [-1, 1): x / 128 - 1 + U[0, 1/128), drawn anew for every position, in
            place of x / 127.5 - 1 (Miyato et al. 2018; Gulrajani et al. 2017).

    Returns:
        A `tf.data.Dataset` of float32 [batch_size / workers, h, w, c] in [-1, 1], or with int32 [...] labels; of pairs,
        (inputs of `source.input_shape`, images of `source.image_shape`).

    Raises:
        UserError: a batch size that the workers cannot share, labels of pairs, flipped or turned points, dequantized pairs
            or points.
    """
    index, workers = worker
    every = workers * replicas * turns
    if batch_size < 1 or batch_size % every:
        raise UserError(
            f"--batch_size={batch_size} cannot be shared by {workers * replicas} replicas; take a positive multiple of {every}"
        )
    if labels and source.input_shape:
        raise UserError(f"{source.spec} gives pairs of images, which have no labels; leave out --conditional")
    for flag, does in (("flip", flip and "mirrors"), ("rotate", rotate and "turns")):
        if does and len(source.image_shape) != 3:
            raise UserError(f"--{flag} {does} images, but {source.spec} holds points; leave it out")
    if dequantize and (source.input_shape or len(source.image_shape) != 3):
        raise UserError(f"--dequantize is for single images, but {source.spec} gives others; leave it out")
    rows = batch_size // workers
    by_turn = np.arange(batch_size).reshape(-1, turns)
    mine = np.concatenate([by_turn[index * replicas + own :: workers * replicas].ravel() for own in range(replicas)])

    def model_range(images, shape):
        return tf.ensure_shape(source.to_model(images), [rows, *shape])

    def batch(positions):
        noise = None
        if dequantize:  # drawn for all workers, so that each sees the same whatever their number
            key = randomness.fold(positions.seed[0], "dequantize")
            noise = tf.random.stateless_uniform([batch_size, *source.image_shape], key, alg="philox")
            noise = tf.gather(noise, mine)
        positions = tf.nest.map_structure(lambda part: tf.gather(part, mine), positions)
        first, second = source.elements(positions, flip, rotate)
        if source.input_shape:
            return model_range(first, source.input_shape), model_range(second, source.image_shape)
        if dequantize:
            images = tf.ensure_shape(tf.cast(first, tf.float32) / 128 - 1 + noise / 128, [rows, *source.image_shape])
        else:
            images = model_range(first, source.image_shape)
        return (images, second) if labels else images

    positions = source.positions(seed, start, batch_size)
    return stable(positions.map(batch, num_parallel_calls=2).prefetch(4))
