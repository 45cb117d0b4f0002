"""Kills workers of a run at random moments, the chief included, and looks how the others end and what the run becomes.

    python benchmarks/kill_workers.py --workers=2 --kills=10 --out=benchmarks/results/kill_workers.json

Tiny networks on loopback. Every worker is started as on a machine of its own: `train.py --hosts=... --index=N --restarts=...`.
A kill is SIGKILL to the training process of one of them, drawn at random, after a random time since all were started; so that
it meets imports, the meeting at the start, the building of networks, training and checkpoints. Then the seconds until each of
the others has ended, and its exit code, as its launcher says them; who was killed before the workers met is waited for by the
others, which go on with its next process. At the end the weights are compared, byte for byte, with
those of the same workers undisturbed.
"""

import contextlib
import os
import pathlib
import queue
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import runs
from absl import app, flags
from workers import ENVIRONMENT, free_ports, weights

flags.DEFINE_integer("workers", 2, "processes", 2, 8)
flags.DEFINE_integer("kills", 10, "how many", 1)
flags.DEFINE_integer("seed", 0, "of the moments")
flags.DEFINE_float("latest", 30.0, "seconds after the start of all within which a kill falls")
flags.DEFINE_integer("steps", 3000, "of the run", 10)
flags.DEFINE_string("out", None, "JSON file for the results")

ENDED = re.compile(r"the worker has ended (?:with exit code (\d+)|by (\w+))")


class Worker:
    """One worker under its launcher.

    Args:
        index: of the worker.
        words: the command line.
    """

    def __init__(self, index, words):
        self.index, self.began, self.ends, self.said = index, time.monotonic(), queue.Queue(), []
        self.launcher = subprocess.Popen(
            words,
            cwd=runs.ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.launcher.stdout:
            self.said.append(line.rstrip())
            if found := ENDED.search(line):
                self.began = time.monotonic()
                self.ends.put((time.monotonic(), found[1] or found[2]))

    def training(self):
        """Returns the id of the training process, or None."""
        found = pathlib.Path(f"/proc/{self.launcher.pid}/task/{self.launcher.pid}/children").read_text().split()
        return int(found[0]) if found else None


def run(folder, workers, restarts):
    """Starts all workers of a run; returns them."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in free_ports(workers))
    words = [
        *("--generator=mlp:width=16", "--discriminator=mlp:width=8", "--latent_dim=8", "--batch_size=8"),
        *(f"--kimg={flags.FLAGS.steps * 8 / 1000}", "--checkpoint_kimg=0.16", "--sample_kimg=0", "--export=none"),
        *(f"--run_dir={folder}", f"--hosts={hosts}", f"--restarts={restarts}"),
    ]
    return [Worker(index, [sys.executable, "train.py", *words, f"--index={index}"]) for index in range(workers)]


def last_step(folder):
    """Returns the step of the newest checkpoint, or 0."""
    return max((int(path.name[5:14]) for path in (folder / "checkpoints").glob("step-*.weights.h5")), default=0)


def wait(workers, seconds):
    for worker in workers:
        worker.launcher.wait(seconds)
    return [worker.launcher.returncode for worker in workers]


def disturb(workers, folder, draw):
    """Kills one worker at a random moment; returns what followed, or None where the run was at its end first."""
    moment = draw.uniform(0, flags.FLAGS.latest)
    victim = draw.choice(workers)
    began = max(worker.began for worker in workers)
    time.sleep(max(0, began + moment - time.monotonic()))
    if any(worker.launcher.poll() is not None for worker in workers) or victim.training() is None:
        return None
    step, counts = last_step(folder), [worker.ends.qsize() for worker in workers]
    assert not any(counts), [worker.said[-3:] for worker in workers]
    killed = time.monotonic()
    os.kill(victim.training(), signal.SIGKILL)
    ends = {}
    while len(ends) < len(workers):
        assert time.monotonic() < killed + 300, [worker.said[-5:] for worker in workers]
        for worker in workers:
            with contextlib.suppress(queue.Empty):
                when, code = worker.ends.get(timeout=0.1)
                ends[worker.index] = {"seconds": round(when - killed, 2), "ended": code}
        at_end = all(worker.launcher.poll() is not None for worker in workers)
        if victim.index in ends and (at_end or last_step(folder) > step):  # the others waited for the victim's next process
            ends = {worker.index: {"ended": "went on"} for worker in workers} | ends
    others = [ends[worker.index] for worker in workers if worker is not victim]
    return {
        "worker": victim.index,
        "after_start": round(killed - began, 1),
        "checkpoint": step,
        "victim": ends[victim.index]["ended"],
        "others": others,
    }


def keep(rows, equal):
    if flags.FLAGS.out:
        runs.keep(flags.FLAGS.out, rows, workers=flags.FLAGS.workers, bit_for_bit=equal)


def main(_):
    draw, rows, equal = random.Random(flags.FLAGS.seed), [], []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        started = time.monotonic()
        calm = run(scratch / "calm", flags.FLAGS.workers, 0)
        assert wait(calm, 1200) == [0] * flags.FLAGS.workers, [worker.said[-5:] for worker in calm]
        print(f"undisturbed: {time.monotonic() - started:.0f} s", flush=True)
        while len(rows) < flags.FLAGS.kills:
            folder = scratch / f"run{len(equal)}"
            workers = run(folder, flags.FLAGS.workers, 1000)
            try:
                while len(rows) < flags.FLAGS.kills and (row := disturb(workers, folder, draw)):
                    rows.append(row)
                    print(row, flush=True)
                    keep(rows, equal)
                codes = wait(workers, 1200)
            finally:
                for worker in workers:
                    worker.launcher.send_signal(signal.SIGTERM)
            assert codes == [0] * flags.FLAGS.workers, [worker.said[-5:] for worker in workers]
            last = f"checkpoints/step-{flags.FLAGS.steps:09d}.weights.h5"
            one, two = weights(scratch / "calm" / last), weights(folder / last)
            equal.append(one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one))
            print(f"{folder.name} is at its end; bit for bit as undisturbed: {equal[-1]}", flush=True)
    others = [other for row in rows for other in row["others"]]
    seconds = [other["seconds"] for other in others if "seconds" in other]
    codes = sorted({other["ended"] for other in others if "seconds" in other})
    print(
        f"{len(rows)} kills of {flags.FLAGS.workers} workers: {len(seconds)} of the others ended, after {min(seconds)} to "
        f"{max(seconds)} s, with {', '.join(codes)}, and {len(others) - len(seconds)} waited at the meeting; runs that ended bit "
        f"for bit as undisturbed: {sum(equal)} of {len(equal)}"
    )
    keep(rows, equal)


if __name__ == "__main__":
    app.run(main)
