"""Frechet distance against SciPy's matrix square root and torch-fidelity."""

import numpy as np
import pytest
import scipy.linalg

from keras_gans.metrics.frechet import Gaussian, Moments, frechet_distance


def features(count, dims, seed, offset=0.0):
    """Correlated features, different for every seed."""
    rng = np.random.default_rng(seed)
    mixing, mean = rng.normal(size=(dims, dims)) / np.sqrt(dims), rng.normal(size=dims) + offset
    return rng.normal(size=(count, dims)) @ mixing + mean


def gaussian(array, chunk=37):
    moments = Moments(array.shape[1])
    for start in range(0, len(array), chunk):
        moments.update(array[start : start + chunk])
    return moments.gaussian()


def test_streamed_moments_equal_numpy_where_the_mean_is_large():
    array = features(1000, 12, seed=0, offset=1e5)
    streamed = gaussian(array)
    np.testing.assert_allclose(streamed.mean, array.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(streamed.covariance, np.cov(array, rowvar=False), rtol=1e-8, atol=1e-10)
    assert streamed.count == 1000


def test_known_answers():
    one = Gaussian(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 10)
    other = Gaussian(np.array([1.0, 2.0, 0.0]), np.diag([4.0, 4.0, 1.0]), 10)
    # |(1, 2, 0)|^2 + (1 - 2)^2 + (2 - 2)^2 + (3 - 1)^2
    assert frechet_distance(one, other) == pytest.approx(10.0, rel=1e-12)
    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("count, dims", [(500, 40), (60, 100)], ids=["full rank", "fewer images than features"])
def test_agrees_with_the_formula_on_scipy_sqrtm(count, dims):
    real, fake = features(count, dims, 1), features(count + 20, dims, 2)
    c1, c2 = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    difference = real.mean(axis=0) - fake.mean(axis=0)
    # The root of a singular product is not defined for sqrtm: the usual remedy is a little of the identity.
    jitter = 1e-13 * np.eye(dims) if count < dims else 0
    root = scipy.linalg.sqrtm((c1 + jitter) @ (c2 + jitter)).real
    expected = difference @ difference + np.trace(c1 + c2 - 2 * root)
    ours = frechet_distance(gaussian(real), gaussian(fake))
    assert ours == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(gaussian(fake), gaussian(real)) == pytest.approx(ours, rel=1e-7)


@pytest.mark.parity
def test_agrees_with_torch_fidelity(peer):
    torch, theirs = peer("torch"), peer("torch_fidelity.metric_fid")
    real, fake = features(900, 64, 3), features(800, 64, 4)
    statistics = [theirs.fid_features_to_statistics(torch.from_numpy(one)) for one in (fake, real)]
    expected = theirs.fid_statistics_to_metric(*statistics, verbose=False)[theirs.KEY_METRIC_FID]
    assert frechet_distance(gaussian(real), gaussian(fake)) == pytest.approx(expected, rel=1e-5)


def test_moments_of_shards_are_those_of_all():
    random = np.random.default_rng(1)
    features = 1000 + random.normal(size=(700, 24)) @ random.normal(size=(24, 24))
    other = Gaussian(np.full(24, 999.0), np.eye(24), 500)
    whole, merged = Moments(24), Moments(24)
    whole.update(features)
    merged.update(features[:3])
    for start in (3, 4, 90, 333, 500, 699):
        part = Moments(24)
        for batch in np.array_split(features[start : {3: 4, 4: 90, 90: 333, 333: 500, 500: 699, 699: 700}[start]], 3):
            if len(batch):
                part.update(batch)
        merged.merge(part)
    one, seven = whole.gaussian(), merged.gaussian()
    assert seven.count == one.count == 700
    np.testing.assert_allclose(seven.mean, one.mean, rtol=1e-12)
    np.testing.assert_allclose(seven.covariance, one.covariance, rtol=0, atol=1e-12 * np.abs(one.covariance).max())
    assert frechet_distance(seven, other) == pytest.approx(frechet_distance(one, other), rel=1e-12)
