"""Any weight file, and what only looks like one: nothing in it is executed, and nothing is written."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import test_cli
import weight_writers

from keras_gans.errors import UserError
from keras_gans.weights import weight_files


class Command:
    """Unpickled, it would leave a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def pickled(value, protocol=4):
    return lambda path: path.write_bytes(pickle.dumps(value, protocol))


def in_zip(compression, size):
    """A .pth whose storage is `size` zeros."""

    def write(path):
        with zipfile.ZipFile(path, "w", compression) as file:
            file.writestr("model/data.pkl", b"\x80\x02}.")
            file.writestr("model/data/0", bytes(size))

    return write


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lambda path: path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)


def entry(shape, start, stop, kind="F32"):
    return {"dtype": kind, "shape": shape, "data_offsets": [start, stop]}


def nested(levels):
    """Lists within lists that share their parts: 2^levels leaves, if they were walked one by one."""
    value = {"x": 1}
    for _ in range(levels):
        value = [value, value]
    return {"model": value}


HOSTILE = {
    "a text file": (lambda path: path.write_text("hello, world, this is no weight file"), "no weight file"),
    "an empty file": (lambda path: path.write_bytes(b""), "damaged or no weight file"),
    "a zip bomb": (in_zip(zipfile.ZIP_DEFLATED, 10**8), "its entries overlap"),
    "compressed": (in_zip(zipfile.ZIP_DEFLATED, 0), "compressed"),
    "no tensors": (in_zip(zipfile.ZIP_STORED, 4), "holds no state dict"),
    "a pickle of shared lists": (pickled(nested(60)), "holds no networks by name"),
    "a string that is too long": (lambda path: path.write_bytes(b"\x80\x04X\xff\xff\xff\x7fabc."), "damaged"),
    "another class": (pickled(np.float32), "holds numpy.float32, which is no tensor and is not read"),
    "a StyleGAN of TensorFlow": (
        lambda path: path.write_bytes(b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81."),
        "holds networks of TensorFlow 1 of another kind than StyleGAN2; take the PyTorch file",
    ),
    "a header beyond the end": (safetensors({"x": entry([1], 0, 4)}, bytes(4), 10**12), "damaged|no weight file"),
    "a tensor beyond the end": (safetensors({"x": entry([8], 0, 32)}, bytes(4)), "another size than its shape says"),
    "a shape that lies": (safetensors({"x": entry([1 << 40], 0, 4)}, bytes(4)), "another size than its shape says"),
    "tensors that overlap": (safetensors({"x": entry([1], 0, 4), "y": entry([1], 0, 4)}, bytes(4)), "does not begin where"),
    "a negative offset": (safetensors({"x": entry([1], -4, 0)}, bytes(4)), "where a count belongs"),
    "an unknown type": (safetensors({"x": entry([1], 0, 4, "F4")}, bytes(4)), "of type F4"),
    "JSON without an end": (safetensors(b"{" + b'"a":{' * 100_000), "damaged"),
    "too much": (safetensors({"x": entry([1], 0, 4)}, bytes(5)), "longer or shorter"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_line(tmp_path, name):
    write, says = HOSTILE[name]
    write(tmp_path / "x.bin")
    with pytest.raises(UserError, match=says) as caught:
        weight_files.read(tmp_path / "x.bin")
    assert "\n" not in str(caught.value) and str(tmp_path / "x.bin") in str(caught.value)
    assert len(str(caught.value)) < 500


def test_command_line_executes_nothing_and_writes_nothing(capsys, tmp_path):
    """Commands in a .pkl, in a .pth of either layout, and within the state of a network that is otherwise right."""
    mark, run = tmp_path / "was_here", tmp_path / "run"
    bad = tmp_path / "bad.pkl"
    for protocol in (2, 3, 4, 5):
        bad.write_bytes(pickle.dumps({"G_ema": Command(mark)}, protocol))
        test_cli.refused(capsys, "import", f"--from={bad}", f"--run={run}", says="system, which is no tensor")
    with zipfile.ZipFile(tmp_path / "bad.pth", "w") as file:
        file.writestr("model/data.pkl", pickle.dumps({"x": Command(mark)}, 2))
    test_cli.refused(capsys, "import", f"--from={tmp_path / 'bad.pth'}", f"--run={run}", says="system, which is no tensor")
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    weight_writers.networks(bad, {"G_ema": torch.nn.Linear(2, 2), "augment_pipe": Command(mark)})
    test_cli.refused(capsys, "import", f"--from={bad}", f"--run={run}", says="system, which is no tensor")
    weight_writers.networks(bad, {"G_ema": torch.nn.Linear(2, 2)}, source=f"open({str(mark)!r}, 'w')")
    test_cli.refused(capsys, "import", f"--from={bad}", f"--run={run}", says="no network that is known here")
    assert not mark.exists() and not run.exists()
    pickle.loads(pickle.dumps(Command(mark)))  # what a reader that unpickles would have done
    assert mark.exists()


@pytest.mark.parity
def test_every_cut_of_a_pickle_ends_in_one_line(tmp_path):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    path = weight_writers.networks(tmp_path / "net.pkl", {"G_ema": torch.nn.Linear(2, 2), "D": torch.nn.BatchNorm1d(2)})
    networks = weight_files.read(path).networks
    assert {name: list(state) for name, state in networks.items()} == {
        "G_ema": ["weight", "bias"],
        "D": ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"],
    }
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 41):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError) as caught:
            weight_files.read(path)
        assert "\n" not in str(caught.value)


def test_arrays_and_numbers_of_numpy_in_a_pickle(tmp_path):
    """As plain data, whatever module NumPy keeps its functions in."""

    class Network:
        def __init__(self, **parameters):
            self.__dict__ = {"_parameters": parameters, "_buffers": {}, "_modules": {}, "gain": np.sqrt(2)}
            self._modules = {}

        def state_dict(self):
            pass

    array = np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3))
    for protocol in (3, 4):
        path = weight_writers.networks(tmp_path / "net.pkl", {"G": Network(x=array)}, protocol=protocol)
        np.testing.assert_array_equal(weight_files.read(path).networks["G"]["x"], array)


def test_safetensors(tmp_path):
    arrays = {"b": np.float32([[1, 2], [3, 4]]), "a": np.float32(5), "empty": np.zeros((0, 3), np.float32)}
    state = weight_files.read_state_dict(weight_writers.safetensors(tmp_path / "x.safetensors", arrays))
    assert state.shapes() == {"b": (2, 2), "a": (), "empty": (0, 3)}
    for name, array in arrays.items():
        np.testing.assert_array_equal(state[name], array)
    bfloat16 = (np.float32([1.5, -2]).view("<u4") >> 16).astype("<u2").tobytes()
    safetensors({"x": entry([2], 0, 4, "BF16")}, bfloat16)(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(weight_files.read_state_dict(tmp_path / "x.safetensors")["x"], [1.5, -2])
