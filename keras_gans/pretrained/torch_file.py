"""A restricted reader of PyTorch's files: tensors in dicts and lists, and nothing else.

PyTorch files are pickles, and unpickling runs whatever the file says. This reader never unpickles: it walks the
opcodes (`pickletools.genops`) with a small interpreter of its own that knows containers, numbers, text and the few
names that a saved tensor consists of, and refuses every other name. Memory is bounded by the size of the file.

Both layouts are read: the zip archive (PyTorch 1.6 and later) and the older one, five pickles followed by raw storages.
"""

import dataclasses
import math
import mmap
import pathlib
import pickletools
import zipfile

import numpy as np

from keras_gans.errors import UserError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
_STORAGES = {  # bfloat16 is read as uint16 and widened to float32
    "torch.DoubleStorage": "<f8", "torch.FloatStorage": "<f4", "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "<u2", "torch.LongStorage": "<i8", "torch.IntStorage": "<i4", "torch.ShortStorage": "<i2",
    "torch.CharStorage": "i1", "torch.ByteStorage": "u1", "torch.BoolStorage": "?",
}
_TENSORS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2")
_PARAMETER = "torch._utils._rebuild_parameter"
_DICT = "collections.OrderedDict"
_NAMES = {*_STORAGES, *_TENSORS, _PARAMETER, _DICT}


class _Damaged(Exception):
    """The file does not follow its own format."""


class _Name(str):
    """A global of the file that is on the list."""


@dataclasses.dataclass(frozen=True)
class _Storage:
    key: str
    kind: str
    count: int


@dataclasses.dataclass(eq=False)
class _Tensor:
    storage: _Storage
    offset: int
    shape: list
    strides: list


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
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return _read_legacy(mapped)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; a PyTorch weight file (.pth) is expected there") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (_Damaged, zipfile.BadZipFile, OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError,
            EOFError) as error:
        raise UserError(f"{path} is damaged or no PyTorch file ({error}); get it again") from error


def read_state_dict(path):
    """Reads a state dict: parameter names -> NumPy arrays.

    Raises:
        UserError: as `read`, or the file holds something else than a flat dict of tensors.
    """
    state = read(path)
    if not isinstance(state, dict) or not all(isinstance(value, np.ndarray) for value in state.values()):
        raise UserError(f"{path} is no state dict (names -> tensors); save model.state_dict() alone")
    return state


def _read_zip(path):
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise _Damaged(f"{len(pickles)} entries called data.pkl")
        if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
            raise _Damaged("its entries overlap")
        root = pickles[0].removesuffix("data.pkl")

        def entry(name):
            if archive.getinfo(root + name).compress_type != zipfile.ZIP_STORED:  # PyTorch never compresses
                raise _Damaged(f"{name} is compressed")
            return archive.read(root + name)

        if root + "byteorder" in archive.namelist() and entry("byteorder") != b"little":
            raise UserError("saved on a big-endian machine; save it again on a little-endian one")
        return _fill(_interpret(_Bytes(entry("data.pkl"))), lambda storage: entry(f"data/{storage.key}"))


def _read_legacy(mapped):
    if _interpret(mapped) != _LEGACY_MAGIC or _interpret(mapped) != _LEGACY_VERSION:
        raise _Damaged("neither a zip archive nor PyTorch's older format")
    if not _interpret(mapped).get("little_endian"):
        raise UserError("saved on a big-endian machine; save it again on a little-endian one")
    saved = _interpret(mapped)
    found = {storage.key: storage for storage in _storages(saved)}
    data = {}
    for key in _interpret(mapped):
        storage = found[key]
        if int.from_bytes(mapped.read(8), "little") != storage.count:
            raise _Damaged(f"storage {key} has another length than its tensors say")
        data[key] = mapped.read(storage.count * np.dtype(_STORAGES[storage.kind]).itemsize)
    return _fill(saved, lambda storage: data[storage.key])


class _Bytes:
    """Bytes with the two methods of a file that `genops` needs; a length beyond the end allocates nothing."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def read(self, count):
        start, self.position = self.position, min(self.position + count, len(self.data))
        return self.data[start : self.position]

    def readline(self):
        end = self.data.find(b"\n", self.position) + 1 or len(self.data)
        return self.read(end - self.position)


def _interpret(stream):
    """Returns what one pickle describes, tensors as `_Tensor`."""
    stack, marks, memo = [], [], {}

    def since_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    def last(count):
        items = stack[len(stack) - count :]
        if len(items) != count:
            raise _Damaged("a value is missing")
        del stack[len(stack) - count :]
        return items

    def container(kind):
        if not isinstance(stack[-1], kind):
            raise _Damaged(f"no {kind.__name__} where one is filled")
        return stack[-1]

    for opcode, argument, _ in pickletools.genops(stream):
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT" | "BINUNICODE" | "SHORT_BINUNICODE" | \
                    "BINSTRING" | "SHORT_BINSTRING":
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[opcode.name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append([])
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(since_mark())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(last(int(opcode.name[-1])))
            case "APPEND":
                items = last(1)
                container(list).extend(items)
            case "APPENDS":
                items = since_mark()
                container(list).extend(items)
            case "SETITEM":
                items = last(2)
                container(dict).update(_pairs(items))
            case "SETITEMS":
                items = since_mark()
                container(dict).update(_pairs(items))
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_name(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                stack.append(_name(".".join(last(2))))
            case "BINPERSID":
                stack.append(_storage(*last(1)))
            case "REDUCE":
                stack.append(_build(*last(2)))
            case "BUILD":  # the attributes of a state dict (`_metadata`) say nothing about its tensors
                last(1)
                container(dict)
            case "STOP":
                return last(1)[0]
            case other:
                raise _Damaged(f"opcode {other}, which no saved tensors need")
    raise _Damaged("cut off")


def _pairs(items):
    keys, values = items[::2], items[1::2]
    if not all(isinstance(key, str | int) for key in keys):
        raise _Damaged("a dict key that is neither text nor a number")
    return zip(keys, values, strict=True)


def _name(name):
    if name not in _NAMES:
        raise UserError(f"holds {name}, which is no tensor and is not read; save the state dict alone")
    return _Name(name)


def _storage(identity):
    tag, kind, key, _, count, *view = identity
    if tag != "storage" or kind not in _STORAGES or not isinstance(key, str) or view not in ([], [None]):
        raise _Damaged("an object that is no storage")
    return _Storage(key, str(kind), _natural(count))


def _build(function, arguments):
    if not isinstance(function, _Name):
        raise _Damaged("a call of what is no function")
    if function == _DICT:
        return dict(_pairs([item for pair in (arguments[0] if arguments else []) for item in pair]))
    if function == _PARAMETER and isinstance(arguments[0], _Tensor):
        return arguments[0]
    if function in _TENSORS and isinstance(arguments[0], _Storage):
        storage, offset, shape, strides = arguments[:4]
        tensor = _Tensor(storage, _natural(offset), list(map(_natural, shape)), list(map(_natural, strides)))
        end = tensor.offset + 1 + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
        size = math.prod(tensor.shape)
        if size and (end > storage.count or size > storage.count):
            raise _Damaged("a tensor larger than its storage")
        return tensor
    raise _Damaged(f"a call of {function}")


def _natural(number):
    if type(number) is not int or number < 0:
        raise _Damaged(f"{number!r} where a count belongs")
    return number


def _containers(saved):
    """Every dict and list of `saved`, each once (they may share and even contain each other)."""
    seen, waiting = set(), [saved]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list) and id(item) not in seen:
            seen.add(id(item))
            yield item
            waiting.extend(item.values() if isinstance(item, dict) else item)


def _storages(saved):
    for container in _containers([saved]):
        for value in container.values() if isinstance(container, dict) else container:
            if isinstance(value, _Tensor):
                yield value.storage


def _fill(saved, data):
    """Puts arrays in the place of tensors; `data(storage)` gives a storage's bytes."""
    arrays = {}

    def array(tensor):
        storage = tensor.storage
        if storage not in arrays:
            flat = np.frombuffer(data(storage), _STORAGES[storage.kind])
            if len(flat) != storage.count:
                raise _Damaged(f"storage {storage.key} is cut off")
            if storage.kind == "torch.BFloat16Storage":
                flat = (flat.astype("<u4") << 16).view("<f4")
            arrays[storage] = flat
        flat = arrays[storage]
        strides = [step * flat.itemsize for step in tensor.strides]
        return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides, writeable=False)

    holder = [saved]
    for container in _containers(holder):
        for key, value in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(value, _Tensor):
                container[key] = array(value)
    return holder[0]
