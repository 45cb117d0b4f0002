"""Writers of weight files for tests: safetensors, ncnn, ONNX, TensorFlow.js, and pickles as `torch_utils.persistence` makes them."""

import json
import pickle
import sys
import types

import numpy as np


def safetensors(path, arrays):
    """Writes float32 arrays; returns `path`."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        raw = np.asarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(np.shape(array)), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def ncnn(layers, half=False):
    """Writes a chain of convolutions and slopes of PReLU in ncnn's form.

    Args:
        layers: list of (kernel [out, in, h, w], bias or None), or of (slopes [n],).
        half: kernels as float16.

    Returns:
        bytes of the `.param` and of the `.bin`.
    """
    lines, data = ["Input input 0 1 data"], b""
    for index, (weight, *bias) in enumerate(layers):
        begin = f"layer_{index} 1 1 blob_{index} blob_{index + 1} 0={len(weight)}"
        if np.ndim(weight) == 1:
            lines.append(f"PReLU {begin}")
            data += np.asarray(weight, "<f4").tobytes()
            continue
        lines.append(
            f"Convolution {begin} 1={weight.shape[3]} 11={weight.shape[2]} 4=1 5={int(bias[0] is not None)} "
            f"6={weight.size} 9=2 -23310=1,2.000000e-01"
        )
        data += (0x01306B47 if half else 0).to_bytes(4, "little")
        data += np.asarray(weight, "<f2" if half else "<f4").tobytes()
        data += b"\0" * (-len(data) % 4)
        data += b"" if bias[0] is None else np.asarray(bias[0], "<f4").tobytes()
    return "\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines, ""]).encode(), data


def message(*fields):
    """Protocol Buffers: (number, int, bytes or text) each."""

    def varint(number):
        made = b""
        while number > 127:
            made, number = made + bytes([number & 127 | 128]), number >> 7
        return made + bytes([number])

    made = b""
    for number, value in fields:
        if isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            made += varint(number << 3 | 2) + varint(len(value)) + value
    return made


_ONNX_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "float16": 10}


def onnx(initial, nodes):
    """Returns the bytes of an `.onnx` file.

    Args:
        initial: dict, name -> array.
        nodes: list of (type, inputs, output, dict of int attributes).
    """
    graph = b""
    for kind, inputs, output, attributes in nodes:
        fields = [(1, name) for name in inputs] + [(2, output), (4, kind)]
        fields += [(5, message((1, name), (3, value))) for name, value in attributes.items()]
        graph += message((1, message(*fields)))
    for name, array in initial.items():
        array = np.asarray(array)
        fields = [(1, side) for side in array.shape] + [(2, _ONNX_TYPES[str(array.dtype)]), (8, name), (9, array.tobytes())]
        graph += message((5, message(*fields)))
    return message((1, 8), (7, graph))


def tfjs(weights, path="numbers.bin"):
    """Returns the bytes of a `model.json` and of its file of numbers.

    Args:
        weights: list of (name, array in Keras's layout), or of (name, array, scale, least) for one that is quantized.
        path: the name of the file of numbers.
    """
    entries, data = [], b""
    for name, array, *scale in weights:
        entry = {"name": name, "shape": list(array.shape), "dtype": "float32"}
        if scale:
            entry["quantization"] = {"dtype": str(array.dtype), "scale": scale[0], "min": scale[1]}
        entries.append(entry)
        data += array.tobytes()
    model = {"format": "layers-model", "modelTopology": {}, "weightsManifest": [{"paths": [path], "weights": entries}]}
    return json.dumps(model).encode(), data


class _Persistent:
    """Pickles a module as NVIDIA's decorator does: its class's source text, and its state."""

    def __init__(self, module, source):
        self.module, self.source = module, source

    def __reduce__(self):
        state = dict(self.module.__dict__)
        state["_modules"] = {name: _Persistent(part, self.source) for name, part in self.module._modules.items()}
        state["_init_kwargs"] = sys.modules["dnnlib.util"].EasyDict(z_dim=np.float64(1.5), tags={"a"})
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": "Network", "state": state}
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,)


def networks(path, modules, source="", protocol=None):
    """Writes a pickle of PyTorch modules by name; returns `path`.

    Args:
        path: the file.
        modules: dict, name -> module, or anything else that can be pickled.
        source: what the file gives as the text of the classes.
        protocol: of the pickle.
    """

    def _reconstruct_persistent_obj(meta):
        raise AssertionError("not for reading")

    class EasyDict(dict):
        pass

    fakes = {"torch_utils.persistence": _reconstruct_persistent_obj, "dnnlib.util": EasyDict}
    for name, part in fakes.items():
        part.__module__, part.__qualname__ = name, part.__name__
        sys.modules[name] = types.ModuleType(name)
        sys.modules.setdefault(name.partition(".")[0], types.ModuleType(name.partition(".")[0]))
        setattr(sys.modules[name], part.__name__, part)
    try:
        saved = {
            name: _Persistent(module, source) if hasattr(module, "state_dict") else module
            for name, module in modules.items()
        }
        path.write_bytes(pickle.dumps(saved, protocol))
    finally:
        for name in [*fakes, "torch_utils", "dnnlib"]:
            del sys.modules[name]
    return path


def tensorflow_networks(path, networks):
    """Writes a pickle of StyleGAN2's TensorFlow code; returns `path`.

    Args:
        path: the file.
        networks: list of dicts, name of a variable -> array; `mapping/...` and `synthesis/...` become components.
    """

    class Network:
        def __init__(self, variables):
            inner = {name: {} for name in ("mapping", "synthesis")}
            own = []
            for name, array in variables.items():
                part, _, rest = name.partition("/")
                if part in inner:
                    inner[part][rest] = array
                else:
                    own.append((name, array))
            self.state = {
                "version": 4,
                "static_kwargs": {"resolution": 16, "func": None},
                "build_module_src": "raise AssertionError('executed')",
                "components": {name: Network(part) for name, part in inner.items() if part},
                "variables": own,
            }

        def __getstate__(self):
            return self.state

    Network.__module__, Network.__qualname__ = "dnnlib.tflib.network", "Network"
    modules = ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network")
    sys.modules |= {name: types.ModuleType(name) for name in modules}
    sys.modules["dnnlib.tflib.network"].Network = Network
    try:
        path.write_bytes(pickle.dumps(tuple(map(Network, networks)), 4))
    finally:
        for name in modules:
            del sys.modules[name]
    return path
