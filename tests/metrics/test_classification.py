"""Classification accuracy score: a generator of real images scores high, one of mixed-up labels at chance."""

import numpy as np
import pytest

from keras_gans.data import open_source
from keras_gans.errors import UserError
from keras_gans.registry import SCORES


class Stored:
    """A conditional run whose generator deals out stored images; `shift` gives them the labels of other classes."""

    num_classes, directory = 10, "runs/stored"

    def __init__(self, shift=0):
        pairs = open_source("embedded:fashion", 32, split="train").in_order().batch(1500)
        images, classes = next(pairs.as_numpy_iterator())
        self.by_class = [images[classes == one] for one in range(10)]
        self.shift = shift

    def generate(self, count, seed, labels):
        rng = np.random.default_rng(seed)
        for label in labels:
            images = self.by_class[(label + self.shift) % 10]
            yield images[rng.integers(len(images), size=1)]


def accuracy(run):
    real = open_source("embedded:fashion", 32, split="holdout")
    (result,) = SCORES.create("classification_accuracy:epochs=4")(run, real, "fashion", 400, 0)
    return result


def test_right_and_wrong_labels():
    right, wrong = accuracy(Stored()), accuracy(Stored(shift=5))
    assert right.value > 0.5 and wrong.value < 0.15
    assert right.standard_error == pytest.approx(np.sqrt(right.value * (1 - right.value) / 2000), rel=1e-6)
    assert right.protocol["count_fake"] == 400 and right.protocol["count_real"] == 2000


def test_a_run_without_labels_is_refused():
    run = Stored()
    run.num_classes = 0
    with pytest.raises(UserError, match="trained without --conditional"):
        accuracy(run)
