"""PatchNCE (Park et al. 2020): a patch of the output should resemble the patch of the input at its place."""

import tensorflow as tf


def patch_nce(queries, keys, temperature=0.07, whole_batch=False):
    """Returns the cross entropy of finding, by its key, the place of each query among all places of its image.

    InfoNCE on cosine similarities (equation 3); `models/patchnce.py` of `taesungp/contrastive-unpaired-translation`.

    Args:
        queries: projected features of the output at `n` places, float [batch, n, width].
        keys: those of the input at the same places; no gradient flows to them.
        temperature: of the softmax. Default 0.07.
        whole_batch: look among the places of all images of the batch (there:
            `--nce_includes_all_negatives_from_minibatch`), and not of the same image only. Default False, as CUT and
            FastCUT have it.

    Returns:
        float32 [batch], the mean over the places.
    """
    queries, keys = normalized(queries), tf.stop_gradient(normalized(keys))
    batch, places = tf.unstack(tf.shape(queries)[:2])
    if whole_batch:
        queries, keys = (tf.reshape(side, [1, batch * places, side.shape[-1]]) for side in (queries, keys))
    logits = tf.matmul(queries, keys, transpose_b=True) / temperature
    losses = tf.reduce_logsumexp(logits, axis=-1) - tf.linalg.diag_part(logits)
    return tf.reduce_mean(tf.reshape(losses, [batch, places]), axis=-1)


def normalized(vectors):
    """Returns vectors float32 [..., width] of length 1; x / (|x| + 1e-7), with a finite gradient at zero."""
    vectors = tf.cast(vectors, tf.float32)
    squares = tf.reduce_sum(tf.square(vectors), axis=-1, keepdims=True)
    return vectors / (tf.sqrt(tf.maximum(squares, 1e-30)) + 1e-7)
