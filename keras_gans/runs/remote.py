"""A run folder in a bucket: training works in a folder of this machine, whose files are copied whole to and from there.

What reaches the bucket is TensorFlow's file layer, `tf.io.gfile`: gs:// is built in, others come with `tensorflow-io`. Buckets
have no appending, no locks and no renaming at a stroke, which a run folder needs; so the run's own files stay on a disk, and a
copy is made behind every checkpoint, from which any machine goes on.
"""

import contextlib
import os
import pathlib
import re
import threading

import tensorflow as tf

from keras_gans.errors import UserError

PATIENCE = 30
"""Seconds until a file system that does not answer is called unreachable."""


def is_remote(place):
    """Whether `--run_dir` names a file system of TensorFlow's, as in gs://bucket/run."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", place) is not None


def reach(url):
    """Asks a remote folder's file system for it, so that one which cannot be reached is told before anything else begins.

    Args:
        url: of the folder; it need not exist.

    Raises:
        UserError: the file system is not known, or does not answer within `PATIENCE` seconds.
    """
    with _one_line(url, "read"):
        within(PATIENCE, lambda: tf.io.gfile.exists(url))


class Mirror:
    """A remote folder and its copy.

    Args:
        url: of the folder, such as gs://bucket/run; it need not exist.
        directory: path of the copy, a new folder of this machine.
    """

    def __init__(self, url, directory):
        self.url, self.directory = url.rstrip("/"), pathlib.Path(directory)
        self._copied = {}  # name -> (size, time of the last change) of the file that was copied last

    def pull(self):
        """Copies what is there to this machine.

        Raises:
            UserError: the file system cannot be read.
        """
        with _one_line(self.url, "read"):
            for name in self._names():
                path = self.directory / name
                path.parent.mkdir(parents=True, exist_ok=True)
                tf.io.gfile.copy(f"{self.url}/{name}", os.fspath(path), overwrite=True)
                self._copied[name] = _stamp(path)

    def push(self):
        """Copies what has changed, and removes what is here no longer.

        Raises:
            UserError: the file system cannot be written.
        """
        here = {path.relative_to(self.directory).as_posix(): path for path in self.directory.rglob("*") if path.is_file()}
        here = {name: path for name, path in here.items() if not path.name.startswith(".")}
        with _one_line(self.url, "write"):
            for name, path in sorted(here.items(), key=lambda item: item[0] == "run.json"):  # which says that a run is there
                stamp = _stamp(path)
                if self._copied.get(name) != stamp:
                    folder, _, last = f"{self.url}/{name}".rpartition("/")
                    tf.io.gfile.makedirs(folder)
                    tf.io.gfile.copy(os.fspath(path), f"{folder}/.tmp-{last}", overwrite=True)
                    tf.io.gfile.rename(f"{folder}/.tmp-{last}", f"{folder}/{last}", overwrite=True)
                    self._copied[name] = stamp
            for name in self._copied.keys() - here.keys():
                with contextlib.suppress(tf.errors.NotFoundError):
                    tf.io.gfile.remove(f"{self.url}/{name}")
                del self._copied[name]

    def _names(self):
        if not tf.io.gfile.isdir(self.url):
            return
        for folder, _, names in tf.io.gfile.walk(self.url):
            inside = folder.rstrip("/")[len(self.url) :].strip("/")
            yield from (f"{inside}/{name}".lstrip("/") for name in names if not name.startswith("."))


@contextlib.contextmanager
def _one_line(url, does):
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        said = " ".join(getattr(error, "message", str(error)).split())[:200]
        raise UserError(
            f"--run_dir={url}: cannot {does} it: {said}; name a bucket that this machine may write to, or a folder"
        ) from error


def _stamp(path):
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def within(seconds, call):
    """Returns what `call()` returns, or raises what it raises.

    Raises:
        TimeoutError: it did neither within that time (it is left behind).
    """
    answers = []

    def ask():
        try:
            answers.append((call(), None))
        except Exception as error:  # told to the thread that asked
            answers.append((None, error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise TimeoutError(f"no answer within {seconds} seconds")
    answer, error = answers[0]
    if error is not None:
        raise error
    return answer
