"""Answers requests: a bounded number at a time, each within its time."""

import asyncio
import concurrent.futures
import contextlib
import math
import time

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2

from keras_gans.serving import json_tensors
from keras_gans.serving.errors import ServingError, invalid
from keras_gans.serving.signatures import DTYPES, dtype_name

_MOST_AXES = 32


class Predictor:
    """Runs requests on the versions of `models`, in threads.

    Args:
        models: `keras_gans.serving.local.models.Models`.
        limits: `keras_gans.serving.local.limits.Limits`.
    """

    def __init__(self, models, limits):
        self.models, self.limits = models, limits
        self._threads = concurrent.futures.ThreadPoolExecutor(limits.workers, "predict")
        self._places = limits.workers + limits.queue

    def close(self):
        """Waits for what is being computed."""
        self._threads.shutdown(cancel_futures=True)

    @contextlib.asynccontextmanager
    async def place(self, seconds=None):
        """Holds one of the places for requests, within the time for one; gives `call(function, *arguments)`.

        `call` awaits `function(*arguments, deadline)` in a thread; the place stays taken until that has ended.

        Args:
            seconds: that the client waits, if it says so.

        Raises:
            ServingError: no place is free, or the time is over.
        """
        if not self._places:
            raise ServingError("UNAVAILABLE", "the server is busy: its queue is full; try again later")
        self._places -= 1
        seconds = min(self.limits.seconds, seconds if seconds is not None else self.limits.seconds)
        deadline = time.monotonic() + seconds
        running = []

        async def call(function, *arguments):
            running.append(self._threads.submit(function, *arguments, deadline))
            return await asyncio.wrap_future(running[-1])

        def leave():
            self._places += 1

        try:
            async with asyncio.timeout(seconds):
                yield call
        except TimeoutError as error:
            raise ServingError("DEADLINE_EXCEEDED", f"no answer within {seconds:.3g} s") from error
        finally:
            if running and not running[-1].done():  # given up, but not yet ended
                loop = asyncio.get_running_loop()
                running[-1].add_done_callback(lambda _: loop.is_closed() or loop.call_soon_threadsafe(leave))
            else:
                leave()

    def predict_json(self, spec, body, deadline):
        """Answers a REST request.

        Args:
            spec: (name, version, label) of the model.
            body: bytes of the request.
            deadline: on `time.monotonic`'s clock.

        Returns:
            Bytes of the answer.

        Raises:
            ServingError: a bad request, or a failed one.
        """
        request = json_tensors.parse(body, self.limits.containers)
        name = request.get("signature_name") or "serving_default"
        with self.models.lease(*spec) as (_, servable):
            if name not in servable.signatures:
                raise invalid(f'Serving signature name: "{name}" not found in signature def')
            outputs = self._run(servable, name, json_tensors.arrays(request, servable.signatures[name]), deadline)
        return json_tensors.response(outputs, "instances" in request)

    def predict_proto(self, spec, request, deadline):
        """Answers a gRPC request, a `PredictRequest`, with a `PredictResponse`; else as `predict_json`."""
        name = request.model_spec.signature_name or "serving_default"
        with self.models.lease(*spec) as (number, servable):
            if name not in servable.signatures:
                raise ServingError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
            unknown = set(request.output_filter) - set(servable.signatures[name].outputs)
            if unknown:
                raise invalid(f"output tensor alias not found in signature: {', '.join(sorted(unknown))}")
            signature = servable.signatures[name]
            inputs = {key: self._array(key, tensor, signature) for key, tensor in request.inputs.items()}
            outputs = self._run(servable, name, inputs, deadline)
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name, answer.model_spec.signature_name = request.model_spec.name, name
        answer.model_spec.version.value = number
        for key in request.output_filter or outputs:
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(outputs[key], shape=outputs[key].shape))
        return answer

    def _run(self, servable, name, inputs, deadline):
        self.limits.check(inputs, servable.signatures[name])
        left = deadline - time.monotonic()
        if left <= 0:
            raise ServingError("DEADLINE_EXCEEDED", "the time was over before the request's turn came")
        return servable.run(name, inputs, left)

    def _array(self, name, tensor, signature):
        """Unpacks a tensor; a single value may stand for a whole tensor, so its size is looked at first."""
        expected = signature.inputs.get(name)
        sent = DTYPES.get(types_pb2.DataType.Name(tensor.dtype)) if tensor.dtype in types_pb2.DataType.values() else None
        if sent is None or (expected is not None and np.dtype(sent) != expected.dtype):
            said = dtype_name(sent) if sent else f"the type of number {tensor.dtype}"
            raise invalid(f"{name}: expected {expected or 'a type that is known here'}, not {said}")
        sizes = [dim.size for dim in tensor.tensor_shape.dim]
        if tensor.tensor_shape.unknown_rank or min(sizes, default=0) < 0:
            raise invalid(f"{name}: the tensor has no shape")
        if len(sizes) > _MOST_AXES or _unpacked(tensor, sent, math.prod(sizes)) > self.limits.body:
            raise invalid(f"{name}: at most {self.limits.body} bytes are taken, not a tensor of {sizes}")
        try:
            return np.asarray(tf.make_ndarray(tensor))
        except (TypeError, ValueError, OverflowError) as error:
            raise invalid(f"{name}: not a tensor: {error}") from error


def _unpacked(tensor, dtype, count):
    """Returns the bytes of a tensor of `count` values; the last of those that are sent stands for the rest."""
    if dtype is not object:
        return count * np.dtype(dtype).itemsize
    lengths = [len(value) for value in tensor.string_val] or [0]
    return max(8 * count, sum(lengths) + max(0, count - len(lengths)) * lengths[-1])
