"""The optimizers of all players, as callbacks of Keras look for them at `model.optimizer`."""


class PlayerOptimizer:
    """One player's optimizer under the player's name, which logs and messages then show.

    Args:
        name: the player.
        optimizer: its `keras.optimizers.Optimizer`.
    """

    def __init__(self, name, optimizer):
        self.name, self.optimizer = name, optimizer

    @property
    def learning_rate(self):
        """The learning rate; to set it, the optimizer must have no schedule of its own."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.optimizer.learning_rate = value


class PlayersOptimizers:
    """What stands at `game.optimizer`: each player's optimizer, one for one, as in a `keras.optimizers.MultiOptimizer`.

    Not an optimizer itself, so that checkpoints hold those of the players only.

    Args:
        game: a compiled `Game`.

    Attributes:
        optimizers: list of `PlayerOptimizer`, in the order of the players' turns.
    """

    built = True

    def __init__(self, game):
        self.optimizers = [PlayerOptimizer(player, game.optimizer_of(player)) for player in game.players]
        self.iterations = game.step

    @property
    def variables(self):
        """All variables of all optimizers."""
        return [variable for player in self.optimizers for variable in player.optimizer.variables]
