"""Data as `fit` takes them: epochs of the one endless sequence."""

import itertools

import numpy as np
import pytest

import keras_gans as kg
from keras_gans.errors import UserError


def test_epochs_are_the_batches_that_train_sees():
    data = kg.data.open("embedded:fashion", batch_size=3000, labels=True, seed=5)
    assert int(data.cardinality()) == 2 and data.source.image_shape == (32, 32, 1)
    mine = [batch for epoch in range(2) for batch in data.as_numpy_iterator()]
    theirs = kg.data.batches(data.source, 3000, 5, labels=True).as_numpy_iterator()
    for (images, labels), (wanted, of_wanted) in zip(mine, itertools.islice(theirs, 4), strict=True):
        np.testing.assert_array_equal(images, wanted)
        np.testing.assert_array_equal(labels, of_wanted)
    later = kg.data.open("embedded:fashion", batch_size=3000, labels=True, seed=5, start=6000)
    np.testing.assert_array_equal(next(later.as_numpy_iterator())[1], mine[2][1])


def test_points_and_pairs():
    points = kg.data.open("embedded:ring8", batch_size=7, split="holdout")
    assert next(points.as_numpy_iterator()).shape == (7, 2)
    pairs = kg.data.open("embedded:fashion", batch_size=4, degrade="downscale4", image_size=32)
    small, images = next(pairs.as_numpy_iterator())
    assert small.shape == (4, 8, 8, 1) and images.shape == (4, 32, 32, 1)


@pytest.mark.parametrize("batch_size", [0, 2001])
def test_no_whole_batch_is_refused(batch_size):
    with pytest.raises(UserError, match=f"2000 images, which make no batch of {batch_size}"):
        kg.data.open("embedded:fashion", batch_size=batch_size, split="holdout")
