"""Stateless noise: the same under jit, after a resume and on any number of replicas.

A seed is an int32 tensor of shape [2]. It is made from the run's seed and narrowed by `fold` with the name of the
call site and the step. Draws along a batch are made for the whole global batch; each replica, and each part of a batch
that is worked through in parts, keeps its own rows. Replica r of R has the rows r, r + R, r + 2R, ... of the global batch:
what one device takes from the beginning of a batch, several take from the beginnings of theirs, and the groups of
`MinibatchStdDev` are the same. A draw of shape [] is the same for all.
"""

import contextlib
import functools
import math
import random
import threading
import zlib

import numpy as np
import tensorflow as tf

_scope = threading.local()


def fold(seed, data):
    """Narrows a seed.

    Args:
        seed: int32 [2], or a Python int (a run's seed).
        data: the name of a call site, or an integer (a Python int or a scalar tensor: the step).

    Returns:
        An int32 [2] tensor.
    """
    if isinstance(seed, int):
        seed = tf.constant([seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF], tf.int32)
    if isinstance(data, str):
        data = zlib.crc32(data.encode()) & 0x7FFFFFFF
    folded = tf.random.experimental.stateless_fold_in(seed, tf.cast(data, tf.int32), alg="philox")
    return tf.bitwise.bitwise_and(folded, 0x7FFFFFFF)  # XLA extends negative seeds with zeros, TensorFlow with the sign


def normal(seed, shape, dtype=tf.float32):
    """Draws N(0, 1) of `shape` [batch of this replica, ...] (Box and Muller 1958)."""
    radius = tf.sqrt(-2.0 * tf.math.log1p(-uniform(fold(seed, "radius"), shape)))
    angle = 2.0 * math.pi * uniform(fold(seed, "angle"), shape)
    return tf.cast(radius * tf.cos(angle), dtype)


def truncated_normal(seed, shape, limit):
    """Draws N(0, 1) on condition that it lies within -limit and limit, float32 of `shape`, as drawing again outside does."""
    tail = 0.5 * math.erfc(limit / math.sqrt(2))
    values = tf.math.ndtri(tail + (1 - 2 * tail) * (uniform(seed, shape) + 2.0**-25))
    return tf.clip_by_value(values, -limit, limit)


def uniform(seed, shape, dtype=tf.float32):
    """Draws U[0, 1) of `shape` [batch of this replica, ...], multiples of 2^-24."""
    return tf.cast(tf.cast(tf.bitwise.right_shift(_bits(seed, shape), 8), tf.float32) * 2.0**-24, dtype)


def latents(seed, count, width, distribution):
    """Draws latents.

    Args:
        seed: int32 [2], or a Python int.
        count: how many, an int or a scalar int32 tensor.
        width: of a latent.
        distribution: `normal` (N(0, 1)), `uniform` (U(-1, 1)), `uniform_sqrt3` (U(-sqrt 3, sqrt 3), of variance 1) or
            `uniform_01` (U(0, 1)).

    Returns:
        float32 [count, width], the same for the same seed.
    """
    seed, shape = fold(seed, "latent"), [count, width]
    if distribution == "normal":
        return normal(seed, shape)
    if distribution == "uniform_01":
        return uniform(seed, shape)
    values = 2 * uniform(seed, shape) - 1
    return math.sqrt(3) * values if distribution == "uniform_sqrt3" else values


def integers(seed, shape, maxval):
    """Draws int32 uniformly from 0 to `maxval` - 1 (at most 2^24), of `shape` [batch of this replica, ...]."""
    return tf.cast(uniform(seed, shape) * tf.cast(maxval, tf.float32), tf.int32)


def _bits(seed, shape):
    """Random uint32 of `shape`: the rows of this replica, and of its part, of one draw for all.

    TensorFlow's kernels and XLA draw the same bits, but make different floats of them (TensorFlow of the low bits,
    XLA of the high ones); that is why the floats are made here.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync if context else 1
    index, count = getattr(_scope, "part", None) or (0, 1)
    everything = functools.partial(tf.random.stateless_uniform, seed=seed, minval=None, dtype=tf.uint32, alg="philox")
    if len(shape) == 0 or (replicas == 1 and isinstance(count, int) and count == 1):
        return everything(shape)
    parts = everything([count, shape[0], replicas, *shape[1:]])  # as [global batch, ...]
    return tf.gather(parts[index], context.replica_id_in_sync_group if context else 0, axis=1)


@contextlib.contextmanager
def undisturbed(seed=None):
    """Gives Python's and NumPy's global generators back as they were; Keras draws initial weights' seeds from Python's.

    Args:
        seed: int, where they stand meanwhile; None: where they stood.
    """
    before, before_numpy = random.getstate(), np.random.get_state()
    if seed is not None:
        random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)


@contextlib.contextmanager
def scope(seed):
    """Gives the layers called inside (dropout, noise) their seed; see `layer_seed`."""
    previous = getattr(_scope, "seed", None)
    _scope.seed = seed
    try:
        yield
    finally:
        _scope.seed = previous


def scope_seed():
    """Returns the seed of the enclosing `scope`; None outside."""
    return getattr(_scope, "seed", None)


@contextlib.contextmanager
def part(index, count):
    """Says that draws inside are for a part of this replica's batch: they give its rows of what the whole would draw.

    Args:
        index: of the part, an int or a scalar int32 tensor.
        count: of the parts.
    """
    previous = getattr(_scope, "part", None)
    _scope.part = index, count
    try:
        yield
    finally:
        _scope.part = previous


def in_part():
    """Returns whether a `part` of a batch is at work."""
    return getattr(_scope, "part", None) is not None


def layer_seed(name):
    """Returns the seed of the layer called `name` in the enclosing `scope`.

    Outside a scope (inference, graph building) it is a constant, so that an exported model answers the same twice.
    """
    seed = scope_seed()
    return fold(0 if seed is None else seed, name)
