"""Readers of ncnn, ONNX and TensorFlow.js: the same tensors by every way, in PyTorch's layout."""

import json

import numpy as np
import pytest
import weight_writers

from keras_gans.errors import UserError
from keras_gans.weights import weight_files

DRAW = np.random.default_rng(0)
KERNELS = [DRAW.normal(size=shape).astype(np.float32) for shape in ((4, 3, 3, 5), (2, 4, 3, 3))]
BIAS, SLOPES = DRAW.normal(size=4).astype(np.float32), DRAW.normal(size=4).astype(np.float32)


def read(path):
    """Returns the tensors of a file of one network."""
    return weight_files.read(path).networks[""]


def check(state, expected, tolerance=0.0):
    """Checks names, their order, and values."""
    assert list(state) == list(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(np.asarray(state[name], np.float32), array, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("half", [False, True])
def test_ncnn(tmp_path, half):
    text, data = weight_writers.ncnn([(KERNELS[0], BIAS), (SLOPES,), (KERNELS[1], None)], half)
    (tmp_path / "net.param").write_bytes(text)
    (tmp_path / "net.bin").write_bytes(data)
    expected = {"layer_0.weight": KERNELS[0], "layer_0.bias": BIAS, "layer_1.weight": SLOPES, "layer_2.weight": KERNELS[1]}
    check(read(tmp_path / "net.param"), expected, 2e-3 if half else 0)
    check(read(tmp_path / "net.bin"), expected, 2e-3 if half else 0)
    assert weight_files.read(tmp_path / "net.bin").beside == (tmp_path / "net.bin",)
    for changed, says in (
        (text.replace(b"PReLU", b"LSTM"), "layers of type LSTM are not read"),
        (text.replace(b"6=180", b"6=9000"), "its .bin is cut off"),
        (text.replace(b"PReLU layer_1", b"PReLU layer_0"), "two layers called layer_0"),
        (text.replace(b"4 4\n", b"5 5\n"), "4 layers where 5 5 are said"),
    ):
        (tmp_path / "net.param").write_bytes(changed)
        with pytest.raises(UserError, match=says):
            read(tmp_path / "net.param")
    (tmp_path / "net.param").write_bytes(text)
    (tmp_path / "net.bin").write_bytes(data + bytes(4))
    with pytest.raises(UserError, match=f"has {len(data) + 4} bytes where the .param's layers take {len(data)}"):
        read(tmp_path / "net.param")
    (tmp_path / "net.bin").unlink()
    with pytest.raises(UserError, match="net.bin does not exist"):
        read(tmp_path / "net.param")


def test_onnx(tmp_path):
    """In the order of use whatever that of the file; by the names of modules, or by layers; weights of 8 bit."""
    scale, zero = np.float32([0.5, 0.25]), np.int8([3, -2])
    whole = DRAW.integers(-128, 127, KERNELS[1].shape).astype(np.int8)
    table, linear = DRAW.normal(size=(3, 2)).astype(np.float32), DRAW.normal(size=(2, 5)).astype(np.float32)
    data = weight_writers.onnx(
        {
            "linear": linear,
            "second": whole,
            "table": table,
            "scale": scale,
            "zero": zero,
            "slopes": SLOPES.reshape(4, 1, 1),
            "up.0.bias": BIAS.astype(np.float16),
            "up.0.weight": KERNELS[0],
            "exponent": np.float32(2),
        },
        [
            ("Conv", ["x", "up.0.weight", "up.0.bias"], "a", {}),
            ("PRelu", ["a", "slopes"], "b", {}),
            ("DequantizeLinear", ["second", "scale", "zero"], "w", {"axis": 0}),
            ("QuantizeLinear", ["b", "scale"], "c", {}),
            ("DequantizeLinear", ["c", "scale"], "d", {}),
            ("Conv", ["d", "w"], "e", {}),
            ("Pow", ["e", "exponent"], "f", {}),
            ("Mul", ["styles", "table"], "g", {}),
            ("Gemm", ["f", "linear"], "h", {"transB": 0}),
            ("Conv", ["h", "w"], "i", {}),
        ],
    )
    (tmp_path / "net.onnx").write_bytes(data)
    expected = {
        "up.0.weight": KERNELS[0],
        "up.0.bias": BIAS.astype(np.float16).astype(np.float32),
        "PRelu_0.weight": SLOPES,
        "Conv_1.weight": (whole - zero.astype(np.float32)[:, None, None, None]) * scale[:, None, None, None],
        "table": table,
        "Gemm_0.weight": linear.T,
    }
    check(read(tmp_path / "net.onnx"), expected)
    outside = weight_writers.message((1, 2), (2, 1), (8, "w"), (14, 1))
    (tmp_path / "net.onnx").write_bytes(weight_writers.message((1, 8), (7, weight_writers.message((5, outside)))))
    with pytest.raises(UserError, match="its weights lie in other files"):
        read(tmp_path / "net.onnx")


def test_onnx_of_pytorch(tmp_path):
    """What the `onnx` package writes, other than the writer of these tests: numbers one by one, and packed."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    helper = onnx.helper
    weight = helper.make_tensor("w", onnx.TensorProto.FLOAT, KERNELS[1].shape, KERNELS[1].ravel())
    half = helper.make_tensor("b", onnx.TensorProto.FLOAT16, [2], np.float16([0.5, -3]))
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", pads=[1, 1, 1, 1])
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4, 8, 8])
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 2, 8, 8])
    onnx.save(helper.make_model(helper.make_graph([node], "g", [value], [out], [weight, half])), tmp_path / "net.onnx")
    check(read(tmp_path / "net.onnx"), {"Conv_0.weight": KERNELS[1], "Conv_0.bias": [0.5, -3]})


def test_tfjs(tmp_path):
    keras = [np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)) for kernel in KERNELS]
    whole = DRAW.integers(0, 255, (4, 6)).astype(np.uint8)
    weights = [
        ("conv/kernel", keras[0]),
        ("conv/bias", BIAS),
        ("prelu/alpha", SLOPES[None, None]),
        ("dense/kernel", whole, 0.5, -3.0),
    ]
    text, data = weight_writers.tfjs(weights)
    (tmp_path / "model.json").write_bytes(text)
    (tmp_path / "numbers.bin").write_bytes(data)
    expected = {
        "conv.weight": KERNELS[0],
        "conv.bias": BIAS,
        "prelu.weight": SLOPES,
        "dense.weight": 0.5 * whole.T - 3,
    }
    check(read(tmp_path / "model.json"), expected)
    # in two files, the first of which ends within a tensor
    model = json.loads(text)
    model["weightsManifest"][0]["paths"] = ["a.bin", "b.bin"]
    (tmp_path / "a.bin").write_bytes(data[:10])
    (tmp_path / "b.bin").write_bytes(data[10:])
    (tmp_path / "model.json").write_text(json.dumps(model))
    check(read(tmp_path / "model.json"), expected)
    for change, says in (
        ({"format": "graph-model"}, "is no layers model of TensorFlow.js but of format graph-model"),
        ({"weightsManifest": [{"paths": ["../a.bin"], "weights": []}]}, "beside it, under plain names"),
        ({"weightsManifest": [{"paths": ["a.bin"], "weights": []}]}, "longer than its tensors"),
    ):
        (tmp_path / "model.json").write_text(json.dumps(model | change))
        with pytest.raises(UserError, match=says):
            read(tmp_path / "model.json")
