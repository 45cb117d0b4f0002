"""A run that has become NaN stops, and says where."""

import numpy as np

from keras_gans.errors import UserError


class DivergenceError(UserError):
    """A loss, gradient or weight is NaN or infinite."""


def check(game, folder, weights=False):
    """Raises if the game has diverged.

    Args:
        game: a `GAN`.
        folder: the run's `Folder`, to name the last good checkpoint.
        weights: look at every weight too, not only at what the step noted.

    Raises:
        DivergenceError: names the step, the player and the last good checkpoint.
    """
    bad = [
        (int(step), player, "loss or gradient")
        for player, step in zip(game.players, np.asarray(game.first_bad_step))
        if step >= 0
    ]
    if not bad and weights:
        step = int(game.step.numpy())
        for player in game.players:
            weights = [weight for network in game.networks_of(player) for weight in network.weights]
            worst = next((weight.path for weight in weights if not np.isfinite(np.asarray(weight)).all()), None)
            if worst:
                bad.append((step, player, f"weight {worst}"))
    if bad:
        step, player, what = min(bad)
        steps = folder.checkpoint_steps()
        good = f"the last good checkpoint is {folder.checkpoint_path(steps[-1])}" if steps else "there is no checkpoint yet"
        raise DivergenceError(
            f"training diverged: the {player}'s {what} is NaN or infinite at step {step}; {good}; "
            "try a lower --learning_rate, or --precision=bfloat16 in place of float16"
        )
