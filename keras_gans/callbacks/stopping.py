"""A run that is asked to stop ends after the step at hand; where several workers train it, all of them end together."""

import signal

import keras
import numpy as np


class StopSignals(keras.callbacks.Callback):
    """Ends the run after the step at hand when SIGTERM or SIGINT (Ctrl-C) arrives.

    Args:
        together: where several workers train, a function that all of them call after every step: a list of numbers -> what
            each of them gave, [workers, numbers]. When one is asked to stop, all end after the step behind that.
            Default: this process is alone.

    Attributes:
        caught: name of the signal that ends the run, which arrived here or at another worker; None if none does.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, together=None):
        super().__init__()
        self.together = together
        self.caught = None
        self._asked = 0  # the number of the signal
        self._everybody = None

    def on_train_begin(self, logs=None):
        self._before = {number: signal.signal(number, self._catch) for number in self.SIGNALS}

    def _catch(self, number, frame):
        self._asked = int(number)
        if not self.together:  # several workers end when all have heard of it, or at the run's end before that
            self.caught = signal.Signals(number).name
        signal.signal(number, self._before[number])  # a second one ends the process at once

    def on_train_batch_end(self, batch, logs=None):
        asked = self._asked
        if self.together:
            # The answers of the step before: those of this one would make the device wait.
            before, self._everybody = self._everybody, self.together([self._asked])
            asked = 0 if before is None else int(np.max(before))
        if asked:
            self.caught = signal.Signals(asked).name
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        for number, handler in self._before.items():
            signal.signal(number, handler)
