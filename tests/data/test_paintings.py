"""Styles as users give them: sizes, shares, colours, regions."""

import numpy as np
import pytest
from PIL import Image

from keras_gans.data import paintings
from keras_gans.errors import UserError

RANDOM = np.random.default_rng(0)


def picture(height, width):
    return RANDOM.integers(0, 256, (height, width, 3)).astype("uint8")


@pytest.mark.parametrize(
    "sides, expected",
    [((30, 60), (16, 32)), ((300, 20), (64, 16)), ((1, 1), (16, 16)), ((1, 1000), (16, 64)), ((16, 16), (16, 16))],
)
def test_any_shape_of_style_fits(sides, expected):
    assert paintings.fit_style(picture(*sides), 16).shape == (*expected, 3)


def test_one_pixel_becomes_a_plain_of_its_colour():
    np.testing.assert_array_equal(paintings.fit_style(np.uint8([[[10, 20, 30]]]), 8), np.full((8, 8, 3), [10, 20, 30]))


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_strength_outside_its_range_is_refused(alpha):
    with pytest.raises(UserError, match=r"^alpha=\S+ is not possible; take 0[^\n]*1[^\n]*$"):
        paintings.check_alpha(alpha)


def test_strength_inside_its_range_is_not():
    for alpha in (0, 0.5, 1):
        paintings.check_alpha(alpha)


def test_shares():
    np.testing.assert_allclose(paintings.blend_weights(None, 4), [0.25] * 4)
    np.testing.assert_allclose(paintings.blend_weights([1, 3], 2), [0.25, 0.75])
    np.testing.assert_allclose(paintings.blend_weights([0, 2], 2), [0, 1])


@pytest.mark.parametrize(
    "weights, count, message",
    [
        ([1], 2, "1 weights do not fit 2 styles"),
        ([0, 0], 2, "no shares"),
        ([1, -1], 2, "no shares"),
        ([float("inf"), 1], 2, "no shares"),
        (None, 0, "there is no style"),
    ],
)
def test_what_are_no_shares_is_refused(weights, count, message):
    with pytest.raises(UserError, match=message):
        paintings.blend_weights(weights, count)


def test_chroma_is_the_contents_and_luma_the_styles():
    content, stylized = picture(12, 16) // 4 + 96, picture(12, 16) // 4 + 96  # far from the edges of the colour cube
    kept = paintings.keep_chroma(stylized, content)
    result, colours, light = (np.asarray(Image.fromarray(p).convert("YCbCr"), int) for p in (kept, content, stylized))
    assert np.abs(result[..., 0] - light[..., 0]).max() <= 2
    assert np.abs(result[..., 1:] - colours[..., 1:]).max() <= 2
    assert np.abs(result[..., 1:] - light[..., 1:]).max() > 10


def test_matched_colours_have_the_contents_mean_and_covariance():
    content = np.clip(
        RANDOM.multivariate_normal([120, 90, 140], [[200, 80, 0], [80, 150, 20], [0, 20, 90]], (40, 50)), 0, 255
    )
    style = np.clip(RANDOM.multivariate_normal([90, 130, 100], [[90, 0, 0], [0, 200, 0], [0, 0, 150]], (30, 60)), 0, 255)
    content, style = np.uint8(content), np.uint8(style)
    matched = paintings.match_colors(style, content)
    assert matched.shape == style.shape
    np.testing.assert_allclose(matched.mean((0, 1)), content.mean((0, 1)), atol=0.2)
    np.testing.assert_allclose(np.cov(matched.reshape(-1, 3).T), np.cov(content.reshape(-1, 3).T), atol=4)


def test_a_flat_style_takes_the_contents_mean_colour():
    content = picture(8, 8)
    matched = paintings.match_colors(np.full((5, 5, 3), 200, "uint8"), content)
    np.testing.assert_allclose(matched, np.broadcast_to(content.mean((0, 1)), (5, 5, 3)), atol=0.51)


def test_regions():
    content, pictures = picture(4, 6), [np.full((4, 6, 3), value, "uint8") for value in (40, 200)]
    left = np.zeros((4, 6), "uint8")
    left[:, :2] = 255
    middle = np.zeros((4, 6), "uint8")
    middle[:, 2:4] = 255
    painted = paintings.paint_regions(content, pictures, [left, middle])
    assert (painted[:, :2] == 40).all() and (painted[:, 2:4] == 200).all()
    np.testing.assert_array_equal(painted[:, 4:], content[:, 4:])  # where no mask is white
    both = paintings.paint_regions(content, pictures, [left, left])
    assert (both[:, :2] == 120).all()
    half = paintings.paint_regions(content, pictures[:1], [left[::2, ::2]])  # masks of any size
    assert half.shape == content.shape and (half[:, 0] == 40).all()
    with pytest.raises(UserError, match="1 masks do not fit 2 styles"):
        paintings.paint_regions(content, pictures, [left])
