"""Callbacks that fall due every so many steps, wherever the run was resumed."""

import keras


class Periodic(keras.callbacks.Callback):
    """Calls `due(step, logs)` when the step count passes a multiple of `every`, and at the end of the run.

    The logs are always those of the step at hand; those that Keras hands over at the end are means over the epoch.

    Args:
        every: generator steps between two calls.
        start: steps that were done before (a resumed run).
    """

    def __init__(self, every, start=0):
        super().__init__()
        self.every = every
        self.start = self.done = start
        self.called = None
        self.logs = None

    def on_train_batch_end(self, batch, logs=None):
        before, self.done = self.done, self.start + batch + 1
        self.logs = logs
        if self.done // self.every > before // self.every:
            self._call()

    def on_train_end(self, logs=None):
        if self.called != self.done:
            self._call()

    def _call(self):
        self.called = self.done
        self.due(self.done, self.logs)

    def due(self, step, logs):
        """Does what this callback is for, after `step` generator steps."""
        raise NotImplementedError
