"""Trains the runs that docs/results.md shows, for as many hours as there are, and keeps what became of them in results/.

    python benchmarks/results.py --list                        what there is to train, and how far each run has come
    python benchmarks/results.py --hours=3                     goes on where the last start was stopped

One run a core, in the order of the list. A run ends after its minutes of one core (processor time, so that it may share the
machine), or before, when half of them are over and its last three scores do not fall and were no better than the best before
them. A stop (Ctrl-C, SIGTERM, the hours) makes a checkpoint; the next start resumes it bit for bit. A finished run's generator
(float16), card, last samples, scores and curve go to results/NAME, and no other row is touched; `python benchmarks/zoo.py` and
the like then write the tables from there. Runs that were never reached have no folder, and their rows say "not run". What
results/ has is not trained again, on another machine neither: remove its folder for that.
"""

import collections
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import runs

PATIENCE = 3  # scores in a row
SHEET = 300_000  # bytes of a run's samples, of the 25 million that results/ may have
_VERB = "import sys; from keras_gans.cli import main; sys.exit(main())"
_OFTEN = 5  # seconds between two looks at a training

Run = collections.namedtuple(
    "Run",
    "name group words minutes score more license ship after shown",
    defaults=(None, None, "Apache-2.0", True, None, True),
)
Run.__doc__ = """What is trained: flags of train.py; minutes of one core; the score that ends it early, on the run's own held-out
data (None: it is scored elsewhere); a function of what was trained that returns more for its row; the weights' licence;
whether the generator is kept too, or scores and samples alone; the name of the run that it starts from; whether its samples may
be kept (not where they show pictures that should not be passed on)."""


def plan(shared, work):
    """Returns all runs, in the order in which they are wanted."""
    import few_pictures
    import filters
    import zoo

    zoo.prepare(work)
    few_pictures.prepare(shared, work)
    filters.prepare(shared, work)
    return [*zoo.runs_of(Run, work), *few_pictures.runs_of(Run, work), *filters.runs_of(Run, shared, work)]


class State:
    """Processor seconds of each run so far and why it ended, in a JSON file that is whole at any time."""

    def __init__(self, path):
        self._path, self._lock = path, threading.Lock()
        self._runs = json.loads(path.read_text()) if path.is_file() else {}

    def __getitem__(self, name):
        return self._runs.get(name, {"core_seconds": 0.0, "ended": None})

    def write(self, name, **facts):
        with self._lock:
            self._runs[name] = self[name] | facts
            runs._write(self._path, json.dumps(self._runs, indent=2) + "\n")


def plateau(values, patience=PATIENCE):
    """Whether the last `patience` of a list of scores (lower is better) are all no better than the best before them.

    Not while they fall: a noisy score or a lucky start must not end a run that learns."""
    last = values[-patience:]
    return len(values) > patience and min(last) >= min(values[:-patience]) and last[-1] >= last[0]


def scores_so_far(directory, name):
    path = directory / "metrics.jsonl"
    lines = map(json.loads, path.read_text().splitlines()) if path.is_file() else ()
    return [line[name] for line in lines if name in line]


def train(run, core, work, state, stop):
    """Trains one run on one core until it is done or `stop` is set; returns whether it is done."""
    before, directory = state[run.name]["core_seconds"], work / run.name
    words = [sys.executable, "train.py", *run.words, f"--run_dir={directory}", "--export=none"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with open(work / f"{run.name}.log", "a", encoding="utf-8") as log:
        training = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *words],
            cwd=runs.ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on
        )
    ended, used = None, before
    while training.poll() is None:
        used = max(used, before + _core_seconds(training.pid))
        state.write(run.name, core_seconds=used)
        if used > 60 * run.minutes:
            ended = f"{run.minutes} minutes of one core"
        elif run.score and used > 30 * run.minutes and plateau(scores_so_far(directory, run.score)):
            ended = f"no better {run.score} in {PATIENCE} scores"
        if ended or stop.is_set():
            training.send_signal(signal.SIGTERM)
            training.wait()
        else:
            stop.wait(_OFTEN)
    if training.returncode and not ended and not stop.is_set():
        print(f"{run.name} failed, see {work / run.name}.log", flush=True)
        state.write(run.name, ended="failed")
        return False
    if not ended and not stop.is_set():
        ended = "its own end"
    if ended:
        state.write(run.name, ended=ended)
    return bool(ended)


def _core_seconds(pid):
    """Returns the processor seconds of a process, 0 if it has ended."""
    done = subprocess.run(["ps", "-o", "cputimes=", "-p", str(pid)], capture_output=True, text=True)
    return float(done.stdout or 0)


def keep(run, work, results, state):
    """Writes what is kept of a finished run: generator, card, samples, scores, curve."""
    from keras_gans.trained.folder import Folder
    from keras_gans.trained.trained import Trained

    source, out = work / run.name, results / run.name
    folder, made = Folder(source), out if run.ship else source
    if run.ship and not (out / "run.json").is_file():
        command("share", f"--run={source}", f"--out={out}", f"--license={run.license}")
        if not run.shown:
            _without_samples(out)
    if not run.ship:
        out.mkdir(parents=True, exist_ok=True)
        if run.shown:
            shutil.copyfile(max(folder.samples.glob("*.png")), out / "samples.png")
    if (out / "samples.png").is_file():
        halve(out / "samples.png")
    scores = work / f"{run.name}.scores.json"
    if run.score:
        command("evaluate", f"--run={made}", f"--out={scores}", f"--features={folder.record['recipe']['score_features']}")
    lines = folder.metrics()
    row = {
        "run": run.name,
        "group": run.group,
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "command": f"python benchmarks/results.py --runs={run.name}",
        "kimg": max(line["kimg"] for line in lines),
        "core_seconds": round(state[run.name]["core_seconds"]),
        "ended": state[run.name]["ended"],
        "parameters": folder.record["parameters"],
        "scores": {
            score["name"]: {"value": score["value"], "standard_error": score.get("standard_error")}
            for score in (json.loads(scores.read_text()) if run.score else ())
        },
        "curve": [[line["kimg"], line[run.score]] for line in lines if run.score and run.score in line],
    }
    if run.more:
        row |= run.more(Trained.open(made))
    runs._write(out / "result.json", json.dumps(row, indent=2) + "\n")
    return row


def _without_samples(out):
    """Takes the samples out of a shared run, and the line that shows them out of its card."""
    from keras_gans.trained import presets

    (out / presets.PICTURE).unlink(missing_ok=True)
    card = out / "README.md"
    shown, rest = f"({presets.PICTURE})\n\n", card.read_text(encoding="utf-8")
    before, found, after = rest.partition(shown)
    if found:
        runs._write(card, before[: before.rindex("![")] + after)


def halve(path):
    """Halves a PNG's sides until it has no more than `SHEET` bytes."""
    import numpy as np
    from PIL import Image

    from keras_gans import grids

    while path.stat().st_size > SHEET:
        with Image.open(path, formats=["PNG"]) as sheet:
            smaller = np.asarray(sheet.convert("RGB").reduce(2))
        grids.write_png(path, smaller)


def machine():
    import step_time

    return step_time.machine()


def command(*words):
    """Runs a verb of keras-gans in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _VERB, *words], cwd=runs.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"keras-gans {' '.join(words)}: {done.stderr.splitlines()[-1] if done.stderr else done.returncode}"
        )


def rows(results, group):
    """Returns what is known of a group's finished runs: name -> the row of results/NAME/result.json."""
    found = {}
    for path in sorted(pathlib.Path(results).glob("*/result.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        if row["group"] == group:
            found[row["run"]] = row
    return found


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.number("hours", 1.0, "after which all stops; the next start goes on", 0.0)
    flags.strings("runs", [], "names of the runs to train; default: all, in their order")
    flags.boolean("list", False, "say how far each run has come, and stop")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("work", "runs/results", "folder for the runs")
    flags.string("out", "results", "folder of what is kept")
    runs.parse(flags, __doc__)
    work, results = pathlib.Path(flags.work).resolve(), runs.ROOT / flags.out
    work.mkdir(parents=True, exist_ok=True)
    wanted = plan(pathlib.Path(flags.shared).resolve(), work)
    unknown = set(flags.runs) - {run.name for run in wanted}
    if unknown:
        raise SystemExit(f"unknown runs {sorted(unknown)}; --list has all")
    wanted = [run for run in wanted if not flags.runs or run.name in flags.runs]
    state = State(work / "state.json")
    for run in wanted:
        if (results / run.name / "result.json").is_file() and not state[run.name]["ended"]:
            row = json.loads((results / run.name / "result.json").read_text())
            state.write(run.name, core_seconds=row["core_seconds"], ended=row["ended"])
    if flags.list:
        for run in wanted:
            known = state[run.name]
            print(f"{run.name:<28}{known['core_seconds'] / 60:6.1f} of {run.minutes} min  {known['ended'] or ''}")
        return
    _work_through(wanted, work, results, state, flags.hours)


def settled(run, state, results):
    """Whether nothing is left to do for a run: it failed, or it has ended and is kept."""
    ended = state[run.name]["ended"]
    return ended == "failed" or bool(ended and (results / run.name / "result.json").is_file())


def _work_through(wanted, work, results, state, hours):
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    threading.Timer(3600 * hours, stop.set).start()
    waiting, lock = [run for run in wanted if not settled(run, state, results)], threading.Lock()
    unfinished = {run.name for run in waiting}

    def one_core(core):
        while not stop.is_set() and waiting:
            with lock:
                run = next((run for run in waiting if run.after not in unfinished), None)
                if run:
                    waiting.remove(run)
            if run is None:  # all that is left starts from what another core trains
                stop.wait(_OFTEN)
                continue
            print(f"core {core}: {run.name}", flush=True)
            if state[run.name]["ended"] or train(run, core, work, state, stop):  # or it was trained, and never kept
                row = keep(run, work, results, state)
                shown = ", ".join(
                    f"{name} {score['value']:.3f}" for name, score in itertools.islice(row["scores"].items(), 2)
                )
                print(f"core {core}: {run.name}: {row['kimg']:.1f} kimg, {shown} ({row['ended']})", flush=True)
            unfinished.discard(run.name)

    threads = [threading.Thread(target=one_core, args=(core,)) for core in sorted(os.sched_getaffinity(0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # in turns, so that signals are heard
            thread.join(1)
    os._exit(0)  # the timer of the hours is still waiting


if __name__ == "__main__":
    main()
