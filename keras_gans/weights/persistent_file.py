"""A restricted reader of NVIDIA's network pickles (StyleGAN2-ADA in PyTorch): the state of `torch_utils.persistence`
objects as plain data.

Such a pickle holds the source text of each network's class, to be executed when it is loaded, and the object's state.
Here the text is skipped and the state is read: parameters and buffers of modules within modules. No name but those below
is known (see `pickles`).
"""

import functools

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights import pickles, torch_file
from keras_gans.weights.pickles import Damaged, Placeholder, Stream, natural, naturals

_NUMBERS = frozenset(("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"))
_LONGEST_NAME = 512  # characters of a tensor's name


def parse(mapped):
    """Reads a pickle of networks.

    Args:
        mapped: the file, see `torch_file.opened`.

    Returns:
        Dict: name of the network ("G", "D", "G_ema") -> its state dict, names -> read-only NumPy arrays.

    Raises:
        UserError: the file holds anything else; the message names it.
        Damaged, or another error that `torch_file.opened` turns into one line.
    """
    stream = Stream(mapped)
    saved = pickles.fill(pickles.interpret(stream, _functions(stream.budget)))
    modules = {name: item for name, item in saved.items() if isinstance(item, _Module)} if isinstance(saved, dict) else {}
    networks = {str(name): _state_dict(module, stream.budget) for name, module in modules.items()}
    if not any(networks.values()):
        raise UserError("holds no networks by name; expected are G, D and G_ema")
    return networks


class _Module(dict):
    """An object of `torch_utils.persistence`: a dict with its attributes, under "state"."""


def _state_dict(module, budget):
    """Returns all parameters and buffers of a module, and of those within it, by their dotted names."""
    state, seen, waiting = {}, set(), [("", module)]
    while waiting:
        prefix, module = waiting.pop()
        if not isinstance(module, _Module) or id(module) in seen:
            continue
        seen.add(id(module))
        attributes = module["state"]
        for kind in ("_parameters", "_buffers"):
            for name, value in attributes.get(kind, {}).items():
                if isinstance(value, np.ndarray):
                    state[_dotted(prefix, name, budget)] = value
        waiting += [(_dotted(prefix, f"{name}.", budget), part) for name, part in attributes.get("_modules", {}).items()]
    return state


def _dotted(prefix, name, budget):
    budget.walk(1)
    if len(prefix) + len(name) > _LONGEST_NAME:
        raise Damaged(f"a name of more than {_LONGEST_NAME} characters")
    return prefix + name


class _Type(Placeholder):
    """`numpy.dtype` of a plain number."""

    def __init__(self, arguments):
        if arguments[0] not in _NUMBERS:
            raise Damaged(f"numbers of type {shown(arguments[0])}")
        self.code = arguments[0]

    def build(self, state):
        if state[1] not in ("<", "|"):
            raise UserError("saved on a big-endian machine; save it again on a little-endian one")

    def value(self):
        return self.code


class _Array(Placeholder):
    """`numpy.ndarray`, which is made empty and filled afterwards."""

    def __init__(self, arguments):
        self.array = None

    def build(self, state):
        _, shape, kind, fortran, data = state
        flat = np.frombuffer(data, "<" + kind.code)
        self.array = flat.reshape(naturals(shape), order="F" if fortran else "C")

    def value(self):
        return self.array


def _scalar(arguments):
    kind, data = arguments
    return np.frombuffer(data, "<" + kind.code)[0].item()


def _persistent(arguments):
    state = arguments[0].get("state")
    if not isinstance(state, dict):
        raise Damaged("a network without its state")
    return _Module(state=state)


def _storage(budget, arguments):
    numbers = torch_file.read_legacy(Stream(arguments[0], budget))
    if not isinstance(numbers, np.ndarray):
        raise Damaged("tensors where a storage belongs")
    return numbers


def _tensor(arguments):
    numbers, offset, shape, strides = arguments[:4]
    if not isinstance(numbers, np.ndarray) or numbers.ndim != 1:
        raise Damaged("a tensor without a storage")
    tensor = torch_file.Tensor(None, natural(offset), naturals(shape), naturals(strides))
    torch_file.check_extent(tensor, len(numbers))
    return tensor.array(numbers)


def _first(kind, arguments):
    if not isinstance(arguments[0], kind):
        raise Damaged(f"no {kind.__name__} where one belongs")
    return arguments[0]


def _of_tensorflow(arguments):
    raise UserError(
        "holds networks of TensorFlow 1; take the PyTorch file of the same network, which NVIDIA publishes beside "
        "stylegan2-ada-pytorch"
    )


def _functions(budget):
    functions = {
        "dnnlib.tflib.network.Network": _of_tensorflow,
        "collections.OrderedDict": pickles.ordered_dict,
        "builtins.set": functools.partial(_first, list),
        "__builtin__.set": functools.partial(_first, list),
        "dnnlib.util.EasyDict": lambda arguments: {},
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_parameter": functools.partial(_first, np.ndarray),
        "torch.storage._load_from_bytes": functools.partial(_storage, budget),
        "numpy.dtype": _Type,
        "numpy.ndarray": torch_file.never,
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        functions |= {f"{module}._reconstruct": _Array, f"{module}.scalar": _scalar}
    return functions
