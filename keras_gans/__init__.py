"""Generative adversarial networks for TensorFlow and Keras 3: train, score, ship.

Importing this package is cheap: submodules, and TensorFlow with them, are imported when a name is used.
"""

import importlib

__version__ = "0.2.0"

_SUBMODULES = (
    "augment",
    "bulk",
    "callbacks",
    "data",
    "export",
    "exporting",
    "features",
    "games",
    "kernels",
    "layers",
    "losses",
    "metrics",
    "networks",
    "penalties",
    "pretrained",
    "registry",
    "runs",
    "serving",
    "trained",
    "using",
    "weights",
)


def __getattr__(name):
    if name == "Trained":
        return importlib.import_module("keras_gans.trained.trained").Trained
    if name in _SUBMODULES:
        return importlib.import_module(f"keras_gans.{name}")
    raise AttributeError(f"module 'keras_gans' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_SUBMODULES, "Trained"])
