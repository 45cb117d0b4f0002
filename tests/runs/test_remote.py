"""Run folders beyond this machine: bit for bit those on a disk, through TensorFlow's file layer."""

import threading

import helpers
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.runs import remote, training
from keras_gans.trained.folder import Folder

SMALL = ["--generator=mlp:width=16", "--discriminator=mlp:width=8", "--sample_kimg=0", "--scores=none"]


def test_a_run_in_a_bucket_goes_on_as_one_on_the_disk(tmp_path, capsys):
    url = "ram://bucket/run"
    for kimg in (0.024, 0.048):
        assert training.train(helpers.recipe(url, *SMALL, f"--kimg={kimg}")) == 0
    assert f"all of it is in {url} now" in capsys.readouterr().out
    assert training.train(helpers.recipe(tmp_path / "whole", *SMALL, "--kimg=0.048")) == 0
    mirror = remote.Mirror(url, tmp_path / "copy")
    mirror.pull()
    one, two = Folder(tmp_path / "whole"), Folder(mirror.directory)
    assert one.checkpoint_steps() == two.checkpoint_steps() == [3, 6]
    ours, theirs = (helpers.weights(folder.checkpoint_path(6)) for folder in (two, one))
    assert ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert [line["step"] for line in two.metrics()] == [1, 2, 3, 4, 5, 6]
    assert two.record["recipe"]["run_dir"] == url and (two.directory / "report.html").is_file()
    assert len(list(two.directory.glob("events.*"))) == 2
    two.checkpoint_path(3).unlink()
    mirror.push()
    assert tf.io.gfile.listdir(f"{url}/checkpoints") == [two.checkpoint_path(6).name]


def test_what_cannot_be_reached_or_written_is_one_line(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    for url, what, call in (
        ("nothing://bucket/run", "read it: File system scheme 'nothing' not implemented", remote.reach),
        ("file:///proc/nowhere/run", "write it: ", lambda url: remote.Mirror(url, tmp_path).push()),
    ):
        with pytest.raises(
            UserError, match=f"^--run_dir={url}: cannot {what}.*; name a bucket that this machine may write to"
        ):
            call(url)


def test_what_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 0.1)
    never = threading.Event()
    monkeypatch.setattr(tf.io.gfile, "exists", lambda url: never.wait())
    with pytest.raises(UserError, match="no answer within 0.1 seconds"):
        remote.reach("gs://bucket/run")
    never.set()
