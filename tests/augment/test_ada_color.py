"""ADA's colours against products of 4 x 4 matrices, and their distributions."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.transform import Rotation

from keras_gans.augment import color
from keras_gans.augment.draw import Draw

SEED = tf.constant([3, 5], tf.int32)
COUNT = 20_000
AMOUNTS = {"brightness": 0.3, "contrast": 1.4, "lumaflip": 1.0, "hue": 0.7, "saturation": 1.6}  # contrast as a factor
LUMA = np.array([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)


def homogeneous(name):
    """Each transformation as the paper has it, a matrix on (r, g, b, 1)."""
    matrix, amount = np.eye(4), AMOUNTS[name]
    grey = np.outer(LUMA, LUMA)
    if name == "brightness":
        matrix[:3, 3] = amount
    elif name == "contrast":
        matrix[:3, :3] *= amount
    elif name == "lumaflip":
        matrix -= 2 * grey
    elif name == "hue":
        matrix[:3, :3] = Rotation.from_rotvec(amount * LUMA[:3]).as_matrix()
    elif name == "saturation":
        matrix = grey + (np.eye(4) - grey) * amount
    return matrix


def ours(names, images):
    amounts = {
        name: AMOUNTS[name] if name in names else 1.0 if name in ("contrast", "saturation") else 0.0 for name in color.COLOR
    }
    grey = amounts["contrast"] * (1 - 2 * amounts["lumaflip"])
    chroma = amounts["contrast"] * amounts["saturation"]
    values = (grey, amounts["brightness"], chroma, amounts["hue"])
    return color.recolor(images, *(tf.fill([len(images), 1], np.float32(value)) for value in values)).numpy()


@pytest.mark.parametrize("names", [*([name] for name in color.COLOR), color.COLOR], ids="+".join)
def test_recolor(names):
    images = np.random.default_rng(0).uniform(-1, 1, (2, 4, 5, 3)).astype(np.float32)
    matrix = np.eye(4)
    for name in names:
        matrix = homogeneous(name) @ matrix
    expected = images @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(ours(names, images), expected, rtol=0, atol=2e-6)
    # A grey image, and any without hue, gets what the three equal channels of a grey picture get.
    grey = ours(names, np.repeat(images[..., :1], 3, axis=-1))
    np.testing.assert_allclose(ours(names, images[..., :1]), grey[..., :1], rtol=0, atol=2e-6)
    np.testing.assert_allclose(ours(names, np.repeat(images[..., :1], 2, axis=-1)), grey[..., :2], rtol=0, atol=2e-6)


def test_a_third_of_the_circle_takes_red_to_green():
    red = tf.constant([[[[1.0, 0.0, 0.0]]]])
    one = tf.ones([1, 1])
    np.testing.assert_allclose(color.recolor(red, one, 0 * one, one, 2 * math.pi / 3 * one), [[[[0, 1, 0]]]], atol=1e-6)


def amounts(name, p=1.0):
    return [value.numpy()[:, 0] for value in color.draw_colors([name], Draw(SEED, COUNT, p))]


def close(value, expected, deviation):
    """Within five standard errors."""
    return abs(value - expected) < 5 * deviation / math.sqrt(COUNT)


def test_draws():
    grey, offset, chroma, angle = amounts("brightness")
    assert (grey == 1).all() and (chroma == 1).all() and (angle == 0).all()
    assert close(offset.mean(), 0, 0.2) and close(offset.std(), 0.2, 0.2 / math.sqrt(2))

    grey, offset, chroma, angle = amounts("contrast")
    np.testing.assert_array_equal(grey, chroma)
    assert (offset == 0).all() and (angle == 0).all()
    assert close(np.log2(grey).mean(), 0, 0.5) and close(np.log2(grey).std(), 0.5, 0.5 / math.sqrt(2))

    grey, offset, chroma, angle = amounts("lumaflip")
    assert set(np.unique(grey)) == {-1.0, 1.0} and close(np.mean(grey == -1), 0.5, 0.5)
    assert (offset == 0).all() and (chroma == 1).all() and (angle == 0).all()

    grey, offset, chroma, angle = amounts("hue")
    assert (grey == 1).all() and (offset == 0).all() and (chroma == 1).all()
    assert -math.pi <= angle.min() < -3.1 and 3.1 < angle.max() < math.pi
    assert close(angle.mean(), 0, math.pi / math.sqrt(3))

    grey, offset, chroma, angle = amounts("saturation")
    assert (grey == 1).all() and (offset == 0).all() and (angle == 0).all()
    assert close(np.log2(chroma).mean(), 0, 1) and close(np.log2(chroma).std(), 1, 1 / math.sqrt(2))


@pytest.mark.parametrize(
    ("name", "which", "nothing", "share"),
    [
        ("brightness", 1, 0, 0.3),
        ("contrast", 0, 1, 0.3),
        ("lumaflip", 0, 1, 0.15),
        ("hue", 3, 0, 0.3),
        ("saturation", 2, 1, 0.3),
    ],
)
def test_probability(name, which, nothing, share):
    assert close(np.mean(amounts(name, p=0.3)[which] != nothing), share, 0.46)
