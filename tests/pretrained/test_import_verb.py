"""`keras-gans import` and `models`: from a name or a file to a run, on the command line."""

import functools
import hashlib
import http.server
import importlib.util
import json
import re
import threading

import numpy as np
import pytest
import test_cli
import weight_writers

from keras_gans.features import lpips
from keras_gans.pretrained import published
from keras_gans.pretrained.published import MODELS, Published
from keras_gans.weights import lookup

CONTENT = bytes(range(256)) * 40


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Serves files, ranges of them too, and breaks off after `limit` bytes."""

    limit, seen = None, []

    def do_GET(self):
        data = open(self.translate_path(self.path), "rb").read()
        name = f'"{hashlib.md5(data).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.headers.get("If-Range") == name else 0
        self.seen.append(start)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", name)
        self.end_headers()
        self.wfile.write(data[start:][: self.limit])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder, the address that it is served at, and an empty folder of kept files."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("KERAS_GANS_WEIGHTS", str(tmp_path / "kept"))
    monkeypatch.setattr(Ranges, "limit", None)
    monkeypatch.setattr(Ranges, "seen", [])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Ranges, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_download_goes_on_where_it_ended(site, tmp_path, monkeypatch):
    folder, address = site
    (folder / "net.bin").write_bytes(CONTENT)
    file = lookup.WeightFile("net.bin", f"{address}/net.bin", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(Ranges, "limit", 5000)
    with pytest.raises(lookup.UserError, match="it ended after 5000 of 10240 bytes"):
        lookup.find(file)
    assert [path.name for path in (tmp_path / "kept").iterdir() if path.suffix != ".version"] == ["net.bin.part"]
    monkeypatch.setattr(Ranges, "limit", None)
    assert lookup.find(file).read_bytes() == CONTENT
    assert Ranges.seen == [0, 5000]
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["net.bin"]


def test_a_file_that_has_changed_meanwhile_is_fetched_whole(site, monkeypatch):
    folder, address = site
    (folder / "net.bin").write_bytes(CONTENT)
    file = lookup.WeightFile("net.bin", f"{address}/net.bin", None)
    monkeypatch.setattr(Ranges, "limit", 5000)
    with pytest.raises(lookup.UserError, match="it ended after"):
        lookup.find(file)
    monkeypatch.setattr(Ranges, "limit", None)
    (folder / "net.bin").write_bytes(CONTENT[::-1])
    assert lookup.find(file).read_bytes() == CONTENT[::-1]


def test_an_unknown_hash_is_recorded_on_first_use(site, tmp_path):
    folder, address = site
    (folder / "net.bin").write_bytes(CONTENT)
    file = lookup.WeightFile("net.bin", f"{address}/net.bin", None)
    path = lookup.find(file)
    recorded = tmp_path / "kept" / "net.bin.sha256"
    assert recorded.read_text().strip() == hashlib.sha256(CONTENT).hexdigest()
    assert lookup.find(file) == path
    path.write_bytes(CONTENT[1:])
    with pytest.raises(lookup.UserError, match="net.bin is not the published file"):
        lookup.find(file)


def test_models_are_listed_with_their_terms(capsys):
    process = test_cli.call(capsys, "models")
    assert process.returncode == 0 and not process.stderr
    for name, model in MODELS.items():
        assert f"{name}\n" in process.stdout
        for file in model.files:
            assert file.url in process.stdout
            assert file.digest is None or re.fullmatch("[0-9a-f]{8}|[0-9a-f]{64}", file.digest)
    assert process.stdout.count("NOT FOR COMMERCIAL USE") == sum(not model.free for model in MODELS.values()) > 0
    free = test_cli.call(capsys, "models", "--commercial").stdout
    assert "NVIDIA" not in free.upper() and "realesrgan_x4plus" in free
    assert len({file.name for model in MODELS.values() for file in model.files}) == sum(
        len(model.files) for model in MODELS.values()
    )  # two of one name would take each other's place


@pytest.mark.parity
def test_import_by_name_and_by_file(capsys, site, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    folder, address = site
    kernels = {
        "conv_first": (4, 3),
        "conv_body": (4, 4),
        "conv_up1": (4, 4),
        "conv_up2": (4, 4),
        "conv_hr": (4, 4),
        "conv_last": (3, 4),
    } | {
        f"body.0.rdb{dense}.conv{number}": (2 if number < 5 else 4, 2 + 2 * number)
        for dense in (1, 2, 3)
        for number in range(1, 6)
    }
    state = {}
    for name, (outputs, inputs) in kernels.items():
        state |= {f"{name}.weight": torch.randn(outputs, inputs, 3, 3) / 10, f"{name}.bias": torch.zeros(outputs)}
    torch.save({"params": state}, folder / "small.pth")
    model = Published("a test", 0.1, "for nobody", (lookup.WeightFile("small.pth", f"{address}/small.pth", None),), False)
    monkeypatch.setitem(published.MODELS, "small", model)
    leftover = tmp_path / f".tmp-{2**22 + 1}-run"  # of a process that was killed: there is none of so high a number
    leftover.mkdir()
    process = test_cli.call(capsys, "import", "--from=small", f"--run={tmp_path / 'run'}")
    assert not leftover.exists()
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[:2] == ["license: for nobody", "NOT FOR COMMERCIAL USE"]  # before the download
    assert re.search(r"largest difference from PyTorch \S+: \d\S* \(outputs of a random picture", process.stdout)
    assert lines[-1] == f"wrote {tmp_path / 'run'}; go on with keras-gans restore --run={tmp_path / 'run'}"
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["imported"]["license"] == "for nobody" and record["imported"]["source"] == f"{address}/small.pth"
    test_cli.refused(
        capsys, "import", f"--from={folder / 'small.pth'}", f"--run={tmp_path / 'run'}", says="is in use; name a new folder"
    )
    test_cli.refused(capsys, "evaluate", f"--run={tmp_path / 'run'}", says="was imported and has no data of its own")
    test_cli.refused(
        capsys,
        "train",
        "--data=none",
        f"--run_dir={tmp_path / 'new'}",
        says="not from --data=none, which is nothing",
    )


def test_files_of_scores_are_checked_and_kept_for_them(capsys, tmp_path, monkeypatch):
    """AlexNet's convolutions as .safetensors; the published file goes where LPIPS looks for it."""
    if not importlib.util.find_spec("lpips"):
        pytest.skip("the lpips extra is not installed")
    monkeypatch.setenv("KERAS_GANS_WEIGHTS", str(tmp_path / "kept"))
    arrays, inputs = {}, 3
    for index, (width, kernel) in zip((0, 3, 6, 8, 10), ((64, 11), (192, 5), (384, 3), (256, 3), (256, 3))):
        arrays |= {
            f"features.{index}.weight": np.full((width, inputs, kernel, kernel), 0.01),
            f"features.{index}.bias": np.zeros(width),
        }
        inputs = width
    path = weight_writers.safetensors(tmp_path / "alex.safetensors", arrays)
    process = test_cli.call(capsys, "import", f"--from={path}")
    assert process.stdout == f"{path} is the AlexNet of LPIPS; --metrics=lpips:net=alex,path={path}\n", process.stderr
    file = lookup.WeightFile("alex.pth", "http://127.0.0.1:9/alex.pth", lookup.sha256(path))
    monkeypatch.setitem(lpips.BACKBONES, "alex", file)
    assert "kept for scores at" in test_cli.call(capsys, "import", f"--from={path}").stdout
    assert lookup.find(file).read_bytes() == path.read_bytes()
    path = weight_writers.safetensors(
        tmp_path / "inception.safetensors", {"Mixed_5b.branch1x1.conv.weight": np.zeros((64, 192, 1, 1))}
    )
    test_cli.refused(capsys, "import", f"--from={path}", says="which inception2015 needs; is it another network's?")


@pytest.mark.parametrize(
    "words, says",
    [
        ((), "--from is missing"),
        (("--from=nothing.pth", "--run=run"), "nothing.pth: there is no such file, and no published model of this name"),
        (("--from=realesrgan_x4", "--run=run"), "did you mean 'realesrgan_x4plus'?"),
    ],
)
def test_mistakes(capsys, words, says):
    test_cli.refused(capsys, "import", *words, says=says)
