"""Files and folders are whole or absent, whatever stops the writer."""

import os
import subprocess
import sys

import pytest

from keras_gans import files
from keras_gans.errors import UserError


def content(folder):
    """All files under a folder, {relative path: text}; hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "deep" / "a.txt"
    with files.whole(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent  # so that a rename will do
        assert temporary.suffix == ".txt"  # writers look at endings
        temporary.write_text("whole")
    assert content(tmp_path) == {"new/deep/a.txt": "whole"}


def test_folder_replaces_the_old_one_as_a_whole(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("old")
    with files.whole(tmp_path / "model") as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("new")
        assert (tmp_path / "model" / "old").read_text() == "old"
    assert content(tmp_path) == {"model/new": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("trouble", [RuntimeError("bug"), KeyboardInterrupt(), UserError("no"), SystemExit(1)])
@pytest.mark.parametrize("folder", [False, True])
def test_crash_leaves_what_was_there(tmp_path, trouble, folder):
    path = tmp_path / "it"
    old = path / "part" if folder else path
    old.parent.mkdir(exist_ok=True)
    old.write_text("old")
    with pytest.raises(type(trouble)), files.whole(path) as temporary:
        new = temporary / "part" if folder else temporary
        new.parent.mkdir(exist_ok=True)
        new.write_text("half")
        raise trouble
    assert content(tmp_path) == {"it/part" if folder else "it": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize(
    "error, reason",
    [
        (OSError(28, "page of text\nof HDF5"), "No space left on device"),
        (PermissionError(13, "x"), "Permission denied"),
        (OSError("no number\nbut a page"), "no number"),
        (OSError(), "OSError"),
    ],
)
def test_trouble_of_the_file_system_is_one_line(tmp_path, error, reason):
    (tmp_path / "a").write_text("old")
    with pytest.raises(UserError) as found, files.whole(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise error
    assert str(found.value) == (
        f"cannot write {tmp_path / 'a'}: {reason}; free some space or name a folder that you can write to"
    )
    assert content(tmp_path) == {"a": "old"}


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="^cannot write .*/file/a: (Not a directory|File exists); "):
        with files.whole(tmp_path / "file" / "a"):
            pytest.fail("the block was entered")


def test_folder_without_the_right_to_write(tmp_path):
    if os.geteuid() == 0:
        target = "/proc/keras_gans"  # root may write everywhere else
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
        target = tmp_path / "locked" / "a"
    with pytest.raises(UserError, match=f"^cannot write {target}: "):
        files.write_text(target, "x")


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("mine")
    with pytest.raises(UserError, match=f"cannot write {tmp_path}/a: Is a directory"):
        files.write_text(tmp_path / "a", "x")
    assert content(tmp_path) == {"a/b": "mine"}


def test_write_text_is_utf8(tmp_path):
    files.write_text(tmp_path / "a", "naïve ±\n")
    assert (tmp_path / "a").read_bytes() == "naïve ±\n".encode()


def test_json_has_no_nan():
    value = {"a": [1, float("nan"), {"b": (float("inf"), "NaN")}], "c": 0.5}
    assert files.to_json(value) == '{"a": [1, null, {"b": [null, "NaN"]}], "c": 0.5}'


def dead_process():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_repair_removes_what_killed_processes_leave(tmp_path):
    dead = dead_process()
    for name in (f".tmp-{dead}-a.h5", f".tmp-{os.getpid()}-b", f".tmp-{os.getppid()}-mine", "a.h5", ".tmp-x-y", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / f".tmp-{dead}-model").mkdir()
    (tmp_path / f".tmp-{dead}-model" / "half").write_text("x")
    assert files.repair(tmp_path) == sorted([f".tmp-{dead}-a.h5", f".tmp-{dead}-model", f".tmp-{os.getpid()}-b"])
    assert {path.name for path in tmp_path.iterdir()} == {f".tmp-{os.getppid()}-mine", "a.h5", ".tmp-x-y", ".hidden"}
    assert files.repair(tmp_path / "none") == []


def test_repair_puts_back_what_had_been_moved(tmp_path):
    """Killed between the two renames by which a folder takes another's place, and behind them."""
    dead = dead_process()
    for name in (f".model.{dead}.old", f".other.{dead}.old", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    files.repair(tmp_path)
    assert content(tmp_path) == {"model/x": f".model.{dead}.old", "other/x": "other"}


OWN = "import sys, time; from keras_gans import files\nwith files.owned(sys.argv[1]): print(1, flush=True); time.sleep(99)"


def test_folder_has_one_owner_and_a_crash_lets_it_go(tmp_path):
    folder = tmp_path / "new" / "run"
    other = subprocess.Popen([sys.executable, "-c", OWN, folder], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(UserError, match=f"^{folder} is in use by another process"), files.owned(folder):
            pytest.fail("there were two owners")
    finally:
        other.kill()
        other.communicate()
    with files.owned(folder):
        (folder / "a").write_text("x")
    assert content(folder) == {"a": "x"}


def test_owner_who_leaves_nothing_leaves_no_folder(tmp_path):
    with pytest.raises(UserError), files.owned(tmp_path / "run"):
        raise UserError("no")
    assert not (tmp_path / "run").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="^cannot write .*/file/"), files.owned(tmp_path / "file" / "run"):
        pytest.fail("the block was entered")
