"""A run goes on with the data that it began with."""

import json

import helpers
import numpy as np
import pytest
from PIL import Image

from keras_gans import cli
from keras_gans.data import open_source
from keras_gans.errors import UserError
from keras_gans.runs import held_out, same_data
from keras_gans.trained.folder import Folder

RNG = np.random.default_rng(0)


def write(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, [8, 8, 3], np.uint8)).save(path)
    return folder


@pytest.fixture
def begun(tmp_path):
    """A run folder as the start of a run leaves it, on 16 pictures of two classes; a function that goes on."""
    data = write(tmp_path / "data", [f"{kind}/{number}.png" for kind in ("cats", "dogs") for number in range(8)])
    folder = Folder(tmp_path / "run")
    recipe = helpers.recipe(folder.directory, f"--data=folder:{data}", "--image_size=8", "--conditional", "--holdout=0.1")

    def source(spec=None):
        return open_source(spec or f"folder:{data}", image_size=8, holdout="0.1")

    folder.write_record(recipe=recipe, data=same_data.describe(source()))
    same_data.write_list(folder, source())

    def go_on(**changes):
        again = recipe | changes
        folder.refuse_other_recipe(same_data.at_its_old_place(folder, again))
        same_data.compare(folder, again, source(again["data"]))

    return data, folder, go_on


def test_the_same_data_say_nothing(begun, capsys):
    begun[2]()
    assert capsys.readouterr() == ("", "")


def test_changes_are_named(begun, capsys):
    data, folder, go_on = begun
    write(data, [f"dogs/new{number}.png" for number in range(7)] + ["cats/3.png"])
    (data / "cats" / "1.png").unlink()
    go_on()
    said = capsys.readouterr().err
    assert "warning: the data have changed since" in said and said.count("\n") == 1
    assert "7 added (dogs/new0.png, dogs/new1.png, dogs/new2.png, dogs/new3.png, dogs/new4.png, ...)" in said
    assert "1 removed (cats/1.png)" in said and "1 replaced (cats/3.png)" in said


def test_the_list_is_that_of_sha256sum(begun):
    import hashlib

    data, folder, _ = begun
    line = (folder.directory / "data.sha256").read_text().splitlines()[0]
    assert line == f"{hashlib.sha256((data / 'cats/0.png').read_bytes()).hexdigest()}  cats/0.png"


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda data: write(data, ["ants/0.png"]),
            "began with the 2 classes cats, dogs; .* has the 3 classes ants, cats, dogs",
        ),
        (lambda data: (data / "cats").rename(data / "zebras"), "has the 2 classes dogs, zebras"),
        (
            lambda data: [Image.open(path, formats=["PNG"]).convert("L").save(path) for path in data.rglob("*.png")],
            r"their size and channels were \[8, 8, 3\], those of .* are \[8, 8, 1\]",
        ),
    ],
)
def test_other_data_are_refused_and_the_run_stays(begun, change, message):
    data, folder, go_on = begun
    before = folder.record_path.read_bytes()
    change(data)
    with pytest.raises(UserError, match=message):
        go_on()
    assert folder.record_path.read_bytes() == before


def test_data_may_move_but_not_be_others(begun, capsys, tmp_path):
    data, folder, go_on = begun
    data.rename(tmp_path / "moved")
    go_on(data=f"folder:{tmp_path}/moved")
    assert "the data of" in capsys.readouterr().out
    write(tmp_path / "moved", ["cats/3.png"])
    with pytest.raises(UserError, match="holds a run with another recipe: --data="):
        go_on(data=f"folder:{tmp_path}/moved")


def test_runs_of_0_1_0_keep_their_split(tmp_path):
    folder = Folder(tmp_path)
    recipe = helpers.recipe(tmp_path)
    old = {name: value for name, value in recipe.items() if name not in ("holdout", "max_pixels")}
    folder.record_path.write_text(json.dumps({"recipe": old, "data": {"image_shape": [8, 8, 1]}}))
    assert folder.recipe["holdout"] == "every:10"
    settled = same_data.settle(folder, recipe)
    assert settled["holdout"] == "every:10"
    folder.refuse_other_recipe(settled)
    assert same_data.settle(Folder(tmp_path / "new"), recipe)["holdout"] is None


def test_scores_that_cannot_be_are_told(tmp_path, capsys):
    data = write(tmp_path / "data", [f"{number}.png" for number in range(15)])
    flags = (f"--data=folder:{data}", "--image_size=8", "--scores=kid", "--scores=fid", "--scores=precision_recall")
    recipe = helpers.recipe(tmp_path / "run", *flags, "--holdout=every:5")
    assert held_out.possible(recipe, held_out.source(recipe)) == ["fid"]
    told = capsys.readouterr().out
    assert "without --scores=kid: it needs 4 held-out images, and there are 3; the run goes on without it" in told
    assert "without --scores=precision_recall: it needs 4" in told
    nothing = recipe | {"holdout": "none"}
    assert held_out.source(nothing) is None and held_out.possible(nothing, None) == []
    assert held_out.possible(recipe | {"scores": ["none"]}, None) == []


def test_few_pairs_train_and_a_refused_start_leaves_the_run(tmp_path, capsys):
    for side in "AB":
        write(tmp_path / side, [f"{number}.png" for number in range(4)])
    words = [
        "--game=supervised", "--reconstruction=l1", "--generator=dncnn:depth=3,width=4", "--image_size=8", "--batch_size=2",
        "--kimg=0.004", "--export=none", f"--data=paired:{tmp_path}/A:{tmp_path}/B", f"--run_dir={tmp_path}/run",
    ]  # fmt: skip
    assert cli.main(["train", *words]) == 0
    assert "3 pairs train, 1 are held out (--holdout=0.1)" in capsys.readouterr().out
    before = (tmp_path / "run" / "run.json").read_bytes()
    for path in (tmp_path / "B").iterdir():
        Image.new("L", (8, 8)).save(path)
    assert cli.main(["train", *words, "--kimg=0.008"]) == 2
    assert "their size and channels were [8, 8, 3]" in capsys.readouterr().err
    assert (tmp_path / "run" / "run.json").read_bytes() == before
