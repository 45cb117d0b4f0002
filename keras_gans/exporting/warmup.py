"""Requests that TF Serving answers when it loads a model, so that the first client does not wait for its first run."""

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

PLACE = "assets.extra/tf_serving_warmup_requests"  # where TF Serving looks


def write(directory, model, requests):
    """Writes the warm-up records of a SavedModel.

    Args:
        directory: `pathlib.Path` of the version folder.
        model: name that it is served under.
        requests: list of (signature, {input: array}).
    """
    path = directory / PLACE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(name=model, signature_name=signature),
                inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()},
            )
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
