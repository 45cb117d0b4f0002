"""`keras-gans translate`: flags, files and messages; what networks do with pictures is tested in tests/applying."""

import json

import keras
import numpy as np
import picture_cases
import pytest
from PIL import Image

from keras_gans.cli import main
from keras_gans.trained.trained import IMAGES, Trained
from keras_gans.using import Translator

CASES = picture_cases.cases()


def network(sign):
    """Answers with the picture, or with its negative."""
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Rescaling(sign)(image))


@pytest.fixture
def trained(monkeypatch):
    """A run of two directions; `tiles` are those of the translators that were made of it."""
    both = {"ab": network(-1.0), "ba": network(1.0)}
    opened = Trained("any", both, IMAGES, image_shape=(32, 32, 3), input_shape=(32, 32, 3))
    translators, of = [], Translator.of
    monkeypatch.setattr(Trained, "open", lambda directory, checkpoint: opened)
    monkeypatch.setattr(Translator, "of", lambda *given: translators.append(of(*given)) or translators[-1])
    return translators


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "in" / "photo.jpg"
    path.parent.mkdir()
    Image.fromarray(np.full((50, 70, 3), 200, np.uint8)).save(path, quality=100)
    return path


def translate(source, out, *flags):
    return main(["translate", "--run=runs/any", f"--input={source}", f"--out={out}", *flags])


@pytest.mark.parametrize("direction, level", [("ab", 55), ("ba", 200)])
def test_file_and_folder(trained, photo, tmp_path, capsys, direction, level):
    assert translate(photo, tmp_path / "out", f"--direction={direction}") == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'out/photo.png'}\n"
    np.testing.assert_array_equal(Image.open(tmp_path / "out/photo.png"), np.full((50, 70, 3), level))
    Image.new("RGB", (20, 30)).save(photo.parent / "b.png")
    assert translate(photo.parent, tmp_path / "all", "--tile=64") == 0
    assert capsys.readouterr().out == f"wrote 2 results to {tmp_path / 'all'}\n"
    assert trained[-1].tile == 64
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["b.png", "photo.png"]


def test_profiles_and_alpha(trained, tmp_path):
    rgba = picture_cases.smooth()
    swapped = picture_cases.PROFILES["red and blue swapped"]
    (tmp_path / "a.png").write_bytes(picture_cases.saved(rgba, "PNG", icc_profile=swapped))
    shown = CASES["png alpha, profile"].shows
    assert translate(tmp_path / "a.png", tmp_path / "white") == 0
    white = Image.open(tmp_path / "white/a.png")
    assert white.mode == "RGB" and "icc_profile" not in white.info
    assert np.abs(255 - np.asarray(white).astype(int) - shown).max() <= 1
    assert translate(tmp_path / "a.png", tmp_path / "kept", "--alpha=keep", "--direction=ba") == 0
    kept = np.asarray(Image.open(tmp_path / "kept/a.png"))
    np.testing.assert_array_equal(kept[..., 3], rgba[..., 3])
    assert np.abs(picture_cases.over_white(kept[..., :3], kept[..., 3]).astype(int) - shown).max() <= 1


def test_bad_files_end_in_exit_code_1(trained, photo, tmp_path, capsys):
    (photo.parent / "bad.png").write_bytes(b"bad")
    assert translate(photo.parent, tmp_path / "out") == 1
    streams = capsys.readouterr()
    assert f"passed over {photo.parent / 'bad.png'}: unreadable" in streams.err
    assert streams.out == f"wrote 1 results to {tmp_path / 'out'}\n"


def test_one_bad_file_ends_in_exit_code_2(trained, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"bad")
    assert translate(tmp_path / "bad.png", tmp_path / "out") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert lines == [f"error: {tmp_path / 'bad.png'} could not be used: unreadable: not an image that Pillow knows"]


@pytest.mark.parametrize(
    "source, flags, message",
    [
        ("nowhere", [], "does not exist; name a picture, a GIF, a video, or a folder of them"),
        ("in", ["--tile=16"], "--tile=16: expected"),
        ("in", ["--alpha=black"], "--alpha=black: expected white|keep"),
        ("in", ["--direction=ac"], "--direction=ac: expected ab|ba"),
        ("in", ["--inputs=in"], "unknown flag --inputs; did you mean 'input'?"),
    ],
)
def test_mistakes_are_one_line(trained, photo, tmp_path, capsys, source, flags, message):
    assert translate(tmp_path / source, tmp_path / "out", *flags) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("error: ") and message in error, error
    assert not (tmp_path / "out").exists()


def test_a_run_that_restores_is_sent_to_restore(trained, photo, tmp_path, capsys):
    Trained.open("any", "latest").record["recipe"] = {"degrade": "noise"}
    assert translate(photo, tmp_path / "out") == 2
    assert "--degrade=noise has spoiled; use keras-gans restore" in capsys.readouterr().err


def test_a_run_that_draws_from_latents_is_sent_to_sample(photo, tmp_path, capsys):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints/step-000000001.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "run.json").write_text(json.dumps({"recipe": {}, "data": {"image_shape": [32, 32, 1], "class_names": []}}))
    for verb in ("translate", "restore"):
        assert main([verb, f"--run={folder}", f"--input={photo}", f"--out={tmp_path / 'out'}"]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "keras-gans sample" in error
