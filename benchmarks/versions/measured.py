"""What the scripts here share: commands of a checkout in a process of their own, with its time, memory and weights read.

Also the program of that process, which counts what it is asked to and then is the command:

    python measured.py COUNTS.json CHECKOUT WORD ...      `WORD ...` as in `keras-gans WORD ...` or `python WORD.py ...`
"""

import configparser
import dataclasses
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import pathlib
import platform
import runpy
import subprocess
import sys
import tempfile
import time
import tomllib

# === the caller's side ===


@dataclasses.dataclass(frozen=True)
class Measured:
    """One command that has run.

    Attributes:
        seconds: from the start of its process to the end.
        cpu_seconds: of all its threads; what to compare where others use the machine too.
        peak_mb: its largest resident memory.
        weights_read: numbers read from HDF5 files below folders of runs.
        variables_made: numbers in all Keras variables made.
        code: the exit code.
        output: what it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    weights_read: int
    variables_made: int
    code: int
    output: str

    def figures(self):
        """Returns the figures as a dict."""
        return {
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "peak_mb": round(self.peak_mb),
            "weights_read": self.weights_read,
            "variables_made": self.variables_made,
            "code": self.code,
        }


def environment(checkout):
    """Returns the environment for code of `checkout`, in which nothing is written."""
    cache = pathlib.Path(tempfile.gettempdir()) / "keras_gans_pycache"
    return os.environ | {"PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(cache), "TF_CPP_MIN_LOG_LEVEL": "2"}


def command(checkout, *words, folder=None):
    """Runs a command of a checkout.

    Args:
        checkout: root of a checkout.
        *words: a verb of keras-gans, or a script (`train.py`, `export/tflite.py`), and its flags.
        folder: where it runs. Default: `checkout`.

    Returns:
        `Measured`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        counts, printed = pathlib.Path(temporary) / "counts.json", pathlib.Path(temporary) / "output"
        with open(printed, "wb") as output:
            start = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, __file__, counts, checkout, *words],
                cwd=folder or checkout,
                env=environment(checkout),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        counted = json.loads(counts.read_text()) if counts.is_file() else {"weights_read": None, "variables_made": None}
        return Measured(
            seconds,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * 1024 / 1e6,
            **counted,
            code=process.returncode,
            output=printed.read_text(errors="replace"),
        )


def hashes(directory):
    """Returns {path below `directory`: SHA-256} of all files there."""
    directory = pathlib.Path(directory)
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def machine():
    """Names the processor and the cores."""
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()}"


def about():
    """Returns when and where this was measured, and with what."""
    from importlib import metadata

    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("tensorflow", "keras", "numpy", "h5py")},
    }


# === the side of the command ===

COUNTS = {"weights_read": 0, "variables_made": 0}


def _size(shape):
    size = 1
    for side in shape:
        size *= side
    return size


def _count_reads():
    """Makes h5py count what is read of the files of runs (weights of other packages are not counted)."""
    import h5py

    def counting(method):
        def read(dataset, *args, **kwargs):
            if "/checkpoints/" in dataset.file.filename or "/runs/" in dataset.file.filename:
                COUNTS["weights_read"] += _size(dataset.shape)
            return method(dataset, *args, **kwargs)

        return read

    for name in ("__getitem__", "__array__"):
        setattr(h5py.Dataset, name, counting(getattr(h5py.Dataset, name)))


class _CountVariables(importlib.abc.MetaPathFinder):
    """Makes Keras count its variables, once it is imported: not before, since that is for the command to do."""

    NAME = "keras.src.backend.common.variables"

    def find_spec(self, name, path, target=None):
        if name != self.NAME:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def execute_and_count(module):
            execute(module)
            initialize = module.Variable.__init__

            def counting(variable, *args, **kwargs):
                initialize(variable, *args, **kwargs)
                COUNTS["variables_made"] += _size(variable.shape)

            module.Variable.__init__ = counting

        spec.loader.exec_module = execute_and_count
        return spec


def _entry(checkout):
    """Returns the function behind `keras-gans`."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    if "scripts" in project:
        scripts = [f"{name}={place}" for name, place in project["scripts"].items()]
    else:
        settings = configparser.ConfigParser()
        settings.read(checkout / "setup.cfg", encoding="utf-8")
        scripts = settings["options.entry_points"]["console_scripts"].split("\n")
    places = {name.strip(): place.strip() for name, _, place in (script.partition("=") for script in scripts)}
    module, _, name = places["keras-gans"].partition(":")
    return getattr(importlib.import_module(module), name)


def main(counts, checkout, *words):
    """Is the command; writes what it has counted to the file `counts`."""
    checkout = pathlib.Path(checkout)
    sys.path[0] = str(checkout)
    _count_reads()
    sys.meta_path.insert(0, _CountVariables())
    try:
        if words[0].endswith(".py"):
            sys.argv = [str(checkout / words[0]), *words[1:]]
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            sys.argv = ["keras-gans", *words]
            sys.exit(_entry(checkout)())
    finally:
        pathlib.Path(counts).write_text(json.dumps(COUNTS))


if __name__ == "__main__":
    main(*sys.argv[1:])
