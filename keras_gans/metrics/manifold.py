"""Nearest-neighbour manifolds: improved precision and recall, density and coverage.

Precision and recall: Kynkaanniemi et al. 2019 (k = 3). Density and coverage: Naeem et al. 2020 (k = 5).
"""

import numpy as np

from keras_gans.metrics.records import name_with
from keras_gans.metrics.scores import Result, SetScore
from keras_gans.registry import SCORES

_BLOCK_ELEMENTS = 16_000_000  # of a block of rows of the distance matrix: 128 MB
_COLUMNS = 4096  # features held in float64 at a time


def squared_distances(x, y, centre):
    """Returns squared Euclidean distances, float64 [n, m], by matrix products in float64.

    Args:
        x, y: features [n, dims] and [m, dims].
        centre: [dims]; products lose fewer digits with it subtracted.
    """
    x = np.asarray(x, np.float64) - centre
    x_norms = (x * x).sum(axis=1)[:, None]
    distances = np.empty((len(x), len(y)))
    for start in range(0, len(y), _COLUMNS):
        part = np.asarray(y[start : start + _COLUMNS], np.float64) - centre
        block = distances[:, start : start + _COLUMNS]
        np.matmul(x, part.T, out=block)
        block *= -2
        block += x_norms
        block += (part * part).sum(axis=1)
    return np.maximum(distances, 0, out=distances)


class Manifold:
    """A ball around every feature that reaches to its k-th nearest neighbour among the others.

    The distance matrix is only ever there a block of rows at a time.

    Args:
        features: float [n, dims], n > k.
        k: which neighbour. An integer, from 1.

    Attributes:
        features, k: as given.
        radii: squared radii, float64 [n].
    """

    def __init__(self, features, k):
        self.features, self.k = features, k
        self._centre = features.mean(axis=0, dtype=np.float64)
        self.radii = np.concatenate(
            [
                np.partition(distances, k, axis=1)[:, k]  # the 0-th is the feature itself
                for distances in self._blocks(features)
            ]
        )

    def _blocks(self, points):
        rows = max(1, _BLOCK_ELEMENTS // len(self.features))
        for start in range(0, len(points), rows):
            yield squared_distances(points[start : start + rows], self.features, self._centre)

    def relate(self, points):
        """Returns int [m], in how many balls each of `points` [m, dims] lies, and bool [n], which balls hold any."""
        counts, reached = [], np.zeros(len(self.radii), bool)
        for distances in self._blocks(points):
            inside = distances <= self.radii
            counts.append(inside.sum(axis=1))
            reached |= inside.any(axis=0)
        return np.concatenate(counts), reached


def precision_recall(real, fake):
    """Returns precision, the share of fakes within a real ball, and recall, the share of reals within a fake ball.

    Args:
        real, fake: `Manifold`s.
    """
    return (real.relate(fake.features)[0] > 0).mean(), (fake.relate(real.features)[0] > 0).mean()


def density_coverage(real, fake_features):
    """Returns density, the mean number of real balls that hold a fake over k (it may exceed 1), and coverage, the share
    of real balls that hold a fake.

    Args:
        real: `Manifold`.
        fake_features: float [m, dims].
    """
    counts, reached = real.relate(fake_features)
    return counts.mean() / real.k, reached.mean()


def _results(names, values, real, k):
    return [
        Result(name_with(name, real.extractor.name), value, True, protocol={"neighbours": k})
        for name, value in zip(names, values)
    ]


@SCORES.register("precision_recall")
class PrecisionRecall(SetScore):
    """`precision_<extractor>` and `recall_<extractor>`: quality and variety, higher is better.

    Args:
        neighbours: k; default 3, as published.
    """

    needs = frozenset({"features"})

    def __init__(self, neighbours=3):
        self.least = neighbours + 1
        self.neighbours = neighbours

    def __call__(self, real, fake, seed):
        values = precision_recall(real.manifold(self.neighbours), fake.manifold(self.neighbours))
        return _results(("precision", "recall"), values, real, self.neighbours)


@SCORES.register("density_coverage")
class DensityCoverage(SetScore):
    """`density_<extractor>` and `coverage_<extractor>`: like precision and recall, but firm against outliers.

    Args:
        neighbours: k; default 5, as published.
    """

    needs = frozenset({"features"})

    def __init__(self, neighbours=5):
        self.least = neighbours + 1
        self.neighbours = neighbours

    def __call__(self, real, fake, seed):
        values = density_coverage(real.manifold(self.neighbours), fake.features)
        return _results(("density", "coverage"), values, real, self.neighbours)
