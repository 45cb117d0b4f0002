"""The run folder: everything that a run is, and how to open it again."""

import functools
import json
import pathlib
import re

from keras_gans import files, flags
from keras_gans.errors import UserError
from keras_gans.trained import record

# What may change when a run is resumed: it changes neither the data, the networks nor the steps, but for rounding.
FREE_FLAGS = frozenset(
    """
    run_dir kimg log_kimg sample_kimg score_kimg checkpoint_kimg keep_checkpoints scores score_features score_count
    plugin export kernels jit_compile steps_per_execution strategy deterministic init_from bad_images max_pixels logger
    cache cache_gb data_service
""".split()
)

_CHECKPOINT = re.compile(r"step-(\d{9,})\.weights\.h5")
_LONGEST_LINE = 2**20  # bytes; a line of numbers has some hundreds


# What version 0.1.0 did where it had no flag yet; other flags of later versions have defaults that change nothing.
_BEFORE_FLAGS = {"holdout": "every:10"}


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
            UserError: no such run, or its record is damaged.
        """
        if not self.record_path.is_file():
            raise UserError(f"{self.directory} is not a run folder (it has no run.json); name one that train.py has made")
        return record.read(self.record_path)

    @property
    def recipe(self):
        """The run's resolved flags, by name, in the terms of today; see `translated`."""
        return translated(self.record["recipe"])

    def write_record(self, **changes):
        """Updates `run.json`."""
        known = self.record if self.record_path.is_file() else {}
        self.record = known | changes
        files.write_text(self.record_path, files.to_json(self.record, indent=2, sort_keys=True) + "\n")

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
        found = (_CHECKPOINT.fullmatch(path.name) for path in self.checkpoints.glob("step-*.weights.h5"))
        return sorted(int(match[1]) for match in found if match)

    def metrics(self, until=None):
        """Returns the sound lines of metrics.jsonl, up to step `until`; see `read_metrics`."""
        return self.read_metrics(until)[0]

    def read_metrics(self, until=None):
        """Reads metrics.jsonl line by line.

        Returns:
            The sound lines as dicts: `step`, `kimg` and `seconds`, and finite numbers by name; and how many lines are no
            such thing. A half-written last line, which a killed run leaves, is not counted.

        Raises:
            UserError: the file cannot be read.
        """
        lines, damaged, half = [], 0, 0
        if not self.metrics_path.is_file():
            return lines, damaged
        try:
            with open(self.metrics_path, "rb") as file:
                while line := file.readline(_LONGEST_LINE):
                    entry = _entry(line)
                    half = entry is None and not line.endswith(b"\n")
                    damaged += entry is None
                    if entry and (until is None or entry["step"] <= until):
                        lines.append(entry)
        except OSError as error:
            raise UserError(f"cannot read {self.metrics_path}: {files.reason(error)}") from error
        return lines, damaged - half


def _entry(line):
    """Returns a line of metrics.jsonl as a dict, or None."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    entry = {name: value for name, value in entry.items() if _is_number(value)}
    whole = isinstance(entry.get("step"), int) and {"kimg", "seconds"} <= entry.keys()
    return entry if whole and min(entry["step"], entry["kimg"], entry["seconds"]) >= 0 else None


def _is_number(value):
    # An int beyond float64 has no place on a chart.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def translated(recipe):
    """Returns the recipe of a run, written by any version, in the terms of today.

    Flags that have come since say what was done before, mostly by their defaults. What has another meaning now is spelt
    out: up to 0.1.0, which had no `share_reals`, RMSprop's epsilon stood under the root, and CycleGAN and CUT counted
    every loss as they do `least_squares`.
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
    return flags.defaults() | _BEFORE_FLAGS | recipe | changed


def _said(value):
    return ",".join(map(str, value)) if isinstance(value, list) else value
