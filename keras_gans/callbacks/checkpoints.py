"""Checkpoints: whole files, the last few kept."""

from keras_gans.callbacks import divergence
from keras_gans.callbacks.periodic import Periodic
from keras_gans.trained import checkpoints


class Checkpoints(Periodic):
    """Saves the game every so many steps and keeps the last few files.

    Args:
        folder: the run's `Folder`.
        every: steps between checkpoints.
        keep: how many are kept, an integer of at least 1.
        start: steps done before.
        then: function that is called behind each of them. Default: none.
    """

    def __init__(self, folder, every, keep, start=0, then=None):
        super().__init__(every, start)
        self.folder, self.keep, self.then = folder, keep, then

    def due(self, step, logs):
        path = self.folder.checkpoint_path(step)
        if path.exists():
            return
        divergence.check(self.model, self.folder, weights=True)
        checkpoints.save(self.model, path)
        for old in self.folder.checkpoint_steps()[: -self.keep]:
            self.folder.checkpoint_path(old).unlink(missing_ok=True)
        if self.then is not None:
            self.then()
