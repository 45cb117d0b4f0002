"""Edge-smoothed drawings beside the same made pixel by pixel in whole numbers."""

import numpy as np
import plain_edges
import tensorflow as tf
from PIL import Image, ImageDraw

from keras_gans.data import edges


def drawing(seed, size=40):
    """Lines and discs on a ground that runs from dark to light."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(40, 200, size)[:, None, None] + random.uniform(0, 40, (1, size, 3))
    picture = Image.fromarray(ramp.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(3):
        draw.line(random.integers(0, size, 4).tolist(), tuple(random.integers(0, 256, 3).tolist()), 2)
        x, y, r = random.integers(4, size - 8, 3) // (1, 1, 3)
        draw.ellipse((int(x - r), int(y - r), int(x + r), int(y + r)), tuple(random.integers(0, 256, 3).tolist()))
    return np.asarray(picture)


def test_edges_are_those_of_the_plain_algorithm():
    pictures = np.stack([drawing(seed) for seed in range(3)])
    grey = np.rint(pictures @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    made = edges.canny(tf.constant(grey[..., None], tf.float32)).numpy()[..., 0]
    wanted = np.stack([plain_edges.canny(one) for one in grey])
    np.testing.assert_array_equal(made, wanted)
    # Of all sorts: an edge that is nowhere strong is none, and a weak part of a strong one is.
    low, high = (np.stack([plain_edges.canny(one, limit, limit) for one in grey]) for limit in (100, 200))
    assert 0 < high.sum() < wanted.sum() < low.sum()


def test_drawings_are_blurred_near_edges_alone():
    pictures = np.stack([drawing(seed) for seed in range(3)])
    made = edges.smooth_edges(tf.constant(pictures / 127.5 - 1, tf.float32)).numpy()
    wanted = np.stack([plain_edges.smoothed(one) for one in pictures])
    np.testing.assert_allclose((made + 1) * 127.5, wanted, atol=1e-3)
    assert 0.1 < (wanted != pictures).any(-1).mean() < 0.9


def test_grey_drawings_are_the_luma_three_times():
    pictures = np.random.default_rng(0).uniform(-1, 1, (1, 2, 3, 3)).astype("float32")
    wanted = np.repeat((pictures @ [0.299, 0.587, 0.114])[..., None], 3, -1)
    np.testing.assert_allclose(edges.grey(pictures), wanted, atol=1e-6)
