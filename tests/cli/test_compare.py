"""`compare` and `sweep`: several runs on a page; several values, one run after the other."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image
from test_cli import call, refused

from keras_gans import cli
from keras_gans import flags as recipe_flags
from keras_gans.cli import sweep


def make(directory, score, step=100, **recipe):
    """A run folder with curves, a grid and a score."""
    (directory / "samples").mkdir(parents=True)
    record = {
        "recipe": recipe_flags.defaults() | {"run_dir": str(directory)} | recipe,
        "versions": {},
        "seed": 0,
        "data": {"fingerprint": "abc", "image_shape": [8, 8, 1], "class_names": []},
        "parameters": {"generator": 5},
        "finished": {
            "seconds": 12.0,
            "peak_memory_mb": 900,
            "scores": [
                {
                    "name": "kd_fashion",
                    "value": score,
                    "standard_error": 0.01,
                    "standard_deviation": None,
                    "protocol": {"count": step, "reference": "holdout"},
                    "warnings": [],
                }
            ],
        },
    }
    (directory / "run.json").write_text(json.dumps(record))
    lines = [
        {"step": at, "kimg": at / 100, "seconds": at / 10, "images_per_second": 5.0, "generator_loss": at * score}
        for at in (50, 100)
    ]
    (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Image.fromarray(np.full((8, 8), 50, np.uint8)).save(directory / "samples" / f"{step:09d}.png")
    return directory


def cells(text, title):
    """The cells of the row of a table that begins with `title`."""
    row = re.search(rf"<tr><th>{re.escape(title)}</th>(.*?)</tr>", text)
    return re.findall(r"<t[dh]>(.*?)</t[dh]>", row[1])


def test_what_differs_stands_side_by_side(capsys, tmp_path):
    one = make(tmp_path / "x" / "run", 0.5, learning_rate=1e-3, loss="hinge")
    two = make(tmp_path / "y" / "run", 0.25, step=200, penalty=["r1:weight=1"])
    page = tmp_path / "page.html"
    assert call(capsys, "compare", str(one), f"--run={two}", "--out", str(page)).returncode == 0
    text = page.read_text(encoding="utf-8")
    assert "http" not in text and "<script" not in text
    assert cells(text, "--learning_rate") == ["0.001", "0.0002"] and cells(text, "--loss") == ["hinge", "non_saturating"]
    assert cells(text, "--penalty") == ["–", "r1:weight=1"]
    assert "--run_dir" not in text and "<th>--seed</th>" not in text
    # In the order of the words: flags that were given come where they stand.
    assert cells(text, "kd_fashion") == ["0.5 ± 0.01", "0.25 ± 0.01"]
    assert cells(text, "  measured with another count") == ["100", "200"] and "another reference" not in text
    assert cells(text, "thousands of images") == ["1", "1"] and cells(text, "peak memory, MB") == ["900", "900"]
    assert text.count("<img ") == 2 and text.count("x/run, step 100") == 2 and "y/run, step 200" in text
    chart = text[text.index('aria-label="generator loss"') :]
    chart = chart[: chart.index("</svg>")]
    assert "x/run 50 at 1" in chart and "y/run 25 at 1" in chart


def test_mistakes(capsys, tmp_path):
    run = make(tmp_path / "run", 1.0)
    refused(capsys, "compare", str(run), says="compare takes 2 to 8 runs, not 1")
    refused(capsys, "compare", str(run), str(run), says="is named twice")
    refused(capsys, "compare", str(run), str(tmp_path), says="is not a run folder")
    refused(capsys, "sweep", "--seed=1", says="nothing varies; give a flag several values, as in --seed=0,1,2")
    refused(capsys, "sweep", "--seed=1,1.5", says="--seed=1.5: expected an integer")
    refused(capsys, "sweep", "--vary=lr=1|2", says="it takes NAME=A|B|C with a flag of keras-gans train")


def test_values_of_a_sweep():
    words = ["--seed=0,1", "--loss=hinge|least_squares:a=0,b=1", "--learning_rate=cosine(1,0.1),2e-4", "--flip", "--kimg=1"]
    assert sweep.expand([*words, "--penalty=r1:weight=1,interval=4"]) == [
        "--vary=seed=0|1",
        "--vary=loss=hinge|least_squares:a=0,b=1",
        "--vary=learning_rate=cosine(1,0.1)|2e-4",
        "--flip",
        "--kimg=1",
        "--penalty=r1:weight=1,interval=4",
    ]


def test_a_recipe_becomes_its_words_again():
    words = ["--noshare_fakes", "--penalty=r1:weight=1", "--penalty=drift", "--learning_rate=cosine(1,0.1)", "--kimg=2.0"]
    parsed = cli.parse("train", words)
    assert sorted(recipe_flags.words({name: parsed[name].value for name in recipe_flags.defaults()})) == sorted(words)


def test_a_sweep_trains_what_is_missing_and_means_over_seeds(capsys, tmp_path, monkeypatch):
    """The trainings are stood in for: one finishes with a score of its seed, one fails, one is stopped."""
    started = []

    def train(words):
        values = dict(word.lstrip("-").partition("=")[::2] for word in words)
        seed = int(values.get("seed", 0))
        started.append((values["loss"], seed))
        if values["loss"] == "minimax":
            return 2
        make(tmp_path / f"seed={seed},loss={values['loss']}", 1.0 + seed)
        return 0

    monkeypatch.setattr(sweep, "_train", train)
    words = ["sweep", f"--run_dir={tmp_path}", "--seed=0,2", "--loss=hinge|minimax"]
    process = call(capsys, *words)
    assert process.returncode == 1 and started == [("hinge", 0), ("minimax", 0), ("hinge", 2), ("minimax", 2)]
    assert "seed=0,loss=minimax failed with exit code 2" in process.stderr
    rows = [line.split() for line in process.stdout.splitlines()]
    assert ["0", "hinge", "1"] in rows and ["2", "hinge", "3"] in rows and ["2", "minimax", "–"] in rows
    assert ["mean", "±", "deviation", "hinge", "2", "±", "1.4"] in rows
    text = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert "<td>2 ± 1.4</td>" in text and "seed=0,loss=hinge" in text
    started.clear()
    assert "seed=0,loss=hinge was finished before" in call(capsys, *words).stdout
    assert started == [("minimax", 0), ("minimax", 2)]
    monkeypatch.setattr(sweep, "_train", lambda words: 0)  # as after Ctrl-C: nothing is finished
    stopped = call(capsys, *words)
    assert stopped.returncode == 130 and stopped.stderr == "stopped; the same command goes on from there\n"


@pytest.mark.parametrize("code", [0, 2])
def test_a_training_is_a_process_whose_exit_code_comes_back(monkeypatch, code, tmp_path):
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nexit {code}\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert sweep._train(["--seed=1"]) == code
    assert (tmp_path / "words").read_text() == "-m keras_gans train --seed=1\n"
