"""ADA's geometry: exact copies against NumPy, resampling against SciPy, and the distributions of what is drawn."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_gans.augment import geometry
from keras_gans.augment.draw import Draw

SEED = tf.constant([3, 5], tf.int32)
COUNT = 20_000


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def smooth(batch, height, width, channels):
    """Images without frequencies near the pixel grid's, so that every good interpolation gives the same."""
    return ndimage.gaussian_filter(noise(batch, height, width, channels), (0, 2, 2, 0), mode="mirror") * 8


def column(value, batch=2):
    return tf.fill([batch, 1], np.float32(value))


def pair(x, y, batch=2):
    return tf.constant([[x, y]] * batch, tf.float32)


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (6, 9)])
def test_blit_copies_pixels(size):
    images = noise(2, *size, 3)

    def blit(matrix):
        return geometry.blit(images, matrix).numpy()

    np.testing.assert_array_equal(blit(geometry.scale(pair(-1, 1))), images[:, :, ::-1])
    moved = np.pad(images, ((0, 0), (0, 2), (3, 0), (0, 0)), mode="reflect")[:, 2:, : size[1]]
    np.testing.assert_array_equal(blit(geometry.shift(pair(3, -2))), moved)
    if size[0] == size[1]:
        for turns in range(4):
            turned = np.rot90(images, turns, axes=(1, 2))
            np.testing.assert_array_equal(blit(geometry.rotate(column(turns * math.pi / 2))), turned)


def test_warp_without_motion_changes_nothing():
    images = noise(2, 12, 17, 3)
    np.testing.assert_allclose(geometry.warp(images, tf.eye(3, batch_shape=[2])), images, rtol=0, atol=2e-6)


def test_warp_by_whole_pixels():
    images = noise(2, 9, 12, 2)
    matrix = geometry.shift(pair(-3, 2))
    np.testing.assert_allclose(geometry.warp(images, matrix), geometry.blit(images, matrix), rtol=0, atol=5e-6)


# Where a pixel comes from, (x, y) from the middle, x to the right and y down. The last looks at the third reflection.
MOTIONS = {
    "turn": (
        geometry.rotate(column(0.4)),
        lambda x, y: (x * math.cos(0.4) - y * math.sin(0.4), x * math.sin(0.4) + y * math.cos(0.4)),
    ),
    "shift": (geometry.shift(pair(2.3, -1.6)), lambda x, y: (x - 2.3, y + 1.6)),
    "magnify": (geometry.scale(pair(1.3, 1.1)), lambda x, y: (x / 1.3, y / 1.1)),
    "shrink": (geometry.scale(pair(0.9, 0.8)), lambda x, y: (x / 0.9, y / 0.8)),
    "far": (geometry.shift(pair(80.5, -70.25)), lambda x, y: (x - 80.5, y + 70.25)),
}


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize("size", [(24, 24, 1), (25, 30, 3)])
def test_warp_agrees_with_scipy(name, size):
    matrix, source = MOTIONS[name]
    images = smooth(2, *size)
    height, width, channels = size
    y, x = np.meshgrid(np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
    x, y = source(x, y)
    where = [y + (height - 1) / 2, x + (width - 1) / 2]
    expected = np.stack(
        [
            np.stack(
                [ndimage.map_coordinates(image[..., channel], where, order=3, mode="mirror") for channel in range(channels)],
                axis=-1,
            )
            for image in images
        ]
    )
    error = np.abs(geometry.warp(images, matrix) - expected)
    assert np.abs(images).max() > 1.5
    assert error.mean() < 0.01 and error.max() < 0.04, (error.mean(), error.max())


def test_a_turn_is_counterclockwise():
    image = np.zeros([1, 17, 17, 1], np.float32)
    image[0, 8, 12] = 1.0  # to the right of the middle
    turned = geometry.warp(image, geometry.rotate(column(math.pi / 4, batch=1))).numpy()[0, :, :, 0]
    assert np.unravel_index(np.argmax(turned), turned.shape) == (5, 11)  # above it and to the right


# --- what is drawn ----------------------------------------------------------------------------------------------------


def matrices(name, p=1.0, height=32, width=64, count=COUNT):
    return geometry.draw_matrix([name], Draw(SEED, count, p), height, width).numpy()


def close(value, expected, deviation, count=COUNT):
    """Within five standard errors."""
    return abs(value - expected) < 5 * deviation / math.sqrt(count)


def test_flips():
    flips = matrices("xflip")
    np.testing.assert_array_equal(flips, flips[:, :1, :1] * np.diag([1, 0, 0]) + np.diag([0, 1, 1]))
    assert set(np.unique(flips[:, 0, 0])) == {-1.0, 1.0}
    assert close(np.mean(flips[:, 0, 0] < 0), 0.5, 0.5)
    assert close(np.mean(matrices("xflip", p=0.3)[:, 0, 0] < 0), 0.15, 0.36)


def test_quarter_turns():
    turns = matrices("rotate90")
    kinds = np.unique(np.round(turns, 5) + 0.0, axis=0, return_counts=True)
    assert len(kinds[0]) == 4 and all(close(count / COUNT, 0.25, 0.44) for count in kinds[1])


def test_whole_pixel_shifts():
    x, y = -matrices("xint")[:, :2, 2].T
    assert set(np.unique(x)) == set(np.arange(-8.0, 9.0)) and set(np.unique(y)) == set(np.arange(-4.0, 5.0))
    assert close(np.mean(x == 3), 1 / 16, 0.25) and close(np.mean(y == 0), 1 / 8, 0.34)
    assert close(np.corrcoef(x, y)[0, 1], 0.0, 1.0)
    x, y = -matrices("xint", p=0.3)[:, :2, 2].T  # both happen together
    assert close(np.mean((x == 0) & (y == 0)), 0.7 + 0.3 / 16 / 8, 0.46)


def test_sizes():
    zoom = matrices("scale")
    np.testing.assert_array_equal(zoom, zoom[:, :1, :1] * np.diag([1, 1, 0]) + np.diag([0, 0, 1]))
    logarithm = -np.log2(zoom[:, 0, 0])
    assert close(logarithm.mean(), 0, 0.2) and close(logarithm.std(), 0.2, 0.2 / math.sqrt(2))
    assert close(np.mean(matrices("scale", p=0.3)[:, 0, 0] != 1), 0.3, 0.46)


def test_proportions():
    stretch = matrices("aniso")
    np.testing.assert_allclose(stretch[:, 0, 0] * stretch[:, 1, 1], 1.0, rtol=1e-6)
    assert close(np.log2(stretch[:, 0, 0]).std(), 0.2, 0.2 / math.sqrt(2))
    assert close(np.mean(matrices("aniso", p=0.3)[:, 0, 0] != 1), 0.3, 0.46)


def test_turns():
    angle = np.arctan2(*matrices("rotate")[:, [1, 0], [0, 0]].T)
    # Two uniform angles add up to a uniform angle on the circle.
    assert close(angle.mean(), 0, math.pi / math.sqrt(3)) and close(np.mean(np.abs(angle) < 1), 1 / math.pi, 0.47)
    # Before or after the anisotropic scaling or both, each with probability 1 - sqrt(1 - p).
    draw = Draw(SEED, COUNT, 0.36)
    turned = geometry.draw_matrix(["rotate"], draw, 32, 32).numpy()[:, 0, 0] != 1
    assert close(np.mean(turned), 0.36, 0.48)
    without_second = geometry.draw_matrix(["rotate", "aniso"], Draw(SEED, COUNT, 0.36), 32, 32).numpy()
    stretched = ~np.isclose(np.linalg.norm(without_second[:, :2, 0], axis=1), 1)
    assert close(np.mean(stretched), 0.36, 0.48)


def test_fractional_shifts():
    x, y = -matrices("xfrac")[:, :2, 2].T
    assert close(x.std(), 8, 8 / math.sqrt(2)) and close(y.std(), 4, 4 / math.sqrt(2))
    x, y = -matrices("xfrac", p=0.3)[:, :2, 2].T
    assert close(np.mean(x != 0), 0.3, 0.46)
    np.testing.assert_array_equal(x != 0, y != 0)


def test_order():
    """Each pixel goes through the transformations in the order of the original."""

    class Fixed:
        p = 1.0
        angles = iter([0.3, -0.8])
        powers = iter([0.3, -0.2])

        def integer(self, end):
            return column(1)

        def uniform(self, limit, width=1, p=None):
            return pair(0.1, -0.06) if width == 2 else column(next(self.angles))

        def normal(self, deviation, width=1, p=None):
            return pair(0.123, 0.04) if width == 2 else column(next(self.powers))

    def turn(x, y, angle):  # counterclockwise, y down
        return x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)

    x, y = start = np.array([5.0, 3.0])
    x = -x
    x, y = turn(x, y, math.pi / 2)
    x, y = x + 6, y - 2  # 0.1 of 64 and -0.06 of 32, rounded
    x, y = x * 2**0.3, y * 2**0.3
    x, y = turn(x, y, 0.3)
    x, y = x * 2**-0.2, y * 2**0.2
    x, y = turn(x, y, -0.8)
    x, y = x + 0.123 * 64, y + 0.04 * 32
    matrix = geometry.draw_matrix(geometry.BLIT + geometry.WARP, Fixed(), 32, 64).numpy()
    np.testing.assert_allclose(matrix[0] @ [x, y, 1], [*start, 1], rtol=1e-5)
