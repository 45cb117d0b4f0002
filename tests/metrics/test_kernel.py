"""Kernel distance against a naive sum and torch-fidelity, and its standard error against the truth."""

import numpy as np
import pytest

from keras_gans.metrics import kernel
from keras_gans.metrics.kernel import draw_subsets, kernel_distance, subset_distances


def features(count, seed, offset=0.0):
    return np.random.default_rng(seed).normal(size=(count, 16)) + offset


def naive(x, y):
    """The unbiased estimator, sum by sum (Binkowski et al. 2018, eq. 4)."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    m = len(x)
    within = sum(k(x[i], x[j]) + k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within - 2 * sum(k(a, b) for a in x for b in y) / m**2


@pytest.fixture(params=["shared Gram matrix", "subset by subset"])
def both_ways(request, monkeypatch):
    if request.param == "subset by subset":
        monkeypatch.setattr(kernel, "_GRAM_ELEMENTS", 0)


def test_agrees_with_a_naive_sum(both_ways):
    real, fake = features(60, 0), features(50, 1, offset=0.2)
    rng = np.random.default_rng(0)
    rows = draw_subsets(60, 3, 20, rng), draw_subsets(50, 3, 20, rng)
    expected = [naive(real[i], fake[j]) for i, j in zip(*rows)]
    np.testing.assert_allclose(subset_distances(real, fake, *rows), expected, rtol=1e-9)


@pytest.mark.parity
def test_agrees_with_torch_fidelity_on_the_same_subsets(both_ways, peer):
    theirs = peer("torch_fidelity.metric_kid")
    real, fake = features(500, 2), features(400, 3, offset=0.1)
    rng = np.random.default_rng(0)
    rows = draw_subsets(500, 5, 200, rng), draw_subsets(400, 5, 200, rng)
    options = dict(kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1)
    expected = [theirs.kernel_mmd(real[i], fake[j], **options) for i, j in zip(*rows)]
    np.testing.assert_allclose(subset_distances(real, fake, *rows), expected, rtol=1e-5)


def test_subsets_are_drawn_without_replacement_and_from_the_seed():
    rows = draw_subsets(30, 8, 20, np.random.default_rng(1))
    assert rows.shape == (8, 20) and all(len(set(row)) == 20 for row in rows)
    real, fake = features(200, 0), features(200, 1)
    assert kernel_distance(real, fake, seed=3) == kernel_distance(real, fake, seed=3)
    assert kernel_distance(real, fake, seed=3) != kernel_distance(real, fake, seed=4)


def test_unbiased_between_equal_distributions():
    values = [kernel_distance(features(400, 2 * i), features(400, 2 * i + 1), 20, 100)[0] for i in range(40)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(40)
    assert min(values) < 0 < max(values)


@pytest.mark.parametrize("size", [100, 200])
def test_standard_error_is_the_scatter_between_fresh_sets_of_images(size):
    runs = [kernel_distance(features(400, 2 * i), features(400, 2 * i + 1, offset=0.3), 50, size) for i in range(60)]
    values, errors, _ = np.transpose(runs)
    assert errors.mean() == pytest.approx(values.std(), rel=0.35)  # 60 runs know their scatter to 10 %
