"""Generators as folders to pass on: they open as the run does, and nothing of the machine goes with them."""

import json
import re
import sys

import numpy as np
import pytest
import run_cases

from keras_gans import cli
from keras_gans.errors import UserError
from keras_gans.trained import presets
from keras_gans.trained.trained import Trained

numpy_files = pytest.importorskip("safetensors.numpy", reason="the hub extra is not installed")


@pytest.mark.parametrize("flags", [run_cases.CONDITIONAL, run_cases.LABELLED_STYLES], ids=["labels", "styles"])
@pytest.mark.parametrize("dtype, tolerance", [("float32", 0.0), ("float16", 0.01)])
def test_it_makes_the_run_s_images(tmp_path, flags, dtype, tolerance):
    run = Trained.open(run_cases.make_run(tmp_path / "run", data="folder:/home/me/pictures/cats", **flags))
    size = presets.write(run, tmp_path / "preset", dtype, "CC0-1.0")
    tensors = numpy_files.load_file(tmp_path / "preset" / presets.WEIGHTS)  # by the library, not by our reader
    count = sum(int(np.prod(weight.shape)) for weight in run.generator.weights)
    assert sum(tensor.size for tensor in tensors.values()) == count
    assert size == (tmp_path / "preset" / presets.WEIGHTS).stat().st_size
    assert {str(tensor.dtype) for tensor in tensors.values()} == {dtype}
    again = Trained.open(tmp_path / "preset")
    assert (again.step, again.class_names, again.image_shape) == (run.step, run.class_names, run.image_shape)
    inputs = [run.draw_latent(6, 3), np.arange(6, dtype=np.int32) % 3]
    np.testing.assert_allclose(again.infer(inputs), run.infer(inputs), rtol=0, atol=tolerance)
    written = "".join((tmp_path / "preset" / name).read_text() for name in ("run.json", "README.md"))
    assert "/home" not in written and str(tmp_path) not in written and "folder:cats" in written
    assert "license: cc0-1.0" in written and f"{dtype} in the file" in written
    started = again.networks(["generator", "ema", "discriminator"])  # of a run that starts from it
    assert started.keys() == {"generator", "ema"}
    for network in started.values():
        for ours, theirs in zip(network.weights, again.generator.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)


def test_verbs_take_it(tmp_path, capsys):
    run = run_cases.make_run(tmp_path / "run", **run_cases.UNCONDITIONAL)
    assert cli.main(["share", f"--run={run}", f"--out={tmp_path}/preset"]) == 0
    size = float(re.search(r": (\d+\.\d+) MB of weights", capsys.readouterr().out)[1])
    assert size == pytest.approx((tmp_path / "preset" / presets.WEIGHTS).stat().st_size / 1e6, abs=0.006)
    assert cli.main(["sample", f"--run={tmp_path}/preset", f"--out={tmp_path}/grid.png", "--count=4"]) == 0
    capsys.readouterr()
    assert cli.main(["share", f"--run={tmp_path}/preset", f"--out={tmp_path}/other"]) == 2
    assert "is such a folder already" in capsys.readouterr().err
    assert cli.main(["share", f"--run={run}", f"--out={run}"]) == 2
    assert "is there and is no preset" in capsys.readouterr().err and (run / "run.json").is_file()
    assert cli.main(["share", f"--run={run}", f"--out={tmp_path}/preset", "--dtype=float32"]) == 0  # replaces a preset


def test_damage_is_one_line(tmp_path):
    run = Trained.open(run_cases.make_run(tmp_path / "run", **run_cases.UNCONDITIONAL))
    presets.write(run, tmp_path / "preset")
    path = tmp_path / "preset" / presets.WEIGHTS
    content = path.read_bytes()
    path.write_bytes(content[:-4])
    with pytest.raises(UserError, match=r"^[^\n]*model.safetensors is damaged[^\n]*$"):
        _ = Trained.open(tmp_path / "preset").generator
    tensors = numpy_files.load(content)
    numpy_files.save_file({name: tensors[name] for name in list(tensors)[1:]}, path)
    with pytest.raises(
        UserError, match=r"^[^\n]*model.safetensors belongs to other networks: ema/layers/[^\n]* does not fit$"
    ):
        _ = Trained.open(tmp_path / "preset").generator
    record = json.loads((tmp_path / "preset" / "run.json").read_text())
    assert record["preset"] == {"step": 7, "dtype": "float16", "license": None}


def test_without_the_library_it_says_so(tmp_path, monkeypatch):
    run = Trained.open(run_cases.make_run(tmp_path / "run", **run_cases.UNCONDITIONAL))
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(
        UserError, match=r"^presets are written by the library safetensors: pip install 'keras_gans\[hub\]'$"
    ):
        presets.write(run, tmp_path / "preset")
    assert not (tmp_path / "preset").exists()
