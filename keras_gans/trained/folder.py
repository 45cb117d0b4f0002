"""The run folder: everything that a run is, and how to open it again."""

import functools
import json
import pathlib
import re

from keras_gans import files, flags
from keras_gans.errors import UserError

# What may change when a run is resumed: it changes neither the data, the networks nor the steps.
FREE_FLAGS = frozenset(
    """
    run_dir kimg log_kimg sample_kimg score_kimg checkpoint_kimg keep_checkpoints scores score_features score_count
    plugin export jit_compile steps_per_execution strategy deterministic init_from bad_images
""".split()
)


class Folder:
    """Paths and records of a run folder; needs no TensorFlow.

    Args:
        directory: the folder; it need not exist.
    """

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.record_path = self.directory / "run.json"
        self.metrics_path = self.directory / "metrics.jsonl"
        self.samples = self.directory / "samples"
        self.checkpoints = self.directory / "checkpoints"

    @functools.cached_property
    def record(self):
        """What `run.json` says: recipe, versions, seed, data, parameters, and results once there are any.

        Raises:
            UserError: no such run.
        """
        if not self.record_path.is_file():
            raise UserError(f"{self.directory} is not a run folder (it has no run.json); name one that train.py has made")
        try:
            return json.loads(self.record_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{self.record_path} is not JSON: {error}") from error

    @property
    def recipe(self):
        """The run's resolved flags, by name, in the terms of today; see `translated`."""
        return translated(self.record["recipe"])

    def write_record(self, **changes):
        """Updates `run.json`."""
        known = self.record if self.record_path.is_file() else {}
        self.record = known | changes
        files.write_text(self.record_path, json.dumps(self.record, indent=2, sort_keys=True) + "\n")

    def refuse_other_recipe(self, recipe):
        """Checks that the folder is new or holds a run of this recipe.

        Raises:
            UserError: a run with another recipe; the message names the flags that differ.
        """
        if not self.record_path.is_file():
            return
        before = self.recipe
        differing = [
            f"--{name}={_said(recipe.get(name))} (was {_said(before.get(name))})"
            for name in sorted(set(before) | set(recipe))
            if name not in FREE_FLAGS and before.get(name) != recipe.get(name)
        ]
        if differing:
            raise UserError(
                f"{self.directory} holds a run with another recipe: {', '.join(differing)}; "
                "take another --run_dir, or the same flags to resume it"
            )

    def checkpoint_path(self, step):
        """Where the checkpoint after `step` generator steps is kept."""
        return self.checkpoints / f"step-{step:09d}.weights.h5"

    @property
    def best_checkpoint(self):
        """Where the checkpoint with the best score is kept."""
        return self.checkpoints / "best.weights.h5"

    def checkpoint_steps(self):
        """Returns the steps that have a checkpoint, oldest first."""
        names = sorted(path.name for path in self.checkpoints.glob("step-*.weights.h5"))
        return [int(re.search(r"\d+", name)[0]) for name in names]

    def metrics(self, until=None):
        """Returns the lines of metrics.jsonl as dicts, up to step `until`; a half-written last line is left out."""
        lines = []
        if self.metrics_path.is_file():
            for line in self.metrics_path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if until is None or entry["step"] <= until:
                    lines.append(entry)
        return lines


def translated(recipe):
    """Returns the recipe of a run, written by any version, in the terms of today.

    Flags that have come since have their defaults, which change nothing. What has another meaning now is spelt out: up to
    0.1.0, which had no `share_reals`, RMSprop's epsilon stood under the root, and CycleGAN and CUT counted every loss as
    they do `least_squares`.
    """
    changed = {}
    if "share_reals" not in recipe:
        for flag in ("optimizer", "discriminator_optimizer"):
            spec = recipe.get(flag) or ""
            if spec.partition(":")[0] == "rmsprop":
                changed[flag] = f"{spec}{',' if ':' in spec else ':'}epsilon_inside=true"
        game = recipe.get("game") or ""
        if game.partition(":")[0] in ("cyclegan", "cut") and recipe.get("loss", "").partition(":")[0] != "least_squares":
            known = "" if "adversarial_weight" in game else "adversarial_weight=2,"
            changed["game"] = f"{game}{',' if ':' in game else ':'}{known}discriminator_weight=1"
    return flags.defaults() | recipe | changed


def _said(value):
    return ",".join(map(str, value)) if isinstance(value, list) else value
