"""Requests of changed and made-up bytes: each answer is one line with a status of the API, and the server stays as it is."""

import base64
import json
import resource
import socket

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

grpc = pytest.importorskip("grpc", reason="the serving extra is not installed")
pytest.importorskip("aiohttp", reason="the serving extra is not installed")
requests = pytest.importorskip("requests", reason="the serving extra is not installed")

import served_models  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import predict_pb2  # noqa: E402

from keras_gans.data.images import encode_png  # noqa: E402

SETTINGS = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
_MEGABYTES = 300  # that the server's process may grow by, beside what TensorFlow's threads take
PICTURE = encode_png(np.zeros([4, 4, 3], np.uint8))
BODIES = [
    {"signature_name": "translate", "instances": [{"b64": base64.b64encode(PICTURE).decode()}]},
    {"inputs": {"images": [[[[1, 2.5, 3]]]]}},
    {"signature_name": "sample_png", "inputs": {"seed": 1, "count": 2}},
    {"signature_name": "two", "instances": [{"a": 1, "name": "x"}]},
]
WORDS = [
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b'"',
    b"NaN",
    b"1e999",
    b"-1",
    b"[[[[",
    b"\\ud800",
    b"\xff",
    b"null",
    b"9" * 400,
]
EDITS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4), st.one_of(st.sampled_from(WORDS), st.binary(max_size=4))))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["b64", "images", "image_bytes", "seed", "count", "a", "name"]), inner, max_size=3),
    ),
    max_leaves=30,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server, its lines, and at the end the memory that it has taken."""
    folder, lines = tmp_path_factory.mktemp("models"), []
    served_models.write(folder / "tiny" / "1")
    made = served_models.server.Server(folder, served_models.LIMITS, rest_port=0, grpc_port=0, log=lines.append)
    with served_models.server.running(made):
        ask(made, json.dumps(BODIES[0]).encode())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield made
        assert ask(made, json.dumps(BODIES[0]).encode()) == 200
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MEGABYTES * 1024
    assert not [line for line in lines if "failed" in line], lines


def ask(server, body, path="/v1/models/tiny:predict", **headers):
    answer = requests.post(f"http://127.0.0.1:{server.rest_port}{path}", data=body, headers=headers, timeout=60)
    content = answer.json()
    if answer.status_code != 200:
        assert answer.status_code in (400, 403, 404, 413) and list(content) == ["error"]
        assert "\n" not in content["error"] and len(content["error"]) <= 500
    return answer.status_code


def mutated(data, edits):
    data = bytearray(data)
    for place, length, put in edits:
        start = place % (len(data) + 1)
        data[start : start + length] = put
    return bytes(data)


@settings(SETTINGS, max_examples=150)
@given(
    body=st.sampled_from(BODIES),
    edits=EDITS,
    headers=st.sampled_from([{}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}, {"Host": "x"}]),
)
def test_changed_bodies(server, body, edits, headers):
    ask(server, mutated(json.dumps(body).encode(), edits), **headers)


@settings(SETTINGS, max_examples=150)
@given(
    signature=st.sampled_from(["translate", "serving_default", "sample_png", "two"]),
    key=st.sampled_from(["inputs", "instances"]),
    value=JSON,
)
def test_values_of_any_form(server, signature, key, value):
    ask(server, json.dumps({"signature_name": signature, key: value}).encode())


@settings(SETTINGS, max_examples=60)
@given(edits=EDITS, junk=st.binary(max_size=40))
def test_changed_heads(server, caplog, edits, junk):
    """Whatever comes of a head, the server closes or answers, and says no traceback."""
    head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=60) as connection:
        connection.sendall(mutated(head, edits) + junk)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(2**16)
    assert b"Traceback" not in answer and b" 500 " not in answer[:20]
    assert not [record for record in caplog.records if record.exc_info and record.levelname == "ERROR"]


def serialized(signature, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "tiny", signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value, shape=np.shape(value)))
    return request.SerializeToString()


MESSAGES = [
    serialized("translate", image_bytes=np.array([PICTURE], object)),
    serialized("serving_default", images=np.ones([1, 2, 2, 3], np.float32)),
    serialized("sample_png", seed=np.int64(1), count=np.int32(2)),
]


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield channel


@settings(SETTINGS, max_examples=400)
@given(message=st.sampled_from(MESSAGES), edits=EDITS)
def test_changed_messages(channel, message, edits):
    for method in ("PredictionService/Predict", "PredictionService/GetModelMetadata", "ModelService/GetModelStatus"):
        try:
            channel.unary_unary(f"/tensorflow.serving.{method}")(mutated(message, edits), timeout=60)
        except grpc.RpcError as error:
            assert error.code().name in ("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"), error
            assert "\n" not in error.details()
