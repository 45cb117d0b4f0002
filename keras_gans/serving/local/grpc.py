"""The gRPC side of the local server."""

import contextlib

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from keras_gans.serving.errors import ServingError, invalid


def server(predictor):
    """Returns a `grpc.aio.Server` with the services, not started and without a port."""
    limits = predictor.limits
    made = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.body),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=2 * (limits.workers + limits.queue),
    )  # messages are read before their turn comes
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(predictor), made)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(predictor.models), made)
    return made


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, predictor):
        self._predictor = predictor

    async def Predict(self, request, context):
        async with _errors(context):
            spec = _spec(request)
            async with self._predictor.place(context.time_remaining()) as call:
                return await call(self._predictor.predict_proto, spec, request)

    async def GetModelMetadata(self, request, context):
        async with _errors(context):
            spec = _spec(request)
            if list(request.metadata_field) != ["signature_def"]:
                raise invalid(f"Metadata field {', '.join(request.metadata_field)} is not supported; ask for signature_def")
            answer = get_model_metadata_pb2.GetModelMetadataResponse()
            with self._predictor.models.lease(*spec) as (number, servable):
                answer.model_spec.name, answer.model_spec.version.value = spec[0], number
                answer.metadata["signature_def"].Pack(servable.described)
            return answer


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self._models = models

    async def GetModelStatus(self, request, context):
        async with _errors(context):
            answer = get_model_status_pb2.GetModelStatusResponse()
            for state in self._models.states(*_spec(request)):
                one = answer.model_version_status.add(version=state.version, state=state.state)
                one.status.error_code, one.status.error_message = state.code, state.message
            return answer


def _spec(request):
    spec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    return (
        spec.name,
        spec.version.value if spec.HasField("version") else None,
        spec.version_label if spec.HasField("version_label") else None,
    )


@contextlib.asynccontextmanager
async def _errors(context):
    try:
        yield
    except ServingError as error:
        await context.abort(grpc.StatusCode[error.code], str(error))
