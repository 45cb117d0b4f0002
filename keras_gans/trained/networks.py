"""Some networks of a checkpoint, without the game that they come from."""

import contextlib
import math

import keras
from keras.src.backend.common import global_state  # nothing public forgets variables that were never given values

from keras_gans.trained import checkpoints


class Networks(keras.Model):
    """Holds networks by name, to read them from a checkpoint or to write one.

    A game's checkpoint keeps each network under the name of its attribute. This reads those that it holds, and nothing
    else of the file: no optimizers, no other players.

    Args:
        **networks: name -> `keras.Model`; each becomes the attribute of its name.
    """

    def __init__(self, **networks):
        super().__init__()
        for name, network in networks.items():
            setattr(self, name, network)
        self.built = True

    def load_own_variables(self, store):
        """What a game keeps beside its networks (its step count) is passed over."""


def names(path):
    """Returns the names of what a checkpoint holds, a set: networks, optimizers and other parts of its game.

    Raises:
        UserError: the file is damaged.
    """
    with checkpoints.opened(path) as file:
        return set(file)


@contextlib.contextmanager
def without_values():
    """Variables that are made here have shapes, but no values."""
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])  # or Keras gives them values later


def count_weights(build):
    """Returns how many numbers are in the weights of networks, for which no memory is taken.

    Args:
        build: function without arguments that returns a dict of them.
    """
    with without_values():
        return sum(math.prod(weight.shape) for network in build().values() for weight in network.weights)
