"""The client's gRPC side (extra `serving`)."""

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_gans.serving import signatures
from keras_gans.serving.errors import ServingError

_UNBOUNDED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]  # images are large


class Grpc:
    """Calls of one model; see `keras_gans.serving.client.Client` for the arguments."""

    def __init__(self, address, model, version, label):
        self._address, self._model = f"{address.hostname}:{address.port or 8500}", model
        self._version, self._label = version, label
        if address.scheme == "grpcs":
            self._channel = grpc.secure_channel(self._address, grpc.ssl_channel_credentials(), _UNBOUNDED)
        else:
            self._channel = grpc.insecure_channel(self._address, _UNBOUNDED)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self):
        self._channel.close()

    def status(self, seconds):
        request = self._fill(get_model_status_pb2.GetModelStatusRequest())
        answer = self._ask(self._models.GetModelStatus, request, seconds)
        return {
            one.version: get_model_status_pb2.ModelVersionStatus.State.Name(one.state) for one in answer.model_version_status
        }

    def signatures(self, seconds):
        request = self._fill(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]))
        answer = self._ask(self._predict.GetModelMetadata, request, seconds)
        described = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(described)
        return signatures.of_metadata(json_format.MessageToDict(described, preserving_proto_field_name=True))

    def predict(self, inputs, name, signature, seconds):
        request = self._fill(predict_pb2.PredictRequest())
        request.model_spec.signature_name = name
        for key, array in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(array, shape=array.shape))
        answer = self._ask(self._predict.Predict, request, seconds)
        return {key: np.asarray(tf.make_ndarray(tensor)) for key, tensor in answer.outputs.items()}

    def _fill(self, request):
        request.model_spec.name = self._model
        if self._version is not None:
            request.model_spec.version.value = self._version
        if self._label is not None:
            request.model_spec.version_label = self._label
        return request

    def _ask(self, method, request, seconds):
        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as error:
            raise ServingError(error.code().name, f"{self._address}: {error.details()}") from error
