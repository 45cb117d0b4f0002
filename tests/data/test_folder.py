import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from keras_gans import data
from keras_gans.data import decoding
from keras_gans.data.source import ArraySource, FileSource
from keras_gans.errors import UserError

RNG = np.random.default_rng(0)


def arrays(source):
    images, labels = zip(*source.in_order().as_numpy_iterator(), strict=True)
    return np.stack(images), np.array(labels)


@pytest.fixture
def folder(tmp_path):
    """25 RGB PNGs of 8x8 in the classes a (13) and b (12), one of them deeper; and things that are no images."""
    pixels = RNG.integers(0, 256, [25, 8, 8, 3], np.uint8)
    for number in range(25):
        path = tmp_path / "photos" / ("a" if number < 13 else "b") / f"{number:02d}.png"
        path = path.parent / "deep" / path.name if number == 24 else path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[number]).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("not an image")
    (tmp_path / "photos" / "a" / "._00.png").write_bytes(b"resource fork")
    return tmp_path / "photos", pixels


@pytest.fixture
def small_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(decoding, "MEMORY", 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_images_labels_and_names(folder):
    path, pixels = folder
    source = data.open_source(f"folder:{path}", image_size=8, split="all")
    images, labels = arrays(source)
    np.testing.assert_array_equal(images, pixels)
    np.testing.assert_array_equal(labels, [0] * 13 + [1] * 12)
    assert isinstance(source, ArraySource)
    assert (source.class_names, source.num_classes, source.count) == (("a", "b"), 2, 25)
    assert (source.name, source.image_shape) == ("photos", (8, 8, 3))


def test_every_tenth_is_held_out(folder):
    path, pixels = folder
    held_out, labels = arrays(data.open_source(f"folder:{path}", image_size=8, split="holdout", holdout="every:10"))
    np.testing.assert_array_equal(held_out, pixels[[9, 19]])
    np.testing.assert_array_equal(labels, [0, 1])
    train, _ = arrays(data.open_source(f"folder:{path}", image_size=8, holdout="every:10"))
    np.testing.assert_array_equal(train, np.delete(pixels, [9, 19], axis=0))


def test_what_does_not_fit_in_memory_is_the_same(folder, small_memory):
    path, pixels = folder
    source = data.open_source(f"folder:{path}", image_size=8, split="all")
    assert isinstance(source, FileSource)
    images, labels = arrays(source)
    np.testing.assert_array_equal(images, pixels)
    np.testing.assert_array_equal(labels, [0] * 13 + [1] * 12)
    lazy = list(data.batches(source, 4, seed=1, labels=True).take(9).as_numpy_iterator())
    decoding.MEMORY = 2**30
    eager = data.batches(data.open_source(f"folder:{path}", image_size=8, split="all"), 4, seed=1, labels=True)
    for (image, label), (wanted, wanted_label) in zip(lazy, eager.as_numpy_iterator(), strict=False):
        np.testing.assert_array_equal(image, wanted)
        np.testing.assert_array_equal(label, wanted_label)


def test_checked_once(folder, small_memory, monkeypatch):
    path, _ = folder
    (path / "a" / "05.png").write_bytes(b"broken")
    source = data.open_source(f"folder:{path}", image_size=8, split="all", bad="skip")
    assert source.count == 24 and len(list(small_memory.rglob("*.json"))) == 1
    monkeypatch.setattr(decoding, "for_all", None)  # would be called to check again
    assert data.open_source(f"folder:{path}", image_size=8, split="all", bad="skip").count == 24
    with pytest.raises(UserError, match="1 of 25 images .*05.png: unreadable"):
        data.open_source(f"folder:{path}", image_size=8, split="all")


def test_channels_follow_the_data(tmp_path):
    for number in range(3):
        Image.fromarray(np.full([8, 8], number, np.uint8)).save(tmp_path / f"{number}.png")
    assert data.open_source(f"folder:{tmp_path}", image_size=8).image_shape == (8, 8, 1)
    Image.fromarray(np.zeros([8, 8, 3], np.uint8)).save(tmp_path / "3.png")
    source = data.open_source(f"folder:{tmp_path}", image_size=8)
    assert source.image_shape == (8, 8, 3)
    assert (source.class_names, source.num_classes, arrays(source)[1].max()) == ((), 0, 0)
    assert data.open_source(f"folder:{tmp_path}", image_size=8, channels=1).image_shape == (8, 8, 1)


def test_fingerprint_follows_the_files(folder):
    path, _ = folder
    first = data.open_collection(f"folder:{path}").fingerprint
    assert data.open_collection(f"folder:{path}").fingerprint == first and len(first) == 64
    os.utime(path / "a" / "00.png", (1, 1))  # touched, and the same
    assert data.open_collection(f"folder:{path}").fingerprint == first
    path.rename(path.with_name("moved"))
    path = path.with_name("moved")
    assert data.open_collection(f"folder:{path}").fingerprint == first
    content = (path / "a" / "00.png").read_bytes()
    (path / "a" / "00.png").write_bytes(content[:-1] + b"x")
    assert data.open_collection(f"folder:{path}").fingerprint != first
    (path / "a" / "00.png").write_bytes(content)
    assert data.open_collection(f"folder:{path}").fingerprint == first


def test_bad_images_are_refused_or_skipped(folder, capsys):
    path, pixels = folder
    (path / "b" / "13.png").write_bytes((path / "b" / "14.png").read_bytes()[:60])
    (path / "b" / "15.png").unlink()
    (path / "b" / "15.png").symlink_to("nowhere")
    with pytest.raises(UserError) as error:
        data.open_source(f"folder:{path}", image_size=8, split="all")
    message = str(error.value)
    assert f"2 of 25 images in folder:{path} cannot be read or used; the first is {path}/b/13.png: truncated" in message
    assert "--bad_images=skip" in message and "\n" not in message
    source = data.open_source(f"folder:{path}", image_size=8, split="all", bad="skip")
    assert "skipped: 2 of 25 images" in capsys.readouterr().err
    images, labels = arrays(source)
    np.testing.assert_array_equal(images, np.delete(pixels, [13, 15], axis=0))
    np.testing.assert_array_equal(labels, [0] * 13 + [1] * 10)


def test_linked_folders_are_followed_once(folder, tmp_path):
    path, _ = folder
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "x").symlink_to(path / "a")
    (tmp_path / "links" / "loop").symlink_to(tmp_path / "links")
    assert data.open_collection(f"folder:{tmp_path / 'links'}").count == 13


def _texts(path):
    for name in ("a.txt", "b.txt", "c.csv"):
        (path / name).write_text("words")


def _all_bad(path):
    (path / "a.png").write_text("words")


@pytest.mark.parametrize(
    "prepare, rest, message",
    [
        (None, "missing", "missing does not exist; --data=folder:PATH takes a folder"),
        (_texts, "a.txt", "a.txt is a file, not a folder"),
        (None, "", "no images in .*: it is empty; images end in .png, .jpg"),
        (_texts, "", "no images in .*: it holds only files of other kinds \\(.csv, .txt\\); images end in .png, .jpg"),
        (_all_bad, "", "1 of 1 images .* cannot be read or used; the first is .*a.png: unreadable"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, prepare, rest, message):
    if prepare:
        prepare(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        data.open_source(f"folder:{pathlib.Path(tmp_path, rest)}", image_size=8, bad="skip")
    assert "\n" not in str(error.value)


def test_too_few_to_hold_out(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"of 1 images --holdout=0.1 holds none out"):
        data.open_source(f"folder:{tmp_path}", image_size=8, split="holdout")
