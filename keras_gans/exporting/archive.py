"""Writing endpoints as a SavedModel, with what can go wrong in one line, and calling them again."""

import keras
import tensorflow as tf

from keras_gans.errors import UserError


def write(endpoints, path):
    """Writes a list of `Endpoint` as a SavedModel into the folder `path`.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    archive = keras.export.ExportArchive()  # `track` would store every weight twice; endpoints bring those they use
    for endpoint in endpoints:
        archive.add_endpoint(endpoint.name, endpoint.function, endpoint.signature())
    try:
        archive.write_out(str(path), verbose=False)
    except (tf.errors.OpError, OSError) as error:  # TensorFlow's file system raises errors of its own
        reason = (getattr(error, "message", None) or str(error)).splitlines()[0]
        raise UserError(f"cannot write {path}: {reason}; free some space or name a folder that you can write to") from error


def tensorflow_2(path):
    """Loads a SavedModel as `tf.saved_model.load` does; returns `call(signature, {name: array}) -> {name: array}`."""
    model = tf.saved_model.load(path)

    def call(signature, inputs):
        outputs = model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: output.numpy() for name, output in outputs.items()}

    return call


def session(path):
    """Loads a SavedModel as TensorFlow Serving does, into a v1 Session; returns the same `call`."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the loader is deprecated, but it is the one to test
    with tf.Graph().as_default():
        loaded = tf.compat.v1.Session()
        signatures = tf.compat.v1.saved_model.load(loaded, ["serve"], str(path)).signature_def
    logger.setLevel(level)

    def call(signature, inputs):
        tensors = signatures[signature]
        feed = {tensors.inputs[name].name: value for name, value in inputs.items()}
        return loaded.run({name: tensor.name for name, tensor in tensors.outputs.items()}, feed)

    return call


LOADERS = {"tf.saved_model.load": tensorflow_2, "v1 Session": session}
