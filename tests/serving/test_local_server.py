"""The local server: TensorFlow Serving's answers, bad input with the right status, versions swapped under load."""

import base64
import io
import itertools
import json
import re
import select
import socket
import struct
import threading
import time
import zipfile
import zlib

import grpc
import numpy as np
import pytest
import requests
import served_models
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from keras_gans.data.images import encode_png
from keras_gans.serving.client import Client
from keras_gans.serving.errors import ServingError
from keras_gans.serving.local.servable import WARM_UP, Servable


def png_header(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + encode_png(PICTURE)[33:]


def zip_file():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", "x")
    return file.getvalue()


PICTURE = served_models.pictures()[0]
GOOD = {"signature_name": "translate", "instances": [{"b64": base64.b64encode(encode_png(PICTURE)).decode()}]}
BAD_FILES = {
    "truncated PNG": (encode_png(PICTURE)[:300], "PNG"),
    "decompression bomb": (png_header(50_000, 50_000), "at most 90000 pixels"),
    "larger than the limit": (
        encode_png(np.zeros([301, 300, 3], np.uint8)),
        "at most 90000 pixels are taken, not 301 x 300",
    ),
    "zip renamed PNG": (zip_file(), "not a PNG, JPEG, WebP, GIF or BMP file"),
    "nothing": (b"", "not a PNG, JPEG, WebP, GIF or BMP file"),
}
ONE = np.zeros([1, 2, 2, 3], np.float32)
BAD_TENSORS = {
    "wrong shape": ("serving_default", {"images": ONE[0]}, r"images: expected float32 \[\?, \?, \?, 3\], not \[2, 2, 3\]"),
    "wrong channels": ("serving_default", {"images": ONE[..., :2]}, "not .1, 2, 2, 2."),
    "wrong dtype": ("serving_default", {"images": np.full([1, 2, 2, 3], b"x", object)}, "expected float32"),
    "NaN": ("serving_default", {"images": ONE + np.nan}, "NaN or infinite"),
    "infinite": ("serving_default", {"images": ONE + np.inf}, "NaN or infinite"),
    "too many pixels": ("serving_default", {"images": np.zeros([1, 1, 90_001, 3], np.float32)}, "at most"),
    "other names": ("serving_default", {"picture": ONE}, "images"),
    "negative count": ("sample_png", {"seed": np.int64(0), "count": np.int32(-1)}, "count: 1 to 16 are taken, not -1"),
    "large count": ("sample_png", {"seed": np.int64(0), "count": np.int32(17)}, "count: 1 to 16 are taken, not 17"),
}


def post(url, body, path="tiny"):
    """Posts a request; returns (status, answer), and checks that an error is one line of JSON."""
    answer = requests.post(
        f"{url}/v1/models/{path}:predict", data=body if isinstance(body, bytes) else json.dumps(body), timeout=60
    )
    content = answer.json()
    assert answer.headers["Content-Type"].startswith("application/json")
    if answer.status_code != 200:
        assert list(content) == ["error"] and "\n" not in content["error"]
    return answer.status_code, content


@pytest.fixture(autouse=True)
def stays_up(request):
    """Whatever a test has sent, the server answers afterwards."""
    yield
    if "url" in request.fixturenames:
        status, content = post(request.getfixturevalue("url"), GOOD)
        assert status == 200 and content["predictions"][0].keys() == {"b64"}


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def predict_request(signature, inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "tiny", signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array, shape=np.shape(array)))
    return request


def test_status_and_metadata(url):
    expected = {
        "model_version_status": [{"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]
    }
    for path in ("tiny", "tiny/versions/2"):
        assert requests.get(f"{url}/v1/models/{path}", timeout=60).json() == expected
    metadata = requests.get(f"{url}/v1/models/tiny/metadata", timeout=60).json()
    assert metadata["model_spec"] == {"name": "tiny", "signature_name": "", "version": "2"}
    described = metadata["metadata"]["signature_def"]["signature_def"]
    assert set(described) == {"serving_default", "translate", "sample_png", "slow", "two"}
    assert described["serving_default"]["inputs"]["images"] == {
        "dtype": "DT_FLOAT",
        "name": "serving_default_images:0",
        "tensor_shape": {"unknown_rank": False, "dim": [{"size": size, "name": ""} for size in ("-1", "-1", "-1", "3")]},
    }
    assert described["translate"]["method_name"] == "tensorflow/serving/predict"
    healthy = requests.get(f"{url}/healthz", timeout=60)
    assert healthy.status_code == 200 and healthy.json() == {"ready": True, "models": ["tiny"]}


def test_rest_rows_and_columns(url):
    images = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)
    assert post(url, {"instances": images.tolist()}) == (200, {"predictions": (2 * images).tolist()})
    assert post(url, {"inputs": {"images": images.tolist()}}, "tiny/versions/2") == (200, {"outputs": (2 * images).tolist()})
    status, content = post(url, GOOD | {"instances": GOOD["instances"] * 2})
    decoded = [tf.io.decode_png(base64.b64decode(one["b64"])) for one in content["predictions"]]
    assert status == 200 and len(decoded) == 2
    np.testing.assert_array_equal(decoded[1], 255 - PICTURE)
    rows = [{"a": 1, "name": "x"}, {"a": 2, "name": "y"}]
    assert post(url, {"signature_name": "two", "instances": rows}) == (
        200,
        {"predictions": [{"double": 2, "named": "x"}, {"double": 4, "named": "y"}]},
    )


def test_grpc(stub):
    answer = stub.Predict(predict_request("two", {"a": np.float32([1]), "name": np.array([b"\xff"], object)}), timeout=60)
    assert (answer.model_spec.name, answer.model_spec.version.value, answer.model_spec.signature_name) == ("tiny", 2, "two")
    assert tf.make_ndarray(answer.outputs["double"]).tolist() == [2]
    request = predict_request("two", {"a": np.float32([1]), "name": np.array([b"x"], object)})
    request.output_filter.append("named")
    assert list(stub.Predict(request, timeout=60).outputs) == ["named"]
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "tiny"
    described = get_model_metadata_pb2.SignatureDefMap()
    stub.GetModelMetadata(asked, timeout=60).metadata["signature_def"].Unpack(described)
    assert "translate" in json_format.MessageToDict(described)["signatureDef"]


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(address, name):
    file, message = BAD_FILES[name]
    with Client(address, "tiny") as client, pytest.raises(ServingError, match=message) as raised:
        client.predict({"image_bytes": [encode_png(PICTURE), file]}, "translate")
    assert raised.value.code == "INVALID_ARGUMENT" and "\n" not in str(raised.value)


@pytest.mark.parametrize("name", BAD_TENSORS)
def test_bad_tensors(url, stub, name):
    signature, inputs, message = BAD_TENSORS[name]
    with pytest.raises(grpc.RpcError, match=message) as raised:
        stub.Predict(predict_request(signature, inputs), timeout=60)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT and "\n" not in raised.value.details()
    values = {
        key: np.asarray(value).astype(str if np.asarray(value).dtype == object else value.dtype).tolist()
        for key, value in inputs.items()
    }
    status, content = post(url, {"signature_name": signature, "inputs": values})
    assert status == 400 and list(content) == ["error"]


@pytest.mark.parametrize(
    "body, path, status, message",
    [
        (b"{", "tiny", 400, "JSON Parse error"),
        (b"\xff\xfe", "tiny", 400, "JSON Parse error"),
        (b'{"instances": ' + b"[" * 50_000, "tiny", 400, "JSON Parse error"),
        ({}, "tiny", 400, "Missing 'inputs' or 'instances'"),
        (GOOD, "nobody", 404, r"Servable not found for request: Latest\(nobody\)"),
        (GOOD, "tiny/versions/7", 404, r"Specific\(tiny, 7\)"),
        (GOOD, "tiny/versions/" + "9" * 5000, 404, "Specific"),
        (GOOD, "tiny/labels/stable", 400, "Unrecognized servable version label: stable"),
        (GOOD, "..%2Ftiny", 404, "not found"),
        (GOOD | {"signature_name": "nothing"}, "tiny", 400, 'Serving signature name: "nothing" not found'),
        (GOOD, "tiny/versions/x", 400, "Malformed request: POST"),
    ],
)
def test_bad_requests(url, body, path, status, message):
    answered, content = post(url, body, path)
    assert answered == status
    assert re.search(message, content["error"])


def test_other_methods_and_paths(url):
    for method, path, status in (
        ("POST", "/v1/models/tiny:classify", 400),
        ("PUT", "/v1/models/tiny:predict", 400),
        ("GET", "/v1/models/nobody", 404),
        ("GET", "/v1/models/nobody/metadata", 404),
        ("GET", "/v1/models/tiny/versions/3", 404),
        ("GET", "/etc/passwd", 404),
        ("POST", "/healthz", 405),
    ):
        answer = requests.request(method, url + path, timeout=60)
        assert answer.status_code == status and "\n" not in answer.json()["error"], path


def test_unknown_signature_by_grpc(stub):
    with pytest.raises(grpc.RpcError, match='signature key "nothing" not found') as raised:
        stub.Predict(predict_request("nothing", {"images": ONE}), timeout=60)
    assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_small_message_may_not_stand_for_a_large_tensor(url, stub):
    request = predict_request("serving_default", {"images": np.float32(1)})
    request.inputs["images"].tensor_shape.CopyFrom(tf.TensorShape([1, 10**5, 10**5, 3]).as_proto())
    for sizes in ([1, 10**5, 10**5, 3], [2**40] * 4, [-1, 2, 2, 3]):
        for dim, size in zip(request.inputs["images"].tensor_shape.dim, sizes):
            dim.size = size
        with pytest.raises(grpc.RpcError) as raised:
            stub.Predict(request, timeout=60)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    request.inputs["images"].tensor_shape.CopyFrom(tf.TensorShape([1, 2, 2, 3]).as_proto())
    request.inputs["images"].tensor_content = b"123"
    with pytest.raises(grpc.RpcError, match="not a tensor") as raised:
        stub.Predict(request, timeout=60)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_gigabyte_is_refused_by_its_length_and_while_it_comes(url, stub):
    host, port = url.removeprefix("http://").split(":")
    head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % 2**30)
        answer = connection.recv(2**16)  # before any byte of the body is sent
    assert b" 413 " in answer and b"more than 2097152 bytes" in answer

    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        while sent < 2**30 and not select.select([connection], [], [], 0.001)[0]:
            connection.sendall(b"10000\r\n" + b"1" * 2**16 + b"\r\n")
            sent += 2**16
        answer = connection.recv(2**16)
    assert b" 413 " in answer and sent < 2**28

    with pytest.raises(grpc.RpcError) as raised:
        stub.Predict(predict_request("serving_default", {"images": np.zeros([1, 500, 500, 3], np.float32)}), timeout=60)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_time_is_limited_and_the_worker_is_free_again(tmp_path):
    served_models.write(tmp_path / "tiny" / "1")
    limits = served_models.Limits(seconds=1.5, workers=1, queue=1)
    with served_models.serving(tmp_path, limits) as server:
        url = f"http://127.0.0.1:{server.rest_port}"
        start = time.monotonic()
        status, content = post(url, {"signature_name": "slow", "inputs": 10**7})
        assert status == 504 and "1.5 s" in content["error"] and time.monotonic() - start < 10
        with Client(url, "tiny", timeout=30) as client:  # which asks again as long as the server is busy
            assert client.translate([PICTURE])[0].shape == PICTURE.shape

        places = server._predictor._places
        answers = []
        body = {"signature_name": "slow", "inputs": 10**7}
        threads = [threading.Thread(target=lambda: answers.append(post(url, body)[0])) for _ in range(places)]
        for number, thread in enumerate(threads, 1):
            thread.start()
            served_models.wait_until(lambda: server._predictor._places == places - number)
        assert places == 2 and post(url, body)[0] == 503  # one runs, one waits
        for thread in threads:
            thread.join()
        assert answers == [504] * 2


def test_no_request_is_lost_while_versions_are_swapped(tmp_path):
    folder = tmp_path / "models"
    served_models.write(folder / "tiny" / "1", 1)
    served_models.write(tmp_path / "next", 2, settled=False)
    answers, stop = [], threading.Event()
    with served_models.serving(folder) as server:

        def ask(address):
            with Client(address, "tiny", retries=0) as client:
                while not stop.is_set():
                    answers.append(float(client.predict({"images": ONE + 1})["images"].max()))

        addresses = [f"http://127.0.0.1:{server.rest_port}", f"grpc://127.0.0.1:{server.grpc_port}"]
        lost = []

        def work(address):
            try:
                ask(address)
            except Exception as error:
                lost.append(error)

        threads = [threading.Thread(target=work, args=[address]) for address in addresses * 2]
        for thread in threads:
            thread.start()
        (folder / "tiny/2").mkdir()  # half written: TF's own order, the graph last
        (tmp_path / "next/variables").rename(folder / "tiny/2/variables")
        time.sleep(0.5)
        (tmp_path / "next/saved_model.pb").rename(folder / "tiny/2/saved_model.pb")
        deadline = time.monotonic() + 60
        while 2 not in answers and time.monotonic() < deadline and not lost:
            time.sleep(0.1)
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        with Client(addresses[0], "tiny") as client:
            assert client.status() == {2: "AVAILABLE"}
    assert not lost
    assert [value for value, _ in itertools.groupby(sorted(answers))] == [1, 2]


@pytest.mark.parametrize("damage", ["no variables", "half of the variables", "half of the graph"])
def test_half_a_model_is_not_served(tmp_path, damage):
    path = served_models.write(tmp_path / "tiny" / "1", settled=False)
    data = path / "variables/variables.data-00000-of-00001"
    if damage == "no variables":
        data.unlink()
        (path / "variables/variables.index").unlink()
    else:
        file = data if damage == "half of the variables" else path / "saved_model.pb"
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ServingError) as raised:
        Servable(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("signature, fits", [("two", True), ("serving_default", False)])
def test_recorded_requests_warm_up(tmp_path, monkeypatch, signature, fits):
    path = served_models.write(tmp_path / "1", settled=False)
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(signature, {"a": np.float32([1]), "name": np.array([b"x"], object)}))
    (path / WARM_UP).parent.mkdir()
    with tf.io.TFRecordWriter(str(path / WARM_UP)) as writer:
        writer.write(log.SerializeToString())
        writer.write(log.SerializeToString())
    asked, run = [], Servable.run
    monkeypatch.setattr(
        Servable, "run", lambda self, name, inputs, seconds: asked.append(name) or run(self, name, inputs, seconds)
    )
    if not fits:
        with pytest.raises(ServingError, match="warm-up"):
            Servable(path)
    else:
        Servable(path).close()
        assert asked == ["two", "two"]


def test_what_runs_when_the_server_ends_is_answered(folder):
    answers = []
    with served_models.serving(folder) as server:
        body = {"signature_name": "slow", "inputs": 500}
        thread = threading.Thread(target=lambda: answers.append(post(f"http://127.0.0.1:{server.rest_port}", body)))
        places = server._predictor._places
        thread.start()
        served_models.wait_until(lambda: server._predictor._places < places)
    thread.join()
    assert answers[0][0] == 200 and answers[0][1]["outputs"]["steps"] == 500
