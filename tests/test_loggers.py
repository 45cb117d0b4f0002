"""TensorBoard's hyperparameters, and the loggers of --logger, with stand-ins for their packages."""

import sys
import types

import numpy as np
import pytest

from keras_gans import callbacks
from keras_gans.callbacks import loggers
from keras_gans.callbacks.loggers import LOGGERS
from keras_gans.errors import UserError
from keras_gans.trained.folder import Folder


class Calls:
    """Notes what is called of it, and answers with `answers`."""

    def __init__(self, **answers):
        self.calls, self.answers = [], answers

    def __getattr__(self, name):
        def call(*words, **keywords):
            self.calls.append((name, words, keywords))
            return self.answers.get(name)

        return call


def written(tmp_path, logger):
    """Writes a line of numbers and a picture as a run does; returns the picture."""
    (tmp_path / "clothes").mkdir()
    record = callbacks.Record(Folder(tmp_path / "clothes"), 4, 0, {"loss": "hinge", "scores": ["kid"]}, [logger])
    picture = np.zeros((2, 2, 1), np.uint8)
    record.add(3, {"generator_loss": 0.5})
    record.add_image(4, "samples", picture)
    record.end()
    return picture


def test_wandb(monkeypatch, tmp_path):
    run = Calls()
    package = Calls(init=run, Image="picture")
    monkeypatch.setitem(sys.modules, "wandb", package)
    written(tmp_path, LOGGERS.create("wandb:project=mine"))
    config = {"loss": "hinge", "scores": "['kid']"}
    begun = {
        "project": "mine",
        "id": loggers._key(tmp_path / "clothes"),
        "name": "clothes",
        "resume": "allow",
        "config": config,
    }
    assert package.calls[0] == ("init", (), begun)
    assert run.calls == [
        ("log", ({"generator_loss": 0.5},), {"step": 3}),
        ("log", ({"samples": "picture"},), {"step": 4}),
        ("finish", (), {}),
    ]


@pytest.mark.parametrize("found", [[], [types.SimpleNamespace(info=types.SimpleNamespace(run_id="7"))]])
def test_mlflow_begins_a_run_or_goes_on_with_it(monkeypatch, tmp_path, found):
    package = Calls(set_experiment=types.SimpleNamespace(experiment_id="e"), search_runs=found)
    monkeypatch.setitem(sys.modules, "mlflow", package)
    picture = written(tmp_path, LOGGERS.create("mlflow"))
    begun = [("start_run", (), {"run_id": "7"})]
    if not found:
        key = loggers._key(tmp_path / "clothes")
        begun = [
            ("start_run", (), {"run_name": "clothes", "tags": {"folder": key}}),
            ("log_params", ({"loss": "hinge", "scores": "['kid']"},), {}),
        ]
    assert package.calls[0] == ("set_experiment", ("keras_gans",), {})
    assert package.calls[2:] == [
        *begun,
        ("log_metrics", ({"generator_loss": 0.5},), {"step": 3}),
        ("log_image", (picture,), {"key": "samples", "step": 4}),
        ("end_run", (), {}),
    ]


def test_runs_of_one_name_are_told_apart(tmp_path):
    assert loggers._key(tmp_path / "a/clothes") != loggers._key(tmp_path / "b/clothes")


def test_unknown_logger_is_refused_before_a_folder_is_made(tmp_path):
    from keras_gans import cli
    from keras_gans.runs import checks

    flags = cli.parse("train", [f"--run_dir={tmp_path}/run", "--logger=wand"])
    with pytest.raises(UserError, match="unknown logger 'wand'"):
        checks.refuse({name: flags[name].value for name in flags}, 1)


def test_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"--logger=wandb needs the package wandb: pip install 'keras_gans\[wandb\]'"):
        LOGGERS.create("wandb")


def test_tensorboard_gets_the_recipe_as_hyperparameters(tmp_path):
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    written(tmp_path, Calls())
    events = event_accumulator.EventAccumulator(str(tmp_path / "clothes")).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert {name: value.string_value for name, value in start.hparams.items()} == {"loss": "hinge", "scores": "['kid']"}


class Broken:
    """A logger whose server is not there."""

    def __init__(self, **fails):
        self.fails, self.begun = fails, 0

    def begin(self, folder, recipe):
        self.begun += 1
        if self.fails.get("begin"):
            raise ConnectionError("no\nserver")

    def add(self, step, values):
        raise ConnectionError("gone")

    def end(self):
        raise AssertionError("it gets no more")


def test_logger_that_cannot_begin_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"--logger: Broken could not begin: no server$"):
        callbacks.Record(Folder(tmp_path), 4, 0, {}, [Broken(begin=True)])


def test_logger_that_fails_later_does_not_end_the_run(tmp_path, capsys):
    record = callbacks.Record(Folder(tmp_path), 4, 0, {}, [Broken()])
    record.add(1, {"a": 1.0})
    record.add(2, {"a": 2.0})
    record.end()
    assert capsys.readouterr().err == "warning: Broken failed and gets no more: gone\n"
    assert len(record.folder.metrics()) == 2
