"""Archives of a few hundred kB that unpack to hundreds of MB are refused before they are unpacked."""

import tracemalloc
import types
import zipfile

import numpy as np
import pytest

from keras_gans.errors import UserError
from keras_gans.exporting import metadata
from keras_gans.layers import addons
from keras_gans.using import projection


def bomb(path, name):
    """An archive with 300 MB of zeros, which begin as an .npy file does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1, 2, 37_500_000)})
        for _ in range(300):
            file.write(bytes(10**6))
    assert path.stat().st_size < 10**6
    return path


def project(path, monkeypatch):
    monkeypatch.setattr(projection, "noise_layers", lambda generator: [])
    with pytest.raises(UserError, match=r"is no \.npz file with an array w"):
        projection.load(path, types.SimpleNamespace(layers_w=2, w_dim=4))


def load_model(path, monkeypatch):
    with pytest.raises(UserError, match=r"x\.keras: 300\d+ bytes are packed in it"):
        addons.load_model(path)


def describe(path, monkeypatch):
    assert metadata.read(path) is None


@pytest.mark.parametrize(
    "file, name, read",
    [("x.npz", "w.npy", project), ("x.keras", "config.json", load_model), ("x.tflite", metadata.NAME, describe)],
)
def test_bombs(tmp_path, monkeypatch, file, name, read):
    path = bomb(tmp_path / file, name)
    tracemalloc.start()
    try:
        read(path, monkeypatch)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
