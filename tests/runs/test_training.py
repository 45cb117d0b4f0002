"""Whole runs: the folder, resume, divergence, fine-tuning."""

import signal
import subprocess
import time

import helpers
import numpy as np
import pytest

from keras_gans.callbacks import DivergenceError
from keras_gans.errors import UserError
from keras_gans.runs import training
from keras_gans.trained import networks
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of ten steps."""
    directory = tmp_path_factory.mktemp("runs") / "finished"
    training.train(helpers.recipe(directory))
    return Folder(directory)


def test_run_folder_holds_all_that_a_run_is(finished):
    record = finished.record
    assert record["recipe"]["batch_size"] == 8 and record["seed"] == 0
    assert record["data"]["count"] == 8000 and len(record["data"]["fingerprint"]) == 64
    assert {"keras_gans", "tensorflow", "keras", "python"} <= set(record["versions"])
    assert record["finished"]["seconds"] > 0 and record["finished"]["peak_memory_mb"] > 100
    lines = finished.metrics()
    assert [line["step"] for line in lines] == list(range(1, 11))
    assert {
        "kimg",
        "seconds",
        "images_per_second",
        "discriminator_loss",
        "generator_loss",
        "real_logits",
        "fake_logits",
        "discriminator_gradient_norm",
        "generator_gradient_norm",
    } <= set(lines[0])
    assert [path.name for path in sorted(finished.samples.iterdir())] == ["000000005.png", "000000010.png"]
    assert finished.checkpoint_steps() == [9, 10]
    assert "<html" in (finished.directory / "report.html").read_text()
    assert list(finished.directory.glob("events.*"))


def test_opened_run_draws_the_same_pixels_for_the_same_seed(finished):
    opened = Trained.open(finished.directory)
    assert opened.step == 10
    one, again, other = (np.concatenate(list(opened.generate(5, seed, batch_size=2))) for seed in (3, 3, 4))
    assert one.shape == (5, 32, 32, 1) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_resumed_run_is_bit_for_bit_the_uninterrupted_one(finished, tmp_path):
    """Stopped between checkpoints and off the intervals of everything, with other intervals behind it."""
    training.train(helpers.recipe(tmp_path / "run", "--kimg=0.056", "--checkpoint_kimg=0.032"))
    folder = Folder(tmp_path / "run")
    for step in folder.checkpoint_steps()[1:]:
        folder.checkpoint_path(step).unlink()
    assert folder.checkpoint_steps() == [4]
    training.train(helpers.recipe(tmp_path / "run", "--steps_per_execution=5"))  # 6 steps are left, and not one more
    ours, theirs = (helpers.weights(f.checkpoint_path(10)) for f in (folder, finished))
    assert ours.keys() == theirs.keys()
    assert any(name.startswith("ema/") for name in ours) and any("optimizer" in name for name in ours)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    logged = {line["step"]: line for line in folder.metrics()}
    for line in finished.metrics():
        if line["step"] in logged:
            assert logged[line["step"]]["generator_loss"] == line["generator_loss"]
    assert [line["step"] for line in folder.metrics()] == sorted(logged)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_killed_process_resumes(finished, tmp_path, name):
    words = helpers.command(tmp_path / "run", "--kimg=80", "--checkpoint_kimg=0.008")
    process = subprocess.Popen(words, cwd=helpers.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    folder = Folder(tmp_path / "run")
    deadline = time.monotonic() + 200
    while len(folder.checkpoint_steps()) < 2 and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=100)
    if name == "SIGTERM":
        assert process.returncode == 0 and "stopped by SIGTERM" in out, err
        assert "Traceback" not in err
        assert folder.checkpoint_steps()[-1] == folder.metrics()[-1]["step"]
    else:
        assert process.returncode == -signal.SIGKILL
    for step in folder.checkpoint_steps():
        if step >= 10:  # the process was faster than the signal; go on from the same weights as the finished run
            folder.checkpoint_path(step).unlink()
    training.train(helpers.recipe(tmp_path / "run"))
    ours, theirs = (helpers.weights(f.checkpoint_path(10)) for f in (folder, finished))
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


def test_another_recipe_is_refused_and_named(finished):
    with pytest.raises(UserError, match=r"--learning_rate=0.1 \(was 0.0002\)"):
        training.train(helpers.recipe(finished.directory, "--learning_rate=0.1"))
    assert finished.checkpoint_steps() == [9, 10]


def test_rmsprop_of_old_runs_goes_on_as_it_was(tmp_path):
    """Up to 0.1.0 epsilon stood under the root: the same command says so, and the flag that it names goes on bit for bit."""
    flags = ["--optimizer=rmsprop:rho=0.99", "--kimg=0.048", "--sample_kimg=0"]
    keras_own = [*flags, "--optimizer=rmsprop:rho=0.99,epsilon_inside=true"]
    training.train(helpers.recipe(tmp_path / "old", *keras_own, "--kimg=0.024"))
    folder = Folder(tmp_path / "old")
    as_then = folder.record["recipe"] | {"optimizer": "rmsprop:rho=0.99"}
    del as_then["share_reals"]  # which came with 0.2.0
    folder.write_record(recipe=as_then)
    with pytest.raises(UserError, match=r"rmsprop:rho=0.99 \(was rmsprop:rho=0.99,epsilon_inside=true\)"):
        training.train(helpers.recipe(tmp_path / "old", *flags))
    training.train(helpers.recipe(tmp_path / "old", *keras_own))
    training.train(helpers.recipe(tmp_path / "whole", *keras_own))
    training.train(helpers.recipe(tmp_path / "new", *flags))
    old, whole, new = (helpers.weights(Folder(tmp_path / name).checkpoint_path(6)) for name in ("old", "whole", "new"))
    for key in whole:
        np.testing.assert_array_equal(old[key], whole[key], err_msg=key)
    assert any((new[key] != whole[key]).any() for key in whole)


def test_divergence_stops_the_run_and_names_the_last_good_checkpoint(tmp_path):
    flags = [
        "--loss=wasserstein",
        "--optimizer=sgd",
        "--learning_rate=1e4",
        "--generator=dcgan:width=4",
        "--discriminator=dcgan:width=4,norm=false",
        "--checkpoint_kimg=0.008",
        "--kimg=0.8",
    ]
    with pytest.raises(DivergenceError, match=r"(discriminator|generator)'s .* at step \d+.*step-\d+.weights.h5") as error:
        training.train(helpers.recipe(tmp_path / "run", *flags))
    folder = Folder(tmp_path / "run")
    last = folder.checkpoint_steps()[-1]
    assert f"step-{last:09d}" in str(error.value)
    assert all(np.isfinite(array).all() for array in helpers.weights(folder.checkpoint_path(last)).values())


def test_damaged_checkpoint_is_one_line(finished, tmp_path):
    path = tmp_path / "step.weights.h5"
    path.write_bytes(finished.checkpoint_path(10).read_bytes()[:5000])
    with pytest.raises(UserError, match="cannot load"):
        networks.load(networks.Networks(ema=Trained.open(finished.directory).generator), path)


def test_init_from_starts_with_the_weights_of_another_run(finished, tmp_path, capsys):
    training.train(
        helpers.recipe(
            tmp_path / "tuned",
            f"--init_from={finished.directory}",
            "--learning_rate=0",
            "--kimg=0.008",
            "--freeze_discriminator=2",
        )
    )
    assert "started from" in capsys.readouterr().out
    path = Folder(tmp_path / "tuned").checkpoint_path(1)
    ours, theirs = helpers.weights(path), helpers.weights(finished.checkpoint_path(10))
    kernels = [name for name in theirs if name.startswith("generator/") and theirs[name].ndim > 1]
    assert kernels
    for name in kernels:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


def test_init_from_another_size_takes_what_fits(finished, tmp_path, capsys):
    training.train(
        helpers.recipe(
            tmp_path / "bigger",
            f"--init_from={finished.directory}",
            "--image_size=64",
            "--kimg=0.008",
            "--generator=dcgan:width=2",
            "--discriminator=dcgan:width=2",
        )
    )
    # Half the width at twice the size: the resolutions up to 16x16 have the same shapes.
    copied, count = map(int, capsys.readouterr().out.split("started from ")[1].split(" weights")[0].split(" of "))
    assert 0 < copied < count


def test_frozen_layers_do_not_move(finished, tmp_path):
    before = tmp_path / "frozen"
    training.train(helpers.recipe(before, "--freeze_discriminator=2", "--kimg=0.016", "--checkpoint_kimg=0.008"))
    one, two = (helpers.weights(Folder(before).checkpoint_path(step)) for step in (1, 2))
    moved = {name for name in one if name.startswith("discriminator/") and (one[name] != two[name]).any()}
    still = {name for name in one if name.startswith("discriminator/")} - moved
    assert len(moved) > 0 and len(still) >= 2
    shapes = {one[name].shape for name in still}
    assert (4, 4, 1, 4) in shapes and (4, 4, 4, 8) in shapes  # the first two convolutions


def test_full_disk_is_one_line_and_leaves_the_last_checkpoint(finished, tmp_path):
    """On a file system of a few MB, where this process may mount one."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    try:
        process = helpers.run(helpers.command(small / "run", "--kimg=8", "--checkpoint_kimg=0.008", "--keep_checkpoints=50"))
        helpers.assert_one_line(process, "cannot write", "space")
        folder = Folder(small / "run")
        opened = Trained.open(small / "run")
        assert opened.step >= 1 and np.isfinite(next(iter(opened.generate(1, 0)))).all()
        assert not [path for path in folder.checkpoints.iterdir() if "tmp" in path.name]
    finally:
        subprocess.run(["umount", small], check=True)


def test_unwritable_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    helpers.assert_one_line(helpers.run(helpers.command(tmp_path / "file" / "run")), "cannot write", "file")
