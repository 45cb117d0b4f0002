"""Where picture files lie: a folder or a ZIP archive, both as numbered names that are read one at a time.

Nothing of an archive is unpacked to disk, so that a name in it reaches nothing outside.
"""

import os
import pathlib
import stat
import zipfile

from keras_gans.data.picture_files import FILE_BYTES, BadImage, read_file
from keras_gans.errors import UserError

MOST_TIMES = 100  # what an archive may hold, in sizes of its own; deflated pictures come to two, bombs to a thousand
ALWAYS = 2**28  # bytes that any archive may hold
MOST_FILES = 10_000_000


def shown(name):
    """Returns a name as it is printed: control characters and bytes that are no text are escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(name))


def list_files(folder):
    """Lists a folder at every depth, links followed, hidden files and folders left out.

    Args:
        folder: a `pathlib.Path`.

    Returns:
        Sorted list of paths relative to `folder`, with forward slashes.
    """
    found, seen = [], set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder above it
            folders.clear()
            continue
        seen.add(real)
        inside = pathlib.Path(parent).relative_to(folder)
        found += [(inside / name).as_posix() for name in names if not name.startswith(".")]
    return sorted(found)


class Directory:
    """The files below a folder.

    Args:
        path: `pathlib.Path` of the folder.

    Attributes:
        path: of the folder.
        names: sorted list of the files' paths inside it, with forward slashes.
    """

    def __init__(self, path):
        self.path, self.names = path, list_files(path)

    def read(self, name):
        """Returns the bytes of a file.

        Raises:
            BadImage: see `keras_gans.data.picture_files.read_file`.
        """
        return read_file(self.path / name)

    def where(self, name):
        """Returns the place of a file for messages."""
        return shown(self.path / name)

    def stamp(self, name):
        """Returns (size, time of the last change in ns) of a file, or None for what is no regular file."""
        try:
            status = (self.path / name).stat()
        except (OSError, ValueError):  # a dangling link
            return None
        return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


class Archive:
    """The files of a ZIP archive, as StyleGAN's data sets are kept; attributes and methods as of `Directory`.

    Args:
        path: `pathlib.Path` of the archive.

    Raises:
        UserError: no ZIP archive, a damaged one, or one that would unpack to far more than it is.
    """

    def __init__(self, path):
        self.path = path
        refuse_special(path)
        try:
            self._archive = zipfile.ZipFile(path)
            entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        except Exception as error:  # zipfile's parser raises what it stumbles over
            raise UserError(f"{shown(path)} is no ZIP archive that can be read: {_line(error)}") from error
        status = path.stat()
        self._time, total = status.st_mtime_ns, sum(entry.file_size for entry in entries)
        if len(entries) > MOST_FILES or total > max(ALWAYS, MOST_TIMES * status.st_size):
            raise UserError(
                f"{shown(path)} would unpack to {total} bytes in {len(entries)} files, more than {MOST_TIMES} times its "
                "size; it is not read"
            )
        self._entries = {entry.filename: entry for entry in entries if not _hidden(entry.filename)}
        self.names = sorted(self._entries)

    def read(self, name):
        entry = self._entries[name]
        if entry.file_size > FILE_BYTES:
            raise BadImage(f"too large: {entry.file_size} bytes are more than {FILE_BYTES}")
        try:
            with self._archive.open(entry) as file:
                return file.read(entry.file_size)
        except Exception as error:  # encrypted, cut off, a wrong checksum, an unknown compression, ...
            raise BadImage(f"unreadable: {_line(error)}") from error

    def where(self, name):
        return f"{shown(self.path)}, {shown(name)}"

    def stamp(self, name):
        entry = self._entries[name]
        return entry.file_size, self._time


def refuse_special(path):
    """Refuses what is no regular file before something waits for it.

    Raises:
        UserError: a pipe, socket or device, or nothing at all.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError) as error:
        raise UserError(f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not regular:
        raise UserError(f"{shown(path)} is a pipe, socket or device; name a folder or a ZIP archive")


def _hidden(name):
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _line(error):
    return " ".join(str(error).split())[:200] or type(error).__name__


def open_store(path, usage):
    """Opens a folder or a ZIP archive.

    Args:
        path: `pathlib.Path`.
        usage: what `--data` takes, for messages.

    Returns:
        A `Directory` or an `Archive`.

    Raises:
        UserError: neither is there.
    """
    if path.is_dir():
        return Directory(path)
    if path.suffix.lower() == ".zip" and path.exists():
        return Archive(path)
    what = "is a file, not a folder" if path.exists() else "does not exist"
    raise UserError(f"{shown(path)} {what}; --data={usage}")
