"""Folders of images at their own size: mistakes, order, pairs."""

import numpy as np
import pytest
from PIL import Image

from keras_gans.errors import UserError
from keras_gans.metrics.folders import FolderImages, pairs


def fill(folder, names, size=(20, 10), suffix=".png"):
    """Writes one grey picture a name, whose brightness is its number."""
    for number, name in enumerate(names):
        path = folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, number).save(path)
    return FolderImages(f"folder:{folder}")


def test_shape_order_and_draws(tmp_path):
    folder = fill(tmp_path, [f"{number:03}" for number in range(30)])
    assert folder.image_shape == (10, 20, 3) and folder.count == 30
    everything = np.concatenate(list(folder.batches(30, batch_size=8)))
    np.testing.assert_array_equal(everything[:, 0, 0, 1], np.arange(30))
    drawn = np.concatenate(list(folder.batches(20, seed=1)))[:, 0, 0, 0]
    assert len(set(drawn)) == 20 and set(drawn) != set(range(20))


def test_mixed_sizes_name_two_files(tmp_path):
    fill(tmp_path, ["a", "b"])
    fill(tmp_path, ["c"], size=(30, 10))
    with pytest.raises(UserError, match="a.png is 20x10 pixels and .*c.png 30x10; give --image_size"):
        FolderImages(f"folder:{tmp_path}").image_shape


def test_a_corrupt_image_is_named(tmp_path):
    folder = fill(tmp_path, ["a", "b"])
    Image.effect_noise((20, 10), 50).save(tmp_path / "b.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="b.png is truncated.*repair or remove"):
        list(folder.batches(2))
    (tmp_path / "b.png").write_text("no image")
    with pytest.raises(UserError, match="b.png is unreadable.*repair or remove"):
        FolderImages(f"folder:{tmp_path}").image_shape


def test_empty_folders_and_other_data(tmp_path):
    with pytest.raises(UserError, match="no images in"):
        FolderImages(f"folder:{tmp_path}")
    with pytest.raises(UserError, match="is no folder of image files"):
        FolderImages("embedded:fashion")


def test_pairs_go_by_name_not_by_order_or_ending(tmp_path):
    one = fill(tmp_path / "one", ["x/a", "x/b"])
    other = fill(tmp_path / "other", ["x/b", "x/a"], suffix=".bmp")
    values = [(reference[0, 0, 0], generated[0, 0, 0]) for reference, generated in pairs(one, other)]
    assert values == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    "names, size, message",
    [
        (["a"], (20, 10), "has no image named 'b'"),
        (["a", "b", "c"], (20, 10), "has no image named 'c'"),
        (["a", "b"], (20, 12), "a: 20x10 pixels in .* and 20x12 in"),
    ],
)
def test_pairs_that_are_none(tmp_path, names, size, message):
    one, other = fill(tmp_path / "one", ["a", "b"]), fill(tmp_path / "other", names, size)
    with pytest.raises(UserError, match=message) as error:
        list(pairs(one, other))
    assert "\n" not in str(error.value)
    other = fill(tmp_path / "other", ["a"], suffix=".bmp")
    with pytest.raises(UserError, match="have the same name"):
        list(pairs(one, other))


def test_sizes_are_those_of_upright_pictures(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 5)).save(tmp_path / "b.jpg", exif=exif)
    images = FolderImages(f"folder:{tmp_path}")
    assert images.image_shape == (4, 5, 3)
    assert next(images.batches(2)).shape == (2, 4, 5, 3)
