"""Contextual attention against the definition, place by place, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.contextual_attention import ContextualAttention, nearest, paste, patches


def shrunk(image, rate):
    """Every `rate`-th pixel or so, first and last included, of [h, w, c]."""
    rows, columns = (np.floor(np.linspace(0, side - 1, side // rate) + 0.5).astype(int) for side in image.shape[:2])
    return image[rows][:, columns]


def patch(image, top, left, size):
    """[size, size, c], zeros beyond the border."""
    found = np.zeros((size, size, image.shape[-1]))
    for i in range(size):
        for j in range(size):
            if 0 <= top + i < image.shape[0] and 0 <= left + j < image.shape[1]:
                found[i, j] = image[top + i, left + j]
    return found


def attend(image, missing, rate, scale):
    """`contextual_attention` of the authors in loops over places, for one image."""
    small, gaps = shrunk(image, rate), shrunk(missing, rate)
    height, width = small.shape[:2]
    grid = [(row, column) for row in range(height) for column in range(width)]
    keys = [patch(small, row - 1, column - 1, 3) for row, column in grid]
    known = np.array([float((patch(gaps, row - 1, column - 1, 3) == 0).all()) for row, column in grid])
    scores = np.array([[(f * b).sum() / max(np.sqrt((b * b).sum()), 1e-4) for b in keys] for f in keys])
    for order in ("C", "F"):  # neighbours along rows, then along columns, in the order in which pixels are stored
        number = np.arange(len(grid)).reshape((height, width)).ravel(order)
        lined = scores[np.ix_(number, number)]
        summed = np.zeros_like(lined)
        for step in (-1, 0, 1):
            for place in range(max(0, -step), len(grid) - max(0, step)):
                for other in range(max(0, -step), len(grid) - max(0, step)):
                    summed[place, other] += lined[place + step, other + step]
        scores[np.ix_(number, number)] = summed
    logits = scale * scores * known
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True) * known
    out = np.zeros((image.shape[0] + 2 * rate, image.shape[1] + 2 * rate, image.shape[2]))
    for place, (row, column) in enumerate(grid):
        for other, (top, left) in enumerate(grid):
            piece = patch(image, rate * top - rate // 2, rate * left - rate // 2, 2 * rate)
            at = slice(rate * row, rate * row + 2 * rate), slice(rate * column, rate * column + 2 * rate)
            out[at] += weights[place, other] * piece
    half = rate // 2
    return out[half : half + image.shape[0], half : half + image.shape[1]] / 4


@pytest.mark.parametrize("rate, scale", [(2, 10.0), (4, 1.0)])
def test_is_the_definition(rate, scale):
    random = np.random.default_rng(0)
    features = random.normal(scale=0.3, size=(2, 3 * rate * 2, 4 * rate, 5)).astype("float32")
    features[0, :5, :5] = 0  # a patch of no length
    missing = np.zeros((*features.shape[:3], 1), "float32")
    missing[0, :4, :3] = missing[1, -3:, -2:] = 1
    ours = ContextualAttention(rate, scale)(features, missing).numpy()
    theirs = np.stack([attend(*pair, rate, scale) for pair in zip(features.astype("float64"), missing)])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert np.abs(theirs).max() > 0.1


def test_what_is_missing_is_never_pasted_and_gradients_are_finite():
    random = np.random.default_rng(1)
    features = tf.Variable(random.normal(size=(1, 8, 8, 3)), dtype=tf.float32)
    missing = np.zeros((1, 8, 8, 1), "float32")
    missing[:, :, :4] = 1
    layer = ContextualAttention()
    with tf.GradientTape() as tape:
        outputs = layer(features, missing)
    gradient = tape.gradient(outputs, features)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.01
    nothing = layer(tf.zeros([1, 8, 8, 3]), missing)
    np.testing.assert_array_equal(nothing, np.zeros((1, 8, 8, 3)))
    np.testing.assert_array_equal(layer(features, np.ones_like(missing)), np.zeros((1, 8, 8, 3)))


def test_patches_laid_back_cover_each_inner_pixel_four_times():
    images = np.random.default_rng(2).normal(size=(2, 8, 12, 3)).astype("float32")
    back = paste(patches(images, 4, 2), 2, 3).numpy()
    np.testing.assert_allclose(back[:, 1:-1, 1:-1], 4 * images[:, 1:-1, 1:-1], rtol=1e-6)


def test_nearest_is_tensorflow_1s_with_aligned_corners():
    images = np.random.default_rng(3).normal(size=(1, 64, 30, 1)).astype("float32")
    theirs = tf.raw_ops.ResizeNearestNeighbor(images=images, size=[16, 15], align_corners=True)
    np.testing.assert_array_equal(nearest(images, 16, 15), theirs)


def test_an_odd_rate_is_refused():
    with pytest.raises(ValueError, match="rate must be an even number, not 3"):
        ContextualAttention(3)
