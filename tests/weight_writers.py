"""Writers of weight files for tests: safetensors, and pickles as `torch_utils.persistence` makes them."""

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
