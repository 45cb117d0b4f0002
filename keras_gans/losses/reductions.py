"""Means that losses and penalties share."""

import tensorflow as tf


def flat_float32(values):
    """Casts [batch, ...] to float32 and flattens all but the batch: [batch, outputs]."""
    values = tf.cast(values, tf.float32)
    return tf.reshape(values, (tf.shape(values)[0], -1))


def joined(logits):
    """Returns logits as they are, or a list of several scales' as one, float32 [batch, outputs]."""
    return tf.concat([flat_float32(part) for part in logits], axis=1) if isinstance(logits, (list, tuple)) else logits


def global_mean(values):
    """Means over everything, the other replicas' batches too, so that a run does not depend on their number.

    Differentiable. Replicas must hold batches of equal size (the pipeline drops remainders).

    Args:
        values: float32 tensor of any shape.

    Returns:
        A float32 scalar.
    """
    mean = tf.reduce_mean(values)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return mean
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)
