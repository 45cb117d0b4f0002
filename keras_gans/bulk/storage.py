"""Files on whatever file system Beam knows (a folder, gs://, s3://, hdfs://): either whole or absent."""

import contextlib
import json
import os
import uuid

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from keras_gans import files
from keras_gans.data import remote
from keras_gans.errors import UserError

_AS_IT_IS = {"compression_type": CompressionTypes.UNCOMPRESSED}


def folder(path):
    """Makes a folder where files are to be written.

    Args:
        path: text.

    Raises:
        UserError: Beam knows no such file system, it does not answer within `remote.PATIENCE` seconds, or the folder cannot
            be made.
    """

    def make():
        with contextlib.suppress(FileExistsError):
            if not FileSystems.exists(path):
                FileSystems.mkdirs(path)

    try:
        FileSystems.get_filesystem(path)
    except ValueError as error:
        scheme = path.partition("://")[0]
        raise UserError(
            f"{path}: Beam has no file system for {scheme}:// here; install it, as in pip install 'apache-beam[gcp]' for gs://"
        ) from error
    remote.within(make, path)


def write(path, data):
    """Writes bytes whole; parent folders are made."""
    with writing(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path):
    """Gives a binary file that takes its place at `path` if the block succeeds.

    Raises:
        UserError: it cannot be written.
    """
    parent, name = os.path.split(path)
    temporary = f"{parent}/.tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}-{name}"
    try:
        with FileSystems.create(temporary, **_AS_IT_IS) as file:
            yield file
        FileSystems.rename([temporary], [path])
    except (OSError, BeamIOError) as error:
        raise UserError(
            f"cannot write {path}: {files.reason(error)}; free some space or name a folder that you can write to"
        ) from error
    finally:
        if FileSystems.exists(temporary):
            FileSystems.delete([temporary])


def write_json(path, value):
    """Writes a value as JSON, whole."""
    write(path, files.to_json(value).encode())


def read(path):
    """Returns the bytes of a file, or None where there is none."""
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path, **_AS_IT_IS) as file:
        return file.read()


def read_json(path):
    """Returns what a JSON file holds, or None where there is none, or a damaged one."""
    data = read(path)
    try:
        return None if data is None else json.loads(data)
    except ValueError:
        return None


def names(pattern):
    """Returns the paths of the files that match a pattern, sorted."""
    return sorted(found.path for found in FileSystems.match([pattern])[0].metadata_list)


def size(path):
    """Returns the bytes of a file."""
    return FileSystems.get_filesystem(path).size(path)


def remove(paths):
    """Removes files."""
    if paths:
        FileSystems.delete(list(paths))
