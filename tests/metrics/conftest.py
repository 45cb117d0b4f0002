"""The PyTorch packages that scores and features are compared with."""

import importlib

import pytest


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
