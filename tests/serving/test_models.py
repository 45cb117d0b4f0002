"""Versions that come and go, with servables that only note what happens to them."""

import os
import threading
import time

import pytest

from keras_gans.serving.errors import ServingError
from keras_gans.serving.local import models as models_module
from keras_gans.serving.local.models import Models


class Noted:
    """A servable that is open until it is closed; a file "broken" cannot be loaded."""

    def __init__(self, path):
        self.loads.append(f"{path.parent.name}/{path.name}")
        if (path / "broken").exists():
            raise ServingError("DATA_LOSS", "broken")
        self.open = True

    def close(self):
        assert self.open
        self.open = False


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setattr(models_module, "_SETTLED", -1)
    Noted.loads = []
    made = Models(tmp_path, Noted, log=lambda line: made.lines.append(line))
    made.lines = []
    return made


def make(folder, version, *files, name="a"):
    path = folder / name / str(version)
    path.mkdir(parents=True, exist_ok=True)
    for file in ("saved_model.pb", *files):
        (path / file).write_text(file)
    return path


def remove(path):
    for file in path.iterdir():
        file.unlink()
    path.rmdir()


def available(models, name="a"):
    return [state.version for state in models.states(name) if state.state == "AVAILABLE"]


def test_the_latest_version_replaces_the_one_before_when_that_is_free(tmp_path, models):
    make(tmp_path, 1)
    models.scan()
    with models.lease("a") as (number, old):
        assert number == 1
        make(tmp_path, 2)
        models.scan()
        assert available(models) == [2] and old.open
        with models.lease("a") as (number, _):
            assert number == 2
    assert not old.open
    models.scan()
    assert Noted.loads == ["a/1", "a/2"]  # each once


def test_dropped_with_its_folder(tmp_path, models):
    path = make(tmp_path, 1)
    make(tmp_path, 1, name="b")
    models.scan()
    assert models.names() == ["a", "b"]
    with models.lease("a") as (_, servable):
        pass
    remove(path)
    models.scan()
    assert models.names() == ["b"] and not servable.open
    with pytest.raises(ServingError, match=r"Latest\(a\)") as raised:
        models.lease("a").__enter__()
    assert raised.value.code == "NOT_FOUND"
    with pytest.raises(ServingError, match="any versions of model a"):
        models.states("a")


def test_a_broken_version_leaves_the_old_one_and_is_tried_again_when_it_changes(tmp_path, models):
    make(tmp_path, 1)
    path = make(tmp_path, 2, "broken")
    models.scan()
    models.scan()
    assert Noted.loads == ["a/2", "a/1"]
    assert [(state.version, state.state, state.code) for state in models.states("a")] == [
        (2, "END", "DATA_LOSS"),
        (1, "AVAILABLE", "OK"),
    ]
    (path / "broken").unlink()
    models.scan()
    assert available(models) == [2]


@pytest.mark.parametrize("name", ["x", "01", ".tmp-1", "-1", "1.5", "²"])
def test_names_that_are_no_versions(tmp_path, models, name):
    make(tmp_path, name)
    models.scan()
    assert Noted.loads == []


def test_half_written_folders_are_not_loaded(tmp_path, models, monkeypatch):
    monkeypatch.setattr(models_module, "_SETTLED", 1000)
    path = make(tmp_path, 1)
    models.scan()
    assert Noted.loads == []  # it has just changed
    monkeypatch.setattr(models_module, "_SETTLED", -1)
    os.rename(path / "saved_model.pb", path / "later")
    models.scan()
    assert Noted.loads == []
    os.rename(path / "later", path / "saved_model.pb")
    models.scan()
    assert Noted.loads == ["a/1"]


def test_a_folder_dated_ahead_of_the_clock_is_loaded_once_it_stays_the_same(tmp_path, models, monkeypatch):
    path = make(tmp_path, 1)
    os.utime(path / "saved_model.pb", (time.time() + 86400,) * 2)
    monkeypatch.setattr(models_module, "_SETTLED", 0.2)
    models.scan()
    assert Noted.loads == [] and len(models.lines) == 1
    assert "a version 1 is dated 86" in models.lines[0] and "ahead of this machine's clock" in models.lines[0]
    time.sleep(0.25)
    models.scan()
    assert available(models) == [1]


def test_a_dangling_link_in_a_version_keeps_nothing_from_being_served(tmp_path, models):
    (make(tmp_path, 2) / "gone").symlink_to("/nowhere/at/all")
    make(tmp_path, 1)
    (tmp_path / "a" / "3").symlink_to("/nowhere/at/all")
    models.scan()
    models.scan()
    assert available(models) == [2]
    assert [line for line in models.lines if "left out" in line] == ["a/3 is left out: no folder"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_version_with_a_pipe_is_not_read(tmp_path, models):
    os.mkfifo(make(tmp_path, 2) / "variables")
    make(tmp_path, 1)
    os.mkfifo(tmp_path / "models.config")
    models.scan()
    assert available(models) == [1] and Noted.loads == ["a/1"]
    assert [
        line for line in models.lines if "a version 2 cannot be loaded" in line and "neither a file nor a folder" in line
    ]


@pytest.mark.parametrize("number", [2**63, 10**200])
def test_a_version_beyond_what_messages_can_say_is_left_out(tmp_path, models, number):
    make(tmp_path, number)
    make(tmp_path, 2**63 - 1)
    models.scan()
    models.scan()
    assert available(models) == [2**63 - 1]
    told = [line for line in models.lines if "left out" in line]
    assert len(told) == 1 and len(told[0]) < 300 and f"from 0 to {2**63 - 1}" in told[0]


def test_policies_and_labels(tmp_path, models):
    for version in (1, 2, 3):
        make(tmp_path, version)
        make(tmp_path, version, name="b")
    (tmp_path / "models.config").write_text("""model_config_list {
      config { name: "a" base_path: "/models/a" model_platform: "tensorflow"
        model_version_policy { specific { versions: 1 versions: 3 } }
        version_labels { key: "stable" value: 1 } }
      config { name: "b" base_path: "/models/b" model_version_policy { latest { num_versions: 2 } } } }""")
    models.scan()
    assert available(models) == [3, 1] and available(models, "b") == [3, 2]
    with models.lease("a", label="stable") as (number, _):
        assert number == 1
    for spec, code in ((("a", None, "new"), "INVALID_ARGUMENT"), (("a", 2, None), "NOT_FOUND"), (("c",), "NOT_FOUND")):
        with pytest.raises(ServingError) as raised:
            models.lease(*spec).__enter__()
        assert raised.value.code == code
    (tmp_path / "models.config").write_text("nonsense {")
    models.scan()
    assert available(models) == [3]


def test_close_waits_for_leases(tmp_path, models):
    make(tmp_path, 1)
    models.scan()
    entered, leave, seen = threading.Event(), threading.Event(), []

    def use():
        with models.lease("a") as (_, servable):
            entered.set()
            leave.wait(10)
            seen.append(servable)

    thread = threading.Thread(target=use)
    thread.start()
    assert entered.wait(10)
    models.close()
    assert models.names() == []
    leave.set()
    thread.join()
    assert not seen[0].open
