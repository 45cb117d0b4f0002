"""Tiles: cut ones equal the whole where the network reaches no farther than their margins; faded ones show no seam."""

import numpy as np
import pytest
from scipy import ndimage

from keras_gans.data import images
from keras_gans.using import tiles
from keras_gans.using.reach import reach


def blurred(radius):
    """A box filter of that radius, which pads with zeros as convolutions do."""

    def function(image, number):
        return ndimage.uniform_filter(images.to_model(image), (2 * radius + 1,) * 2 + (1,), mode="constant")

    return function


@pytest.mark.parametrize("shape", [(128, 128), (204, 100), (68, 300), (400, 64)])
@pytest.mark.parametrize("multiple", [1, 4])
def test_cut_tiles_equal_the_whole(shape, multiple):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    sizes = []

    def function(piece, number):
        sizes.append(piece.shape[:2])
        assert number == len(sizes) - 1 and not np.any(np.array(piece.shape[:2]) % multiple)
        return blurred(7)(piece, number)

    fractions = []
    made = tiles.cut(function, image, 64, 7, multiple, 1, 3, fractions.append)
    np.testing.assert_array_equal(made, images.to_uint8(blurred(7)(image, 0)))
    assert np.max(sizes) <= 64 and len(sizes) == len(fractions) > 1 and fractions[-1] == 1
    narrow = tiles.cut(blurred(7), image, 64, 3, 1, 1, 3)
    assert np.any(narrow != made)


def test_cut_tiles_enlarge():
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 1), np.uint8)

    def function(piece, number):
        return np.repeat(np.repeat(blurred(2)(piece, number), 3, 0), 3, 1)

    made = tiles.cut(function, image, 32, 2, 1, 3, 1)
    np.testing.assert_array_equal(made, images.to_uint8(function(image, 0)))


@pytest.mark.parametrize("shape, window", [((320, 96), 64), ((416, 288), 128), ((480, 480), 192)])
def test_faded_tiles_show_no_seam(shape, window):
    """Each tile answers with another level, as batch statistics do."""
    image = np.broadcast_to(np.linspace(60, 190, shape[1]), shape)[..., None].astype(np.uint8)
    levels = np.random.default_rng(0).uniform(-0.3, 0.3, 1000)

    def function(piece, number):
        return images.to_model(piece) + levels[number].astype(np.float32)

    made = tiles.blend(function, image, window, 32, 1, 1)[..., 0].astype(int)
    assert made.shape == shape
    assert 20 < np.abs(made - image[..., 0]).max() < 0.3 * 127.5 + 2
    # Cut at the tiles' borders, it would jump by up to 76 levels; faded over a quarter of the tile, by
    # 76 / 16 a pixel and one for rounding, beside the picture's own slope.
    for axis in (0, 1):
        assert np.abs(np.diff(made, axis=axis)).max() <= 76 / (window // 4) + 1 + 190 / shape[1] + 1


def test_faded_tiles_that_agree_are_the_whole():
    image = np.random.default_rng(0).integers(0, 256, (256, 160, 3), np.uint8)
    made = tiles.blend(lambda piece, number: images.to_model(piece), image, 64, 32, 1, 3)
    assert np.abs(made.astype(int) - image).max() <= 1  # the sum of the weights is one but for rounding


def test_side_holds_two_multiples():
    assert [tiles.side(*pair) for pair in ((1024, 4), (1000, 256), (1000, 512), (70, 32))] == [1024, 768, 1024, 64]


def test_reach_is_counted_in_rows_of_the_output():
    def function(inputs):
        (image,) = inputs
        halved = ndimage.correlate1d(image, [1, 2, 3, 4, 5], axis=1)[:, ::2]  # two rows either way
        return [halved, np.repeat(image, 2, 1), np.roll(image, 3, 1)]

    image = np.random.default_rng(0).normal(size=(1, 32, 4, 2)).astype(np.float32)
    # The lower half of the halved rows starts two rows below the cut and sees one row above; the upper one ends one row
    # above it and sees one below. A roll by 3 rows brings 3 rows of the upper half, and round the end again.
    assert reach(function, [image]) == [1, 0, 16]
