"""Two replicas and two processes train the same weights as one device on the same global batch."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import helpers
import numpy as np
import pytest

from keras_gans.grids import write_png
from keras_gans.trained.folder import Folder

# Plain gradient descent: Adam would turn the rounding of a zero gradient into a full step.
PLAIN = ["--optimizer=sgd", "--learning_rate=0.05", "--kimg=0.04", "--sample_kimg=0"]
FLAGS = [*PLAIN, "--penalty=r1:weight=1", "--discriminator=dcgan:width=4,norm=false"]
TWO_DEVICES = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_gans import cli
sys.exit(cli.main(["train", *sys.argv[1:]]))
"""


def assert_same_weights(one, two, networks=("generator", "discriminator", "ema"), loss="discriminator_loss", steps=5):
    one, two = Folder(one), Folder(two)
    assert one.checkpoint_steps()[-1] == two.checkpoint_steps()[-1] == steps
    for player in networks:
        difference = helpers.largest_difference(one.checkpoint_path(steps), two.checkpoint_path(steps), player)
        moved = helpers.largest_difference(one.checkpoint_path(steps - 2), one.checkpoint_path(steps), player)
        assert difference < 2e-6 < 2e-5 < moved, (player, difference, moved)
    for ours, theirs in zip(one.metrics(), two.metrics()):
        assert abs(ours[loss] - theirs[loss]) < 1e-5


def single(directory, *flags):
    process = helpers.run(helpers.command(directory, *flags))
    assert process.returncode == 0, process.stderr


def test_mirrored(tmp_path):
    """Each turn of the discriminator has its own real images; they are the same ones on two devices."""
    flags = [*FLAGS, "--n_critic=2", "--noshare_reals", "--noshare_fakes"]
    single(tmp_path / "one", *flags)
    words = [sys.executable, "-c", TWO_DEVICES, *helpers.arguments(tmp_path / "two", *flags, "--strategy=mirrored")]
    process = helpers.run(words)
    assert process.returncode == 0, process.stderr
    assert_same_weights(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_mirrored_with_parts(tmp_path):
    """Two replicas that each work through their half in two parts; of networks that do not mix the batch."""
    flags = [*PLAIN, "--generator=mlp:width=64", "--discriminator=mlp:width=32", "--learning_rate=1"]
    single(tmp_path / "one", *flags)
    words = helpers.arguments(tmp_path / "two", *flags, "--strategy=mirrored", "--accumulate=2")
    process = helpers.run([sys.executable, "-c", TWO_DEVICES, *words])
    assert process.returncode == 0, process.stderr
    assert_same_weights(tmp_path / "one", tmp_path / "two")


@contextlib.contextmanager
def workers(*flags):
    """Starts two workers of one run; yields their processes, and the lines that each has printed so far."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        words = [*flags, f"--hosts={','.join(f'127.0.0.1:{s.getsockname()[1]}' for s in (one, two))}"]
    processes, lines = [], ([], [])
    for index in (0, 1):
        command = helpers.command(*words, f"--index={index}")
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        processes.append(subprocess.Popen(command, cwd=helpers.ROOT, **pipe))
    readers = [threading.Thread(target=said.extend, args=(one.stdout,)) for one, said in zip(processes, lines)]
    for reader in readers:
        reader.start()
    try:
        yield processes, lines
    finally:
        for process in processes:
            process.terminate()  # which a launcher passes on
        for reader in readers:
            reader.join(60)


def test_multi_worker(tmp_path):
    single(tmp_path / "one", *FLAGS)
    with workers(tmp_path / "two", *FLAGS) as (processes, lines):
        assert [process.wait(300) for process in processes] == [0, 0], lines
    assert_same_weights(tmp_path / "one", tmp_path / "two")


def test_multi_worker_with_two_kinds_of_images_and_pools(tmp_path):
    for side in "ab":
        for index in range(8):
            pixels = np.random.default_rng([ord(side), index]).integers(0, 256, (16, 16, 3), np.uint8)
            write_png(tmp_path / side / f"{index}.png", pixels)
    # Three steps: in later ones the sign of a difference that is nearly 0 can turn in a mean absolute difference.
    flags = [
        *("--optimizer=sgd", "--learning_rate=0.0005", "--kimg=0.024", "--checkpoint_kimg=0.008"),
        *(f"--data=unpaired:{tmp_path}/a:{tmp_path}/b", "--channels=3", "--image_size=16"),
        *("--game=cyclegan:pool_size=4", "--loss=least_squares", "--keep_checkpoints=3", "--sample_kimg=0"),
        *("--generator=resnet:width=4,blocks=1", "--discriminator=patchgan:width=4,layers=2"),
    ]
    single(tmp_path / "one", *flags)
    with workers(tmp_path / "two", *flags) as (processes, lines):
        assert [process.wait(300) for process in processes] == [0, 0], lines
    networks = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    assert_same_weights(tmp_path / "one", tmp_path / "two", networks, "generator_loss", steps=3)


def test_a_worker_that_is_told_to_stop_or_killed_ends_all_and_all_go_on(tmp_path):
    folder = Folder(tmp_path / "run")

    def wait_for_step(after):
        deadline = time.monotonic() + 200
        while max(folder.checkpoint_steps(), default=0) <= after:
            assert time.monotonic() < deadline and all(process.poll() is None for process in processes), lines
            time.sleep(0.05)

    def signal_training(index, number):
        children = pathlib.Path(f"/proc/{processes[index].pid}/task/{processes[index].pid}/children").read_text()
        os.kill(int(children.split()[0]), number)

    flags = ["--generator=mlp:width=16", "--discriminator=mlp:width=8", "--kimg=1000", "--sample_kimg=0", "--restarts=1"]
    with workers(folder.directory, *flags) as (processes, lines):
        wait_for_step(0)
        signal_training(1, signal.SIGTERM)
        while not (stopped := [line for line in lines[0] if line.startswith("stopped by SIGTERM at step ")]):
            time.sleep(0.05)
        step = int(stopped[0].split(" at step ")[1].split(";")[0])
        wait_for_step(step)
        signal_training(0, signal.SIGKILL)
        assert [process.wait(60) for process in processes] == [128 + signal.SIGKILL, 3], lines
    for said in lines:
        assert any(f"going on from step {step} of" in line for line in said), lines  # the checkpoint of the signal's step
        assert sum("the worker has ended with exit code 3; it is started again, 0 more" in line for line in said) == 1, lines
    (error,) = [line for line in lines[1] if line.startswith(("error:", "Traceback"))]
    assert error.startswith("error: a worker of the cluster is lost (") and error.endswith("from the last checkpoint\n"), (
        error
    )
