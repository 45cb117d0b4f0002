import collections
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from keras_gans.errors import UserError
from keras_gans.weights.torch_file import read, read_state_dict


@pytest.fixture(params=[True, False], ids=["zip", "older"])
def saved(request, tmp_path):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")

    def save(value):
        torch.save(value, tmp_path / "file.pth", _use_new_zipfile_serialization=request.param)
        return tmp_path / "file.pth"

    return save


@pytest.mark.parity
def test_tensors_of_every_type_and_layout(saved):
    import torch

    base = torch.randn(6, 5)
    tensors = collections.OrderedDict(
        base=base,
        view=base[1:4].T,
        shared=base[0, 2:],
        scalar=torch.tensor(3),
        empty=torch.zeros(0, 4),
        parameter=torch.nn.Parameter(torch.randn(2, 2)),
        **{
            str(dtype): torch.tensor([[1, 0, 3]]).to(dtype)
            for dtype in (
                torch.float64,
                torch.float16,
                torch.int64,
                torch.int32,
                torch.int16,
                torch.int8,
                torch.uint8,
                torch.bool,
            )
        },
    )
    arrays = read_state_dict(saved(tensors))
    assert list(arrays) == list(tensors)
    for name, tensor in tensors.items():
        expected = tensor.detach().numpy()
        assert arrays[name].dtype == expected.dtype
        np.testing.assert_array_equal(arrays[name], expected)


@pytest.mark.parity
def test_bfloat16_becomes_float32(saved):
    import torch

    values = torch.randn(7).to(torch.bfloat16)
    array = read_state_dict(saved({"x": values}))["x"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, values.float().numpy())


@pytest.mark.parity
def test_state_dict_of_a_module_with_buffers(saved):
    import torch

    state = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).state_dict()
    arrays = read_state_dict(saved(state))
    assert arrays.keys() == state.keys()
    for name in state:
        np.testing.assert_array_equal(arrays[name], state[name].numpy())


@pytest.mark.parity
def test_checkpoint_of_dicts_lists_and_numbers(saved):
    import torch

    path = saved(
        {
            "step": 7,
            "rate": 0.5,
            "name": "g",
            "none": None,
            "yes": True,
            "betas": (0.9, 0.99),
            "state": {3: {"moment": torch.ones(2)}},
        }
    )
    checkpoint = read(path)
    np.testing.assert_array_equal(checkpoint.pop("state")[3]["moment"], [1, 1])
    assert checkpoint == {"step": 7, "rate": 0.5, "name": "g", "none": None, "yes": True, "betas": [0.9, 0.99]}
    with pytest.raises(UserError, match="no state dict"):
        read_state_dict(path)


class Shell:
    def __reduce__(self):
        return os.system, ("touch /tmp/keras_gans_was_here",)


@pytest.mark.parity
@pytest.mark.parametrize(
    "value, name", [(Shell(), f"{os.system.__module__}.system"), (np.float64(1), "numpy"), ({"sizes": {1, 2}}, "set")]
)
def test_anything_else_is_refused_by_name(saved, value, name):
    with pytest.raises(UserError, match=rf"file\.pth: holds .*{name}.*save the state dict alone"):
        read(saved({"x": value}))
    assert not os.path.exists("/tmp/keras_gans_was_here")


@pytest.mark.parity
def test_every_cut_ends_in_one_line(saved):
    import torch

    path = saved({"x": torch.randn(3), "y": torch.ones(2, 2)})
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError, match="damaged or no PyTorch file|byte") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def archive(path, pickled, **storages):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", pickled)
        for key, data in storages.items():
            file.writestr(f"model/data/{key}", data)
    return path


def tensor_pickle(count, offset, shape, strides):
    """The pickle of one float tensor, written by hand."""

    def integers(numbers):
        return b"(" + b"".join(b"J" + struct.pack("<i", number) for number in numbers) + b"t"

    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00aX\x03\x00\x00\x00cpu"
        + b"J"
        + struct.pack("<i", count)
        + b"tQ"
    )
    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"J"
        + struct.pack("<i", offset)
        + integers(shape)
        + integers(strides)
        + b"\x89}tR."
    )


def test_hand_written_tensor(tmp_path):
    data = np.arange(6, dtype="<f4")
    array = read(archive(tmp_path / "x.pth", tensor_pickle(6, 1, [2, 2], [2, 1]), a=data.tobytes()))
    np.testing.assert_array_equal(array, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "count, offset, shape, strides",
    [
        (6, 0, [7], [1]),
        (6, 3, [4], [1]),
        (6, -1, [2], [1]),
        (6, 0, [2, 2], [5, 2]),
        (6, 5, [2], [-1]),
        (6, 0, [-2], [1]),
        (6, 0, [100, 100], [0, 0]),
        (8, 0, [2], [1]),
        (6, 0, [2, 2], [1]),
    ],
)
def test_tensors_that_reach_outside_their_storage_are_refused(tmp_path, count, offset, shape, strides):
    path = archive(tmp_path / "x.pth", tensor_pickle(count, offset, shape, strides), a=bytes(24))
    with pytest.raises(UserError, match="damaged"):
        read(path)


@pytest.mark.parametrize(
    "pickled",
    [
        pickle.dumps({"x": (1, 2)}, protocol=0),  # text opcodes
        b"\x80\x02\x8c\xff.",
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x02h\x05.",
        b"\x80\x02a.",
        b"\x80\x02]]K\x01s.",
        b"\x80\x02K\x01K\x02R.",
        b"",
        b"\x80\x02",
        b"\x80\x02}]K\x01s.",
    ],
)
def test_malformed_pickles_end_in_one_line(tmp_path, pickled):
    with pytest.raises(UserError, match="damaged"):
        read(archive(tmp_path / "x.pth", pickled))


def test_a_list_within_itself_does_not_hang(tmp_path):
    read(archive(tmp_path / "x.pth", b"\x80\x02]q\x00h\x00a."))


def test_compressed_entries_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model/data.pkl", b"\x80\x02}." + bytes(10**6))
    with pytest.raises(UserError, match="damaged"):
        read(tmp_path / "x.pth")


def test_missing_file_and_other_files(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "none.pth")
    for content in (b"", b"hello", bytes(1000)):
        (tmp_path / "x.pth").write_bytes(content)
        with pytest.raises(UserError, match="damaged or no PyTorch file"):
            read(tmp_path / "x.pth")
