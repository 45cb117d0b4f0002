"""Notes what Python does meanwhile that a reader of strangers' files may not do."""

import contextlib
import os
import sys

_FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.spawn",
    "exec",
    "pickle.find_class",
)
_WRITING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
_seen, _allowed = [], []


def _hook(event, arguments):
    if not _allowed:
        return
    if event in _FORBIDDEN or event in _WRITING or event.startswith("socket."):
        _seen.append((event, str(arguments)[:200]))
    if event == "open" and not isinstance(arguments[0], int):
        path, _, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or os.fspath(path) not in _allowed[-1]:
            _seen.append((event, str(arguments)[:200]))


sys.addaudithook(_hook)  # it cannot be taken away, only told to look away


@contextlib.contextmanager
def only_reading(*paths):
    """Fails where meanwhile another file than `paths` is opened or changed, or a process or code is started."""
    _seen.clear()
    _allowed.append([os.fspath(path) for path in paths])
    try:
        yield
    finally:
        _allowed.pop()
    assert not _seen, _seen
