"""Checkpoints are what was written, or they are refused; a full disk costs the new one alone."""

import errno

import h5py
import keras
import numpy as np
import pytest

from keras_gans import files
from keras_gans.errors import UserError
from keras_gans.trained import checkpoints
from keras_gans.trained.folder import Folder


def make_model(value=0.0):
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(4, name="dense")])
    model.set_weights([np.full(weight.shape, value, np.float32) for weight in model.get_weights()])
    return model


@pytest.fixture
def path(tmp_path):
    """A checkpoint of ones."""
    checkpoints.save(make_model(1.0), tmp_path / "a.weights.h5")
    return tmp_path / "a.weights.h5"


def test_saved_is_loaded_by_us_by_keras_and_by_h5py(path):
    ours, theirs = make_model(), make_model()
    checkpoints.load(ours, path)
    theirs.load_weights(path)
    for model in (ours, theirs):
        assert all((weight == 1).all() for weight in model.get_weights())
    with checkpoints.opened(path) as file, h5py.File(path) as plain:
        assert list(file) == list(plain) == ["layers", "vars"]
        np.testing.assert_array_equal(file["layers/dense/vars/0"], np.ones([3, 4]))


def test_checkpoint_of_keras_itself_loads(tmp_path):
    make_model(2.0).save_weights(tmp_path / "old.weights.h5")
    model = make_model()
    checkpoints.load(model, tmp_path / "old.weights.h5")
    assert all((weight == 2).all() for weight in model.get_weights())


def test_every_flipped_byte_is_found(path):
    whole = path.read_bytes()
    for position in {*range(0, len(whole), 97), 511, 512, len(whole) - 1}:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 64]) + whole[position + 1 :])
        with pytest.raises(UserError, match=f"^{path} is damaged"):
            checkpoints.verify(path)


@pytest.mark.parametrize("length", [0, 1, 100, 512, 513, 5000, -1])
def test_cut_file_is_found(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match="is damaged"), checkpoints.opened(path):
        pytest.fail("it was opened")


def test_end_of_zeros_is_found(path):
    """As a file system leaves it after a power cut."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises(UserError, match="is damaged"):
        checkpoints.verify(path)


def test_damaged_file_without_a_checksum_is_one_line(tmp_path):
    path = tmp_path / "old.weights.h5"
    make_model(2.0).save_weights(path)
    whole = path.read_bytes()
    for position in range(8, 900, 40):  # in the structure, which HDF5 trips over in many ways, or does not
        path.write_bytes(whole[:position] + b"\xff" * 8 + whole[position + 8 :])
        try:
            checkpoints.load(make_model(), path)
        except UserError as error:
            assert str(error).startswith(f"cannot load {path}: ") and "\n" not in str(error)


def test_other_networks_are_one_line(path):
    with pytest.raises(UserError, match=f"^cannot load {path}: it is damaged or belongs to other networks"):
        checkpoints.load(keras.Sequential([keras.Input([3]), keras.layers.Dense(5, name="dense")]), path)


def test_full_disk_is_one_line_and_keeps_the_last_checkpoint(path, monkeypatch):
    """The disk is full at each write in turn, and when the file is brought to the disk."""
    before, real = path.read_bytes(), open

    class Full:
        def __init__(self, *arguments):
            self.file, self.left = real(*arguments), room

        def write(self, data):
            if len(memoryview(data)) > self.left:
                self.file.write(bytes(data[: self.left]))
                raise OSError(errno.ENOSPC, "full")
            self.left -= len(memoryview(data))
            return self.file.write(data)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

    for room in (0, 511, 512, 6000):
        monkeypatch.setattr(files, "open", Full, raising=False)
        with pytest.raises(UserError, match=f"^cannot write {path}: No space left on device; "):
            checkpoints.save(make_model(3.0), path)
        assert path.read_bytes() == before and [entry.name for entry in path.parent.iterdir()] == [path.name]


def make_folder(tmp_path, *steps):
    folder = Folder(tmp_path / "run")
    for step in steps:
        checkpoints.save(make_model(step), folder.checkpoint_path(step))
    return folder


def damage(path):
    path.write_bytes(path.read_bytes()[:-10])


def test_newest_sound_checkpoint_is_taken(tmp_path, capsys):
    folder = make_folder(tmp_path, 5, 10, 15)
    assert checkpoints.newest(folder, checkpoints.verify) == 15 and not capsys.readouterr().err
    damage(folder.checkpoint_path(15))
    model = make_model()
    assert checkpoints.newest(folder, lambda path: checkpoints.load(model, path)) == 10
    assert all((weight == 10).all() for weight in model.get_weights())
    said = capsys.readouterr().err
    assert f"{folder.checkpoint_path(15)} is damaged" in said and "step 10 takes its place" in said
    damage(folder.checkpoint_path(10))
    damage(folder.checkpoint_path(5))
    with pytest.raises(UserError, match=r"step-000000015.* damaged.*none of the 2 before it"):
        checkpoints.newest(folder, checkpoints.verify)
    assert checkpoints.newest(make_folder(tmp_path / "new"), checkpoints.verify) is None


def test_what_is_no_checkpoint_is_none(tmp_path):
    folder = make_folder(tmp_path, 5)
    for name in (
        "step-x.weights.h5",
        "step-7.weights.h5",
        "step-000000009.weights.h5.damaged",
        "step-000000009a.weights.h5",
    ):
        (folder.checkpoints / name).write_bytes(b"")
    assert folder.checkpoint_steps() == [5]
