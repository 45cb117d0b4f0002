"""Scores while training, and the checkpoint with the best one."""

import math

from keras_gans.callbacks.periodic import Periodic
from keras_gans.trained import checkpoints


class Scores(Periodic):
    """Scores the averaged generator on held-out data and keeps the best checkpoint.

    Args:
        record: a `Record`.
        evaluate: function that returns the records of the scores, see `keras_gans.metrics.Evaluator.run`.
        every: steps between scores.
        start: steps done before.
    """

    def __init__(self, record, evaluate, every, start=0):
        super().__init__(every, start)
        self.record, self.evaluate = record, evaluate
        self.results = []

    def on_train_end(self, logs=None):
        # Who is told to stop has seconds: the checkpoint comes first, scores when the run goes on.
        if not self.model.stop_training:
            super().on_train_end(logs)

    def due(self, step, logs):
        self.results = self.evaluate()
        values = {}
        for result in self.results:
            values[result["name"]] = result["value"]
            if result.get("standard_error") is not None:
                values[f"{result['name']}_standard_error"] = result["standard_error"]
        self.record.add(step, values)
        self._keep_best(step)

    def _keep_best(self, step):
        folder, score = self.record.folder, self.results[0]
        best, value = folder.record.get("best"), score["value"]
        if best is None or best["name"] != score["name"]:  # --scores may change when a run is resumed
            better = math.isfinite(value)
        else:
            better = value > best["value"] if score["higher_is_better"] else value < best["value"]
        if better:
            checkpoints.save(self.model, folder.best_checkpoint)
            folder.write_record(best={"step": step, "name": score["name"], "value": value})
