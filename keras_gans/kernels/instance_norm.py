"""Instance normalization by TensorFlow's fused batch norm, example by example: with its gradient in a third of the time."""

import tensorflow as tf


def fits(inputs, gamma, beta, epsilon):
    """Whether `normalize` takes these inputs, and is faster."""
    return len(inputs.shape) == 4 and inputs.shape[0] in range(1, 17) and inputs.dtype != tf.float64


def normalize(inputs, gamma, beta, epsilon):
    """See `keras_gans.kernels.normalize`; the number of examples is known."""
    examples, channels = inputs.shape[0], inputs.shape[-1]

    def each(values, default):
        values = default([channels]) if values is None else tf.convert_to_tensor(values)
        return tf.unstack(tf.broadcast_to(tf.reshape(values, [-1, channels]), [examples, channels]))

    outputs = [
        tf.raw_ops.FusedBatchNormV3(x=example, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon).y
        for example, scale, offset in zip(tf.split(inputs, examples), each(gamma, tf.ones), each(beta, tf.zeros))
    ]
    return tf.concat(outputs, axis=0)
