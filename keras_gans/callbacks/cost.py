"""Says what a run costs on this machine, as soon as its first steps have been timed."""

import time

import keras

from keras_gans.progress import duration

_STEPS, _SECONDS = 16, 60.0  # as many steps as the slowest rhythm of lazy penalties has, or as long as one would wait


class Cost(keras.callbacks.Callback):
    """Prints, once, how long the rest of the run takes at the rate of its first steps; compilation does not count.

    Args:
        total: steps of the whole run.
        batch_size: images in a step.
        start: steps done before. Default 0.
        lighter: text that names a cheaper recipe, which is added where the run takes hours; None where there is none.
        quiet_below: seconds; shorter runs say nothing. Default 60.
    """

    def __init__(self, total, batch_size, start=0, lighter=None, quiet_below=60.0):
        super().__init__()
        self.total, self.batch_size, self.lighter, self.quiet_below = total, batch_size, lighter, quiet_below
        self.start, self.first, self.said = start, None, False

    def on_train_batch_end(self, batch, logs=None):
        if self.said:
            return
        now, step = time.monotonic(), self.start + batch + 1
        if self.first is None:
            self.first = (step, now)
            return
        steps, seconds = step - self.first[0], now - self.first[1]
        if steps < _STEPS and seconds < _SECONDS:
            return
        self.said = True
        left = (self.total - step) * seconds / steps
        if left >= self.quiet_below:
            hint = f"; {self.lighter}" if self.lighter and left > 2 * 3600 else ""
            rate = steps * self.batch_size / seconds
            print(f"this takes about {duration(left)} on this machine, at {rate:.3g} images/s{hint}", flush=True)
