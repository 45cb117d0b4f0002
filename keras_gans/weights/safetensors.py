"""A bounded reader of `.safetensors`: eight bytes that say how long the header is, a JSON header, raw tensors."""

import json
import math

import numpy as np

from keras_gans.weights.pickles import Damaged, natural

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
_LARGEST_HEADER = 100_000_000  # bytes, as the format's own reader has it


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
    if not 2 <= length <= min(len(mapped) - 8, _LARGEST_HEADER):
        raise Damaged("its header is longer than the file")
    header = json.loads(mapped[8 : 8 + length])
    header.pop("__metadata__", None)
    data, end = memoryview(mapped)[8 + length :], 0
    arrays = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = map(natural, entry["data_offsets"])
        if start != end:
            raise Damaged(f"{name} does not begin where the tensor before it ends")
        arrays[name] = _array(name, entry, data[start:stop], stop - start)
        end = stop
    if end != len(data):
        raise Damaged("it is longer or shorter than its tensors")
    return arrays


def _array(name, entry, data, size):
    if entry["dtype"] not in _TYPES:
        raise Damaged(f"{name} is of type {entry['dtype']}")
    kind, shape = np.dtype(_TYPES[entry["dtype"]]), list(map(natural, entry["shape"]))
    if math.prod(shape) * kind.itemsize != size or len(data) != size:
        raise Damaged(f"{name} has another size than its shape says")
    flat = np.frombuffer(data, kind)
    if entry["dtype"] == "BF16":
        flat = (flat.astype("<u4") << 16).view("<f4")
    return flat.reshape(shape)
