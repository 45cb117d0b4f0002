"""Nearest neighbours: planted images are found, distances are those of SciPy, and what is no feature space is refused."""

import types

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial import distance

from keras_gans.data.source import ArraySource
from keras_gans.errors import UserError
from keras_gans.metrics import nearest

RANDOM = np.random.default_rng(0)
COLLECTION = types.SimpleNamespace(spec="test", name="test", fingerprint="", split="train", class_names=())
COLLECTION.holdout = COLLECTION.inventory = None
COLLECTION.notes, COLLECTION.why_no_classes, COLLECTION.left = (), "", 0


@pytest.fixture(scope="module")
def images():
    """Blurred noise, so that some images are nearer than others: uint8 [600, 32, 32, 1]."""
    coarse = RANDOM.uniform(0, 255, (600, 6, 6, 1))
    return np.clip(tf.image.resize(coarse, (32, 32), "bicubic").numpy(), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def source(images):
    return ArraySource(COLLECTION, images, np.zeros(600, int))


def test_pixel_distances_are_scipys(images, source):
    queries = np.flip(images[:3], axis=1)
    numbers, distances = nearest.neighbours(queries, source, nearest.Space("pixels"), 5)
    expected = distance.cdist(queries.reshape(3, -1).astype(float), images.reshape(600, -1).astype(float)) / 32  # sqrt(1024)
    np.testing.assert_array_equal(numbers, np.argsort(expected, 1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(expected, 1)[:, :5], atol=1e-6)
    np.testing.assert_array_equal(nearest.images_at(source, numbers[0]), images[numbers[0]])


@pytest.mark.parametrize("space", ["pixels", "fashion"])
def test_planted_images_are_found(images, source, space):
    planted = np.array([3, 300, 599])  # of every batch
    numbers, distances = nearest.neighbours(images[planted], source, nearest.Space(space), 2)
    np.testing.assert_array_equal(numbers[:, 0], planted)
    assert (distances[:, 0] < 1e-2).all() and (distances[:, 1] > 1e-1).all()


def test_copies_with_noise_are_found_and_how_far_they_are(images, source):
    planted = np.array([3, 300, 599])
    noisy = np.clip(images[planted].astype(int) + RANDOM.integers(-8, 9, (3, 32, 32, 1)), 0, 255).astype(np.uint8)
    numbers, distances = nearest.neighbours(noisy, source, nearest.Space("pixels"), 2)
    np.testing.assert_array_equal(numbers[:, 0], planted)
    np.testing.assert_allclose(distances[:, 0], 4.7, atol=0.5)  # integers from -8 to 8: 4.9, less where grey levels end
    assert (distances[:, 1] > 2 * distances[:, 0]).all()


def test_large_images_are_averaged_down(images):
    large = images[:2].repeat(4, axis=1).repeat(4, axis=2)  # 128 pixels: the mean of 2x2 is the image at 64
    points = nearest.Space("pixels")(large)
    np.testing.assert_allclose(points, images[:2].repeat(2, 1).repeat(2, 2).reshape(2, -1) / 64.0, atol=1e-6)


def test_fewer_images_than_neighbours(images):
    few = ArraySource(COLLECTION, images[:2], np.zeros(2, int))
    numbers, distances = nearest.neighbours(images[:1], few, nearest.Space("pixels"), 4)
    assert numbers.tolist() == [[0, 1]] and distances.shape == (1, 2)


def test_spaces_that_are_none(monkeypatch):
    with pytest.raises(UserError, match="unknown feature extractor 'pixel'"):
        nearest.Space("pixel")
    monkeypatch.setattr(nearest.EXTRACTORS, "create", lambda name: object())
    with pytest.raises(UserError, match="lpips-alex measures pairs, and neighbours need features; take pixels, fashion or"):
        nearest.Space("lpips-alex")
