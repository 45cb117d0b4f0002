"""What the scores mean: they grow worse with the damage, and precision and recall tell quality from variety."""

import numpy as np
import pytest
from scipy import ndimage

from keras_gans.data import open_source
from keras_gans.metrics import Evaluator

COUNT = 400
METRICS = ("fd", "kd", "precision_recall", "density_coverage", "inception_score")


@pytest.fixture(scope="module")
def images():
    """Images and labels that the scores do not see as real."""
    return next(open_source("embedded:fashion", 32, split="train").in_order().batch(4 * COUNT).as_numpy_iterator())


@pytest.fixture(scope="module")
def evaluators(tmp_path_factory):
    real = open_source("embedded:fashion", 32, split="holdout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_GANS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield Evaluator(METRICS, "fashion", real, COUNT), Evaluator(["sliced_wasserstein"], "fashion", real, 50)


@pytest.fixture
def score(evaluators):
    """A function: uint8 images -> dict of scores."""
    return lambda fakes: {one["name"]: one["value"] for one in evaluators[0].run(iter([fakes]))}


@pytest.fixture
def sliced(evaluators):
    return lambda fakes: {one["name"]: one["value"] for one in evaluators[1].run(iter([fakes]))}


def blurred(images, amount):
    return ndimage.gaussian_filter(images, [0, amount, amount, 0])


def noisy(images, amount):
    noise = np.random.default_rng(0).normal(size=images.shape) * amount
    return np.clip(images + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("damage, amounts", [(blurred, (0, 0.7, 1.4, 2.8)), (noisy, (0, 12, 25, 50))])
def test_distances_grow_with_blur_and_noise(score, sliced, images, damage, amounts):
    damaged = [damage(images[0][:COUNT], amount) if amount else images[0][:COUNT] for amount in amounts]
    series = [score(fakes) | sliced(fakes) for fakes in damaged]
    for name in ("fd_fashion", "kd_fashion", "sliced_wasserstein_32", "sliced_wasserstein"):
        values = [scores[name] for scores in series]
        assert all(b > a for a, b in zip(values, values[1:])), (name, values)
    for name in ("density_fashion", "coverage_fashion", "precision_fashion"):
        values = [scores[name] for scores in series]
        assert all(b < a for a, b in zip(values, values[1:])), (name, values)


def test_scores_get_worse_as_classes_are_dropped(score, images):
    series = []
    for classes in (10, 6, 3, 1):
        fakes = images[0][images[1] < classes]
        series.append(score(fakes[np.arange(COUNT) % len(fakes)]))
    for name, worse in {
        "fd_fashion": 1,
        "kd_fashion": 1,
        "recall_fashion": -1,
        "coverage_fashion": -1,
        "classifier_score_fashion": -1,
    }.items():
        values = [worse * scores[name] for scores in series]
        assert all(b > a for a, b in zip(values, values[1:])), (name, values)
    # Variety is lost, quality is not.
    assert series[-1]["precision_fashion"] > 0.6 > 0.3 > series[-1]["recall_fashion"]


def test_noise_costs_precision(score, images):
    scores = score(noisy(images[0][:COUNT], 60))
    assert scores["precision_fashion"] < 0.3 and scores["density_fashion"] < 0.3


def test_real_images_score_as_real(score, images):
    scores = score(images[0][:COUNT])
    assert abs(scores["kd_fashion"]) < 0.1
    assert min(scores["precision_fashion"], scores["recall_fashion"]) > 0.6
    assert 0.7 < scores["density_fashion"] < 1.3 and scores["coverage_fashion"] > 0.8
