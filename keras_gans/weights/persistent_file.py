"""A restricted reader of NVIDIA's network pickles (StyleGAN2-ADA in PyTorch, StyleGAN2 in TensorFlow): the state of
`torch_utils.persistence` objects, and of `dnnlib.tflib.network.Network`, as plain data.

Such a pickle holds the source text of each network's class, to be executed when it is loaded, and the object's state.
Here the text is skipped and the state is read: parameters and buffers of modules within modules, variables of networks and
their components. No name but those below is known (see `pickles`).
"""

import functools

import numpy as np

from keras_gans.errors import UserError, shown
from keras_gans.weights import pickles, stylegan2_tensorflow, torch_file
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
    if isinstance(saved, _Network) or (isinstance(saved, list) and saved and isinstance(saved[0], _Network)):
        return _of_tensorflow(saved if isinstance(saved, list) else [saved], stream.budget)
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


class _Network(dict):
    """A network of TensorFlow: a dict with its variables and components."""


class _UnreadNetwork(Placeholder):
    """What becomes a `_Network` when its state is there."""

    def __init__(self, arguments):
        self.made = _Network()

    def build(self, state):
        if not isinstance(state, dict):
            raise Damaged("a network without its state")
        self.made |= {"variables": state.get("variables"), "components": state.get("components")}

    def value(self):
        return self.made


def _of_tensorflow(networks, budget):
    """Returns the networks of a pickle (G, D, G_ema), or of one with G_ema alone."""
    names = ("G", "D", "G_ema") if len(networks) == 3 else ("G_ema",)
    found = {
        name: stylegan2_tensorflow.convert(_variables(network, budget))
        for name, network in zip(names, networks)
        if isinstance(network, _Network)
    }
    if not found.get("G_ema"):
        raise UserError(
            "holds networks of TensorFlow 1 of another kind than StyleGAN2; take the PyTorch file of the same network, which "
            "NVIDIA publishes beside stylegan2-ada-pytorch"
        )
    return {name: state for name, state in found.items() if state}


def _variables(network, budget):
    """Returns all variables of a network and of its components, by their names with slashes."""
    found, waiting, seen = {}, [("", network)], set()
    while waiting:
        prefix, network = waiting.pop()
        if not isinstance(network, _Network) or id(network) in seen:
            continue
        seen.add(id(network))
        for name, value in network.get("variables") or []:
            budget.walk(1)
            if isinstance(value, np.ndarray):
                found[_dotted(prefix, name, budget)] = value
        parts = (network.get("components") or {}).items()
        waiting += [(_dotted(prefix, f"{name}/", budget), part) for name, part in parts]
    return found


def _functions(budget):
    functions = {
        "dnnlib.tflib.network.Network": _UnreadNetwork,
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
