"""Some networks of a checkpoint, without the game that they come from."""

import os

import h5py
import keras

from keras_gans.errors import UserError


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
    """Returns the names of what a checkpoint holds, a set: networks, optimizers and other parts of its game."""
    with h5py.File(path) as file:
        return set(file)


def load(model, path):
    """Loads a checkpoint into a game of the same recipe, or into some `Networks` of it.

    Args:
        model: a `keras_gans.games.game.Game`, or `Networks`.
        path: of the checkpoint, `*.weights.h5`.

    Raises:
        UserError: the file is damaged or belongs to other networks.
    """
    try:
        model.load_weights(os.fspath(path))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"cannot load {path}: {str(error).splitlines()[0]}; delete the file to fall back to the checkpoint before it"
        ) from error
