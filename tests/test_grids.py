"""Grids and animations against hand values and what comes back from the written files."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from keras_gans import grids
from keras_gans.errors import UserError


def moving_square(frames=12, channels=3, size=(33, 47)):
    """A bright square that walks over a gradient: something that a wrong order or a wrong size would spoil."""
    y, x = np.mgrid[: size[0], : size[1]]
    base = np.stack([x * 4, y * 6, 200 - x * 2, 255 - 0 * x][:channels], -1)
    out = np.repeat(base[None], frames, 0).astype(np.uint8)
    for index, frame in enumerate(out):
        frame[10:20, index * 2 : index * 2 + 8] = 250
    return out


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def test_grid_puts_every_image_in_its_cell():
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((5, 4, 3, 2), np.uint8)
    sheet = grids.grid(images)  # 5 images: 3 columns, 2 rows
    assert sheet.shape == (2 * 6 + 2, 3 * 5 + 2, 2) and sheet.dtype == np.uint8
    expected = np.zeros_like(sheet)
    for index, (top, left) in enumerate([(2, 2), (2, 7), (2, 12), (8, 2), (8, 7)]):
        expected[top : top + 4, left : left + 3] = index + 1
    np.testing.assert_array_equal(sheet, expected)


@pytest.mark.parametrize(
    "count, columns, shape", [(64, None, (8, 8)), (1, None, (1, 1)), (7, None, (3, 3)), (10, 5, (2, 5)), (3, 4, (1, 4))]
)
def test_grid_is_near_square_unless_told(count, columns, shape):
    sheet = grids.grid(np.ones((count, 6, 6, 1), np.uint8), columns)
    assert sheet.shape == (shape[0] * 8 + 2, shape[1] * 8 + 2, 1)
    assert sheet.sum() == count * 36


@pytest.mark.parametrize(
    "images", [np.zeros((0, 4, 4, 1), np.uint8), np.zeros((2, 4, 4, 1), np.float32), np.zeros((4, 4, 1), np.uint8)]
)
def test_grid_refuses_what_is_no_batch_of_images(images):
    with pytest.raises(ValueError, match="uint8"):
        grids.grid(images)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_comes_back_exactly(tmp_path, channels):
    image = moving_square(1, channels)[0]
    grids.write_png(tmp_path / "new" / "a.png", image)
    back = np.asarray(Image.open(tmp_path / "new" / "a.png"))
    np.testing.assert_array_equal(back.reshape(image.shape), image)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


@pytest.mark.parametrize("channels, floor", [(1, np.inf), (3, 35.0)])  # dB; one palette for all frames: 26
def test_gif_comes_back_with_its_frames_rate_and_loop(tmp_path, channels, floor):
    frames = moving_square(channels=channels)
    grids.write_animation(tmp_path / "a.gif", frames, fps=25)
    gif = Image.open(tmp_path / "a.gif")
    assert gif.info["loop"] == 0 and gif.info["duration"] == 40
    back = np.stack([np.asarray(frame.convert("L" if channels == 1 else "RGB")) for frame in ImageSequence.Iterator(gif)])
    back = back.reshape(back.shape[:3] + (channels,))
    assert back.shape == frames.shape
    with np.errstate(divide="ignore"):
        assert psnr(back, frames) >= floor


@pytest.mark.parametrize("channels", [1, 3])
def test_mp4_comes_back_with_even_sides_and_its_frames(tmp_path, channels):
    av = pytest.importorskip("av", reason="the video extra is not installed")
    frames = moving_square(channels=channels)
    grids.write_animation(tmp_path / "a.mp4", iter(frames), fps=10)
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert film.streams.video[0].average_rate == 10
        back = np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])
    assert back.shape == (12, 34, 48, 3)
    # H.264 halves the colour resolution, so a floor in decibels on the grey value; the shuffled film fails it.
    grey, expected = back[:, :33, :47].mean(-1), frames.mean(-1)
    assert psnr(grey, expected) > 28 > psnr(grey, expected[::-1]) + 5


def test_mp4_without_pyav_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'keras-gans\[video\]'"):
        grids.write_animation(tmp_path / "a.mp4", moving_square())
    assert not list(tmp_path.iterdir())


def test_unknown_animation_suffix_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"\.gif or \.mp4"):
        grids.write_animation(tmp_path / "a.avi", moving_square())


def test_table_puts_examples_in_rows_and_enlarges_small_columns_by_whole_pixels():
    random = np.random.default_rng(0)
    small, large = (random.integers(1, 256, (3, side, side, 3), np.uint8) for side in (2, 9))
    sheet = grids.table([small, large])
    assert sheet.shape == (3 * 11 + 2, 2 * 11 + 2, 3)
    for row in range(3):
        top = 2 + 11 * row
        np.testing.assert_array_equal(sheet[top : top + 9, 13:22], large[row])
        cell = sheet[top : top + 9, 2:11]
        np.testing.assert_array_equal(cell[:8, :8], small[row].repeat(4, axis=0).repeat(4, axis=1))
        assert not cell[8:].any() and not cell[:, 8:].any()
