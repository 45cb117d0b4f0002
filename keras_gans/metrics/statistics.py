"""What the scores need to know of one side (the real or the generated images), gathered in one pass."""

import functools
import hashlib
import json
import os
import pathlib
import sys
import zipfile

import numpy as np

from keras_gans.errors import UserError
from keras_gans.files import whole
from keras_gans.metrics.frechet import Gaussian, Moments
from keras_gans.metrics.manifold import Manifold
from keras_gans.metrics.sliced_wasserstein import PatchSampler

FEATURES_CAP = 50_000
"""Images whose features and class probabilities are kept (400 MB at 2048 dimensions); moments take in every image."""

_FORMAT = 1  # of the cached files: raise it when what the arrays mean changes


class Statistics:
    """Summaries of one side.

    Args:
        extractor: the feature extractor, or None where no score looks at features.
        arrays: dict of what was gathered, see `gather`.
        count: images seen.
    """

    def __init__(self, extractor, arrays, count):
        self.extractor, self.arrays, self.count = extractor, arrays, int(count)
        self._manifolds = {}

    @functools.cached_property
    def gaussian(self):
        """The `Gaussian` of all images."""
        return Gaussian(self.arrays["mean"], self.arrays["covariance"], self.count)

    @property
    def features(self):
        """float32 [n, dims], at most `FEATURES_CAP` rows."""
        return self.arrays["features"]

    @property
    def probabilities(self):
        """float32 [n, classes], at most `FEATURES_CAP` rows."""
        return self.arrays["probabilities"]

    def manifold(self, k):
        """Returns the `Manifold` of the features for `k` neighbours; it is kept.

        Raises:
            UserError: there are not more than `k` images.
        """
        if k not in self._manifolds:
            if len(self.features) <= k:
                raise UserError(f"{len(self.features)} images have no {k}-th neighbours; give more than {k} on each side")
            self._manifolds[k] = Manifold(self.features, k)
        return self._manifolds[k]


def gather(batches, extractor, needs, count, side, seed=0, advance=lambda images: None):
    """Takes `count` images through the extractor once and keeps what `needs` names.

    Args:
        batches: iterable of uint8 [n, height, width, channels] arrays; what exceeds `count` is left alone.
        extractor: from `EXTRACTORS`, or None if nothing but `patches` is needed.
        needs: set of `moments`, `features`, `probabilities` and `patches`.
        count: how many images; fewer are taken if there are fewer.
        side: `real` or `generated`, for messages.
        seed: of the patch positions.
        advance: called with the size of each batch, for a progress bar.

    Returns:
        `Statistics`.

    Raises:
        UserError: fewer than two images, or `probabilities` of an extractor without a classifier.
    """
    if "probabilities" in needs and not extractor.classes:
        raise UserError(
            f"inception_score needs class probabilities, which {extractor.name} has not; "
            f"take an extractor with a classifier, such as inception2015"
        )
    kept = min(count, FEATURES_CAP)
    moments = Moments(extractor.dims) if "moments" in needs else None
    features = np.empty([kept, extractor.dims], np.float32) if "features" in needs else None
    probabilities = np.empty([kept, extractor.classes], np.float32) if "probabilities" in needs else None
    patches = PatchSampler(seed) if "patches" in needs else None
    seen = 0
    for images in _rebatched(batches, extractor.batch_size if extractor else 64):
        images = images[: count - seen]
        if extractor:
            batch_features, batch_probabilities = extractor.extract(images)
            rows, room = slice(seen, seen + len(images)), max(kept - seen, 0)
            if moments:
                moments.update(batch_features)
            if features is not None:
                features[rows] = batch_features[:room]
            if probabilities is not None:
                probabilities[rows] = batch_probabilities[:room]
        if patches:
            patches.update(images)
        seen += len(images)
        advance(len(images))
        if seen >= count:
            break
    if seen < 2:
        raise UserError(f"a score needs at least 2 {side} images, not {seen}; thousands for a number that means much")
    arrays = {}
    if moments:
        gaussian = moments.gaussian()
        arrays |= {"mean": gaussian.mean, "covariance": gaussian.covariance}
    if features is not None:
        arrays["features"] = features[:seen]
    if probabilities is not None:
        arrays["probabilities"] = probabilities[:seen]
    if patches:
        arrays |= patches.arrays()
    return Statistics(extractor, arrays, seen)


def _rebatched(batches, size):
    """Yields arrays of exactly `size` images (the last may be smaller): extractors pad what is less."""
    waiting = []
    for images in batches:
        waiting.append(images)
        while sum(map(len, waiting)) >= size:
            together = np.concatenate(waiting)
            yield together[:size]
            waiting = [together[size:]]
    if sum(map(len, waiting)):
        yield np.concatenate(waiting)


def cache_folder():
    """Returns where statistics of real data are kept: `$KERAS_GANS_CACHE/stats`, or `~/.cache/keras_gans/stats`."""
    root = os.environ.get("KERAS_GANS_CACHE") or pathlib.Path.home() / ".cache" / "keras_gans"
    return pathlib.Path(root) / "stats"


def cached(key, extractor, make):
    """Returns the `Statistics` stored under `key`, or those of `make()` after storing them.

    Args:
        key: JSON-ready dict of all that the statistics depend on.
        extractor: given to the `Statistics` that are read.
        make: function without arguments.
    """
    key = json.dumps(key | {"format": _FORMAT}, sort_keys=True)
    path = cache_folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return Statistics(extractor, arrays, arrays.pop("count"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # absent or damaged: made anew
    statistics = make()
    try:
        with whole(path) as temporary:
            np.savez(temporary, count=statistics.count, **statistics.arrays)
    except UserError as error:  # a cache that cannot be written costs time, not the score
        print(f"warning: {error}", file=sys.stderr)
    return statistics
