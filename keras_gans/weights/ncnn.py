"""A bounded reader of ncnn's models: `.param`, text with a layer on each line, and `.bin`, their weights one after another.

What a layer keeps in the `.bin` depends on its type; the types that are read are those of generators, and others are refused
by name. Kernels are float32, float16 or a table of 256 numbers, each behind four bytes that say which.
"""

import math

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights.pickles import Damaged

MAGIC = b"7767517"
_FLOAT16, _FLOAT32 = 0x01306B47, 0x0002C056
_LARGEST_TEXT, _MOST_LAYERS, _LARGEST = 2**20, 2**14, 2**40
_WEIGHTLESS = frozenset(
    "BinaryOp Clip Concat Crop Dropout Eltwise ExpandDims Flatten Input Interp Noop Padding Permute PixelShuffle Pooling "
    "Reduction ReLU Reorg Reshape Sigmoid Slice Softmax Split Squeeze Swish TanH UnaryOp".split()
)


def parse(text, binary):
    """Reads a model's tensors.

    Args:
        text: the `.param`, see `torch_file.opened`.
        binary: the `.bin`, likewise.

    Returns:
        Names -> read-only NumPy arrays in PyTorch's layout, in the order of the layers: `Conv_0.weight`, `Conv_0.bias`, ...

    Raises:
        UserError: a type of layer that is not known here.
        Damaged, or another error that `torch_file.opened` turns into one line.
    """
    if len(text) > _LARGEST_TEXT:
        raise Damaged(f"it has more than {_LARGEST_TEXT} bytes")
    lines = bytes(text[:]).decode("ascii").split("\n")
    if lines[0].strip() != MAGIC.decode():
        raise Damaged("it does not begin as ncnn's .param files do")
    count = _natural(lines[1].split()[0])
    layers = [line.split() for line in lines[2:] if line.strip()]
    if count != len(layers) or count > _MOST_LAYERS:
        raise Damaged(f"{len(layers)} layers where {shown(lines[1])} are said")
    stream, tensors = _Stream(binary), {}
    for kind, name, *rest in layers:
        blobs = 2 + _natural(rest[0]) + _natural(rest[1])
        numbers = _numbers(rest[blobs:])
        for part, array in _read(kind, numbers, stream).items():
            if f"{name}.{part}" in tensors:
                raise Damaged(f"two layers called {shown(name)}")
            tensors[f"{name}.{part}"] = array
    if stream.position != len(stream.view):
        raise UserError(f"the .bin has {len(stream.view)} bytes where the .param's layers take {stream.position}")
    return tensors


def _natural(text):
    if not text.isdecimal() or len(text) > 12:
        raise Damaged(f"{shown(text)} where a count belongs")
    return int(text)


def _numbers(pairs):
    """Returns key -> count of `0=64 1=3 ...`; what is a fraction or a list says nothing about sizes."""
    found = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if value.isdecimal() and key.isdecimal():
            found[_natural(key)] = _natural(value)
    return found


class _Stream:
    """The `.bin`, read from its begin to its end."""

    def __init__(self, buffer):
        self.view, self.position = memoryview(buffer), 0

    def floats(self, count, kind="<f4"):
        """Returns the next `count` numbers."""
        size = count * np.dtype(kind).itemsize
        if count > _LARGEST or self.position + size > len(self.view):
            raise Damaged("its .bin is cut off")
        piece = self.view[self.position : self.position + size]
        self.position += size
        return np.frombuffer(piece, kind)

    def kernel(self, count):
        """Returns the next `count` numbers, of a tensor that says its own type."""
        tag = int(self.floats(1, "<u4")[0])
        if tag == _FLOAT16:
            numbers = self.floats(count, "<f2")
            self.floats(-self.position % 4, "u1")
            return numbers
        if tag in (0, _FLOAT32):
            return self.floats(count)
        if sum(tag.to_bytes(4, "little")) and tag >> 24 == 0 and tag & 0xFF in (0, 1):
            table = self.floats(256)
            numbers = table[self.floats(count, "u1")]
            self.floats(-self.position % 4, "u1")
            return numbers
        raise UserError(f"its .bin has weights of a type that is not read, {tag:#x}; take the float16 or float32 model")


def _read(kind, numbers, stream):
    """Takes what a layer of a type keeps in the `.bin`; returns part -> array."""
    get = numbers.get
    if kind in _WEIGHTLESS:
        return {}
    if kind in ("Convolution", "ConvolutionDepthWise", "Deconvolution", "DeconvolutionDepthWise"):
        out, width, size = get(0, 0), get(1, 0), get(6, 0)
        height, each = get(11, width), out * width * get(11, width)
        if get(8, 0):
            raise UserError(
                "its convolutions are of 8 bit with scales, which are not read; take the float16 or float32 model"
            )
        if not each or size % each:
            raise Damaged(f"a kernel of {size} numbers for {out} outputs")
        kernel = stream.kernel(size).reshape(out, size // each, height, width)
        if kind.startswith("Deconvolution"):  # PyTorch counts what goes in first
            kernel = kernel.swapaxes(0, 1)
        return {"weight": kernel} | ({"bias": stream.floats(out)} if get(5, 0) else {})
    if kind == "InnerProduct":
        out, size = get(0, 0), get(2, 0)
        if get(8, 0) or not out or size % out:
            raise Damaged(f"a matrix of {size} numbers for {out} outputs")
        return {"weight": stream.kernel(size).reshape(out, -1)} | ({"bias": stream.floats(out)} if get(1, 0) else {})
    if kind == "PReLU":
        return {"weight": stream.floats(get(0, 0))}
    if kind == "BatchNorm":  # PyTorch's names of what ncnn calls slope, mean, variance, bias
        return {part: stream.floats(get(0, 0)) for part in ("weight", "running_mean", "running_var", "bias")}
    if kind == "InstanceNorm":
        return {part: stream.floats(get(0, 0)) for part in ("weight", "bias")} if get(2, 1) else {}
    if kind == "MemoryData":
        shape = [side for side in (get(2, 0), get(1, 0), get(0, 0)) if side]
        return {"data": stream.floats(math.prod(shape)).reshape(shape)}
    raise UserError(f"its layers of type {shown(kind)} are not read; known are convolutions, norms and activations")
