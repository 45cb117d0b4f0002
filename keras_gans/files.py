"""Files that are either whole or absent: written under a temporary name, then renamed."""

import contextlib
import os
import pathlib
import shutil

from keras_gans.errors import UserError


@contextlib.contextmanager
def whole(path):
    """Gives a temporary path beside `path` that takes its place if the block succeeds.

    Works for a file or for a folder (an existing folder is replaced). On any failure the temporary is removed
    and what stood at `path` stays.

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
            f"cannot write {path}: {_reason(error)}; free some space or name a folder that you can write to"
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def check_unpacked(archive, most):
    """Raises ValueError, before any is unpacked, where the entries of a `zipfile.ZipFile` are more than `most` bytes."""
    size = sum(entry.file_size for entry in archive.infolist())
    if size > most:
        raise ValueError(f"{size} bytes are packed in it, and at most {most} are expected")


def _reason(error):
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
            f"cannot write {folder}: {_reason(error)}; free some space or name a folder that you can write to"
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_text(path, text):
    """Writes `text` to `path` whole (UTF-8); what is no text in a file's name is escaped."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
