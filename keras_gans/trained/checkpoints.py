"""Checkpoints: Keras's `.weights.h5` with a checksum in front of it.

HDF5 lets 512 bytes stand in front of a file (its "user block"); every reader of HDF5 passes over them. There stands the
SHA-256 of all that follows. Files without it, of 0.1.0 or of Keras itself, load too.

HDF5 never writes to the disk itself: where that is full, it ends the process when it closes the file. The file is made in
memory, which takes as many bytes as it has, and written by Python.
"""

import contextlib
import hashlib
import io
import os
import sys

import h5py

from keras_gans import files, hdf5
from keras_gans.errors import UserError

_BLOCK = 512  # bytes: the smallest user block
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class _InMemory(io.BytesIO):
    """A file that Keras takes for a checkpoint by its name."""

    def __str__(self):
        return "in_memory.weights.h5"


def save(model, path):
    """Writes all variables of a model to `path`, whole.

    Args:
        model: a `keras.Model`; of a game these are all that the run's continuation depends on.
        path: `*.weights.h5`.

    Raises:
        UserError: the folder cannot be written or the disk is full; what stood at `path` stays.
    """
    memory = _InMemory()
    model.save_weights(memory)
    content = memory.getbuffer()
    files.write_bytes(path, _head(hashlib.sha256(content).hexdigest()), content)


def _head(digest):
    return f"keras_gans checkpoint\nsha256 of what follows byte {_BLOCK}: {digest}\n".encode().ljust(_BLOCK)


def verify(path):
    """Checks that a checkpoint is what was written.

    Args:
        path: `*.weights.h5`. Of a file without a checksum only the beginning is looked at.

    Raises:
        UserError: it is not, or it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_BLOCK)
            if head.startswith(_SIGNATURE):
                return
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {files.reason(error)}") from error
    if head != _head(digest):
        raise UserError(f"{path} is damaged: its checksum is wrong")


@contextlib.contextmanager
def opened(path):
    """Opens a checkpoint for reading a part of it.

    Args:
        path: `*.weights.h5`, which is verified first.

    Yields:
        A `h5py.File` in the layout of Keras's `save_weights`.

    Raises:
        UserError: it is damaged, or it lacks what the block looks for (KeyError there).
    """
    with _one_line(path):
        hdf5.check(path)
        with h5py.File(path, "r") as file:
            yield file


def load(model, path):
    """Gives a model the variables of a checkpoint.

    Args:
        model: a `keras.Model` like the one that was saved.
        path: `*.weights.h5`, which is verified first.

    Raises:
        UserError: the file is damaged or belongs to another model. Then some variables may have been set.
    """
    with _one_line(path):
        hdf5.check(path)
        model.load_weights(os.fspath(path))


@contextlib.contextmanager
def _one_line(path):
    verify(path)
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # HDF5 and Keras raise nearly anything on a damaged file that has no checksum
        what = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"cannot load {path}: it is damaged or belongs to other networks ({what})") from error


def newest(folder, load):
    """Loads the newest checkpoint of a run that can be loaded, and says which could not.

    Args:
        folder: `keras_gans.trained.folder.Folder`.
        load: function of a path that raises UserError for a bad file: `verify`, or one that loads.

    Returns:
        Its number of steps; None where there is no checkpoint.

    Raises:
        UserError: there are checkpoints, and none can be loaded.
    """
    steps, bad = folder.checkpoint_steps(), []
    for step in reversed(steps):
        try:
            load(folder.checkpoint_path(step))
        except UserError as error:
            bad.append(error)
            continue
        for error in bad:
            print(f"warning: {error}; the checkpoint of step {step} takes its place", file=sys.stderr, flush=True)
        return step
    if bad:
        others = (
            f", and none of the {len(bad) - 1} before it can be loaded" if len(bad) > 1 else ", and there is none before it"
        )
        raise UserError(f"{bad[0]}{others}; put a copy in its place, or take another --run_dir to begin anew") from bad[0]
    return None
