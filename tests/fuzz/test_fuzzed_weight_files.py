"""Damaged and hostile weight files: a state dict or one line, within bounded memory, and nothing is started or touched."""

import json
import os
import pickle
import pickletools
import subprocess
import sys
import tracemalloc

import hostile_weights
import numpy as np
import pytest
import watching
import weight_writers
from helpers import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_gans.errors import UserError
from keras_gans.weights import weight_files

_MEGABYTES = 32  # for files of a few kB
_TENSOR = hostile_weights.tensor(b"K\x02K\x03\x86", b"K\x03K\x01\x86")
_ARRAY = (
    hostile_weights.name("numpy.core.multiarray", "_reconstruct", 0)
    + b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R"
    + b"(K\x03X\x01\x00\x00\x00<NNNtb\x89C\x08aaaabbbbtb"
    + hostile_weights.put(1)
)
_MODULE = (
    b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n}("
    + hostile_weights.text("state")
    + b"}("
    + hostile_weights.text("_parameters")
    + b"}("
    + hostile_weights.text("w")
    + hostile_weights.get(1)
    + b"uuu\x85R"
)
STATE = b"ccollections\nOrderedDict\n)R(" + hostile_weights.text("w") + _TENSOR + hostile_weights.text("b") + _TENSOR + b"u"
NETWORKS = b"\x80\x03" + _ARRAY + b"}(" + hostile_weights.text("G_ema") + _MODULE + b"u."
TENSORFLOW = (
    b"\x80\x03"
    + _ARRAY
    + b"cdnnlib.tflib.network\nNetwork\n)\x81}("
    + hostile_weights.text("variables")
    + b"]("
    + hostile_weights.text("synthesis/4x4/Const/const")
    + hostile_weights.get(1)
    + b"\x86"
    + hostile_weights.text("dlatent_avg")
    + hostile_weights.get(1)
    + b"\x86eub."
)
LEGACY = hostile_weights.legacy_storage(6)
HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
KERNEL = np.ones((2, 1, 1, 1), np.float32)
PARAM, NUMBERS = weight_writers.ncnn([(KERNEL, KERNEL[:, 0, 0, 0]), (KERNEL[:, 0, 0, 0],)], half=True)
MODEL, _ = weight_writers.tfjs([("a/kernel", KERNEL), ("b/kernel", KERNEL.astype(np.uint8)[:, 0], 0.5, -1.0)], "fuzzed.bin")
ONNX = weight_writers.onnx(
    {"q": KERNEL.astype(np.int8), "s": np.float32([0.5]), "p": np.float32([1, 2])},
    [
        ("DequantizeLinear", ["q", "s"], "w", {"axis": 0}),
        ("Conv", ["x", "w"], "y", {}),
        ("PRelu", ["y", "p"], "z", {}),
    ],
)
WRITERS = {
    "pth": (STATE, lambda data: hostile_weights.archive(data, a=bytes(24))),
    "damaged pth": (hostile_weights.archive(STATE, a=bytes(24)), bytes),
    "pkl": (NETWORKS, bytes),
    "TensorFlow pkl": (TENSORFLOW, bytes),
    "older pth": (LEGACY, bytes),
    "safetensors": (HEADER, lambda data: len(data).to_bytes(8, "little") + data + bytes(24)),
    "ncnn": (PARAM, bytes),
    "TensorFlow.js": (MODEL, bytes),
    "onnx": (ONNX, bytes),
}
WORDS = [code.code.encode("latin-1") for code in pickletools.opcodes] + [
    b"\x8e" + b"\xff" * 8,
    b"cos\nsystem\n",
    b"cbuiltins\nexec\n",
    b"\xff" * 8,
    b'"shape": [1099511627776, 1099511627776], ',
    b" 6=999999999999 ",
    b'"paths": ["../secret"], ',
]


def mutated(data, edits):
    data = bytearray(data)
    for place, length, put in edits:
        start = place % (len(data) + 1)
        data[start : start + length] = put
    return bytes(data)


EDITS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 4), st.one_of(st.sampled_from(WORDS), st.binary(max_size=4))), max_size=6
)


@pytest.mark.parametrize("kind", WRITERS)
def test_whole_files_are_read(tmp_path, kind):
    data, write = WRITERS[kind]
    (tmp_path / "file").write_bytes(write(data))
    (tmp_path / "file.bin").write_bytes(NUMBERS)
    (tmp_path / "fuzzed.bin").write_bytes(NUMBERS[:10])
    if kind == "older pth":
        with pytest.raises(UserError, match="no state dict"):
            weight_files.read(tmp_path / "file")
    else:
        assert sum(map(len, weight_files.read(tmp_path / "file").networks.values())) in (1, 2, 3)


@settings(derandomize=True, max_examples=700, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(sorted(WRITERS)), edits=EDITS)
def test_changed_bytes(tmp_path_factory, kind, edits):
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    data, write = WRITERS[kind]
    path.write_bytes(write(mutated(data, edits)))
    path.with_suffix(".bin").write_bytes(NUMBERS[:10] if kind == "TensorFlow.js" else NUMBERS)
    tracemalloc.start()
    try:
        with watching.only_reading(path, path.with_suffix(".bin")):
            networks = weight_files.read(path).networks
            assert all(tensor.nbytes >= 0 for state in networks.values() for tensor in state.values())
    except UserError as error:
        assert str(error).isprintable() and len(str(error)) < 600 + len(str(path))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < _MEGABYTES * 2**20


CODE = """
import resource, sys
from keras_gans.errors import UserError
from keras_gans.weights import weight_files
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    weight_files.read(sys.argv[1])
except UserError as error:
    assert str(error).isprintable() and len(str(error)) < 500, str(error)[:1000]
used = resource.getrusage(resource.RUSAGE_SELF)
grown, seconds = used.ru_maxrss - before, used.ru_utime
assert grown < 256 * 1024 and seconds < 20, (grown, seconds)
"""


@pytest.mark.parametrize("name", hostile_weights.FILES)
def test_files_that_ask_for_more_than_they_are(tmp_path, name):
    """Most of them cost gigabytes or did not end before there was a budget."""
    (tmp_path / "file").write_bytes(hostile_weights.FILES[name]())
    ended = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "file")],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert ended.returncode == 0, ended.stderr


def test_the_watch_sees(tmp_path):
    """What a reader that unpickles would have done is noticed."""
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(AssertionError, match="find_class"), watching.only_reading(path):
        pickle.loads(path.read_bytes())
    with pytest.raises(AssertionError, match="open"), watching.only_reading(path):
        (tmp_path / "other").write_bytes(b"")
