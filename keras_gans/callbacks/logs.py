"""Numbers: the progress display, metrics.jsonl and TensorBoard."""

import contextlib
import math
import os
import sys
import time

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from keras_gans import files
from keras_gans.callbacks import divergence
from keras_gans.callbacks.periodic import Periodic
from keras_gans.errors import UserError


class Record:
    """Appends numbers to metrics.jsonl and TensorBoard; a resumed run first drops what came after its checkpoint.

    Args:
        folder: the run's `Folder`.
        batch_size: global, to count kimg.
        start: steps that were done before.
        recipe: dict of flags, which TensorBoard's HPARAMS page and the loggers show; None for neither.
        loggers: of `callbacks.loggers`, which get all numbers and pictures too.
    """

    def __init__(self, folder, batch_size, start=0, recipe=None, loggers=()):
        self.folder, self.batch_size = folder, batch_size
        kept, damaged = folder.read_metrics(until=start) if start else ([], 0)
        with self._one_line():
            if damaged:
                copy = folder.metrics_path.with_name(f"{folder.metrics_path.name}.damaged")
                os.replace(folder.metrics_path, copy)
                print(f"warning: {folder.metrics_path} had {damaged} damaged lines; a copy is {copy}", file=sys.stderr)
            files.write_text(folder.metrics_path, "".join(files.to_json(line) + "\n" for line in kept))
            self.writer = tf.summary.create_file_writer(str(folder.directory))
        self.start, self.loggers = start, list(loggers)
        if recipe is not None:
            self._say_recipe(recipe)
        self.seconds_before, self.steps_before = max([(line["seconds"], line["step"]) for line in kept], default=(0.0, 0))
        self.began = time.monotonic()

    def _say_recipe(self, recipe):
        plain = {name: value if isinstance(value, (bool, int, float, str)) else str(value) for name, value in recipe.items()}
        with self._one_line(), self.writer.as_default(self.start):
            hparams.hparams(plain, trial_id=self.folder.directory.name)
        for logger in self.loggers:
            try:
                logger.begin(self.folder.directory, plain)
            except Exception as error:  # each package has its own
                raise UserError(f"--logger: {type(logger).__name__} could not begin: {_in_a_line(error)}") from error

    @property
    def seconds(self):
        """Seconds of training, those before a resume included."""
        return self.seconds_before + time.monotonic() - self.began

    def images_per_second(self, step):
        """Returns the speed of all steps up to `step` whose time is known, those before a resume included."""
        return (self.steps_before + step - self.start) * self.batch_size / max(self.seconds, 1e-9)

    def kimg(self, step):
        """Thousands of images after `step` generator steps."""
        return step * self.batch_size / 1000

    def add(self, step, values):
        """Appends one line of numbers.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        line = {"step": step, "kimg": round(self.kimg(step), 6), "seconds": round(self.seconds, 3), **values}
        with self._one_line():
            with open(self.folder.metrics_path, "a", encoding="utf-8") as file:
                file.write(files.to_json(line) + "\n")
            with self.writer.as_default(step):
                for name, value in values.items():
                    tf.summary.scalar(name, value)
            self.writer.flush()
        self._tell("add", step, values)

    def add_image(self, step, name, image):
        """Shows a picture, uint8 [h, w, c], in TensorBoard.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        with self._one_line(), self.writer.as_default(step):
            tf.summary.image(name, image[None])
            self.writer.flush()
        self._tell("add_image", step, name, image)

    def end(self):
        """Closes what the loggers hold open."""
        self._tell("end")

    def _tell(self, what, *words):
        """Calls a method of each logger; one that fails is left out from then on, since the training matters more."""
        for logger in list(self.loggers):
            try:
                getattr(logger, what)(*words)
            except Exception as error:
                self.loggers.remove(logger)
                name = type(logger).__name__
                print(f"warning: {name} failed and gets no more: {_in_a_line(error)}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def _one_line(self):
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            reason = files.reason(error) if isinstance(error, OSError) else (error.message.splitlines() or ["full disk?"])[0]
            raise UserError(
                f"cannot write to {self.folder.directory}: {reason}; free some space: the last checkpoint "
                "is whole, and the same command goes on from it"
            ) from error


def _in_a_line(error):
    return " ".join(str(error).split())[:300] or type(error).__name__


class Logs(Periodic):
    """Writes the step's numbers, moves the progress bar, and stops a run that has diverged.

    Args:
        record: a `Record`.
        bar: of `keras_gans.progress.progress`, counting images.
        every: steps between two lines.
        start: steps done before.
    """

    def __init__(self, record, bar, every, start=0):
        super().__init__(every, start)
        self.record, self.bar = record, bar
        self.logged = start
        self.began = self.since = (start, time.monotonic())

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if self.since is self.began:  # the rates count no compilation, but of a run of one call
            self.since = (self.done, time.monotonic())
        self.bar.update(self.done * self.record.batch_size)

    def due(self, step, logs):
        if logs is None or step == self.logged:
            return
        divergence.check(self.model, self.record.folder)
        step_before, before = self.since if self.since[0] < step else self.began
        self.logged, self.since = step, (step, time.monotonic())
        # The sum of the players' losses, which stock callbacks look for, says nothing beside them.
        values = {name: float(value) for name, value in logs.items() if name != "loss"}
        # What is left is sound; a float16 gradient that overflowed is skipped by design, and JSON knows no NaN.
        values = {name: value for name, value in values.items() if math.isfinite(value)}
        rate = (step - step_before) * self.record.batch_size / max(self.since[1] - before, 1e-9)
        self.record.add(step, {"images_per_second": round(rate, 1), **values})
        shown = [f"{player[0].upper()} {values[f'{player}_loss']:.3f}" for player in self.model.players]
        self.bar.update(step * self.record.batch_size, "  ".join(shown))
