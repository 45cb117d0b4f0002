"""Writing a `keras.export.ExportArchive`, with what can go wrong in one line."""

import tensorflow as tf

from keras_gans.errors import UserError


def write(archive, path):
    """Writes `archive` as a SavedModel into the folder `path`.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    try:
        archive.write_out(str(path), verbose=False)
    except (tf.errors.OpError, OSError) as error:  # TensorFlow's file system raises errors of its own
        reason = (getattr(error, "message", None) or str(error)).splitlines()[0]
        raise UserError(
            f"cannot write {path}: {reason}; free some space or name a folder that you can write to"
        ) from error
