"""HDF5 files that would read other files, or unpack to what no machine has, are refused before they are read."""

import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_gans import hdf5
from keras_gans.errors import UserError
from keras_gans.features import keras_model
from keras_gans.layers import addons
from keras_gans.trained import checkpoints


def linked(file, folder):
    file["layers"] = h5py.ExternalLink(folder / "secret.h5", "/")


def outside(file, folder):
    (folder / "secret").write_bytes(bytes(64))
    file.create_dataset("a/w", (16,), "f4", external=[(folder / "secret", 0, 64)])


def virtual(file, folder):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(folder / "secret.h5", "w", (4,))
    file.create_virtual_dataset("w", layout)


def packed(file, folder):
    file.create_dataset("w", (2**20, 2**8), "f4", chunks=(2**14, 2**8), compression="gzip", fillvalue=1.0)


def unwritten(file, folder):
    for name in "ab":
        file.create_dataset(name, (2**17,), "f4", chunks=(2**17,))
        file.create_dataset(name + "2", (2**17,), "f4", chunks=(2**17,))


def many(file, folder):
    for index in range(70):
        file.create_group(str(index))


HOSTILE = {
    linked: "parts in other files",
    outside: "parts in other files",
    virtual: "parts in other files",
    packed: "its arrays have 1073741824 bytes or more",
    unwritten: "its arrays have 1572864 bytes or more",
    many: "more than 64 parts",
}


@pytest.mark.parametrize("write", HOSTILE, ids=lambda write: write.__name__)
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_hostile_files(tmp_path, monkeypatch, write, ending):
    monkeypatch.setattr(hdf5, "_OBJECTS", 64)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        write(file, tmp_path)
    if ending == "keras":
        with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
            archive.write(path, "model.weights.h5")
        path = tmp_path / "x.keras"
    with pytest.raises(ValueError, match=HOSTILE[write]):
        hdf5.check(path)
    with pytest.raises(UserError, match=f"{HOSTILE[write]}.*$"):
        addons.load_model(path)
    with pytest.raises(UserError, match=HOSTILE[write]):
        keras_model.keras_features(path)


def test_checkpoint_of_a_stranger(tmp_path):
    path = tmp_path / "step-000000001.weights.h5"
    with h5py.File(path, "w") as file:
        outside(file, tmp_path)
    with pytest.raises(UserError, match="parts in other files"), checkpoints.opened(path):
        pytest.fail("it was opened")
    with pytest.raises(UserError, match="parts in other files"):
        checkpoints.load(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), path)


def test_sound_files_pass(tmp_path):
    """Also those whose parts stand at several places, or go round in a circle."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2000)])
    for name in ("x.keras", "x.h5"):
        model.save(tmp_path / name)
        hdf5.check(tmp_path / name)
        np.testing.assert_array_equal(addons.load_model(tmp_path / name).get_weights()[0], model.get_weights()[0])
    with h5py.File(tmp_path / "round.h5", "w") as file:
        file.create_group("a")["again"] = file["/"]
        file["b"], file["soft"] = file["a"], h5py.SoftLink("/nowhere")
    hdf5.check(tmp_path / "round.h5")
