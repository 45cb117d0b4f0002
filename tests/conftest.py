"""What every test needs: quiet TensorFlow, and no state left behind by another test."""

import importlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).with_name("cli")))  # for `test_cli.refused`, in any order of collection
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands have it, see keras_gans/startup.py

import keras
import pytest


@pytest.fixture(autouse=True)
def fresh_keras():
    """Each test starts with Keras's counters of names at zero, the float32 policy and a fixed seed."""
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def peer():
    """A function that imports a PyTorch package (torch_fidelity, lpips, torchvision), or skips where it is missing."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):  # torchvision declares its fakes at import, and the CPU build of it lacks them
        if not hasattr(torch.ops.torchvision, name):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

    def import_peer(name):
        pytest.importorskip(name.partition(".")[0], reason="the parity extra is not installed")
        return importlib.import_module(name)

    yield import_peer
    del operators
