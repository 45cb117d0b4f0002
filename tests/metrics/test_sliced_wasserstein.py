"""Sliced Wasserstein distance against naive NumPy and known answers."""

import numpy as np
import pytest

from keras_gans.errors import UserError
from keras_gans.metrics.sliced_wasserstein import PatchSampler, laplacian_pyramid, normalised, sliced_wasserstein


def test_known_distance_between_shifted_descriptors():
    # Shifting by s moves every projection on the unit vector u by u . s; in one dimension |u . s| = |s|.
    descriptors = np.random.default_rng(0).normal(size=(100, 1))
    assert sliced_wasserstein(descriptors, descriptors + 3) == pytest.approx(3, rel=1e-9)
    assert sliced_wasserstein(descriptors, np.random.default_rng(1).permutation(descriptors)) == 0
    # In two dimensions the mean of |cos| over directions is 2 / pi.
    descriptors = np.random.default_rng(0).normal(size=(100, 2))
    assert sliced_wasserstein(descriptors, descriptors + [5, 0], 20000) == pytest.approx(10 / np.pi, rel=0.02)


def naive_pyramid(image):
    """One grey image; five taps, mirrored at the edges."""
    taps = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256

    def blur(x, gain=1):
        padded = np.pad(x, 2, mode="reflect")
        return gain * np.array(
            [[(padded[i : i + 5, j : j + 5] * taps).sum() for j in range(x.shape[1])] for i in range(x.shape[0])]
        )

    levels = []
    while min(image.shape) >= 32:
        small = blur(image)[::2, ::2]
        large = np.zeros_like(image)
        large[::2, ::2] = small
        levels.append(image - blur(large, gain=4))
        image = small
    return [*levels, image]


def test_pyramid_equals_naive_numpy():
    images = np.random.default_rng(0).integers(0, 256, [2, 64, 64, 2])
    ours = laplacian_pyramid(images)
    assert [level.shape for level in ours] == [(2, 64, 64, 2), (2, 32, 32, 2), (2, 16, 16, 2)]
    for level, expected in zip(ours, naive_pyramid(images[1, :, :, 1].astype(float))):
        np.testing.assert_allclose(level[1, :, :, 1], expected, atol=1e-3)


def test_distance_equals_naive_numpy():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(40, 6)), rng.normal(size=(40, 6)) + 0.5
    directions = np.random.default_rng(3).normal(size=(10, 6))
    expected = np.mean(
        [
            np.mean([abs(a - b) for a, b in zip(sorted(real @ d), sorted(fake @ d))])
            for d in (d / np.sqrt((d**2).sum()) for d in directions)
        ]
    )
    assert sliced_wasserstein(real, fake, 10, seed=3) == pytest.approx(expected, rel=1e-9)


def test_patches_come_from_their_images_and_are_normalised_by_colour():
    levels = np.arange(5, dtype=np.uint8)[:, None, None, None] * 40
    sampler = PatchSampler(0)
    sampler.update(np.broadcast_to(levels[:3], [3, 16, 16, 2]))
    sampler.update(np.broadcast_to(levels[3:], [2, 16, 16, 2]))
    (patches,) = sampler.arrays().values()
    assert patches.shape == (5 * 128, 2, 7, 7)
    np.testing.assert_allclose(patches[:, 0, 0, 0], np.repeat(levels.ravel(), 128), atol=1e-4)
    descriptors = normalised(patches + [[[[10]], [[100]]]])
    assert descriptors.shape == (640, 98)
    for colour in np.split(descriptors, 2, axis=1):
        assert colour.mean() == pytest.approx(0, abs=1e-6) and colour.std() == pytest.approx(1, rel=1e-6)


def test_too_small():
    with pytest.raises(UserError, match="at least 16x16"):
        laplacian_pyramid(np.zeros([1, 8, 16, 1]))
