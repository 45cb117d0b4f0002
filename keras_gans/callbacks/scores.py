"""Scores while training, and the checkpoint with the best one."""

import math

from keras_gans.callbacks import checkpoints
from keras_gans.callbacks.periodic import Periodic
from keras_gans.run import generate


class Scores(Periodic):
    """Scores the averaged generator on held-out data and keeps the best checkpoint.

    Args:
        record: a `Record`.
        evaluator: `keras_gans.metrics.Evaluator`.
        every: steps between scores.
        num_classes: 0 for an unconditional generator.
        start: steps done before.
    """

    def __init__(self, record, evaluator, every, num_classes=0, start=0):
        super().__init__(every, start)
        self.record, self.evaluator, self.num_classes = record, evaluator, num_classes
        self.results = []

    def due(self, step, logs):
        seed = self.model.seed + 1  # not the latents of the sample grid
        fakes = generate(self.model, self.evaluator.count_fake, seed, self.num_classes)
        self.results = self.evaluator.run(fakes)
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
