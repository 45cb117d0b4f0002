"""Constructor arguments as JSON and back: what `save` and `keras.saving.load_model` know of a part."""

import importlib
import inspect

import keras
import numpy as np

from keras_gans.errors import UserError

_OURS = "keras_gans."


class Configured:
    """A mixin whose objects remember their constructor's arguments and are made again from them.

    `get_config` answers with the arguments that were given, `from_config` calls the constructor with them. It stands in
    front of other bases.
    """

    def __new__(cls, *args, **kwargs):
        base = super().__new__
        part = base(cls) if base is object.__new__ else base(cls, *args, **kwargs)
        # A function, which Keras neither tracks nor looks for weights in.
        vars(part)["_arguments"] = lambda: arguments(cls, args, kwargs)
        return part

    def get_config(self):
        """Returns the arguments that the constructor was given, JSON-ready.

        Raises:
            UserError: one of them has no config of its own.
        """
        return {name: saved(value, f"{type(self).__name__}: {name}") for name, value in self._arguments().items()}

    @classmethod
    def from_config(cls, config):
        """Makes the part whose `get_config` gave `config`."""
        given = {name: loaded(value) for name, value in config.items()}
        return cls(*given.pop("args", ()), **given)


def arguments(cls, args, kwargs):
    """Returns what a constructor was given, a dict: name -> value; what has no name is the list `args`."""
    signature = inspect.signature(cls.__init__)
    given = signature.bind(None, *args, **kwargs).arguments
    given.pop(next(iter(signature.parameters)))
    for parameter in signature.parameters.values():
        if parameter.kind == parameter.VAR_KEYWORD:
            given |= given.pop(parameter.name, {})
        elif parameter.kind == parameter.VAR_POSITIONAL and parameter.name in given:
            given["args"] = list(given.pop(parameter.name))
    return given


def saved(value, what):
    """Returns `value` JSON-ready.

    Args:
        value: a number, text, list, dict, array, or anything with `get_config`.
        what: it is called, for messages.

    Raises:
        UserError: nothing of the kind.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [saved(part, what) for part in value]
    if isinstance(value, dict):
        return {name: saved(part, what) for name, part in value.items()}
    if hasattr(value, "get_config") or isinstance(value, np.ndarray):
        try:
            return keras.saving.serialize_keras_object(value)
        except NotImplementedError:
            pass  # a subclassed model without a config, which says so at length
    raise UserError(
        f"{what} is a {type(value).__name__}, which cannot be saved; give that class get_config and from_config "
        "(register it with keras.saving.register_keras_serializable), or save the weights alone: save_weights"
    )


def loaded(value):
    """Returns the value that `saved` was given; lists in the place of tuples."""
    if isinstance(value, list):
        return [loaded(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value and "config" in value:
        _import_ours(value)
        return keras.saving.deserialize_keras_object(value)
    return {name: loaded(part) for name, part in value.items()}


def _import_ours(config):
    """Imports the modules of this package that a config names, so that their classes are registered."""
    if isinstance(config, list):
        for part in config:
            _import_ours(part)
    elif isinstance(config, dict):
        module = config.get("module")
        if isinstance(module, str) and module.startswith(_OURS):
            importlib.import_module(module)
        for part in config.values():
            _import_ours(part)
