"""Kernel distance (KID): squared maximum mean discrepancy under a cubic kernel (Binkowski et al. 2018)."""

import numpy as np

from keras_gans.errors import UserError
from keras_gans.metrics.records import name_with
from keras_gans.metrics.scores import Result, SetScore
from keras_gans.registry import SCORES

_GRAM_ELEMENTS = 2**24  # of a Gram matrix held at once: 128 MB


def polynomial_kernel(x, y):
    """Returns (x . y / dims + 1)^3, float64 [n, m], for features x [n, dims] and y [m, dims]."""
    gram = x @ y.T
    gram /= x.shape[1]
    gram += 1
    return gram * gram * gram  # a power with exponent 3 is ten times slower


def draw_subsets(count, subsets, size, rng):
    """Returns int [subsets, size]: rows drawn without replacement within each subset."""
    return np.stack([rng.choice(count, size, replace=False) for _ in range(subsets)])


def subset_distances(real, fake, real_rows, fake_rows):
    """Returns the unbiased squared MMD of every pair of subsets, float64 [subsets].

    Small sets share one Gram matrix, because their subsets overlap; large ones are taken subset by subset.

    Args:
        real, fake: features [n, dims] and [m, dims].
        real_rows, fake_rows: int [subsets, size], see `draw_subsets`.
    """
    if max(len(real), len(fake)) ** 2 <= _GRAM_ELEMENTS:
        return _together(real, fake, real_rows, fake_rows)
    everything = np.arange(real_rows.shape[1])[None]
    return np.concatenate([_together(real[i], fake[j], everything, everything) for i, j in zip(real_rows, fake_rows)])


def _together(real, fake, real_rows, fake_rows):
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    in_real, in_fake = _indicator(real_rows, len(real)), _indicator(fake_rows, len(fake))
    size = real_rows.shape[1]

    def sums(x, y, in_x, in_y):
        return np.einsum("sn,sn->s", in_x @ polynomial_kernel(x, y), in_y)

    def within(x, in_x):
        diagonal = ((x * x).sum(axis=1) / x.shape[1] + 1) ** 3
        return (sums(x, x, in_x, in_x) - in_x @ diagonal) / (size * (size - 1))

    return within(real, in_real) + within(fake, in_fake) - 2 * sums(real, fake, in_real, in_fake) / size**2


def _indicator(rows, count):
    indicator = np.zeros((len(rows), count))
    np.put_along_axis(indicator, rows, 1, axis=1)
    return indicator


def kernel_distance(real, fake, subsets=100, subset_size=1000, seed=0):
    """Mean of the squared MMD over random subsets.

    The standard error is that of the delete-d jackknife (Shao and Wu 1989), plus the error of drawing a finite number
    of subsets: the deviation over subsets alone says how far a score from `subset_size` images would scatter, and over
    the root of the number of subsets it would go to zero although the images are the same ones.

    Args:
        real, fake: features [n, dims] and [m, dims].
        subsets: how many pairs of subsets.
        subset_size: images in each; at most half of the smaller side is used.
        seed: of the draws.

    Returns:
        Three floats: the mean, its standard error, and the standard deviation over subsets.
    """
    smallest = min(len(real), len(fake))
    size = min(subset_size, smallest // 2)
    rng = np.random.default_rng(seed)
    distances = subset_distances(
        real, fake, draw_subsets(len(real), subsets, size, rng), draw_subsets(len(fake), subsets, size, rng)
    )
    deviation = distances.std()
    return distances.mean(), deviation * np.sqrt(size / (smallest - size) + 1 / subsets), deviation


@SCORES.register("kid")
@SCORES.register("kd")
class KernelDistance(SetScore):
    """Kernel distance: lower is better, unbiased. Called `kid` on the 2015 Inception network, else `kd_<extractor>`.

    Args:
        subsets: pairs of random subsets; default 100, as published.
        subset_size: images in each; default 1000, as published; less where a side has fewer than twice as many.
    """

    needs = frozenset({"features"})

    least = 4  # two subsets of two

    def __init__(self, subsets=100, subset_size=1000):
        self.subsets, self.subset_size = subsets, subset_size

    def __call__(self, real, fake, seed):
        name = name_with("kd", real.extractor.name, inception="kid")
        smallest = min(len(real.features), len(fake.features))
        if smallest < self.least:
            raise UserError(
                f"{name} needs {self.least} images on each side, not {smallest}; thousands for a number that means much"
            )
        size = min(self.subset_size, smallest // 2)
        warnings = ()
        if size < self.subset_size:
            warnings = (f"{name} from {smallest} images: subsets of {size} instead of {self.subset_size}",)
        value, error, deviation = kernel_distance(real.features, fake.features, self.subsets, size, seed)
        protocol = {
            "kernel": "(x . y / dims + 1)^3",
            "estimator": "unbiased",
            "subsets": self.subsets,
            "subset_size": size,
            "standard_error": "delete-d jackknife over subsets",
        }
        return [Result(name, value, False, error, deviation, protocol, warnings)]
