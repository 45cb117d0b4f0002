"""A bounded reader of the weights of `.onnx` files, without the `onnx` package: initialisers in the order of their use.

The graph is walked for the names of what each layer is given and for weights of 8 bit behind DequantizeLinear; nothing of it
is run. A tensor keeps its own name where that says which part it is (`up.0.weight`), else it is called by its layer
(`Conv_3.weight`).
"""

import dataclasses
import math

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights import protobuf
from keras_gans.weights.pickles import Damaged

_TYPES = {1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8", 9: "u1", 10: "<f2", 11: "<f8", 16: "<u2"}
_FLOATS = (1, 10, 11, 16)
_PARTS = {  # of a layer's inputs behind the first
    "Conv": ("weight", "bias"),
    "ConvTranspose": ("weight", "bias"),
    "Gemm": ("weight", "bias"),
    "MatMul": ("weight",),
    "PRelu": ("weight",),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
    "InstanceNormalization": ("weight", "bias"),
}
_MOST_NODES = 2**16
_LARGER, _DEPTH = 4, 8  # times the file's size that dequantized tensors may take; steps between a tensor and its layer


@dataclasses.dataclass
class _Node:
    kind: str
    inputs: list
    outputs: list
    attributes: dict


def parse(mapped):
    """Reads a model's tensors.

    Args:
        mapped: the file, see `torch_file.opened`.

    Returns:
        Names -> read-only NumPy arrays, views of the file but for those of 8 bit.

    Raises:
        UserError: weights in files beside it, or of a type that is not read.
        Damaged, or another error that `torch_file.opened` turns into one line.
    """
    reader = protobuf.Reader(len(mapped))
    graph = reader.one(memoryview(mapped), 7)
    if graph is None:
        raise Damaged("it has no graph")
    nodes, initial = [], {}
    for number, value in reader.fields(graph):
        if number == 1:
            nodes.append(_node(reader, value))
            if len(nodes) > _MOST_NODES:
                raise Damaged(f"its graph has more than {_MOST_NODES} nodes")
        elif number == 5:
            name, tensor = _tensor(reader, value)
            initial[name] = tensor
    for node in nodes:
        if node.kind == "Constant" and isinstance(node.attributes.get("value"), np.ndarray):
            initial[node.outputs[0]] = node.attributes["value"]
    return _Weights(nodes, initial, _LARGER * len(mapped)).by_use()


class _Weights:
    def __init__(self, nodes, initial, most):
        self.nodes, self.initial, self.left = nodes, initial, most
        self.makers = {output: node for node in nodes for output in node.outputs}
        self.found = {}

    def by_use(self):
        counts, seen = {}, set()
        for node in self.nodes:
            parts = _PARTS.get(node.kind)
            if not parts:
                for name in node.inputs:  # a table of the styles' scales
                    if name in self.initial and name not in seen and self._is_float(name, 2):
                        seen.add(name)
                        self._add(name, self.initial[name])
                continue
            given = [(part, name) for part, name in zip(parts, node.inputs[1:]) if name not in seen]
            index = counts.setdefault(node.kind, 0)
            counts[node.kind] += 1
            for part, name in given:
                array = self._value(name)
                if array is None:
                    continue
                seen.add(name)
                origin = self._origin(name)
                called = origin if origin.endswith(f".{part}") else f"{node.kind}_{index}.{part}"
                self._add(called, self._as_torch(node, part, array))
        return self.found

    def _is_float(self, name, axes):
        array = self.initial[name]
        return array.dtype.kind == "f" and array.ndim == axes and array.size > 1

    def _add(self, name, array):
        if name in self.found:
            raise Damaged(f"two tensors called {shown(name)}")
        self.found[name] = array

    def _origin(self, name):
        """Returns the initialiser that a tensor is made of."""
        for _ in range(_DEPTH):
            if name in self.initial or name not in self.makers:
                return name
            name = self.makers[name].inputs[0]
        return name

    def _value(self, name, depth=_DEPTH):
        """Returns a tensor that depends on no input of the model, or None."""
        if name in self.initial:
            array = self.initial[name]
            return array if array.dtype.kind == "f" else None
        node = self.makers.get(name)
        if node is None or not depth:
            return None
        if node.kind == "DequantizeLinear":
            return self._dequantized(node)
        if node.kind in ("Identity", "Transpose"):
            array = self._value(node.inputs[0], depth - 1)
            if array is None or node.kind == "Identity":
                return array
            order = node.attributes.get("perm")
            return array.transpose(order) if order else array.T
        return None

    def _dequantized(self, node):
        given = [self.initial.get(name) for name in node.inputs]
        if given[0] is None or len(given) < 2 or given[1] is None:
            return None
        whole, scale = given[:2]
        zero = given[2] if len(given) > 2 and given[2] is not None else np.zeros((), whole.dtype)
        self.left -= 4 * whole.size
        if self.left < 0:
            raise Damaged("its weights of 8 bit are the same again and again")
        axis = node.attributes.get("axis", 1) if scale.ndim and scale.size > 1 else None
        if axis is not None:
            shape = [-1 if place == axis % whole.ndim else 1 for place in range(whole.ndim)]
            scale, zero = scale.reshape(shape), zero.reshape(shape) if zero.size > 1 else zero.reshape(())
        else:
            scale, zero = scale.reshape(()), zero.reshape(())
        return (whole.astype(np.float32) - zero.astype(np.float32)) * scale

    def _as_torch(self, node, part, array):
        if node.kind == "PRelu":
            return array.reshape(-1)
        if part == "weight" and (node.kind == "MatMul" or (node.kind == "Gemm" and not node.attributes.get("transB"))):
            return array.T
        return array


def _text(value):
    return bytes(value[:512]).decode("utf-8", "replace")


def _node(reader, view):
    node = _Node("", [], [], {})
    for number, value in reader.fields(view):
        if number == 1:
            node.inputs.append(_text(value))
        elif number == 2:
            node.outputs.append(_text(value))
        elif number == 4:
            node.kind = _text(value)
        elif number == 5:
            name, made = None, None
            for inner, item in reader.fields(value):
                if inner == 1:
                    name = _text(item)
                elif inner == 3:
                    made = protobuf.signed(item)
                elif inner == 5:
                    made = _tensor(reader, item)[1]
                elif inner == 8:
                    made = (made if isinstance(made, list) else []) + reader.integers(item)
            node.attributes[name] = made
    return node


def _tensor(reader, view):
    """Returns the name and the array of a TensorProto."""
    name, shape, kind, raw, numbers = "", [], 0, None, {}
    for number, value in reader.fields(view):
        if number == 1:
            shape += reader.integers(value)
        elif number == 2:
            kind = value
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = value
        elif number in (4, 5, 7, 10):
            numbers.setdefault(number, []).append(value)
        elif number == 14 and value == 1:
            raise UserError("its weights lie in other files; save it as one file")
    if kind not in _TYPES:
        if len(shape) < 2:  # texts and truth values are no weights
            return name, np.zeros(0, bool)
        raise UserError(f"{shown(name)} is of a type that is not read, number {kind} of ONNX")
    if any(side < 0 for side in shape) or len(shape) > 32:
        raise Damaged(f"{shown(name)} has the shape {shown(str(shape))}")
    if raw is None:
        raw = _unpacked(reader, kind, numbers)
        flat = raw
    else:
        flat = np.frombuffer(raw, _TYPES[kind])
    if kind == 16:
        flat = (flat.astype("<u4") << 16).view("<f4")
    if math.prod(shape) != flat.size:
        raise Damaged(f"{shown(name)} has another size than its shape says")
    return name, flat.reshape(shape)


def _unpacked(reader, kind, numbers):
    """Returns the numbers of a tensor that keeps them one by one."""
    if 4 in numbers or 10 in numbers:
        number = 4 if 4 in numbers else 10
        views = numbers[number]
        if all(isinstance(view, memoryview) for view in views):
            return np.frombuffer(views[0] if len(views) == 1 else b"".join(views), {4: "<f4", 10: "<f8"}[number])
    found = [item for values in numbers.values() for value in values for item in reader.integers(value)]
    stored = np.array(found, np.int64).astype({10: "<u2"}.get(kind, _TYPES[kind]))
    return stored.view("<f2") if kind == 10 else stored
