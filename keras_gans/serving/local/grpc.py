"""The gRPC side of the local server."""

import contextlib

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from keras_gans.errors import shown
from keras_gans.serving.errors import ServingError, invalid, unexpected


def server(predictor, log):
    """Returns a `grpc.aio.Server` with the services, not started and without a port; `log` takes a line."""
    limits, service = predictor.limits, _Service(predictor)
    made = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.body),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ],
        maximum_concurrent_rpcs=2 * (limits.workers + limits.queue),
    )  # messages are read before their turn comes

    def handlers(name, methods):
        made.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    f"tensorflow.serving.{name}",
                    {key: _handler(method, request, log) for key, (method, request) in methods.items()},
                )
            ]
        )

    handlers(
        "PredictionService",
        {
            "Predict": (service.predict, predict_pb2.PredictRequest),
            "GetModelMetadata": (service.metadata, get_model_metadata_pb2.GetModelMetadataRequest),
        },
    )
    handlers("ModelService", {"GetModelStatus": (service.status, get_model_status_pb2.GetModelStatusRequest)})
    return made


def _handler(method, request, log):
    """Reads a request itself: gRPC's own way to say that a message cannot be read is a traceback in the log."""

    async def answer(message, context):
        async with _errors(context, log):
            try:
                parsed = request.FromString(message)
            except DecodeError as error:
                raise invalid(f"the message is no {request.__name__}") from error
            return (await method(parsed, context)).SerializeToString()

    return grpc.unary_unary_rpc_method_handler(answer)


class _Service:
    def __init__(self, predictor):
        self._predictor, self._models = predictor, predictor.models

    async def predict(self, request, context):
        spec = _spec(request)
        async with self._predictor.place(context.time_remaining()) as call:
            return await call(self._predictor.predict_proto, spec, request)

    async def metadata(self, request, context):
        spec = _spec(request)
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid(f"Metadata field {', '.join(request.metadata_field)} is not supported; ask for signature_def")
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._models.lease(*spec) as (number, servable):
            answer.model_spec.name, answer.model_spec.version.value = spec[0], number
            answer.metadata["signature_def"].Pack(servable.described)
        return answer

    async def status(self, request, context):
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
async def _errors(context, log):
    try:
        yield
    except ServingError as error:
        await context.abort(grpc.StatusCode[error.code], str(error))
    except Exception as error:
        log(f"a request failed: {shown(repr(error))}")
        told = unexpected(error)
        await context.abort(grpc.StatusCode[told.code], str(told))
