"""The memory of a process is its own, not that of the one that started it."""

import subprocess
import sys

import pytest

from keras_gans.runs import memory

_GROWN = "held = b'x' * 400_000_000; import os, sys; os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"


@pytest.mark.skipif(not memory.STATUS.is_file(), reason="this system has no /proc")
def test_what_was_there_before_the_process_does_not_count():
    measure = "import keras_gans.runs.memory as memory; {}; print(memory.peak_memory_mb())"

    def megabytes(started_by, statement):
        words = [sys.executable, "-c", *started_by, measure.format(statement)]
        return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    small, grown = megabytes([], "pass"), megabytes([_GROWN], "pass")
    assert abs(grown - small) < 100
    assert 300 < megabytes([], "held = b'x' * 400_000_000") - small < 500


def test_systems_without_proc_ask_resource(monkeypatch, tmp_path):
    own = memory.peak_memory_mb()
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none")
    assert memory.peak_memory_mb() >= 0.9 * own > 0
    monkeypatch.setattr(memory, "resource", None)
    assert memory.peak_memory_mb() == 0
