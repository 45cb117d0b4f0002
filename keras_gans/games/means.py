"""The mean of the steps' logs over an epoch."""

import tensorflow as tf


class Means:
    """Adds up logs, one sum for a call of the compiled steps."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Begins an epoch."""
        self.names, self.total, self.steps = (), None, 0

    def add(self, names, total, steps):
        """Takes in some steps.

        Args:
            names: of the logs, a tuple; other ones than before begin anew.
            total: float32 [len(names)] tensor, the sums over these steps.
            steps: how many.
        """
        if names != self.names:
            self.reset()
            self.names = names
        self.total = total if self.total is None else self.total + total
        self.steps += steps

    def result(self):
        """Returns a dict: name -> mean float32 scalar."""
        return dict(zip(self.names, tf.unstack(self.total / self.steps))) if self.steps else {}
