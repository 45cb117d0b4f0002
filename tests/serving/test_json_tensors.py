"""Tensors as JSON: the examples of https://www.tensorflow.org/tfx/serving/api_rest, and what is refused."""

import json
import tracemalloc

import numpy as np
import pytest

from keras_gans.serving import json_tensors
from keras_gans.serving.errors import ServingError
from keras_gans.serving.signatures import Signature, Tensor

NUMBERS = Tensor(np.dtype(np.float32), (None, None))
STRINGS = Tensor(np.dtype(object), (None,))
INTEGERS = Tensor(np.dtype(np.int32), (None,))
THREE = Signature({"tag": STRINGS, "signal": NUMBERS, "sensor": Tensor(np.dtype(np.int64), (None, 2, 2))}, {})


def arrays(body, signature):
    return json_tensors.arrays(json_tensors.parse(json.dumps(body).encode()), signature)


def test_rows_and_columns_of_the_reference():
    rows = {
        "instances": [
            {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
            {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]},
        ]
    }
    columns = {
        "inputs": {
            "tag": ["foo", "bar"],
            "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
            "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]],
        }
    }
    for body in (rows, columns):
        made = arrays(body, THREE)
        assert made["tag"].tolist() == [b"foo", b"bar"]
        assert made["signal"].dtype == np.float32 and made["signal"].tolist() == [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]]
        assert made["sensor"].dtype == np.int64 and made["sensor"].tolist() == [[[1, 2], [3, 4]], [[4, 5], [6, 8]]]


def test_a_single_input_needs_no_name():
    one = Signature({"images": STRINGS}, {})
    for key in ("instances", "inputs"):
        made = arrays({key: [{"b64": "aW1hZ2UgYnl0ZXM="}, {"b64": "YXdlc29tZQ=="}]}, one)
        assert made["images"].tolist() == [b"image bytes", b"awesome"]
    scalar = Signature({"x": Tensor(np.dtype(np.float32), ())}, {})
    assert arrays({"inputs": 2}, scalar)["x"] == 2


def test_answers():
    outputs = {"a": np.array([[1, 2], [3, 4]], np.float32), "b_bytes": np.array([b"\xff", b"x"], object)}
    assert json.loads(json_tensors.response(outputs, True)) == {
        "predictions": [{"a": [1, 2], "b_bytes": {"b64": "/w=="}}, {"a": [3, 4], "b_bytes": {"b64": "eA=="}}]
    }
    assert json.loads(json_tensors.response(outputs, False)) == {
        "outputs": {"a": [[1, 2], [3, 4]], "b_bytes": [{"b64": "/w=="}, {"b64": "eA=="}]}
    }
    assert json.loads(json_tensors.response({"a": np.array([1, 2])}, True)) == {"predictions": [1, 2]}
    assert json.loads(json_tensors.response({"name": np.array([b"x"], object)}, False)) == {"outputs": ["x"]}
    for other in (np.float32(3), np.zeros([3])):
        with pytest.raises(ServingError, match="no batch size in common"):
            json_tensors.response({"a": outputs["a"], "c": np.asarray(other)}, True)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 1, 2)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool", "object"])
def test_there_and_back(shape, dtype):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    if dtype == "object":
        array = np.array([b"\xff%d" % item for item in array.reshape(-1)] + [None], object)[:-1].reshape(shape)
    signature = Signature({"x_bytes": Tensor(array.dtype, None)}, {"x_bytes": Tensor(array.dtype, None)})
    sent = arrays(json.loads(json_tensors.request({"x_bytes": array}, "f")), signature)["x_bytes"]
    answered = json_tensors.outputs(json.loads(json_tensors.response({"x_bytes": array}, False)), signature)["x_bytes"]
    for made in (sent, answered):
        assert made.dtype == array.dtype and made.tolist() == array.tolist()


@pytest.mark.parametrize(
    "body, message",
    [
        (b"", "JSON Parse error"),
        (b"\xff", "JSON Parse error"),
        (b"[1]", "must be an object"),
        (b"[" * 100000, "JSON Parse error"),
        (b'{"inputs": 1, "instances": [1]}', "both"),
        (b"{}", "Missing"),
        (b'{"inputs": 1, "signature_name": 3}', "signature_name"),
    ],
)
def test_bad_requests(body, message):
    with pytest.raises(ServingError, match=message) as raised:
        json_tensors.parse(body)
    assert raised.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "value, tensor, message",
    [
        ([[1, 2], [3]], NUMBERS, "differ in length"),
        ([["1"]], NUMBERS, "not string"),
        ([[None]], NUMBERS, "float32, not objects"),
        ([{"b64": "eA=="}], NUMBERS, "float32, not objects"),
        ([1.5], INTEGERS, "int32, not fractions"),
        ([2**31], INTEGERS, "outside of int32"),
        ([2**70], INTEGERS, "out of range"),
        ([True], INTEGERS, "not booleans"),
        ([1], STRINGS, "expected strings"),
        ([{"b64": "!"}], STRINGS, "base64 decode"),
        ([["a"], "b"], STRINGS, "differ in length"),
        (["b", ["a"]], STRINGS, "differ in length"),
        ([10**400, 1.5], NUMBERS, "out of range"),
        (["\ud800"], STRINGS, "is no text"),
        ([{"b64": "\u00e9"}], STRINGS, "base64 decode"),
        ([{"b64": "YWJjZ"}], STRINGS, "base64 decode"),
        ([{"b64": "YQ="}], STRINGS, "base64 decode"),
        ([{"b64": 1}], STRINGS, "expected strings"),
    ],
)
def test_bad_values(value, tensor, message):
    with pytest.raises(ServingError, match=message):
        json_tensors.to_array(value, tensor, "x")


@pytest.mark.parametrize("text", ["YWI=", "YWI", "YW\nI=\r\n", " Y W\tI"])
def test_base64_without_padding_and_with_line_breaks(text):
    assert json_tensors.to_array([{"b64": text}], STRINGS, "x").tolist() == [b"ab"]


def promising(tensor):
    """Lists whose first elements promise 60^5 values, 12 kB of JSON; 60^5 pointers are 6 GB."""
    value = ["a" if tensor is STRINGS else 1] * 60
    for _ in range(4):
        value = [value, *["b"] * 59]
    return value


@pytest.mark.parametrize(
    "tensor, value",
    [
        (STRINGS, promising(STRINGS)),
        (NUMBERS, promising(NUMBERS)),
        (NUMBERS, ["a" * 10_000, *["b"] * 10_000]),  # as an array of text, 400 MB
        (INTEGERS, [[[]] * 1000] * 1000),
    ],
)
def test_memory_is_bounded_by_the_values_that_are_there(tensor, value):
    tracemalloc.start()
    try:
        json_tensors.to_array(value, tensor, "x")
    except ServingError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2**25


def test_the_number_of_lists_is_bounded():
    assert json_tensors.parse(b'{"inputs": [[1]]}', 3)
    with pytest.raises(ServingError, match="at most 2 lists and objects"):
        json_tensors.parse(b'{"inputs": [[1]]}', 2)


@pytest.mark.parametrize(
    "body, message",
    [
        ({"inputs": [1]}, "plain list"),
        ({"instances": [1]}, "plain list"),
        ({"instances": []}, "not empty"),
        ({"instances": 5}, "not empty"),
        ({"inputs": {"tag": ["a"]}}, "keys sensor, signal, tag, not tag"),
        ({"instances": [{"tag": "a", "signal": [1], "sensor": [[1, 2], [3, 4]]}, {"tag": "a"}]}, "element 1 of 'instances'"),
    ],
)
def test_bad_names(body, message):
    with pytest.raises(ServingError, match=message):
        arrays(body, THREE)
