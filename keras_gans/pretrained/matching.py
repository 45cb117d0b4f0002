"""PyTorch's tensors -> the weights of Keras layers, all of them or none."""

import dataclasses
import difflib
from collections.abc import Callable

import numpy as np

from keras_gans.errors import UserError, shown

_PARTS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_SHOWN = 3  # names of each kind of trouble that a message lists


def to_torch(shape):
    """Returns the shape that PyTorch gives the tensor of a Keras weight of `shape`."""
    return tuple(reversed(shape)) if len(shape) == 2 else (*reversed(shape[-2:]), *shape[:-2])


def to_keras(tensor):
    """Brings a tensor to Keras's order of axes: kernels [out, in, h, w] -> [h, w, in, out], [out, in] -> [in, out]."""
    order = {4: (2, 3, 1, 0), 2: (1, 0)}.get(tensor.ndim)
    return tensor if order is None else tensor.transpose(order)


@dataclasses.dataclass
class Slot:
    """A weight of ours and the tensor that belongs there.

    Attributes:
        weight: Keras variable.
        shape: of the tensor in the file. Default: PyTorch's for this weight.
        convert: function that brings the tensor to the weight's shape.
    """

    weight: object
    shape: tuple | None = None
    convert: Callable = to_keras

    def __post_init__(self):
        if self.shape is None:
            self.shape = to_torch(self.weight.shape)


def of_layers(layers):
    """Pairs names with weights.

    Args:
        layers: dict, name of the PyTorch module -> our layer with the same parameters.

    Returns:
        dict, name of the tensor -> `Slot`.
    """
    return {f"{name}.{_PARTS[weight.name]}": Slot(weight) for name, layer in layers.items() for weight in layer.weights}


def check(expected, state, where, ignored=lambda name: False):
    """Raises a `UserError` that names the tensors that are missing, unexpected or of another shape.

    Args:
        expected: dict, name -> shape in the file.
        state: `State`.
        where: the file and the network, for the message.
        ignored: whether a tensor that is not expected may be there all the same.
    """
    found = state.shapes()
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected and not ignored(name)]
    wrong = [name for name in expected if name in found and found[name] != tuple(expected[name])]
    parts = [
        _listed("missing", missing, str),
        _listed("unexpected", unexpected, lambda name: _with_nearest(name, expected)),
        _listed(
            "of another shape",
            wrong,
            lambda name: f"{name} ({size_text(found[name])}, expected {size_text(expected[name])})",
        ),
    ]
    if any(parts):
        fit = len(expected) - len(missing) - len(wrong)
        raise UserError(f"{where}: {fit} of {len(expected)} tensors fit; {'; '.join(filter(None, parts))}")


def load(slots, state, where, ignored=lambda name: False):
    """Gives our weights the values of the tensors; without a `UserError`, all of them.

    Args:
        slots: dict, name of the tensor -> `Slot`, see `of_layers`.
        state, where, ignored: see `check`.
    """
    check({name: slot.shape for name, slot in slots.items()}, state, where, ignored)
    for name, slot in slots.items():
        slot.weight.assign(np.array(slot.convert(state[name]), "float32", order="C"))


def _listed(what, names, say):
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what} {', '.join(map(say, names[:_SHOWN]))}{more}"


def _with_nearest(name, expected):
    name = shown(name)
    close = difflib.get_close_matches(name, expected, n=1, cutoff=0)
    return f"{name} (nearest expected: {close[0]})" if close else name


def size_text(shape):
    """Returns a shape as messages show it, such as 64x3x7x7."""
    return "x".join(map(str, shape)) or "a number"
