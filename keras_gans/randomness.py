"""Stateless noise: the same under jit, after a resume and on any number of replicas.

A seed is an int32 tensor of shape [2]. It is made from the run's seed and narrowed by `fold` with the name of the
call site and the step. Draws along a batch are made for the whole global batch; each replica keeps its own rows.
"""

import contextlib
import threading
import zlib

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
    return tf.random.experimental.stateless_fold_in(seed, tf.cast(data, tf.int32), alg="philox")


def normal(seed, shape, dtype=tf.float32):
    """Draws N(0, 1) of `shape` [batch of this replica, ...]."""
    return _rows_of_this_replica(tf.random.stateless_normal, seed, shape, dtype)


def uniform(seed, shape, dtype=tf.float32):
    """Draws U[0, 1) of `shape` [batch of this replica, ...]."""
    return _rows_of_this_replica(tf.random.stateless_uniform, seed, shape, dtype)


def integers(seed, shape, maxval):
    """Draws int32 uniformly from 0 to `maxval` - 1, of `shape` [batch of this replica, ...]."""

    def draw(shape, seed, dtype, alg):
        return tf.random.stateless_uniform(shape, seed, 0, maxval, dtype, alg)

    return _rows_of_this_replica(draw, seed, shape, tf.int32)


def _rows_of_this_replica(draw, seed, shape, dtype):
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync if context else 1
    if replicas == 1:
        return draw(shape, seed=seed, dtype=dtype, alg="philox")
    rows = shape[0]
    everything = draw([rows * replicas, *shape[1:]], seed=seed, dtype=dtype, alg="philox")
    first = context.replica_id_in_sync_group * rows
    mine = everything[first : first + rows]
    return tf.ensure_shape(mine, [rows if isinstance(rows, int) else None, *mine.shape[1:]])


@contextlib.contextmanager
def scope(seed):
    """Gives the layers called inside (dropout, noise) their seed; see `layer_seed`."""
    previous = getattr(_scope, "seed", None)
    _scope.seed = seed
    try:
        yield
    finally:
        _scope.seed = previous


def layer_seed(name):
    """Returns the seed of the layer called `name` in the enclosing `scope`.

    Outside a scope (inference, graph building) it is a constant, so that an exported model answers the same twice.
    """
    seed = getattr(_scope, "seed", None)
    return fold(0 if seed is None else seed, name)
