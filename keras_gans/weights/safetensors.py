"""A bounded reader of `.safetensors`: eight bytes that say how long the header is, a JSON header, raw tensors."""

import json
import math

import numpy as np

from keras_gans.errors import shown
from keras_gans.weights.pickles import Damaged, naturals

_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_LARGEST_HEADER = 2**22  # bytes: room for 30,000 tensors; as objects it may cost 30 times as much


def parse(mapped):
    """Reads named tensors.

    Args:
        mapped: the file, see `torch_file.opened`.

    Returns:
        Names -> read-only NumPy arrays, views of the file (bfloat16 as float32).

    Raises:
        Damaged, or another error that `torch_file.opened` turns into one line.
    """
    length = int.from_bytes(mapped[:8], "little")
    if not 2 <= length <= len(mapped) - 8:
        raise Damaged("its header is longer than the file")
    if length > _LARGEST_HEADER:
        raise Damaged(f"its header has more than {_LARGEST_HEADER} bytes")
    header = json.loads(mapped[8 : 8 + length])
    header.pop("__metadata__", None)
    data, end = memoryview(mapped)[8 + length :], 0
    arrays = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = naturals(entry["data_offsets"])
        if start != end:
            raise Damaged(f"{shown(name)} does not begin where the tensor before it ends")
        arrays[name] = _array(name, entry, data[start:stop], stop - start)
        end = stop
    if end != len(data):
        raise Damaged("it is longer or shorter than its tensors")
    return arrays


def _array(name, entry, data, size):
    if entry["dtype"] not in _TYPES:
        raise Damaged(f"{shown(name)} is of type {shown(entry['dtype'])}")
    kind, shape = np.dtype(_TYPES[entry["dtype"]]), naturals(entry["shape"])
    if math.prod(shape) * kind.itemsize != size or len(data) != size:
        raise Damaged(f"{shown(name)} has another size than its shape says")
    flat = np.frombuffer(data, kind)
    if entry["dtype"] == "BF16":
        flat = (flat.astype("<u4") << 16).view("<f4")
    return flat.reshape(shape)
