"""Says what a run costs on this machine, as soon as its first steps have been timed."""

import time

import keras

from keras_gans.progress import duration

_STEPS, _SECONDS = 16, 60.0  # as many steps as the slowest rhythm of lazy penalties has, or as long as one would wait


class Cost(keras.callbacks.Callback):
    """Prints how long the run takes at the rate of its first steps; compilation does not count.

    Once, or, in a game whose steps come to cost something else, for each part of the run as it begins.

    Args:
        total: steps of the whole run.
        batch_size: images in a step.
        start: steps done before. Default 0.
        lighter: text that names a cheaper recipe, which is added where the run takes hours; None where there is none.
        changes: the steps from which on steps cost something else, `Game.pace_changes`. Default none.
        quiet_below: seconds; of what is shorter nothing is said. Default 60.
    """

    def __init__(self, total, batch_size, start=0, lighter=None, changes=(), quiet_below=60.0):
        super().__init__()
        self.changes = [step for step in changes if step < total]
        self.total, self.batch_size, self.lighter, self.quiet_below = total, batch_size, lighter, quiet_below
        self.start, self.first, self.said = start, None, False

    def on_train_batch_end(self, batch, logs=None):
        step = self.start + batch + 1
        begins = self.first is None or step - 1 in self.changes  # with a step that may have been compiled first
        if self.said and not begins:
            return
        now = time.monotonic()
        if begins:
            self.first, self.said = (step, now), False
            return
        steps, seconds = step - self.first[0], now - self.first[1]
        if steps < _STEPS and seconds < _SECONDS:
            return
        self.said = True
        end = min((change for change in self.changes if change >= step), default=self.total)
        left = (end - step) * seconds / steps
        if left >= self.quiet_below:
            hint = f"; {self.lighter}" if self.lighter and left > 2 * 3600 else ""
            rate = steps * self.batch_size / seconds
            part = "this takes" if end == self.total else f"the part up to {end * self.batch_size / 1000:.4g} kimg takes"
            print(f"{part} about {duration(left)} on this machine, at {rate:.3g} images/s{hint}", flush=True)
