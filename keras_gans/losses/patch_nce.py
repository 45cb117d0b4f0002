"""PatchNCE (Park et al. 2020): a patch of the output should resemble the patch of the input at its place."""

import tensorflow as tf


def patch_nce(queries, keys, temperature=0.07):
    """Returns the cross entropy of finding, by its key, the place of each query among all places of its image.

    InfoNCE on cosine similarities (equation 3); `models/patchnce.py` of `taesungp/contrastive-unpaired-translation`,
    with negatives from the same image only, as CUT and FastCUT have it.

    Args:
        queries: projected features of the output at `n` places, float [batch, n, width].
        keys: those of the input at the same places; no gradient flows to them.
        temperature: of the softmax. Default 0.07.

    Returns:
        float32 [batch], the mean over the places.
    """
    logits = tf.matmul(normalized(queries), tf.stop_gradient(normalized(keys)), transpose_b=True) / temperature
    return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=-1) - tf.linalg.diag_part(logits), axis=-1)


def normalized(vectors):
    """Returns vectors float32 [..., width] of length 1; x / (|x| + 1e-7), with a finite gradient at zero."""
    vectors = tf.cast(vectors, tf.float32)
    squares = tf.reduce_sum(tf.square(vectors), axis=-1, keepdims=True)
    return vectors / (tf.sqrt(tf.maximum(squares, 1e-30)) + 1e-7)
