"""What the benchmarks share: runs of train.py that are kept, so that a second start goes on where one was stopped; timing.

python benchmarks/runs.py --flag=value ...      (flags of train.py) prints the memory and the images per second of its
                                                steps: those of five seconds, at least one, after the first three
"""

import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = pathlib.Path(__file__).resolve().parents[1]


def images_per_second(words, seconds=5):
    """Returns how fast a recipe's steps are, from about `seconds` of them after the first three.

    Args:
        words: flags of train.py.
    """
    import tensorflow as tf

    from keras_gans.runs import training
    from keras_gans.trained import recipes

    recipe = resolve(words)
    source = recipes.build_source(recipe)
    labels = recipe["conditional"]
    game = recipes.build_game(recipe, source.image_shape, source.num_classes if labels else 0, source.input_shape)
    batches = iter(training.distribute(tf.distribute.get_strategy(), source, recipe, 0, labels))
    game.make_train_function()
    for _ in range(3):
        game.train_function(batches)
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        game.train_function(batches)
        calls += 1
    return calls * recipe["steps_per_execution"] * recipe["batch_size"] / (time.perf_counter() - start)


def quick_precision():
    """Returns bfloat16 where the processor multiplies such numbers, else float32: without, a step takes up to ten times as long."""
    path = pathlib.Path("/proc/cpuinfo")
    known = path.read_text().split() if path.is_file() else ()
    return "bfloat16" if {"amx_bf16", "avx512_bf16"} & set(known) else "float32"


def milliseconds(call, repeats):
    """Returns the median time of `repeats` calls, after a first one that compiles; `call` must wait for its results."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds)


def parse(flags, document):
    """Fills a benchmark's flags from the command line, as the verbs of keras-gans do; `--help` shows `document` with them.

    Args:
        flags: `keras_gans.cli.Flags`, defined.
        document: the docstring of the benchmark.
    """
    from absl import flags as absl_flags

    from keras_gans import cli

    command = f"python benchmarks/{pathlib.Path(sys.argv[0]).name}"
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(cli.help_text(command, document, flags))
        raise SystemExit(0)
    try:
        flags(sys.argv)
    except absl_flags.Error as error:
        print(f"error: {' '.join(str(error).split())} (see {command} --help)", file=sys.stderr)
        raise SystemExit(2) from error


def resolve(words):
    """Returns the recipe, a dict of all flags of train.py, that `words` make."""
    from keras_gans import cli

    flags = cli.parse("train", words)
    return {name: flags[name].value for name in flags}


class Runs:
    """The runs of a benchmark, in one folder.

    Args:
        work: where the run folders and the measured speeds are kept.
        count: how many runs there are in all, for the lines that show progress.
    """

    def __init__(self, work, count):
        self.work, self.count = pathlib.Path(work).resolve(), count
        self.work.mkdir(parents=True, exist_ok=True)
        self.number, self.began, self.trained = 0, time.monotonic(), 0
        self._speeds_path = self.work / "speeds.json"

    def speed(self, name, words):
        """Returns the images per second of a recipe's steps.

        Measured once, in a process of its own, and kept under `name` as long as the recipe stays the same: measure all
        on an idle machine; the runs themselves may then share it.
        """
        speeds = json.loads(self._speeds_path.read_text()) if self._speeds_path.is_file() else {}
        recipe = resolve(words)
        if speeds.get(name, {}).get("recipe") != recipe:
            print(f"measuring the speed of {name}", flush=True)
            done = subprocess.run(
                [sys.executable, __file__, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
            )
            speeds[name] = {"images_per_second": float(done.stdout.splitlines()[-1]), "recipe": recipe}
            _write(self._speeds_path, json.dumps(speeds, indent=2) + "\n")
        return speeds[name]["images_per_second"]

    def train(self, name, words):
        """Trains, or goes on with, one run; a finished one is left as it is.

        Args:
            name: of the run's folder in `work`.
            words: flags of train.py, all but --run_dir.

        Returns:
            The run's `keras_gans.trained.folder.Folder`, or None if train.py failed (its reason stands on the terminal).
        """
        from keras_gans.errors import UserError
        from keras_gans.trained.folder import Folder

        self.number += 1
        folder = Folder(self.work / name)
        try:
            folder.refuse_other_recipe(resolve(words))
        except UserError as error:
            raise SystemExit(f"{error}. The recipe has changed since that run: delete its folder to run it anew") from error
        if folder.record_path.is_file() and "finished" in folder.record:
            self._say(f"{name} was finished before")
            return folder
        self._say(f"{name}{self._left()}")
        with open(self.work / f"{name}.log", "w", encoding="utf-8") as log:
            done = subprocess.run(
                [sys.executable, "train.py", *words, f"--run_dir={folder.directory}"], cwd=ROOT, stdout=log
            )
        self.trained += 1
        if done.returncode > 0:
            self._say(f"{name} failed")
            return None
        folder = Folder(self.work / name)
        if "finished" not in folder.record:
            raise SystemExit(f"{name} was stopped; the same command goes on from there")
        return folder

    def _say(self, text):
        print(f"[{self.number}/{self.count}] {text}", flush=True)

    def _left(self):
        if not self.trained:
            return ""
        each = (time.monotonic() - self.began) / self.trained
        return f" (about {each * (self.count - self.number + 1) / 60:.0f} min left)"


def fill(document, name, text):
    """Puts `text` between the lines <!-- name --> and <!-- /name --> of a Markdown file.

    Raises:
        SystemExit: there are no such lines.
    """
    path = ROOT / document
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, found, rest = path.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{path} has no lines {start.strip()} and {end.strip()}")
    _write(path, f"{before}{start}\n{text.strip()}\n\n{end}{after}")


def keep(path, rows, **facts):
    """Writes rows of results as JSON, with the date, the machine and the command."""
    from step_time import machine

    about = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "command": shlex.join(["python", *sys.argv])}
    _write(ROOT / path, json.dumps(about | facts | {"rows": rows}, indent=2) + "\n")
    return about


def kept(path):
    """Returns the rows that `keep` has written, [] where there are none yet; path: None too."""
    return json.loads((ROOT / path).read_text())["rows"] if path and (ROOT / path).is_file() else []


def _write(path, text):
    from keras_gans.files import write_text

    write_text(path, text)


if __name__ == "__main__":
    rate = images_per_second(sys.argv[1:])
    from keras_gans.runs.memory import peak_memory_mb

    print(f"{peak_memory_mb()} MB of memory at most; images/s:\n{rate}")
