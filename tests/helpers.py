"""Shared by the tests of whole runs."""

import contextlib
import importlib
import pathlib
import subprocess
import sys

import h5py
import numpy as np

from keras_gans import cli
from keras_gans.flags import defaults

ROOT = pathlib.Path(__file__).parents[1]

TINY = [
    "--generator=dcgan:width=4",
    "--discriminator=dcgan:width=4",
    "--latent_dim=8",
    "--batch_size=8",
    "--kimg=0.08",
    "--log_kimg=0.008",
    "--checkpoint_kimg=0.024",
    "--sample_kimg=0.04",
    "--export=none",
]


def arguments(run_dir, *flags):
    """Flags of a run of ten small steps in `run_dir`; later flags win."""
    return [*TINY, f"--run_dir={run_dir}", *flags]


def recipe(run_dir, *flags):
    """The same as a dict of resolved flags."""
    parsed = cli.parse("train", arguments(run_dir, *flags))
    return {name: parsed[name].value for name in defaults()}


def command(run_dir, *flags):
    """The same as a command line."""
    return [sys.executable, "train.py", *arguments(run_dir, *flags)]


def run(words, **kwargs):
    """Runs a command in the repository's root; returns the completed process."""
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, **kwargs)


def weights(path):
    """All arrays of a checkpoint, by name."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return arrays


def largest_difference(one, two, player):
    """Of the weights of one player in two checkpoints."""
    one, two = weights(one), weights(two)
    assert one.keys() == two.keys()
    names = [name for name in one if name.startswith(f"{player}/")]
    assert names
    return max(float(np.abs(one[name] - two[name]).max(initial=0)) for name in names)


def assert_one_line(process, *parts):
    """Checks that a command ended as a user's mistake should: exit code 2 and one line, without a traceback."""
    lines = [line for line in process.stderr.splitlines() if line.startswith(("error:", "Traceback"))]
    assert process.returncode == 2, process.stderr
    assert len(lines) == 1 and lines[0].startswith("error: "), process.stderr
    for part in parts:
        assert part in lines[0], lines[0]


@contextlib.contextmanager
def benchmark(name):
    """A module of benchmarks/, whose neighbours leave again with it: their names are anybody's."""
    before, folder = set(sys.modules), str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(folder)
        for each in set(sys.modules) - before:
            if folder in str(getattr(sys.modules[each], "__file__", "")):
                del sys.modules[each]
