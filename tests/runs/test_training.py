"""Whole runs: the folder, resume, divergence, fine-tuning."""

import os
import shutil
import signal
import subprocess
import time

import helpers
import numpy as np
import pytest

from keras_gans import files
from keras_gans.callbacks import DivergenceError
from keras_gans.errors import UserError
from keras_gans.flags import KERNELS
from keras_gans.kernels import switch
from keras_gans.runs import training
from keras_gans.trained import checkpoints, networks, presets
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


def test_a_run_takes_the_kernels_of_its_flag_which_is_free_to_change(finished, monkeypatch):
    def fast(recipe):
        finished.refuse_other_recipe(recipe)
        return switch.fast()

    monkeypatch.setattr(training, "_train", fast)
    seen = [training.train(helpers.recipe(finished.directory, f"--kernels={choice}")) for choice in KERNELS]
    assert seen == [True, False, True]


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
    with pytest.raises(UserError, match="damaged"):
        checkpoints.load(networks.Networks(ema=Trained.open(finished.directory).generator), path)


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
    assert Folder(tmp_path / "tuned").record["started_from"] == {"run": "finished", "images": 80}
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


# === Nothing is lost ===


def test_damaged_newest_checkpoint_gives_way_to_the_one_before(finished, tmp_path, capsys):
    shutil.copytree(finished.directory, tmp_path / "run")
    folder = Folder(tmp_path / "run")
    newest = folder.checkpoint_path(10)
    newest.write_bytes(newest.read_bytes()[:-100])
    (folder.checkpoints / f".tmp-{os.getpid()}-step-000000011.weights.h5").write_bytes(b"half")
    with open(folder.metrics_path, "a") as file:
        file.write("\xff\n")
    assert Trained.open(folder.directory).step == 9  # what only reads leaves it where it is
    assert "step 9 takes its place" in capsys.readouterr().err
    training.train(helpers.recipe(folder.directory))
    said = capsys.readouterr()
    assert "step-000000010.weights.h5 is damaged" in said.err and "1 damaged lines" in said.err
    assert "going on from step 9" in said.out and "half-written" in said.out
    ours, theirs = (helpers.weights(f.checkpoint_path(10)) for f in (folder, finished))
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert {path.name for path in folder.checkpoints.iterdir()} == {
        "step-000000009.weights.h5",
        "step-000000010.weights.h5",
        "step-000000010.weights.h5.damaged",
    }
    # The record stays that of the whole run, though this start made one step.
    done = Folder(folder.directory).record["finished"]
    assert done["step"] == 10 and done["kimg"] == 0.08
    seconds = folder.metrics()[-1]["seconds"]
    assert abs(done["images_per_second"] - 80 / seconds) < 0.3 * 80 / seconds


def test_shorter_run_stays_as_it_is_and_a_longer_one_says_what_it_stretches(finished, tmp_path, capsys):
    shutil.copytree(finished.directory, tmp_path / "run")
    training.train(helpers.recipe(tmp_path / "run", "--kimg=0.04"))
    assert "has 10 steps, more than the 5 of --kimg=0.04" in capsys.readouterr().out
    assert Folder(tmp_path / "run").record["recipe"]["kimg"] == 0.08
    before, longer = helpers.recipe(tmp_path, "--schedule=linear"), helpers.recipe(tmp_path, "--schedule=linear", "--kimg=1")
    for schedule, said in (("linear", "--kimg=1 (was 0.08): --schedule=linear is stretched"), ("constant", "")):
        training._say_length(Folder(tmp_path), longer | {"schedule": schedule}, before, 10, 125)
        assert said in capsys.readouterr().out if said else not capsys.readouterr().out


def test_export_that_was_killed_is_made_at_the_next_start(finished, tmp_path, monkeypatch):
    """The empty folder of a killed export, one of an older step, and one that is whole."""
    shutil.copytree(finished.directory, tmp_path / "run")
    out, made = tmp_path / "run" / "saved_model", []

    def export(opened, where):
        made.append(opened.step)
        (where / str(len(made))).mkdir(parents=True)
        (where / str(len(made)) / "saved_model.pb").write_text("x")
        return where

    monkeypatch.setattr("keras_gans.exporting.saved_model.export", export)
    recipe = helpers.recipe(tmp_path / "run") | {"export": ["saved_model"]}
    (out / f".tmp-{os.getpid()}-1").mkdir(parents=True)
    training.train(recipe)
    assert made == [10] and [path.name for path in out.iterdir()] == ["1"]
    training.train(recipe)
    assert made == [10]
    folder = Folder(tmp_path / "run")
    folder.write_record(exported={"saved_model": 9})
    training.train(recipe)
    assert made == [10, 10]


def test_folder_in_use_and_refused_starts_change_nothing(finished, tmp_path):
    shutil.copytree(finished.directory, tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with files.owned(tmp_path / "run"), pytest.raises(UserError, match="in use by another process"):
        training.train(helpers.recipe(tmp_path / "run"))
    with pytest.raises(UserError, match="--flip"):
        training.train(helpers.recipe(tmp_path / "run", "--flip"))
    assert (tmp_path / "run" / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--image_size=20"], "image_size"),
        (["--loss=wasserstien"], "did you mean 'wasserstein'"),
        (["--batch_size=2147483647", "--n_critic=2"], "--n_critic=2 is more than 2147483647 images a step"),
        (["--kimg=1e30"], "--kimg=1e+30 is more than 2147483647 steps"),
        (["--optimizer=adam:beta=1"], "has no argument 'beta'"),
    ],
)
def test_what_flags_decide_is_refused_before_data_are_read(tmp_path, flags, said):
    with pytest.raises(UserError) as error:
        training.train(helpers.recipe(tmp_path / "run", f"--data=folder:{tmp_path / 'none'}", *flags))
    assert said in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flag", ["batch_size=99999999999999", "seed=4294967296", "seed=-1", "latent_dim=2147483648"])
def test_numbers_beyond_the_range_are_one_line(tmp_path, flag):
    with pytest.raises(UserError, match=f"--{flag}: expected an integer in the range"):
        helpers.recipe(tmp_path / "run", f"--{flag}")


def test_a_shared_generator_starts_a_run_which_says_so(finished, tmp_path, capsys):
    pytest.importorskip("safetensors", reason="the hub extra is not installed")
    presets.write(Trained.open(finished.directory), tmp_path / "shared", "float32", "MIT")
    tuned = tmp_path / "tuned"
    training.train(helpers.recipe(tuned, f"--init_from={tmp_path / 'shared'}", "--learning_rate=0", "--kimg=0.008"))
    assert "started from" in capsys.readouterr().out
    ours, theirs = helpers.weights(Folder(tuned).checkpoint_path(1)), helpers.weights(finished.checkpoint_path(10))
    kernels = {name for name in theirs if theirs[name].ndim > 1}
    for name in kernels:
        if name.startswith("generator/"):  # both sides of it begin with the moving average, which is what was shared
            np.testing.assert_array_equal(ours[name], theirs[name.replace("generator/", "ema/", 1)], err_msg=name)
    assert any((ours[name] != theirs[name]).any() for name in kernels if name.startswith("discriminator/"))
    presets.write(Trained.open(tuned), tmp_path / "again", "float32", "MIT")
    assert "from the weights of `shared` (80 images)" in (tmp_path / "again/README.md").read_text()
    assert Trained.open(tmp_path / "again").record["started_from"] == {"run": "shared", "images": 80}
