"""`keras-gans predict`: flags, files and messages; the client and the server are tested in tests/serving."""

import numpy as np
import pytest
from helpers import ROOT
from PIL import Image

from keras_gans.cli import main

pytest.importorskip("aiohttp", reason="the serving extra is not installed")
pytest.importorskip("tensorflow_serving", reason="the serving extra is not installed")


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    import served_models

    folder = tmp_path_factory.mktemp("models")
    served_models.write(folder / "tiny" / "1")
    with served_models.serving(folder) as server:
        yield {"http": server.rest_port, "grpc": server.grpc_port}


def predict(ports, out, *flags, scheme="http"):
    return main(["predict", f"--server={scheme}://127.0.0.1:{ports[scheme]}", "--model=tiny", f"--out={out}", *flags])


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_pictures(ports, tmp_path, capsys, scheme):
    photo = tmp_path / "in/photo.png"
    photo.parent.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8)
    Image.fromarray(pixels).save(photo)
    assert predict(ports, tmp_path / "out", f"--input={photo}", scheme=scheme) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'out/photo.png'}\n"
    np.testing.assert_array_equal(Image.open(tmp_path / "out/photo.png"), 255 - pixels)

    Image.new("RGB", (400, 400)).save(photo.parent / "too_large.png")
    assert predict(ports, tmp_path / "all", f"--input={photo.parent}", scheme=scheme) == 1
    told = capsys.readouterr()
    assert "too_large.png: " in told.err and "at most 90000 pixels are taken" in told.err and "wrote 1 results" in told.out


def test_drawn_images(ports, tmp_path, capsys):
    assert predict(ports, tmp_path / "a", "--count=3", "--seed=5") == 0
    assert capsys.readouterr().out == f"wrote 3 images to {tmp_path / 'a'}\n"
    assert predict(ports, tmp_path / "b", "--count=2", "--seed=5", scheme="grpc") == 0
    for name in ("000000.png", "000001.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(list((tmp_path / "a").iterdir())) == 3


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--model=nobody"], "Latest(nobody)"),
        (["--version=4"], "Specific(tiny, 4)"),
        (["--label=x"], "version label: x"),
        (["--label=x", "--version=1"], "name one of them"),
        (["--signature=nothing"], "known: sample_png, serving_default"),
        (["--count=17"], "1 to 16"),
        (["--class=shoe"], "--class: "),
        (["--class=1"], "takes count, seed, not count, label, seed"),
        (["--server=nowhere"], "expected http://HOST:PORT"),
        (["--server=http://127.0.0.1:9", "--retries=0"], "cannot be reached"),
        (["--input=missing.png"], "missing.png does not exist"),
        (["--out=setup.cfg"], "is a file"),
    ],
)
def test_mistakes_are_one_line(ports, tmp_path, capsys, monkeypatch, flags, message):
    monkeypatch.chdir(ROOT)
    assert predict(ports, tmp_path / "out", *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
    assert not (tmp_path / "out").exists()
