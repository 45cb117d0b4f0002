"""Any weight file -> the tensors of its networks by name, whatever its format."""

import contextlib
import dataclasses
import mmap
import pathlib

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights import ncnn, onnx_file, persistent_file, safetensors, tfjs, torch_file

_TORCH_MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # how PyTorch's older files begin
_LARGER = 4  # times the size of a file that its tensors may be together: some are shared, bfloat16 is widened
_LONGEST_NAME = 512
_WRAPPERS = ("params_ema", "params", "state_dict")  # dicts within a file, the best first


class State(dict):
    """The tensors of one network by name, views of a file that is mapped into memory.

    What was read of the file is dropped from memory when the next tensor is taken, so that an import needs room for the
    network but not for the file.

    Args:
        tensors: dict, name -> array.
        release: function without arguments, called before a tensor is taken. Default: does nothing.
    """

    def __init__(self, tensors, release=lambda: None):
        super().__init__(tensors)
        self._release = release

    def __getitem__(self, name):
        self._release()
        return super().__getitem__(name)

    def shapes(self):
        """Returns names -> shapes, and reads nothing."""
        return {name: tensor.shape for name, tensor in self.items()}

    def within(self, prefix):
        """Returns the tensors whose names begin with `prefix`, under the rest of their names."""
        return State(
            {name.removeprefix(prefix): tensor for name, tensor in self.items() if name.startswith(prefix)}, self._release
        )

    def renamed(self, names):
        """Returns the same tensors; `names` is a dict, name -> new name, of all or some, or a function."""
        new = names if callable(names) else lambda name: names.get(name, name)
        return State({new(name): tensor for name, tensor in self.items()}, self._release)


@dataclasses.dataclass(frozen=True)
class Weights:
    """What a weight file holds.

    Attributes:
        path: the file.
        part: the dict within the file that was taken, such as "params_ema"; "" for the file itself.
        networks: name -> `State`; the name is "" in a file of one network.
        beside: the other files that belong to it.
    """

    path: pathlib.Path
    part: str
    networks: dict
    beside: tuple = ()


def read(path):
    """Reads a weight file; its content says of which kind it is.

    Kinds are PyTorch's (.pth), NVIDIA's networks (.pkl), safetensors, ONNX, ncnn's (.param, or .bin, with the other one
    beside it) and layers models of TensorFlow.js (model.json, with its files beside it).

    Returns:
        `Weights`.

    Raises:
        UserError: missing, damaged, of another kind, or with anything in it but tensors; one line.
    """
    path = pathlib.Path(path)
    if path.suffix == ".bin" and path.with_suffix(".param").is_file():
        path = path.with_suffix(".param")
    with contextlib.ExitStack() as stack:
        mapped, beside = {}, {}

        def opened(path):
            mapped[path] = stack.enter_context(torch_file.opened(path, "weight file"))
            return mapped[path]

        def neighbour(name):
            beside[name] = opened(path.parent / name)
            return beside[name]

        part, found = _parsed(path, opened(path), neighbour)
        if any(len(name) > _LONGEST_NAME for tensors in found.values() for name in tensors):
            raise UserError(f"a tensor has a name of more than {_LONGEST_NAME} characters, which no network has")
        given = sum(map(len, mapped.values()))
        if sum(tensor.nbytes for tensors in found.values() for tensor in tensors.values()) > _LARGER * given:
            raise UserError("its tensors are the same numbers again and again, far more than the file has; get it again")

        def release():
            for each in mapped.values():
                each.madvise(mmap.MADV_DONTNEED)

        networks = {name: State(_without_wrapping(tensors), release) for name, tensors in found.items()}
        return Weights(path, part, networks, tuple(path.parent / name for name in beside))


def _parsed(path, mapped, neighbour):
    """Returns the dict within the file that was taken, and the networks; `neighbour` (name) maps another file."""
    begin = mapped[:16]
    if begin.startswith((b"PK", _TORCH_MAGIC)):
        return _tensors(torch_file.parse(path, mapped))
    if begin.startswith(b"\x80"):
        return "", persistent_file.parse(mapped)
    if begin[8:9] == b"{":
        return "", {"": safetensors.parse(mapped)}
    if begin.startswith(ncnn.MAGIC):
        return "", {"": ncnn.parse(mapped, neighbour(f"{path.stem}.bin"))}
    if begin.startswith(b"{"):
        return "", {"": tfjs.parse(mapped, neighbour)}
    if begin.startswith(b"\x08"):  # the version, which is an .onnx file's first field
        return "", {"": onnx_file.parse(mapped)}
    raise UserError(
        "no weight file; expected is one of PyTorch (.pth), of NVIDIA's networks (.pkl), of safetensors, ONNX, ncnn (.param "
        "beside .bin) or TensorFlow.js (model.json)"
    )


def read_state_dict(path):
    """Reads the tensors of a file of one network.

    Returns:
        `State`, names -> NumPy arrays.

    Raises:
        UserError: as `read`, or a file of several networks.
    """
    networks = read(path).networks
    if list(networks) != [""]:
        raise UserError(f"{path} holds the networks {shown(', '.join(networks))}, not one state dict")
    return networks[""]


def _tensors(saved):
    """Finds the state dict in what a .pth file holds; returns the name of the dict it was in, and the networks."""
    if not isinstance(saved, dict):
        raise UserError("holds no state dict (names -> tensors); save model.state_dict() alone")

    def only_tensors(value):
        return {name: item for name, item in value.items() if isinstance(item, np.ndarray) and isinstance(name, str)}

    for name in _WRAPPERS:
        if isinstance(saved.get(name), dict) and only_tensors(saved[name]):
            return name, {"": only_tensors(saved[name])}
    if only_tensors(saved):
        return "", {"": only_tensors(saved)}
    parts = {id(value): (name, value) for name, value in saved.items() if isinstance(value, dict)}  # each once
    candidates = {name: tensors for name, value in parts.values() if (tensors := only_tensors(value))}
    if len(candidates) == 1:
        ((name, tensors),) = candidates.items()
        return str(name), {"": tensors}
    raise UserError(
        "holds no state dict (names -> tensors)"
        + (
            f" but several, {shown(', '.join(map(str, candidates)))}; save one alone"
            if candidates
            else "; save model.state_dict()"
        )
    )


def _without_wrapping(tensors):
    """Takes off the `module.` that PyTorch's DataParallel puts before every name."""
    if all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors
