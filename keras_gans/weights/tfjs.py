"""A bounded reader of TensorFlow.js's layers models: `model.json`, and the files of numbers that it names beside it.

Tensors come out as PyTorch has them, kernels [out, in, h, w] and `running_mean`, so that families see one layout; views but
for what is quantized.
"""

import json
import math
import re

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights.pickles import Damaged, naturals

_LARGEST_TEXT, _MOST_FILES = 2**22, 256
_TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2", "bool": "u1"}
_PARTS = {
    "kernel": "weight",
    "gamma": "weight",
    "alpha": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def parse(mapped, beside):
    """Reads a model's tensors.

    Args:
        mapped: the `model.json`, see `torch_file.opened`.
        beside: function (name) that maps a file of the same folder into memory.

    Returns:
        Names such as `conv/kernel` as `conv.weight` -> read-only NumPy arrays, in the order of the file.

    Raises:
        UserError: another kind of model, or one whose files have other names than plain ones.
        Damaged, or another error that `torch_file.opened` turns into one line.
    """
    if len(mapped) > _LARGEST_TEXT:
        raise Damaged(f"it has more than {_LARGEST_TEXT} bytes")
    model = json.loads(mapped[:])
    if model.get("format") != "layers-model":
        raise UserError(
            f"is no layers model of TensorFlow.js but of format {shown(str(model.get('format')))}; only layers models are read"
        )
    tensors, files = {}, 0
    for group in model["weightsManifest"]:
        names = group["paths"]
        files += len(names)
        if files > _MOST_FILES or not all(isinstance(n, str) and re.fullmatch(r"\w[\w.-]{0,127}", n) for n in names):
            raise UserError("its weight files are to lie beside it, under plain names")
        parts = [memoryview(beside(name)) for name in names]
        data = parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
        position = 0
        for entry in group["weights"]:
            array, size = _array(entry, data[position:])
            position += size
            name = _named(entry["name"])
            if name in tensors:
                raise Damaged(f"two tensors called {shown(name)}")
            tensors[name] = array
        if position != len(data):
            raise Damaged("its files are longer than its tensors")
    return tensors


def _array(entry, data):
    """Returns a tensor in PyTorch's layout, and how many bytes it takes."""
    shape, quantized = naturals(entry["shape"]), entry.get("quantization") or {}
    kind = np.dtype(_TYPES[quantized.get("dtype", entry["dtype"])])
    size = math.prod(shape) * kind.itemsize
    if size > len(data):
        raise Damaged(f"{shown(str(entry['name']))} is cut off")
    array = np.frombuffer(data[:size], kind)
    if "scale" in quantized:
        if not all(isinstance(quantized[key], int | float) for key in ("scale", "min")):
            raise Damaged("a scale that is no number")
        array = array.astype(np.float32) * np.float32(quantized["scale"]) + np.float32(quantized["min"])
    array = array.reshape(shape)
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:
        array = array.T
    elif array.ndim == 3 and shape[:2] == [1, 1]:  # slopes of PReLU
        array = array.reshape(-1)
    return array, size


def _named(name):
    if not isinstance(name, str):
        raise Damaged("a tensor whose name is no text")
    layer, _, part = name.rpartition("/")
    return f"{layer}.{_PARTS.get(part, part)}"
