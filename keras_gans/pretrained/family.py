"""What a family of published networks says about its weight files."""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_gans.pretrained import matching
from keras_gans.pretrained.reference import Tensors
from keras_gans.registry import Registry
from keras_gans.trained.trained import IMAGES, Deployment

FAMILIES = Registry("family of weight files", "keras_gans.pretrained.families")
"""Name -> `Family` subclass, tried in the order of their names."""


@dataclasses.dataclass
class Part:
    """A network and the tensors that it gets.

    Attributes:
        network: its name among `Family.networks`, or that of a part of it such as `generator.encoder`.
        state: `State`.
        slots: function (network) -> dict, name of the tensor -> `matching.Slot`.
        title: what it is, for messages; "" for the recipe's generator. Text.
        without: names of tensors that change nothing, so that our network does not have them: biases in front of a norm
            that subtracts the mean.
    """

    network: str
    state: dict
    slots: Callable
    title: str = ""
    without: tuple = ()


class Family:
    """One kind of networks, made of one or several files; subclasses are registered.

    Attributes:
        looks: what its files hold, for messages.
        work: the verb for its runs.
    """

    looks = ""
    work = "translate"

    def arguments(self, states):
        """Recognizes the files.

        Args:
            states: list of dicts, one for each file, name of a network -> `State`.

        Returns:
            Dict of the generator's arguments; None for files of another kind.

        Raises:
            UserError: these, but not all of them.
        """
        raise NotImplementedError

    def order(self, layers):
        """Recognizes a file by the kinds, shapes and order of its layers alone.

        Args:
            layers: `spelling.Layers` of one network.

        Returns:
            Dict: the name of each layer -> the one that this family knows it by; None for files of another kind.
        """
        return None

    def guess(self, layers):
        """Returns the arguments of the generator that is nearest to a file's layers; None where none is near."""
        return None

    def flags(self, states, arguments):
        """Returns the recipe: dict of those flags that are not the defaults of train.py."""
        raise NotImplementedError

    def deployment(self, states, arguments):
        """Returns the `keras_gans.trained.trained.Deployment`: which networks work, and what they take."""
        raise NotImplementedError

    def networks(self, states):
        """Returns the names of the networks to make: `generator`, and what else the files hold."""
        return ("generator",)

    def shapes(self, arguments):
        """Returns the shapes of images in and out, (h, w, c) each; None for the first where latents go in."""
        raise NotImplementedError

    def class_names(self, arguments):
        """Returns the names of the classes that the generator takes as labels, () where it takes none."""
        return ()

    def parts(self, states, arguments):
        """Returns a list of `Part`."""
        raise NotImplementedError

    def ignored(self, name):
        """Whether a tensor may be in the file though our network has no use for it."""
        return name.endswith("num_batches_tracked")

    def finish(self, built):
        """Changes what must be changed in the `Networks` when all weights are loaded; by default nothing."""

    def differences(self, built, states, arguments, operations):
        """Compares the networks with the tensors of the files.

        Args:
            built: `keras_gans.trained.networks.Networks`, an attribute for each of `networks`.
            states, arguments: as above.
            operations: of `keras_gans.pretrained.reference`.

        Returns:
            Dict: what was compared -> largest absolute difference.
        """
        raise NotImplementedError


class TranslatorFamily(Family):
    """A network from one image to another, in a file of its own.

    Attributes:
        generator: registered name of our network.
    """

    generator = None

    def arguments(self, states):
        if len(states) != 1 or list(states[0]) != [""]:
            return None
        return self.recognize(states[0][""])

    def recognize(self, state):
        """Returns the generator's arguments that the tensors' names and shapes say, or None."""
        raise NotImplementedError

    def layers(self, network, state):
        """Returns a dict, name of the module in the file (whose tensors are `state`) -> our layer."""
        raise NotImplementedError

    def reference(self, tensors, images, arguments):
        """Computes the network as the authors' test does, but for dropout.

        Args:
            tensors: `Tensors`.
            images: [1, c, h, w] in [-1, 1].
            arguments: of the generator.
        """
        raise NotImplementedError

    def side(self, arguments):
        """Returns the pixels of a side of the picture that is compared."""
        return 64

    def shapes(self, arguments):
        return ((256, 256, arguments.get("input_channels", 3)), (256, 256, arguments.get("channels", 3)))

    def flags(self, states, arguments):
        return {"generator": spec(self.generator, arguments)}

    def deployment(self, states, arguments):
        return Deployment({"ab": "generator"}, IMAGES, bool(arguments.get("dropout")))  # which the authors' test leaves on

    def parts(self, states, arguments):
        state = states[0][""]
        return [Part("generator", state, lambda network: matching.of_layers(self.layers(network, state)))]

    def differences(self, built, states, arguments, operations):
        side = self.side(arguments)
        images = picture(side, built.generator.inputs[0].shape[-1])
        expected = self.reference(Tensors(operations, states[0][""]), planes(operations, images), arguments)
        return {
            f"outputs of a random picture of {side}x{side}": difference(
                built.generator(images, training=False), pixels(operations, expected)
            )
        }


class EnlargerFamily(TranslatorFamily):
    """A network that enlarges pictures by its argument `scale`, 4 where there is none."""

    work = "restore"

    def flags(self, states, arguments):
        scale = arguments.get("scale", 4)
        damage = {1: "blind", 2: "downscale2", 4: "downscale4"}.get(scale, f"downscale:scale={scale}")
        return super().flags(states, arguments) | {"degrade": damage}

    def shapes(self, arguments):
        small, large = super().shapes(arguments)
        scale = arguments.get("scale", 4)
        side = large[0] // scale
        return (side, side, small[2]), (scale * side, scale * side, large[2])

    def side(self, arguments):
        return 16


def spec(name, arguments):
    """Returns `name:key=value,...`, what `registry.parse_spec` reads."""

    def text(value):
        return str(value).lower() if isinstance(value, bool) else str(value)

    return f"{name}:{','.join(f'{key}={text(value)}' for key, value in arguments.items())}" if arguments else name


def size(state, name, axis, default):
    """Returns the length of a tensor's axis, or the default where there is no such tensor or axis."""
    shape = state.shapes().get(name, ())
    return shape[axis] if axis < len(shape) else default


def picture(side, channels, seed=0):
    """Returns a random picture with large and small structures, float32 [1, side, side, channels] in [-1, 1]."""
    draw = np.random.default_rng(seed)
    picture = sum(
        np.kron(draw.uniform(-1, 1, (side // scale, side // scale, channels)), np.ones((scale, scale, 1)))
        for scale in (1, 2, 4, 8)
        if side % scale == 0
    )
    return (picture / np.abs(picture).max())[None].astype(np.float32)


def planes(operations, images):
    """NHWC array -> a tensor NCHW of the operations."""
    return operations.tensor(np.transpose(images, (0, 3, 1, 2)))


def pixels(operations, tensor):
    """A tensor NCHW of the operations -> NHWC array."""
    return np.transpose(operations.array(tensor), (0, 2, 3, 1))


def difference(ours, expected):
    """Returns the largest absolute difference; infinite for another shape, NaN where one is."""
    ours, expected = np.asarray(ours, np.float64), np.asarray(expected, np.float64)
    return float(np.max(np.abs(ours - expected))) if ours.shape == expected.shape else float("inf")
