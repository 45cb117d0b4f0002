"""The client against the local server, and against servers that answer badly."""

import concurrent.futures
import http.server
import json
import socket
import threading
import time

import numpy as np
import pytest
import served_models
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.serving.client import Client
from keras_gans.serving.errors import ServingError
from keras_gans.serving.signatures import Signature, Tensor


@pytest.fixture
def client(address):
    with Client(address, "tiny", timeout=30) as client:
        yield client


def test_tensors(client):
    images = np.random.default_rng(0).normal(size=[2, 3, 4, 3]).astype(np.float32)
    made = client.predict({"images": images})
    np.testing.assert_array_equal(made["generated"], 2 * images)
    assert made["images"] is made["generated"]  # its name in exports of 0.1.0
    made = client.predict({"a": [1, 2.5], "name": [b"x", b"y"]}, "two")
    assert made["double"].tolist() == [2, 5] and made["double"].dtype == np.float32
    assert made["named"].tolist() == [b"x", b"y"]


def test_images_in_and_out(client):
    pictures = served_models.pictures()
    for made, picture in zip(client.translate(pictures), pictures, strict=True):
        np.testing.assert_array_equal(made, 255 - picture)
    drawn = client.sample(3, seed=7)
    assert len(drawn) == 3 and drawn[0].shape == (4, 4, 1)
    np.testing.assert_array_equal(drawn, client.sample(3, seed=7))
    assert np.any(np.array(drawn) != client.sample(3, seed=8))


def test_status_and_versions(client, address):
    assert client.status() == {2: "AVAILABLE"}
    with Client(address, "tiny", version=2) as same:
        assert same.predict({"images": np.ones([1, 1, 1, 3])})["images"].tolist() == [[[[2, 2, 2]]]]
    for wrong, code in (({"version": 9}, "NOT_FOUND"), ({"label": "none"}, "INVALID_ARGUMENT")):
        with Client(address, "tiny", **wrong) as other, pytest.raises(ServingError) as raised:
            other.signatures()
        assert raised.value.code == code
    with Client(address, "nobody") as other, pytest.raises(ServingError) as raised:
        other.status()
    assert raised.value.code == "NOT_FOUND" and "nobody" in str(raised.value)


@pytest.mark.parametrize(
    "inputs, signature, message",
    [
        ({"images": np.zeros([1, 2, 2, 3])}, "nothing", "no signature 'nothing'; known: "),
        ({"picture": 1}, "serving_default", "takes images, not picture"),
        (
            {"images": np.zeros([2, 2, 3], np.float32)},
            "serving_default",
            r"expected float32 \[\?, \?, \?, 3\], not \[2, 2, 3\]",
        ),
        ({"images": [[["a"]]]}, "serving_default", "expected float32"),
        ({"image_bytes": [3]}, "translate", "expected bytes, not int"),
        ({"seed": 0, "count": 2.5}, "sample_png", "expected int32"),
        ({"seed": 0, "count": 2**31}, "sample_png", "expected int32"),
    ],
)
def test_what_does_not_fit_is_not_sent(client, inputs, signature, message):
    with pytest.raises(ServingError, match=message):
        client.predict(inputs, signature)


@pytest.mark.parametrize("address", ["localhost:8501", "ftp://a", "http://", "grpc:8500"])
def test_addresses(address):
    with pytest.raises(UserError, match="expected http://HOST:PORT"):
        Client(address, "tiny")
    with pytest.raises(UserError, match="name one of them"):
        Client("http://a", "tiny", version=1, label="x")


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives the answers of `script`, (status, body), one after the other; the last one again and again."""

    script = []

    def do_GET(self):
        status, body = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.asked.append(self.path)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def scripted():
    Answers.asked = []
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


GOOD = (200, json.dumps({"model_version_status": [{"version": "3", "state": "AVAILABLE"}]}).encode())
BUSY = (503, b'{"error": "busy"}')


def test_asks_again_while_the_server_is_busy(scripted):
    Answers.script = [BUSY, BUSY, GOOD]
    start = time.monotonic()
    with Client(scripted, "a b/c", version=3, backoff=0.1) as client:
        assert client.status() == {3: "AVAILABLE"}
    assert time.monotonic() - start >= 0.05 + 0.1  # the shortest pauses
    assert Answers.asked == ["/v1/models/a%20b%2Fc/versions/3"] * 3


@pytest.mark.parametrize(
    "script, code, times",
    [
        ([BUSY], "UNAVAILABLE", 3),
        ([(400, b'{"error": "bad"}')], "INVALID_ARGUMENT", 1),
        ([(404, b"<html>")], "NOT_FOUND", 1),
        ([(200, b"<html>")], "INTERNAL", 1),
        ([(302, b"")], "UNKNOWN", 1),
        ([(504, b"{}")], "DEADLINE_EXCEEDED", 1),
    ],
)
def test_gives_up(scripted, script, code, times):
    Answers.script = script
    with Client(scripted, "a", retries=2, backoff=0.01) as client, pytest.raises(ServingError) as raised:
        client.status()
    assert raised.value.code == code and len(Answers.asked) == times and "\n" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there_and_nobody_answers(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with Client(f"{scheme}://127.0.0.1:{port}", "a", timeout=0.5) as client, pytest.raises(ServingError) as raised:
            client.status()
        assert raised.value.code == "DEADLINE_EXCEEDED"
    with Client(f"{scheme}://127.0.0.1:{port}", "a", retries=1, backoff=0.01, timeout=10) as client:
        with pytest.raises(ServingError) as raised:
            client.status()
    assert raised.value.code == "UNAVAILABLE"


def test_answers_of_more_than_4_mib_arrive_by_grpc():
    """gRPC's own limit of a message; the server here has no other part than this answer."""
    grpc = pytest.importorskip("grpc", reason="the serving extra is not installed")
    apis = pytest.importorskip("tensorflow_serving.apis.predict_pb2", reason="the serving extra is not installed")
    large = np.arange(2**21, dtype=np.float32)

    def answer(request, context):
        made = apis.PredictResponse()
        made.outputs["generated"].CopyFrom(tf.make_tensor_proto(large + request.inputs["images"].float_val[0]))
        return made

    handler = grpc.unary_unary_rpc_method_handler(
        answer, apis.PredictRequest.FromString, lambda made: made.SerializeToString()
    )
    options = [("grpc.max_send_message_length", -1)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1), options=options)
    service = "tensorflow.serving.PredictionService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {"Predict": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(f"grpc://127.0.0.1:{port}", "any") as client:
        client._signatures = {"serving_default": Signature({"images": Tensor(np.dtype(np.float32), (1,))}, {})}
        np.testing.assert_array_equal(client.predict({"images": [2]})["generated"], large + 2)
    server.stop(None)
