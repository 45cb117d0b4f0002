"""`embedded:NAME`: the phone models inside the package, without TensorFlow; their names, sizes, and what they do to a picture."""

import json
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_gans.cli import main
from keras_gans.errors import UserError
from keras_gans.exporting import embedded_models, metadata
from keras_gans.exporting.phone_filter import Filter


@pytest.fixture(scope="module")
def photograph():
    return pytest.importorskip("skimage.data").astronaut()[:200, 100:340]


def test_all_together_are_small():
    folder = embedded_models.located("embedded:cartoon").parent
    models = sorted(path.name for path in folder.glob("*.tflite"))
    named = {embedded_models.located(f"embedded:{name}") for name in embedded_models.MODELS}
    assert models == sorted({path.name for path in named} | {metadata.predictor(path).name for path in named})
    assert sum(path.stat().st_size for path in folder.glob("*.tflite")) < 3e6


def test_their_folder_has_a_name_of_its_own():
    assert embedded_models.folder("embedded") == embedded_models.located("embedded:style").parent
    assert embedded_models.folder("models/embedded") == pathlib.Path("models/embedded")


def test_the_card_names_every_model():
    card = (embedded_models.located("embedded:cartoon").parent / "README.md").read_text(encoding="utf-8")
    for name in embedded_models.MODELS:
        assert f"## embedded:{name}\n" in card
    assert "CC0" in card and "Apache-2.0" in card


def test_they_say_what_they_were_trained_by():
    for name in embedded_models.MODELS:
        with zipfile.ZipFile(embedded_models.located(f"embedded:{name}")) as archive:
            assert json.loads(archive.read(metadata.NAME))["license"] == "Apache-2.0"


def test_a_cartoon_keeps_what_is_where(photograph):
    made = Filter("embedded:cartoon")(photograph)
    assert made.shape == photograph.shape
    assert 0.5 < correlation(made, photograph) < 0.99


def test_enlarging_by_four_gives_the_picture_when_it_is_made_small_again(photograph):
    made = Filter("embedded:enlarge4")(photograph)
    assert made.shape == (800, 960, 3)
    small = np.asarray(Image.fromarray(made).resize((240, 200), Image.Resampling.BOX))
    assert 0.95 < correlation(small, photograph) <= 1


def test_a_style_is_that_of_the_picture(photograph, tmp_path):
    """Red noise makes a picture redder than blue noise does, and what is seen stays."""
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 1), np.uint8)
    made = {}
    for channel, color in enumerate(("red", "green", "blue")):
        style = np.zeros((256, 256, 3), np.uint8)
        style[..., channel : channel + 1] = noise
        Image.fromarray(style).save(tmp_path / f"{color}.png")
        made[color] = Filter("embedded:style", [str(tmp_path / f"{color}.png")])(photograph)
        assert made[color].shape == photograph.shape
        assert correlation(made[color], photograph) > 0.3
    redness = {color: float(np.mean(made[color][..., 0]) - np.mean(made[color][..., 2])) for color in made}
    assert redness["red"] > redness["green"] > redness["blue"]


def test_the_command_needs_no_tensorflow(photograph, tmp_path):
    Image.fromarray(photograph).save(tmp_path / "photo.png")
    program = (
        "import sys; sys.modules['tensorflow'] = None; from keras_gans.cli import main;"
        "main(['filter', '--model=embedded:cartoon', '--input=photo.png', '--out=filtered'])"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    with Image.open(tmp_path / "filtered/photo.png", formats=["PNG"]) as made:
        assert made.size == (240, 200)


def test_an_unknown_name_says_which_there_are(tmp_path, capsys):
    with pytest.raises(UserError, match="embedded:cartoon, embedded:enlarge4, embedded:style"):
        embedded_models.located("embedded:anime")
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["filter", "--model=embedded:anime", f"--input={tmp_path}", f"--out={tmp_path}/out"]))
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_style_is_asked_for_by_the_name_that_was_given(photograph):
    with pytest.raises(UserError, match="--style is missing: embedded:style draws in a style"):
        Filter("embedded:style")


def correlation(a, b):
    return float(np.corrcoef(a.astype(float).mean(-1).ravel(), b.astype(float).mean(-1).ravel())[0, 1])
