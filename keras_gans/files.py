"""Files that are either whole or absent: written under a temporary name, then renamed; and folders with one owner."""

import contextlib
import errno
import json
import math
import os
import pathlib
import re
import shutil
import time

from keras_gans.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

_TEMPORARY = re.compile(r"\.tmp-(\d+)-.", re.DOTALL)
_REPLACED = re.compile(r"\.(.+)\.(\d+)\.old", re.DOTALL)


@contextlib.contextmanager
def whole(path):
    """Gives a temporary path beside `path` that takes its place if the block succeeds.

    Works for a file or for a folder (an existing folder is replaced). On any failure the temporary is removed
    and what stood at `path` stays. What a killed process leaves behind, `repair` removes.

    Args:
        path: the final path; parent folders are made.

    Yields:
        The temporary `pathlib.Path`, with the endings of `path`. It does not exist yet.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and path.is_dir():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            os.rename(path, old)
            os.rename(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {reason(error)}; free some space or name a folder that you can write to"
        ) from error
    finally:
        _remove(temporary)


def check_unpacked(archive, most):
    """Raises ValueError, before any is unpacked, where the entries of a `zipfile.ZipFile` are more than `most` bytes."""
    size = sum(entry.file_size for entry in archive.infolist())
    if size > most:
        raise ValueError(f"{size} bytes are packed in it, and at most {most} are expected")


def reason(error):
    """Returns what an `OSError` says, in a few words."""
    # HDF5 puts a page of text in place of the message; the number is right.
    return os.strerror(error.errno) if error.errno else (str(error) or type(error).__name__).splitlines()[0]


@contextlib.contextmanager
def scratch(folder):
    """Gives a new folder inside `folder`, for files that take their places together; it is removed at the end.

    Args:
        folder: where they will stand; made if needed.

    Yields:
        A `pathlib.Path`.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    made = pathlib.Path(folder) / f".tmp-{os.getpid()}-scratch"
    try:
        made.mkdir(parents=True)
        yield made
    except OSError as error:
        raise UserError(
            f"cannot write {folder}: {reason(error)}; free some space or name a folder that you can write to"
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def write_bytes(path, *parts):
    """Writes `parts` (bytes-like), one behind the other, to `path` whole, and on the disk before the name is there."""
    with whole(path) as temporary, open(temporary, "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def write_text(path, text):
    """Writes `text` to `path` whole (UTF-8); what is no text in a file's name is escaped."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def to_json(value, **kwargs):
    """Returns `value` as JSON, which knows no NaN and no infinity: they become null.

    Args:
        value: dicts, lists, texts, numbers, None.
        **kwargs: of `json.dumps`.
    """
    return json.dumps(_finite(value), allow_nan=False, **kwargs)


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def repair(folder):
    """Removes what killed processes have left half-written in `folder` (not below it), and puts back what they had moved.

    Args:
        folder: need not exist.

    Returns:
        Names of what was removed or put back, sorted.
    """
    folder, found = pathlib.Path(folder), []
    with contextlib.suppress(OSError):
        found = sorted(os.listdir(folder))
    repaired = []
    for name in found:
        path, old = folder / name, _REPLACED.fullmatch(name)
        temporary = _TEMPORARY.match(name)
        if not (temporary or old) or not _is_over(path, int(temporary[1] if temporary else old[2])):
            continue
        repaired.append(name)
        if old and not (folder / old[1]).exists():  # killed between two renames
            with contextlib.suppress(OSError):
                os.rename(path, folder / old[1])
        else:
            _remove(path)
    return repaired


def _is_over(path, process):
    """Whether the process that was writing `path` has ended."""
    if process == os.getpid():  # the number has been given anew: in a container it is often the same
        return True
    if os.name == "nt":  # where asking for a process by os.kill would end it
        with contextlib.suppress(OSError):
            return time.time() - path.stat().st_mtime > 3600
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@contextlib.contextmanager
def owned(folder):
    """Holds `folder` for this process; a crash lets it go.

    The folder is made if needed, and removed again if nothing is in it at the end. (Where the file system has no locks,
    nothing is held.)

    Args:
        folder: path.

    Raises:
        UserError: another process holds it, or it cannot be written.
    """
    path = pathlib.Path(folder) / ".lock"
    try:
        file = _locked(path)
    except BlockingIOError as error:
        raise UserError(
            f"{folder} is in use by another process; wait until that has ended, or name another folder"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write {path}: {reason(error)}; name a folder that you can write to") from error
    try:
        yield
    finally:
        if fcntl:  # while it is held: who opens it now sees that it is gone
            path.unlink(missing_ok=True)
        file.close()
        with contextlib.suppress(OSError):
            if not fcntl:
                path.unlink()
            os.rmdir(folder)


def _locked(path):
    """Returns the file at `path`, open and locked.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it cannot be made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a")
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                file.close()
                raise BlockingIOError from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # the owner before has removed it meanwhile
