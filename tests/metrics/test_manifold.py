"""Precision, recall, density and coverage against the papers' formulas, written naively, and torch-fidelity."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from keras_gans.metrics import manifold
from keras_gans.metrics.manifold import Manifold, density_coverage, precision_recall


def features(count, seed, offset=0.0):
    return np.random.default_rng(seed).normal(size=(count, 8)) + offset


REAL, FAKE = features(300, 0), features(200, 1, offset=0.3)


def radii(array, k):
    return np.sort(cdist(array, array), axis=1)[:, k]


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    if request.param == "many blocks":
        monkeypatch.setattr(manifold, "_BLOCK_ELEMENTS", 300 * 7)
        monkeypatch.setattr(manifold, "_COLUMNS", 90)


def test_precision_and_recall_follow_the_paper(blocks):
    distances, real, fake = cdist(REAL, FAKE), radii(REAL, 3), radii(FAKE, 3)
    precision = np.mean([any(distances[i, j] <= real[i] for i in range(300)) for j in range(200)])
    recall = np.mean([any(distances[i, j] <= fake[j] for j in range(200)) for i in range(300)])
    ours = precision_recall(Manifold(REAL, 3), Manifold(FAKE, 3))
    assert ours == pytest.approx((precision, recall), rel=1e-9)
    assert 0.1 < recall < precision < 0.99 or 0.1 < precision < recall < 0.99  # neither end, nor equal by chance


def test_density_and_coverage_follow_the_paper(blocks):
    distances, radius = cdist(REAL, FAKE), radii(REAL, 5)
    density = sum(distances[i, j] <= radius[i] for i in range(300) for j in range(200)) / (5 * 200)
    coverage = np.mean([min(distances[i]) <= radius[i] for i in range(300)])
    assert density_coverage(Manifold(REAL, 5), FAKE) == pytest.approx((density, coverage), rel=1e-9)


def test_swapping_the_sides_swaps_precision_and_recall():
    real, fake = Manifold(REAL, 3), Manifold(FAKE, 3)
    precision, recall = precision_recall(real, fake)
    assert precision_recall(fake, real) == (recall, precision)
    assert precision != recall


def test_one_repeated_image_far_from_the_origin():
    real = features(50, 0).astype(np.float32) + 1000
    fake = np.repeat(real[:1], 20, axis=0)
    precision, recall = precision_recall(Manifold(real, 3), Manifold(fake, 3))
    assert precision == 1 and recall == pytest.approx(1 / 50)


@pytest.mark.parity
def test_agrees_with_torch_fidelity(peer):
    torch, theirs = peer("torch"), peer("torch_fidelity.metric_prc")
    generated, real = (torch.from_numpy(array) for array in (FAKE, REAL))
    expected = theirs.calculate_precision_recall_full(generated, real, neighborhood=3)
    assert precision_recall(Manifold(REAL, 3), Manifold(FAKE, 3)) == pytest.approx(expected, rel=1e-5)
