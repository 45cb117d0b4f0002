"""Files and folders are whole or absent, whatever stops the writer."""

import os

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
