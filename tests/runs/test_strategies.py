"""Two replicas and two processes train the same weights as one device on the same global batch."""

import json
import os
import socket
import subprocess
import sys
import time

import helpers

from keras_gans.trained.folder import Folder

# Plain gradient descent: Adam would turn the rounding of a zero gradient into a full step.
FLAGS = [
    "--optimizer=sgd",
    "--learning_rate=0.05",
    "--kimg=0.04",
    "--sample_kimg=0",
    "--penalty=r1:weight=1",
    "--discriminator=dcgan:width=4,norm=false",
]
TWO_DEVICES = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_gans import cli
sys.exit(cli.main(["train", *sys.argv[1:]]))
"""


def assert_same_weights(one, two):
    one, two = Folder(one), Folder(two)
    assert one.checkpoint_steps()[-1] == two.checkpoint_steps()[-1] == 5
    for player in ("generator", "discriminator", "ema"):
        difference = helpers.largest_difference(one.checkpoint_path(5), two.checkpoint_path(5), player)
        moved = helpers.largest_difference(one.checkpoint_path(3), one.checkpoint_path(5), player)
        assert difference < 2e-6 < 2e-5 < moved, (player, difference, moved)
    for ours, theirs in zip(one.metrics(), two.metrics()):
        assert abs(ours["discriminator_loss"] - theirs["discriminator_loss"]) < 1e-5


def single(directory, *flags):
    process = helpers.run(helpers.command(directory, *FLAGS, *flags))
    assert process.returncode == 0, process.stderr


def test_mirrored(tmp_path):
    single(tmp_path / "one")
    words = [sys.executable, "-c", TWO_DEVICES, *helpers.arguments(tmp_path / "two", *FLAGS, "--strategy=mirrored")]
    process = helpers.run(words)
    assert process.returncode == 0, process.stderr
    assert_same_weights(tmp_path / "one", tmp_path / "two")


def test_mirrored_with_parts(tmp_path):
    """Two replicas that each work through their half in two parts; of networks that do not mix the batch."""
    flags = ["--generator=mlp:width=64", "--discriminator=mlp:width=32", "--learning_rate=1"]
    single(tmp_path / "one", *flags)
    words = helpers.arguments(tmp_path / "two", *FLAGS, *flags, "--strategy=mirrored", "--accumulate=2")
    process = helpers.run([sys.executable, "-c", TWO_DEVICES, *words])
    assert process.returncode == 0, process.stderr
    assert_same_weights(tmp_path / "one", tmp_path / "two")


def start_workers(*flags):
    """Starts two workers of one run; returns their processes."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{s.getsockname()[1]}" for s in (one, two)]
    processes = []
    for index in range(2):
        cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(cluster)}
        processes.append(
            subprocess.Popen(
                helpers.command(*flags, "--strategy=multi_worker"),
                cwd=helpers.ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def test_multi_worker(tmp_path):
    single(tmp_path / "one")
    processes = start_workers(tmp_path / "two", *FLAGS)
    try:
        for process in processes:
            _, error = process.communicate(timeout=300)
            assert process.returncode == 0, error
    finally:
        for process in processes:
            process.kill()
    assert_same_weights(tmp_path / "one", tmp_path / "two")


def test_workers_end_when_one_is_lost(tmp_path):
    processes = start_workers(tmp_path / "run", *FLAGS, "--kimg=1000")
    folder, deadline = Folder(tmp_path / "run"), time.monotonic() + 200
    try:
        while not folder.checkpoint_steps() and time.monotonic() < deadline:
            assert processes[0].poll() is None, processes[0].communicate()[1]
            time.sleep(0.05)
        processes[1].kill()
        _, error = processes[0].communicate(timeout=100)
    finally:
        for process in processes:
            process.kill()
    assert processes[0].returncode == 3
    (line,) = [line for line in error.splitlines() if line.startswith(("error:", "Traceback"))]
    assert line.startswith("error: a worker of the cluster is lost (") and line.endswith("from the last checkpoint")
