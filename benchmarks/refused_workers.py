"""What workers say that cannot train together, in how many seconds, and with which exit code.

    python benchmarks/refused_workers.py --out=benchmarks/results/refused_workers.json

Two workers on loopback, with one mistake in each case: a table of cases, and the longest time until a worker ended. Every
worker must end with an exit code other than 0, with one line on standard error that begins with "error:", and without a
traceback; else the table says that it is wrong.
"""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import runs
from absl import app, flags
from workers import ENVIRONMENT, free_ports, write_noise

flags.DEFINE_multi_string("case", [], "names of cases; default: all")
flags.DEFINE_string("out", None, "JSON file for the results")

NOWHERE = "gs://keras-gans-nowhere/run"
TINY = [
    *("--generator=mlp:width=16", "--discriminator=mlp:width=8", "--latent_dim=8", "--batch_size=8", "--kimg=0.4"),
    *("--sample_kimg=0", "--scores=none", "--export=none", "--data=folder:pictures", "--image_size=16", "--channels=1"),
]
# What both workers are given; what each of them is given besides; `{two}` is a folder of the second's own.
CASES = {
    "other flags": ([], ["--index=0"], ["--index=1", "--learning_rate=0.5"]),
    "other code": ([], ["--index=0"], ["--index=1"]),
    "other pictures under the same path": ([], ["--index=0"], ["--index=1"]),
    "another folder as --run_dir": ([], ["--index=0"], ["--index=1", "--run_dir={two}/run"]),
    "two chiefs": ([], ["--index=0"], ["--index=0"]),
    "one host fewer than promised": ([], ["--index=0"]),
    "one address twice": (["--hosts=127.0.0.1,127.0.0.1:2222"], ["--index=0"]),
    "an index that no host has": ([], ["--index=7"]),
    "a bucket for the run that cannot be reached": ([f"--run_dir={NOWHERE}"], ["--index=0"], ["--index=1"]),
    "a bucket of data that cannot be reached": (
        ["--data=tfrecord:gs://keras-gans-nowhere/*.tfrecord"],
        ["--index=0"],
        ["--index=1"],
    ),
}


def place(folder, name, index):
    """Makes the folder that a worker is started in; returns it and where its package lies."""
    here, code = folder / f"host{index}", runs.ROOT
    write_noise(here / "pictures", index if name == "other pictures under the same path" else 0, (16, 16, 16))
    if name == "other code" and index:
        code = here / "code"
        shutil.copytree(runs.ROOT / "keras_gans", code / "keras_gans", ignore=shutil.ignore_patterns("__pycache__"))
        (code / "keras_gans" / "games" / "gan.py").open("a").write("# a change\n")
    return here, code


def look(name, folder):
    """Starts the workers of a case; returns its row."""
    both, *each = CASES[name]
    hosts = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    workers = []
    for index, own in enumerate(each):
        here, code = place(folder, name, index)
        words = [*TINY, f"--hosts={hosts}", f"--run_dir={folder}/run", *both, *own]
        command = [sys.executable, "-m", "keras_gans", "train", *(word.format(two=here) for word in words)]
        environment = ENVIRONMENT | {"PYTHONPATH": str(code)}
        workers.append(
            subprocess.Popen(
                command,
                cwd=here,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
    began, ends = time.monotonic(), [None] * len(workers)

    def end(index):
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, said = workers[index].communicate(timeout=300)
            errors = [line for line in said.splitlines() if line.startswith("error:")]
            ends[index] = {
                "seconds": round(time.monotonic() - began, 1),
                "exit_code": workers[index].returncode,
                "said": errors,
                "traceback": "Traceback" in said,
            }
        workers[index].kill()

    threads = [threading.Thread(target=end, args=(index,)) for index in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"case": name, "workers": ends}


def table(rows):
    lines = ["| case | seconds until the last has ended | exit codes | what is said |", "|---|---|---|---|"]
    for row in rows:
        ends = [end for end in row["workers"] if end]
        codes = ", ".join(str(end["exit_code"]) for end in ends)
        said = dict.fromkeys(line.removeprefix("error: ") for end in ends for line in end["said"])
        wrong = [end for end in ends if not end["exit_code"] or len(end["said"]) != 1 or end["traceback"]]
        codes += f"; **{len(wrong)} wrong**" * bool(wrong)
        lines.append(f"| {row['case']} | {max(end['seconds'] for end in ends):.0f} | {codes} | {' / '.join(said)} |")
    return "\n".join(lines)


def main(_):
    rows = runs.kept(flags.FLAGS.out)
    for name in flags.FLAGS.case or CASES:
        with tempfile.TemporaryDirectory() as folder:
            rows = [row for row in rows if row["case"] != name] + [look(name, pathlib.Path(folder))]
        print(rows[-1], flush=True)
        if flags.FLAGS.out:
            runs.keep(flags.FLAGS.out, rows)
    print(table(rows))


if __name__ == "__main__":
    app.run(main)
