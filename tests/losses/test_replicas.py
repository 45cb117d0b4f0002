"""Losses, penalties, constraints and spectral normalization on two replicas."""

import os
import pathlib
import subprocess
import sys


def test_two_replicas_agree_with_one_device():
    script = pathlib.Path(__file__).with_name("on_two_replicas.py")
    environment = os.environ | {"PYTHONPATH": str(script.parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)
    assert process.returncode == 0, process.stderr[-3000:]
