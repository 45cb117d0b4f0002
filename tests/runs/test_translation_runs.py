"""Whole runs of games on pairs: from two folders of pictures to the sheet, the scores and a picture of another size."""

import helpers
import numpy as np
import pytest
from PIL import Image

from keras_gans import cli
from keras_gans.errors import UserError
from keras_gans.runs import training
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained
from keras_gans.using import Translator

WORDS = [
    "--image_size=16",
    "--holdout=every:10",
    "--load_size=18",
    "--flip",
    "--batch_size=2",
    "--learning_rate=0.01",
    "--kimg=0.012",
    "--sample_kimg=0.006",
    "--checkpoint_kimg=0.002",
    "--score_kimg=0.006",
    "--log_kimg=0.002",
    "--export=none",
]
GAMES = {
    "pix2pix": [
        "--game=pix2pix",
        "--generator=unet:width=4,depth=2,norm=affine_instance",
        "--discriminator=patchgan:width=4,layers=1",
        "--reconstruction=l1:weight=10",
        "--scores=psnr",
        "--scores=kid",
    ],
    "cyclegan": [
        "--game=cyclegan",
        "--generator=resnet:width=4,blocks=1",
        "--discriminator=patchgan:width=4,layers=1",
        "--loss=least_squares",
        "--scores=kid",
    ],
    "supervised": [
        "--game=supervised",
        "--generator=srresnet:width=4,blocks=1",
        "--reconstruction=l1",
        "--degrade=downscale2",
        "--scores=psnr",
    ],
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    parent, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for folder in ("a", "b"):
        (parent / folder).mkdir()
        for index in range(40):
            Image.fromarray(random.integers(0, 256, (4, 5, 3), np.uint8)).resize((25, 20)).save(
                parent / folder / f"{index}.png"
            )
    return parent


def recipe(game, pictures, run_dir, *words):
    data = {
        "pix2pix": f"paired:{pictures}/a:{pictures}/b",
        "cyclegan": f"unpaired:{pictures}/a:{pictures}/b",
        "supervised": f"folder:{pictures}/a",
    }[game]
    flags = cli.parse("train", [*WORDS, *GAMES[game], f"--data={data}", f"--run_dir={run_dir}", *words])
    return {name: flags[name].value for name in flags}


@pytest.mark.parametrize("game", [pytest.param(game, marks=[pytest.mark.slow] * (game == "supervised")) for game in GAMES])
def test_run_and_resume_bit_for_bit(game, pictures, tmp_path):
    training.train(recipe(game, pictures, tmp_path / "whole"))
    training.train(recipe(game, pictures, tmp_path / "parts", "--kimg=0.006"))
    training.train(recipe(game, pictures, tmp_path / "parts", "--steps_per_execution=3"))
    whole, parts = (Folder(tmp_path / name) for name in ("whole", "parts"))
    ours, theirs = (helpers.weights(folder.checkpoint_path(6)) for folder in (whole, parts))
    assert ours.keys() == theirs.keys() and any("optimizer" in name for name in ours)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    columns = 6 if game == "cyclegan" else 3
    assert Image.open(whole.samples / "000000006.png").size == (columns * 18 + 2, 4 * 18 + 2)  # four held-out examples
    names = [score["name"] for score in whole.record["finished"]["scores"]]
    assert names == [
        {"psnr": "psnr", "kid": "kd_fashion"}[spec.partition("=")[2]] for spec in GAMES[game] if "scores" in spec
    ]
    assert "<html" in (whole.directory / "report.html").read_text()
    opened = Trained.open(whole.directory)
    translate, scale = Translator.of(opened), 2 if game == "supervised" else 1
    made = translate(np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8))
    assert made.shape == (21 * scale, 34 * scale, 3) and made.std() > 0
    if game != "cyclegan":
        with pytest.raises(UserError, match="--direction=ba: .* translates ab only"):
            Translator.of(opened, "ba")
    else:
        assert (Translator.of(opened, "ba")(made) != made).any()


def test_latents_have_nothing_to_translate(tmp_path):
    training.train(helpers.recipe(tmp_path, "--kimg=0.008", "--sample_kimg=0"))
    with pytest.raises(UserError, match="makes images from latents and has nothing to translate.*keras-gans sample"):
        Translator.of(Trained.open(tmp_path))


def test_fine_tuning_takes_the_generator_of_a_supervised_run(pictures, tmp_path, capsys):
    training.train(recipe("supervised", pictures, tmp_path / "first"))
    capsys.readouterr()
    training.train(
        recipe(
            "supervised",
            pictures,
            tmp_path / "second",
            "--game=restoration",
            "--discriminator=srgan:width=4",
            f"--init_from={tmp_path / 'first'}",
            "--kimg=0.002",
        )
    )
    said = capsys.readouterr().out
    generator = Trained.open(tmp_path / "first").networks(["generator"])["generator"]
    assert f"started from {2 * len(generator.weights)} of" in said  # the generator and its average


def test_labels_have_no_place_in_pairs(pictures, tmp_path):
    with pytest.raises(UserError, match="--conditional"):
        training.train(recipe("pix2pix", pictures, tmp_path, "--conditional"))
