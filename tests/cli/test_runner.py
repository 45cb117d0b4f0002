"""`--runner` where Apache Beam is not installed, and its flags without it; tests/bulk has the rest."""

import importlib.util

import pytest

from keras_gans.cli import main


@pytest.mark.parametrize(
    "words",
    [
        ["pack", "--data=folder:a", "--out=b"],
        ["doctor", "--data=folder:a"],
        ["translate", "--run=a", "--input=b", "--out=c"],
        ["restore", "--run=a", "--input=b", "--out=c"],
        ["stylize", "--run=a", "--content=b", "--out=c"],
        ["evaluate", "--real=folder:a", "--fake=folder:b"],
    ],
)
def test_one_line_without_beam(words, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([*words, "--runner=direct"]) == 2
    assert capsys.readouterr().err == (
        "error: --runner needs Apache Beam, which is not installed; pip install 'keras-gans[beam]'\n"
    )
    for flag in ("--runner=flonk", "--shard_pictures=5", "--work=x"):
        assert main([*words, flag]) == 2
        error = capsys.readouterr().err
        assert ("expected direct|flink|spark|dataflow" if "runner" in flag else "goes with --runner") in error
        assert error.count("\n") == 1
    assert main([*words, "--", "--direct_num_workers=2"]) == 2
    assert capsys.readouterr().err == "error: what stands behind -- goes with --runner, such as --runner=direct\n"
