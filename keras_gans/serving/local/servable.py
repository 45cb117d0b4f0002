"""One loaded version of a model, in a session as TensorFlow Serving has it."""

import contextlib
import io
import pathlib
import re

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from PIL import Image
from tensorflow_serving.apis import get_model_metadata_pb2, prediction_log_pb2

from keras_gans.serving import signatures
from keras_gans.serving.errors import ServingError

WARM_UP = "assets.extra/tf_serving_warmup_requests"
_SIDE = 256  # of an image to warm up with: what the deepest U-Net takes
_VARIABLES = {"VarHandleOp", "VariableV2"}


class Servable:
    """A SavedModel that answers.

    Args:
        path: the version's folder.

    Raises:
        ServingError: not a SavedModel, or one of which a part is missing.
    """

    def __init__(self, path):
        path = pathlib.Path(path)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default(), _quiet():
                meta_graph = tf.compat.v1.saved_model.load(self._session, ["serve"], str(path))
            operations = {
                node.op
                for nodes in [
                    meta_graph.graph_def.node,
                    *(function.node_def for function in meta_graph.graph_def.library.function),
                ]
                for node in nodes
            }
            if operations & _VARIABLES and not (path / "variables/variables.index").exists():
                raise ServingError("DATA_LOSS", f"{path} has no variables/variables.index")
            self._definitions = {
                name: signature for name, signature in meta_graph.signature_def.items() if not name.startswith("__")
            }
            self.described = get_model_metadata_pb2.SignatureDefMap(signature_def=self._definitions)
            self.signatures = signatures.of_metadata(
                json_format.MessageToDict(self.described, preserving_proto_field_name=True)
            )
            self._warm_up(path / WARM_UP)
        except Exception as error:
            self._session.close()
            raise _serving_error(error) from error

    def close(self):
        """Gives the memory back."""
        self._session.close()

    def run(self, name, inputs, seconds):
        """Runs one signature.

        Args:
            name: of the signature.
            inputs: name -> array, checked.
            seconds: after which the computation is given up.

        Returns:
            name -> array.

        Raises:
            ServingError: what TensorFlow answers.
        """
        definition = self._definitions[name]
        feed = {definition.inputs[key].name: array for key, array in inputs.items()}
        fetches = {key: tensor.name for key, tensor in sorted(definition.outputs.items())}
        options = tf.compat.v1.RunOptions(timeout_in_ms=max(1, round(seconds * 1000)))
        try:
            made = self._session.run(fetches, feed, options=options)
        except (tf.errors.OpError, RuntimeError, TypeError, ValueError) as error:
            raise _serving_error(error) from error
        return {
            key: np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value) for key, value in made.items()
        }

    def _warm_up(self, records):
        """Answers the recorded requests; where there are none, one made-up request for each signature."""
        if records.exists():
            for record in tf.data.TFRecordDataset(str(records)).as_numpy_iterator():
                request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
                name = request.model_spec.signature_name or "serving_default"
                if name not in self.signatures or set(request.inputs) != set(self.signatures[name].inputs):
                    raise ServingError("FAILED_PRECONDITION", f"a warm-up request does not fit the signature {name!r}")
                self.run(name, {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}, 600)
            return
        for name, signature in self.signatures.items():
            if any(tensor.shape is None for tensor in signature.inputs.values()):
                continue
            try:
                self.run(name, {key: _example(tensor) for key, tensor in signature.inputs.items()}, 600)
            except ServingError as error:
                if error.code not in ("INVALID_ARGUMENT", "UNIMPLEMENTED"):  # an example that does not fit tells nothing
                    raise


def _example(tensor):
    """Makes up an input: one image, one picture file, the number 1."""
    shape = [size or (1 if axis == 0 or len(tensor.shape) != 4 else _SIDE) for axis, size in enumerate(tensor.shape)]
    if tensor.dtype != object:
        return np.full(shape, 0 if shape else 1, tensor.dtype)
    file = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE)).save(file, "PNG")
    return np.full(shape, file.getvalue(), object)


@contextlib.contextmanager
def _quiet():
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the loader is deprecated, but it is that of TensorFlow Serving
    try:
        yield
    finally:
        logger.setLevel(level)


def _serving_error(error):
    """Returns TensorFlow's error with its reason only."""
    if isinstance(error, ServingError):
        return error
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).upper()
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    # Behind the first root error come its place in the graph and the other ones.
    text = re.sub(r"^.*?\(0\)\s*(\w+: )?", "", text, flags=re.S) if "root error(s) found" in text else text
    text = re.split(r"\n\s*\[\[|\n\s*\(1\)|\n+Original stack trace|\n+Errors may have", text)[0]
    text = re.sub(r"^.*?(?=assertion failed:)|^Graph execution error:", "", text, flags=re.S)
    return ServingError(code if isinstance(error, tf.errors.OpError) else "INTERNAL", text)
