"""Checkpoints: whole files, the last few kept, and one more when the process is asked to stop."""

import signal

import keras

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
    """

    def __init__(self, folder, every, keep, start=0):
        super().__init__(every, start)
        self.folder, self.keep = folder, keep

    def due(self, step, logs):
        path = self.folder.checkpoint_path(step)
        if path.exists():
            return
        divergence.check(self.model, self.folder, weights=True)
        checkpoints.save(self.model, path)
        for old in self.folder.checkpoint_steps()[: -self.keep]:
            self.folder.checkpoint_path(old).unlink(missing_ok=True)


class StopSignals(keras.callbacks.Callback):
    """Ends the run after the step at hand when SIGTERM or SIGINT (Ctrl-C) arrives.

    Attributes:
        caught: name of the signal that arrived, or None.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        super().__init__()
        self.caught = None

    def on_train_begin(self, logs=None):
        self._before = {number: signal.signal(number, self._catch) for number in self.SIGNALS}

    def _catch(self, number, frame):
        self.caught = signal.Signals(number).name
        signal.signal(number, self._before[number])  # a second one ends the process at once

    def on_train_batch_end(self, batch, logs=None):
        if self.caught:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        for number, handler in self._before.items():
            signal.signal(number, handler)
