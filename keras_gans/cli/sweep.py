"""Trains one recipe with several values of some flags, one run after the other, and puts them into one table.

    keras-gans sweep --recipe=quickstart --kimg=10 --seed=0,1,2 --learning_rate=1e-4,2e-4 --run_dir=runs/rates
    keras-gans sweep --recipe=quickstart --seed=0,1 "--loss=hinge|wasserstein|least_squares:a=0,b=1,c=1" --run_dir=runs/losses

Takes the flags of keras-gans train. Where a flag takes a number or a word, its values are separated by commas; where it takes
parts or paths, by |. A run stands in a folder of --run_dir with the name of its values; --run_dir/sweep.html has the table,
the mean and the spread over the seeds, and the curves of up to 8 runs. The same command goes on where it was stopped.
"""

import collections
import itertools
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from keras_gans import cli, progress
from keras_gans import flags as recipe_flags
from keras_gans.cli.train import expand as _with_recipe
from keras_gans.errors import UserError
from keras_gans.registry import between_commas

TENSORFLOW = False


def define(flags):
    flags.strings("vary", [], "NAME=A|B|C: a flag and its values; what stands for --NAME=A,B,C")
    recipe_flags.define_recipe(flags)


def expand(arguments):
    """Returns the command line with the flags that have several values as --vary."""
    known = recipe_flags.Flags()
    recipe_flags.define_recipe(known)
    varied, others = [], []
    for word in arguments:
        name, equals, value = word.lstrip("-").partition("=")
        values = _values(known, name, value) if word.startswith("-") and equals else []
        if len(values) > 1:
            varied.append(f"--vary={name}={'|'.join(values)}")
        else:
            others.append(word)
    return [*varied, *_with_recipe(others)]


def _values(known, name, text):
    """Returns the values that a word gives to a flag."""
    if name not in known:
        return [text]
    free = known[name].flag_type() in ("string", "multi string")
    return text.split("|") if free or "|" in text else between_commas(text)


def run(flags):
    fixed = {name: flags[name].value for name in recipe_flags.defaults()}
    directory = pathlib.Path(fixed["run_dir"])
    combinations = _combinations(flags.vary)
    # All are parsed, and mistakes in them told, before the first begins.
    recipes = [_recipe(fixed, combination, directory) for combination in combinations]
    failed, began, trained = [], time.monotonic(), 0
    for number, (combination, recipe) in enumerate(zip(combinations, recipes), 1):
        name = _name(combination)
        if _finished(recipe["run_dir"]):
            print(f"[{number}/{len(recipes)}] {name} was finished before", flush=True)
            continue
        each = (time.monotonic() - began) / trained if trained else 0
        left = f" (about {progress.duration(each * (len(recipes) - number + 1))} left)" if trained else ""
        print(f"[{number}/{len(recipes)}] {name}{left}", flush=True)
        code = _train(recipe_flags.words(recipe))
        trained += 1
        if code:
            failed.append(name)
            print(f"{name} failed with exit code {code}; the others go on", file=sys.stderr, flush=True)
        elif not _finished(recipe["run_dir"]):
            print("stopped; the same command goes on from there", file=sys.stderr)
            return 130
    table = _table(combinations, recipes)
    _write(directory, recipes, table)
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, _widths(table))).rstrip())
    print(f"wrote {directory / 'sweep.html'}")
    return 1 if failed else 0


def _combinations(varied):
    """Returns dicts, flag -> value as text, the last flag varying fastest."""
    names, values = [], []
    for text in varied:
        name, equals, of_name = text.partition("=")
        if not equals or name not in recipe_flags.defaults() or name == "run_dir":
            raise UserError(f"--vary={text}: it takes NAME=A|B|C with a flag of keras-gans train, not --run_dir")
        if name in names:
            raise UserError(f"--{name} has its values twice; give them once")
        names.append(name)
        values.append(list(dict.fromkeys(of_name.split("|"))))
    if not names:
        raise UserError("nothing varies; give a flag several values, as in --seed=0,1,2 (see keras-gans sweep --help)")
    return [dict(zip(names, combination)) for combination in itertools.product(*values)]


def _recipe(fixed, combination, directory):
    """Returns the recipe of one run."""
    words = recipe_flags.words({name: value for name, value in fixed.items() if name not in combination})
    words += [f"--{name}={value}" for name, value in combination.items()]
    parsed = cli.parse("train", [*words, f"--run_dir={directory / _name(combination)}"], "keras-gans sweep")
    return {name: parsed[name].value for name in fixed}


def _name(combination):
    """Returns the name of a run's folder, `seed=0,learning_rate=1e-4`."""
    return ",".join(f"{name}={value}" for name, value in combination.items()).replace("/", "_")


def _finished(directory):
    from keras_gans.trained.folder import Folder

    folder = Folder(directory)
    return folder.record_path.is_file() and "finished" in folder.record


def _train(words):
    """Trains in a process of its own, which stops when this one is told to; returns its exit code."""
    process = subprocess.Popen([sys.executable, "-m", "keras_gans", "train", *words])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to both
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return process.wait()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _scores(directory):
    """Returns the final scores of a run, name -> value, empty if it has none."""
    from keras_gans.trained.folder import Folder

    record = Folder(directory).record if _finished(directory) else {}
    return {score["name"]: score["value"] for score in record.get("finished", {}).get("scores", [])}


def _table(combinations, recipes):
    """Returns rows of text: each run's values and scores; then mean and standard deviation over the seeds."""
    scores = [_scores(recipe["run_dir"]) for recipe in recipes]
    metrics = list(dict.fromkeys(metric for each in scores for metric in each))
    names = list(combinations[0])
    rows = [[*names, *metrics]]
    for combination, of_run in zip(combinations, scores):
        rows.append([*combination.values(), *(f"{of_run[metric]:.4g}" if metric in of_run else "–" for metric in metrics)])
    if "seed" in names:
        groups = collections.defaultdict(list)
        for combination, of_run in zip(combinations, scores):
            key = tuple("mean ± deviation" if name == "seed" else value for name, value in combination.items())
            groups[key].append(of_run)
        for key, runs in groups.items():
            values = [[of_run[metric] for of_run in runs if metric in of_run] for metric in metrics]
            rows.append([*key, *(_spread(of_metric) for of_metric in values)])
    return rows


def _spread(values):
    if len(values) < 2:
        return f"{values[0]:.4g} (one run)" if values else "–"
    return f"{statistics.mean(values):.4g} ± {statistics.stdev(values):.2g}"


def _widths(rows):
    return [max(map(len, column)) for column in zip(*rows)]


def _write(directory, recipes, table):
    """Writes the page: the table, and the comparison of the first runs."""
    from keras_gans import files
    from keras_gans.runs import comparison, page
    from keras_gans.trained.folder import Folder

    sections = [page.section("Scores", page.grid(table))]
    there = [recipe["run_dir"] for recipe in recipes if Folder(recipe["run_dir"]).record_path.is_file()]
    if 2 <= len(there) <= comparison.MOST:
        sections += comparison.sections(comparison.named(there))[1:]
    files.write_text(directory / "sweep.html", page.document(directory.resolve().name, sections))
