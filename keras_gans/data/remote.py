"""Files on TensorFlow's own file systems (gs://, ram://, ...), and the patience with those that do not answer."""

import threading

from keras_gans.errors import UserError

PATIENCE = 30.0  # seconds; TensorFlow alone would try for minutes


def is_remote(path):
    """Returns whether a path names a file system, as gs://bucket/file does."""
    return "://" in str(path)


def within(function, where, seconds=PATIENCE):
    """Calls a function that may wait for a network.

    Args:
        function: without arguments.
        where: what it looks at, for messages.
        seconds: how long to wait.

    Returns:
        What the function returns.

    Raises:
        UserError: no answer in time, or an error of TensorFlow's or of the system.
    """
    answer = {}

    def ask():
        try:
            answer["found"] = function()
        except BaseException as error:
            answer["error"] = error

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise UserError(f"{where} does not answer within {seconds:.0f} s; is there a network, and does the place exist?")
    error = answer.get("error")
    if error is None:
        return answer["found"]
    if isinstance(error, UserError):
        raise error
    line = next(iter((getattr(error, "message", None) or str(error)).splitlines()), "") or type(error).__name__
    raise UserError(f"{where} cannot be reached: {line[:300]}") from error


def find(pattern):
    """Returns the paths of the files that match a pattern, sorted.

    Raises:
        UserError: see `within`.
    """
    import tensorflow as tf

    return sorted(within(lambda: [path for path in tf.io.gfile.glob(pattern) if not tf.io.gfile.isdir(path)], pattern))


def stamp(path):
    """Returns (size, time of the last change in ns) of a file.

    Raises:
        UserError: see `within`.
    """
    import tensorflow as tf

    found = within(lambda: tf.io.gfile.stat(path), path)
    return found.length, found.mtime_nsec


def read(path, start=0, length=-1):
    """Returns bytes of a file, from `start` on; all for the length -1.

    Raises:
        UserError: see `within`.
    """
    import tensorflow as tf

    def work():
        with tf.io.gfile.GFile(path, "rb") as file:
            file.seek(start)
            return file.read(length)

    return within(work, path)


class Bytes:
    """The bytes of a file by slices, as a `mmap` has them; reads ahead, so that slices should go forward.

    Args:
        path: of the file.
        size: its bytes.
    """

    AHEAD = 2**23

    def __init__(self, path, size):
        self._path, self._size, self._start, self._held = path, size, 0, b""

    def __getitem__(self, part):
        stop = min(part.stop, self._size)
        if part.start < self._start or stop > self._start + len(self._held):
            self._start = part.start
            self._held = read(self._path, part.start, min(max(stop - part.start, self.AHEAD), self._size - part.start))
        return self._held[part.start - self._start : stop - self._start]
