"""Requests that ask the local server for far more than they bring: right status, one line, and others are answered."""

import gzip
import http.client
import json
import select
import socket
import time

import grpc
import numpy as np
import pytest
import served_models
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

GOOD = json.dumps({"inputs": np.zeros([1, 2, 2, 3]).tolist()}).encode()


def post(server, body=GOOD, **headers):
    """Returns (status, answer) of a request with these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=60)
    connection.request(
        "POST", "/v1/models/tiny:predict", body, {key.replace("_", "-"): value for key, value in headers.items()}
    )
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    if answer.status != 200:
        assert list(content) == ["error"] and "\n" not in content["error"] and len(content["error"]) <= 500
    return answer.status, content


def test_bodies_in_gzip(server):
    assert post(server, gzip.compress(GOOD), Content_Encoding="gzip")[0] == 200
    for body in (b"junk", gzip.compress(GOOD)[:-20], gzip.compress(GOOD)[:12] + b"x" * 40):
        status, content = post(server, body, Content_Encoding="gzip")
        assert status == 400, content
    status, content = post(server, gzip.compress(b" " * 2**28), Content_Encoding="gzip")
    assert status == 413 and "more than 2097152 bytes" in content["error"]
    assert post(server)[0] == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:8501", "localhost:80", "LOCALHOST", "[::1]:8501", "192.168.1.5"])
def test_names_of_its_own(server, name):
    assert post(server, Host=name)[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil.example", ""]
)
def test_a_page_of_another_site_cannot_ask_in_its_name(server, name):
    status, content = post(server, Host=name)
    assert status == 403 and "--allowed_host=NAME" in content["error"]
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=60)
    connection.request("GET", "/healthz", headers={"Host": name})
    assert connection.getresponse().status == 403
    connection.close()


def test_an_allowed_name(folder):
    made = served_models.server.Server(
        folder, served_models.LIMITS, rest_port=0, grpc_port=0, log=lambda line: None, allowed_hosts=("models.example",)
    )
    with served_models.server.running(made):
        assert post(made, Host="Models.example:8501")[0] == 200
        assert post(made, Host="evil.example")[0] == 403


def tensor(dtype, sizes=(1, 2, 2, 3), **values):
    made = tensor_pb2.TensorProto(dtype=dtype, **values)
    for size in sizes:
        made.tensor_shape.dim.add(size=size)
    return made


@pytest.mark.parametrize(
    "signature, name, sent",
    [
        *(("serving_default", "images", tensor(dtype)) for dtype in types_pb2.DataType.values() if dtype != 1),
        ("serving_default", "images", tensor(999)),
        ("serving_default", "nothing", tensor(types_pb2.DT_RESOURCE)),
        ("serving_default", "images", tensor(types_pb2.DT_UINT8, int_val=[2**31 - 1])),
        ("serving_default", "images", tensor(types_pb2.DT_FLOAT, [1] * 300)),
        ("serving_default", "images", tensor(types_pb2.DT_FLOAT, [2**62] * 20)),
        ("serving_default", "images", tensor(types_pb2.DT_FLOAT, tensor_content=b"abc")),
        ("sample_png", "count", tensor(types_pb2.DT_INT32, [], int_val=[-(2**31)])),
        ("translate", "image_bytes", tensor(types_pb2.DT_STRING, [200_000], string_val=[b"x" * 1000])),
        ("translate", "image_bytes", tensor(types_pb2.DT_STRING, [100_000])),
    ],
)
def test_tensors_of_every_type_and_size_are_refused_in_words(server, signature, name, sent):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "tiny", signature
    request.inputs[name].CopyFrom(sent)
    if signature == "sample_png":
        request.inputs["seed"].CopyFrom(tensor(types_pb2.DT_INT64, []))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel, pytest.raises(grpc.RpcError) as raised:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT and "\n" not in raised.value.details()


def test_clients_that_do_not_go_on_keep_nobody_from_an_answer(folder):
    limits = served_models.Limits(body=2**20, seconds=3, workers=1, queue=1)
    head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\n"
    with served_models.serving(folder, limits) as server:
        halves = [b"PO", head, head + b"Content-Length: 10\r\n\r\n", head + b"Content-Length: 10\r\n\r\n12345"]
        start, connections = time.monotonic(), []
        for number in range(20):
            connections.append(socket.create_connection(("127.0.0.1", server.rest_port), timeout=60))
            connections[-1].sendall(halves[number % len(halves)])
        time.sleep(0.3)
        assert post(server)[0] == 200 and time.monotonic() - start < 3
        for number, connection in enumerate(connections):
            answer = b""
            while piece := connection.recv(2**16):  # until the server closes it
                answer += piece
            assert (b" 504 " in answer) == (number % len(halves) >= 2), answer
            connection.close()
        assert 2 < time.monotonic() - start < 12  # 3 s, and 2 s that are waited for the rest of a body


def test_bodies_that_wait_together_are_bounded(folder):
    """Each is within the limit of one; together they are not held beyond eight times that."""
    limits = served_models.Limits(body=2**20, seconds=20, workers=1, queue=1)
    head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % 2**20
    with served_models.serving(folder, limits) as server:
        connections = [socket.create_connection(("127.0.0.1", server.rest_port), timeout=60) for _ in range(9)]
        for connection in connections:
            connection.sendall(head + b" " * (2**20 - 1))
        answered, _, _ = select.select(connections, [], [], 10)
        assert len(answered) == 1 and b" 503 " in answered[0].recv(2**16)
        served_models.wait_until(lambda: server._http._held == 8 * (2**20 - 1))
        for connection in connections:
            connection.close()
        served_models.wait_until(lambda: not server._http._held)
        assert post(server)[0] == 200


@pytest.mark.parametrize("cors", [False, True])
def test_pages_of_other_sites_read_answers_if_they_may(folder, cors):
    made = served_models.server.Server(
        folder, served_models.LIMITS, rest_port=0, grpc_port=0, log=lambda line: None, cors=cors
    )
    with served_models.server.running(made):
        for method, path, body, status in (
            ("OPTIONS", "/v1/models/tiny:predict", None, 204 if cors else 400),
            ("POST", "/v1/models/tiny:predict", GOOD, 200),
            ("POST", "/v1/models/tiny:predict", b"{", 400),
            ("GET", "/healthz", None, 200),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", made.rest_port, timeout=60)
            connection.request(method, path, body, {"Origin": "http://page.example", "Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status == status
            allowed = "*" if cors and path.startswith("/v1") else None
            assert answer.getheader("Access-Control-Allow-Origin") == allowed
            connection.close()
