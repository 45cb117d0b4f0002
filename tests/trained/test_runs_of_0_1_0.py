"""Run folders made by version 0.1.0 open, answer the same, go on and are exported. (`fixture.json` has their commands.)"""

import json
import pathlib
import random
import shutil

import h5py
import helpers
import numpy as np
import pytest
from PIL import Image

from keras_gans import cli, flags
from keras_gans.errors import UserError
from keras_gans.exporting import archive, saved_model
from keras_gans.runs import training
from keras_gans.trained.trained import Trained

MADE = pathlib.Path(__file__).with_name("made_by_0_1_0")
RUNS = sorted(path.name for path in MADE.iterdir())


@pytest.mark.parametrize("name", RUNS)
def test_answers_as_it_did(tmp_path, name):
    """The commands of then; their pictures of now may round otherwise on another machine, by one grey level."""
    for command in json.loads((MADE / name / "fixture.json").read_text())["commands"]:
        words = command.replace("=run ", f"={MADE / name / 'run'} ").replace("=input", f"={MADE / name / 'input'}").split()
        if words[0] == "keras-gans" and words[1] != "import":
            words = [word.replace("--out=expected", f"--out={tmp_path}") for word in words]
            assert cli.main(words[1:]) == 0
    expected = {path.relative_to(MADE / name / "expected") for path in (MADE / name / "expected").rglob("*.png")}
    assert expected and {path.relative_to(tmp_path) for path in tmp_path.rglob("*.png")} == expected
    for path in expected:
        then, now = (np.asarray(Image.open(root / path), np.int16) for root in (MADE / name / "expected", tmp_path))
        assert then.std() > 1 and np.abs(then - now).max() <= 1


@pytest.mark.parametrize("name", RUNS)
def test_opening_reads_the_generators_and_disturbs_nobody(monkeypatch, name):
    """Weights read over those of the generators: at most 1.1, not less than 1. Global random streams stay where they
    were."""
    read, get = [], h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: read.append(self.size) or get(self, key))
    monkeypatch.setattr(
        h5py.Dataset, "__array__", lambda self, *_, **__: read.append(self.size) or np.asarray(get(self, ()))
    )
    np.random.seed(3)
    random.seed(3)
    before = np.random.get_state()[1].tolist(), random.getstate()
    generators = Trained.open(MADE / name / "run").generators
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before
    own = sum(generator.count_params() for generator in generators.values())
    assert 1 <= sum(read) / own <= 1.1


def test_goes_on(tmp_path):
    """Two steps of then and two of now, against four steps of then: the same command but for its length."""
    shutil.copytree(MADE / "dcgan" / "run", tmp_path / "run")
    (command,) = [c for c in json.loads((MADE / "dcgan" / "fixture.json").read_text())["commands"] if "train.py" in c]
    words = [word for word in command.split()[2:] if not word.startswith(("--run_dir", "--kimg"))]
    recipe = cli.parse("train", [*words, "--kimg=0.008", f"--run_dir={tmp_path / 'run'}"])
    training.train({name: recipe[name].value for name in flags.defaults()})
    then, now = (
        helpers.weights(folder / "step-000000004.weights.h5")
        for folder in (MADE / "dcgan" / "expected", tmp_path / "run" / "checkpoints")
    )
    assert then.keys() == now.keys()
    for name, array in then.items():  # equal bit for bit where they were made; elsewhere sums may round otherwise
        np.testing.assert_allclose(now[name], array, atol=2e-3, err_msg=name)
    moved = helpers.weights(MADE / "dcgan" / "run" / "checkpoints" / "step-000000002.weights.h5")
    assert max(np.abs(moved[name] - array).max() for name, array in then.items() if name.startswith("generator/")) > 5e-3


def test_is_exported(tmp_path):
    path = saved_model.export(Trained.open(MADE / "pix2pix" / "run"), tmp_path / "models")
    image = np.asarray(Image.open(MADE / "pix2pix" / "input" / "0.png").convert("RGB"), np.float32)[None] / 127.5 - 1
    made = archive.session(path)("serving_default", {"images": image})["generated"]
    assert made.shape == image.shape and np.isfinite(made).all()


def test_a_record_that_names_no_network_of_its_own_is_one_line(tmp_path):
    shutil.copytree(MADE / "imported_resnet" / "run", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    record["deployed"] = {"generators": {"ab": "nobody"}, "takes": "images"}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="has no network nobody to work with"):
        _ = Trained.open(tmp_path / "run").generators
