"""A restricted reader of PyTorch's files: tensors in dicts and lists, and nothing else.

PyTorch files are pickles, which this reader never unpickles (see `pickles`). Both layouts are read: the zip archive
(PyTorch 1.6 and later) and the older one, five pickles followed by raw storages. Arrays are views of the file, which is
mapped into memory and not copied.
"""

import contextlib
import dataclasses
import functools
import io
import math
import mmap
import pathlib
import struct
import zipfile
import zlib

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights import pickles
from keras_gans.weights.pickles import Damaged, Placeholder, Stream, natural, naturals

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
_STORAGES = {  # bfloat16 is read as uint16 and widened to float32
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "<u2",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
_LARGEST_DIRECTORY = 2**24  # bytes of a zip archive's list of entries, each of which makes an object
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip entry: the lengths of its name and of its extra field


@dataclasses.dataclass(frozen=True)
class Storage:
    """Numbers of one type, of which tensors are views.

    Attributes:
        key: its name in the file.
        kind: PyTorch's name of its type.
        count: how many numbers.
    """

    key: str
    kind: str
    count: int


@dataclasses.dataclass(eq=False)
class Tensor(Placeholder):
    """A view of a storage.

    Attributes:
        storage: `Storage`.
        offset: of its first number, an integer.
        shape, strides: lists of integers, in numbers, not bytes.
    """

    storage: Storage
    offset: int
    shape: list
    strides: list

    def array(self, flat):
        """Returns the tensor as a read-only view of its storage's numbers, an array [count]."""
        strides = [step * flat.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides, writeable=False)


def read(path):
    """Reads a file that `torch.save` wrote.

    Args:
        path: the file (.pt, .pth, .ckpt).

    Returns:
        What was saved: dicts, lists (tuples too become lists), numbers, text, None and, for tensors, read-only NumPy
        arrays (bfloat16 as float32).

    Raises:
        UserError: the file is missing or damaged, or holds anything else; the message names it.
    """
    path = pathlib.Path(path)
    with opened(path, "PyTorch file") as mapped:
        return parse(path, mapped)


@contextlib.contextmanager
def opened(path, kind):
    """Maps a file into memory; turns whatever is wrong with it into one line.

    Args:
        path: the file, a `pathlib.Path`.
        kind: what it should be, for messages.

    Yields:
        The file, an `mmap.mmap` that can only be read. It stays mapped while arrays are views of it.

    Raises:
        UserError: the file is missing or damaged.
    """
    if path.exists() and not path.is_file():  # to open a pipe would wait for its writer
        raise UserError(f"{path} is no file; a {kind} is expected there")
    try:
        with path.open("rb") as file:
            yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; a {kind} is expected there") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except MemoryError:
        raise UserError(
            f"{path}: there is not enough memory to read it; close other programs, or read it elsewhere"
        ) from None
    except (
        Damaged,
        zipfile.BadZipFile,
        OSError,
        RuntimeError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        EOFError,
        struct.error,
    ) as error:
        reason = shown(" ".join(str(error).split()), 200)
        raise UserError(f"{path} is damaged or no {kind} ({reason}); get it again") from error


def read_state_dict(path):
    """Reads a state dict: parameter names -> NumPy arrays.

    Raises:
        UserError: as `read`, or the file holds something else than a flat dict of tensors.
    """
    state = read(path)
    if not isinstance(state, dict) or not all(isinstance(value, np.ndarray) for value in state.values()):
        raise UserError(f"{path} is no state dict (names -> tensors); save model.state_dict() alone")
    return state


def parse(path, mapped):
    """As `read`, of a file that is `opened`; raises whatever that turns into one line."""
    return _read_zip(path, mapped) if zipfile.is_zipfile(path) else read_legacy(Stream(mapped))


class _Bounded(io.FileIO):
    """A file of which `zipfile`, which reads an archive's whole list of entries at once, gets no more than the limit."""

    def read(self, size=-1):
        if size > _LARGEST_DIRECTORY:
            raise Damaged(f"its list of entries has more than {_LARGEST_DIRECTORY} bytes")
        return super().read(size)


def _read_zip(path, mapped):
    with _Bounded(path) as file, zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise Damaged(f"{len(names)} entries called data.pkl")
        if sum(info.file_size for info in archive.infolist()) > len(mapped):
            raise Damaged("its entries overlap")
        root = names[0].removesuffix("data.pkl")

        def entry(name):
            info = archive.getinfo(root + name)
            if info.compress_type != zipfile.ZIP_STORED:  # PyTorch never compresses
                raise Damaged(f"{name} is compressed")
            start = info.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack_from(mapped, info.header_offset))
            data = memoryview(mapped)[start : start + info.file_size]
            if zlib.crc32(data) != info.CRC:
                raise Damaged(f"{name} has another checksum")
            return data

        if root + "byteorder" in archive.namelist() and entry("byteorder") != b"little":
            raise UserError("saved on a big-endian machine; save it again on a little-endian one")
        saved = pickles.interpret(Stream(entry("data.pkl")), FUNCTIONS, _storage)
        return _fill(saved, lambda storage: entry(f"data/{storage.key}"))


def read_legacy(stream):
    """Reads PyTorch's older layout from a `Stream`; returns what `read` returns, or an array for a storage alone."""
    interpret = functools.partial(pickles.interpret, stream, FUNCTIONS, _storage)
    if interpret() != _LEGACY_MAGIC or interpret() != _LEGACY_VERSION:
        raise Damaged("neither a zip archive nor PyTorch's older format")
    if not interpret().get("little_endian"):
        raise UserError("saved on a big-endian machine; save it again on a little-endian one")
    saved = interpret()
    storages = [saved] if isinstance(saved, Storage) else [tensor.storage for tensor in pickles.placeholders(saved)]
    found = {storage.key: storage for storage in storages}
    data = {}
    for key in interpret():
        storage = found[key]
        if int.from_bytes(stream.read(8), "little") != storage.count:
            raise Damaged(f"storage {key} has another length than its tensors say")
        data[key] = stream.read(storage.count * np.dtype(_STORAGES[storage.kind]).itemsize)
    if isinstance(saved, Storage):
        return _numbers(saved, data[saved.key])
    return _fill(saved, lambda storage: data[storage.key])


def _storage(identity):
    tag, kind, key, _, count, *view = identity
    if tag != "storage" or kind not in _STORAGES or not isinstance(key, str) or view not in ([], [None]):
        raise Damaged("an object that is no storage")
    return Storage(key, str(kind), natural(count))


def _tensor(arguments):
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        raise Damaged("a tensor without a storage")
    tensor = Tensor(storage, natural(offset), naturals(shape), naturals(strides))
    check_extent(tensor, storage.count)
    return tensor


def check_extent(tensor, count):
    """Raises Damaged for a tensor that reaches beyond the `count` numbers of its storage."""
    if len(tensor.shape) != len(tensor.strides):
        raise Damaged("a tensor with another number of strides than of axes")
    end = tensor.offset + 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides))
    size = math.prod(tensor.shape)
    if size and (end > count or size > count):
        raise Damaged("a tensor larger than its storage")


def _parameter(arguments):
    if not isinstance(arguments[0], Tensor):
        raise Damaged("a parameter that is no tensor")
    return arguments[0]


def never(arguments):
    """What a type that is only an argument answers when it is called."""
    raise Damaged("a call of a type")


FUNCTIONS = dict.fromkeys(_STORAGES, never) | {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "collections.OrderedDict": pickles.ordered_dict,
}
"""What the names in a file of tensors stand for, see `pickles.interpret`."""


def _fill(saved, data):
    """Puts arrays in the place of tensors; `data(storage)` gives a storage's bytes."""
    numbers = functools.cache(lambda storage: _numbers(storage, data(storage)))
    return pickles.fill(saved, lambda tensor: tensor.array(numbers(tensor.storage)))


def _numbers(storage, data):
    """Returns a storage's numbers, an array [count]."""
    flat = np.frombuffer(data, _STORAGES[storage.kind])
    if len(flat) != storage.count:
        raise Damaged(f"storage {storage.key} is cut off")
    return (flat.astype("<u4") << 16).view("<f4") if storage.kind == "torch.BFloat16Storage" else flat
