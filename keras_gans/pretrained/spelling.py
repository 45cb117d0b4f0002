"""Networks whose tensors have other names than their authors': known by the kinds, shapes and order of their layers."""

import dataclasses
import re

_PARTS = ("weight", "bias", "running_mean", "running_var", "gamma", "beta")


@dataclasses.dataclass
class Layer:
    """The tensors whose names differ in the last word alone.

    Attributes:
        name: what they have in common. Text.
        parts: dict, last word -> shape.
    """

    name: str
    parts: dict

    @property
    def shape(self):
        """Of the kernel, or of a norm's scales; () where there is none."""
        return self.parts.get("weight", self.parts.get("gamma", ()))

    @property
    def kind(self):
        """Returns "conv" (also transposed), "norm", "prelu", "table" (scales and offsets of several styles) or "other"."""
        axes = len(self.shape)
        if axes == 4:
            return "conv"
        if "running_mean" in self.parts or (axes == 1 and "bias" in self.parts):
            return "norm"
        if axes == 2 and self.parts.keys() == {"gamma", "beta"}:
            return "table"
        return "prelu" if axes == 1 and self.parts.keys() == {"weight"} else "other"


class Layers(list):
    """The layers of a file, in its order."""

    def of(self, kind):
        """Returns those of one kind."""
        return [layer for layer in self if layer.kind == kind]

    def only(self, *kinds):
        """Whether there are no others."""
        return all(layer.kind in kinds for layer in self)


def layers(state, order=None):
    """Returns the `Layers` of a `State`; `order` sorts their names, which else have the file's order."""
    found = {}
    for name, shape in state.shapes().items():
        prefix, _, part = name.rpartition(".")
        if part != "num_batches_tracked":
            found.setdefault(prefix, {})[part if part in _PARTS else name] = shape
    return Layers(Layer(name, found[name]) for name in (sorted(found, key=order) if order else found))


def _counting(name):
    """Sorts conv2 before conv10."""
    return [(int(word), "") if word.isdecimal() else (0, word) for word in re.split(r"(\d{1,9})", name)]


def respelled(family, state):
    """Returns the tensors under the names that a family knows them by, or None where their layers are not its.

    Files that sort their tensors by name (safetensors) have lost the order: that of the numbers in the names is tried too.
    """
    for order in (None, _counting):
        names = family.order(layers(state, order))
        if names:
            return state.renamed(lambda name: _renamed(name, names))
    return None


def _renamed(name, names):
    prefix, dot, part = name.rpartition(".")
    return f"{names[prefix]}.{part}" if dot and prefix in names else name


def chain(found, shapes):
    """Whether layers have these shapes, in order; None stands for any length."""
    return len(found) == len(shapes) and all(
        len(layer.shape) == len(shape) and all(side in (None, ours) for ours, side in zip(layer.shape, shape))
        for layer, shape in zip(found, shapes)
    )
