"""Sliced Wasserstein distance between patches of Laplacian pyramids (Karras et al. 2018, section 5).

Original: `metrics/sliced_wasserstein.py` of `tkarras/progressive_growing_of_gans`.
"""

import numpy as np
from scipy import ndimage

from keras_gans.errors import UserError
from keras_gans.metrics.scores import Result, SetScore
from keras_gans.registry import SCORES

PATCH = 7
PATCHES_PER_IMAGE = 128
MAX_IMAGES = 1024
"""Images that patches are drawn from: 77 MB a level in colour. The paper takes 16,384."""

_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16


def _blur(images, gain=1):
    for axis in (1, 2):
        images = ndimage.convolve1d(images, _BINOMIAL * gain, axis=axis, mode="mirror")
    return images


def laplacian_pyramid(images):
    """Returns a list of float32 arrays [n, h, w, c], from the finest level to the low-pass one of 16 to 31 pixels.

    Args:
        images: [n, h, w, c], 0 to 255.

    Raises:
        UserError: images under 16 pixels.
    """
    images = np.asarray(images, np.float32)
    if min(images.shape[1:3]) < 16:
        raise UserError(f"sliced_wasserstein needs images of at least 16x16 pixels, not {images.shape[1]}x{images.shape[2]}")
    levels = []
    while min(images.shape[1:3]) >= 32:
        smaller = _blur(images)[:, ::2, ::2]
        upsampled = np.zeros_like(images)
        upsampled[:, ::2, ::2] = smaller
        levels.append(images - _blur(upsampled, gain=2))
        images = smaller
    return [*levels, images]


class PatchSampler:
    """Draws 7x7 patches from every pyramid level of a stream of images.

    Args:
        seed: of the positions. An integer.
    """

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self._images, self._levels = 0, {}

    def update(self, images):
        """Takes in uint8 images [n, h, w, c], up to `MAX_IMAGES` in all."""
        images = images[: MAX_IMAGES - self._images]
        if not len(images):
            return
        self._images += len(images)
        for level in laplacian_pyramid(images):
            windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), axis=(1, 2))
            count = len(images) * PATCHES_PER_IMAGE
            rows, columns = (self._rng.integers(0, size, count) for size in windows.shape[1:3])
            which = np.repeat(np.arange(len(images)), PATCHES_PER_IMAGE)
            self._levels.setdefault(f"patches_{level.shape[1]}", []).append(windows[which, rows, columns])

    def arrays(self):
        """Returns a dict `patches_<height of the level>` -> float32 [patches, channels, 7, 7]."""
        return {name: np.concatenate(parts) for name, parts in self._levels.items()}


def normalised(patches):
    """Returns patches [n, c, 7, 7] as descriptors [n, c * 49] with mean 0 and deviation 1 in each colour channel."""
    mean = patches.mean(axis=(0, 2, 3), keepdims=True)
    deviation = patches.std(axis=(0, 2, 3), keepdims=True)
    return ((patches - mean) / np.maximum(deviation, 1e-8)).reshape(len(patches), -1)


def sliced_wasserstein(real, fake, directions=512, seed=0):
    """Mean of the 1-Wasserstein distances along random directions, a float.

    Args:
        real, fake: descriptors [n, dims], the same number on both sides.
        directions: how many; default 512, as published (4 repeats of 128).
        seed: of the directions.
    """
    projections = np.random.default_rng(seed).normal(size=(directions, real.shape[1]))
    projections /= np.linalg.norm(projections, axis=1, keepdims=True)
    distances = [np.abs(np.sort(real @ one) - np.sort(fake @ one)).mean() for one in projections.astype(real.dtype)]
    return float(np.mean(distances))


@SCORES.register("sliced_wasserstein")
class SlicedWasserstein(SetScore):
    """`sliced_wasserstein_<level>` for every pyramid level and their mean `sliced_wasserstein`, times 1000; lower is
    better. It looks at patches of pixels, not at an extractor's features."""

    needs = frozenset({"patches"})

    def __call__(self, real, fake, seed):
        levels = sorted((name for name in real.arrays if name.startswith("patches_")), key=lambda n: -int(n[8:]))
        if levels != sorted((n for n in fake.arrays if n.startswith("patches_")), key=lambda n: -int(n[8:])):
            raise UserError("sliced_wasserstein compares images of one size; give both sides the same")
        count = min(len(real.arrays[levels[0]]), len(fake.arrays[levels[0]]))
        protocol = {
            "patch": PATCH,
            "patches": count,
            "patches_per_image": PATCHES_PER_IMAGE,
            "directions": 512,
            "scale": 1000,
        }
        values = []
        for name in levels:
            descriptors = [normalised(side.arrays[name][:count]) for side in (real, fake)]
            values.append(1000 * sliced_wasserstein(*descriptors, seed=seed))
        results = [Result(f"sliced_wasserstein_{name[8:]}", value, protocol=protocol) for name, value in zip(levels, values)]
        return [*results, Result("sliced_wasserstein", float(np.mean(values)), protocol=protocol)]
