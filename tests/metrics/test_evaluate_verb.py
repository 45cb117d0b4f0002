"""`keras-gans evaluate`: a run against its data, folders against folders, and what it refuses."""

import json
import re

import numpy as np
import pytest
import run_cases
from PIL import Image

from keras_gans.cli import main
from keras_gans.cli.evaluate import split_metrics


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GANS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "small"
    return run_cases.make_run(directory, **run_cases.UNCONDITIONAL | {"data": "embedded:fashion"})


def folder(path, count, size=(16, 16), seed=0, noise=40):
    """Writes random pictures, the same ones for the same seed but for the noise; returns the --real value."""
    rng, own = np.random.default_rng(0), np.random.default_rng(seed)
    path.mkdir()
    for number in range(count):
        picture = rng.integers(0, 256) + own.normal(size=(*size, 3)) * noise
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path / f"{number:03}.png")
    return f"folder:{path}"


def evaluate(*flags):
    return main(["evaluate", *map(str, flags)])


def test_commas_separate_metrics_and_their_options():
    assert split_metrics("fid,kid:subsets=5,subset_size=9, ppl") == ["fid", "kid:subsets=5,subset_size=9", "ppl"]


def test_a_run_against_its_own_held_out_data(trained, capsys):
    assert evaluate(f"--run={trained}", "--metrics=fid,kid:subsets=5,ppl", "--count=60") == 0
    assert evaluate(f"--run={trained}", "--metrics=sliced_wasserstein", "--count=20") == 0
    lines = [json.loads(line) for line in (trained / "scores.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == [
        "fd_fashion",
        "kd_fashion",
        "ppl_fashion",
        "sliced_wasserstein_16",
        "sliced_wasserstein",
    ]
    for line in lines:
        assert {
            "run",
            "checkpoint",
            "step",
            "split",
            "extractor",
            "weights_sha256",
            "resize",
            "quantization",
            "reference",
            "fingerprint",
            "seed",
            "versions",
            "count_real",
            "count_fake",
        } <= set(line["protocol"])
        assert line["protocol"]["split"] == "holdout" and line["protocol"]["step"] == 7
    out = capsys.readouterr().out
    assert "fd_fashion" in out and " +- " in out and "60" in out
    assert "fid" not in out and "kid" not in out


def test_folder_against_folder(tmp_path, capsys):
    real, fake = folder(tmp_path / "a", 12), folder(tmp_path / "b", 10, seed=1)
    out = tmp_path / "scores.json"
    assert (
        evaluate(f"--real={real}", f"--fake={fake}", "--metrics=fd,precision_recall", "--features=fashion", f"--out={out}")
        == 0
    )
    records = json.loads(out.read_text())
    assert [record["name"] for record in records] == ["fd_fashion", "precision_fashion", "recall_fashion"]
    assert records[0]["protocol"]["count_real"] == 12 and records[0]["protocol"]["count_fake"] == 10
    captured = capsys.readouterr()
    assert "covariance is singular" in captured.err and "covariance is singular" in records[0]["warnings"][0]
    assert evaluate(f"--real={real}", f"--fake={real}", "--metrics=fd", "--features=fashion", f"--out={out}") == 0
    assert json.loads(out.read_text())[0]["value"] == pytest.approx(0, abs=1e-3)


def test_folders_in_pairs(tmp_path):
    real, fake = folder(tmp_path / "a", 5), folder(tmp_path / "b", 5, seed=1)
    out = tmp_path / "scores.json"
    flags = [f"--real={real}", f"--fake={fake}", "--metrics=psnr,ssim", "--color=y", "--crop_border=2", f"--out={out}"]
    assert evaluate(*flags) == 0
    records = json.loads(out.read_text())
    assert [record["name"] for record in records] == ["psnr_y", "ssim_y"]
    assert 5 < records[0]["value"] < 30 and records[0]["standard_error"] > 0
    assert records[0]["protocol"]["crop_border"] == 2


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--run={run}", "--real=folder:{empty}"], "no images in"),
        (["--real=folder:{empty}", "--fake=folder:{good}"], "no images in"),
        (["--real=folder:{good}", "--fake=folder:{mixed}"], "000.png is 16x16 pixels and .*big.png 20x20"),
        (["--real=folder:{mixed}", "--fake=folder:{good}"], "000.png is 16x16 pixels and .*big.png 20x20"),
        (["--real=folder:{good}", "--fake=folder:{other}"], "generated images are 20x20 pixels and the real ones 16x16"),
        (["--real=folder:{good}", "--fake=folder:{corrupt}"], "000.png is unreadable"),
        (["--real=folder:{corrupt}", "--fake=folder:{good}", "--metrics=psnr"], "000.png is unreadable"),
        (["--real=folder:{good}", "--fake=folder:{single}"], "at least 2 generated images, not 1"),
        (["--real=folder:{single}", "--fake=folder:{good}"], "at least 2 real images, not 1"),
        (["--real=folder:{good}", "--fake=folder:{good}", "--metrics=ppl"], "ppl looks into a generator"),
        (["--run={run}", "--metrics=psnr"], "psnr compares pairs"),
        (["--run={run}", "--metrics=classification_accuracy"], "without --conditional"),
        (["--run={run}", "--metrics=fidd"], "did you mean 'fid'"),
        (["--run={run}", "--metrics=,"], "names no metric"),
        (["--run={run}", "--image_size=64"], "makes 16x16"),
        (["--run={empty}"], "not a run folder"),
        (["--run={run}", "--features=lpips-none"], "unknown feature extractor"),
        (["--fake=folder:{good}"], "--fake needs --real"),
        ([], "either --run=DIR or --fake"),
        (["--run={run}", "--fake=folder:{good}"], "either --run=DIR or --fake"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(trained, tmp_path, capsys, flags, message):
    (tmp_path / "empty").mkdir()
    folder(tmp_path / "good", 4)
    folder(tmp_path / "mixed", 3)
    Image.new("RGB", (20, 20)).save(tmp_path / "mixed" / "big.png")
    folder(tmp_path / "other", 3, size=(20, 20))
    folder(tmp_path / "single", 1)
    folder(tmp_path / "corrupt", 4)
    (tmp_path / "corrupt" / "000.png").write_text("no image")
    places = {path.name: path for path in tmp_path.iterdir()} | {"run": trained}
    flags = [flag.format(**places) for flag in flags]
    if not any("features" in flag for flag in flags):
        flags.append("--features=fashion")
    assert evaluate(*flags) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: ")
    assert re.search(message, errors[0])
