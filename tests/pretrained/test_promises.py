"""Small files whose tensors have the shapes of large networks: one line, and no memory is taken for what they promise."""

import resource

import numpy as np
import pytest
import weight_writers

from keras_gans.errors import UserError
from keras_gans.pretrained import importing


def empty(shape):
    return np.zeros(shape, np.float32)


PROMISES = {
    "a width of a million": (
        {"model.1.weight": empty([10**6, 0, 7, 7]), "model.10.conv_block.1.weight": empty([1])},
        r"speak of has \d{13,} weights, but there are 1$",
    ),
    "a picture of 2^40 pixels": (
        {f"model.model.1.model.{'3.model.' * depth}1.weight": empty([1]) for depth in range(20)},
        "no network that is known here",
    ),
    "too many blocks": (
        {f"model.{place}.conv_block.1.weight": empty([1]) for place in range(5000)},
        "no network that is known here has more than 4096",
    ),
    "a place of 400 digits": ({f"model.{'9' * 400}.conv_block.1.weight": empty([1])}, "speak of has"),
    "a shape without axes": (
        {"model.10.conv_block.1.weight": empty([1]), "model.1.weight": empty([4, 3, 7, 7]), "model.7.filt": empty([])},
        "no network can be made of tensors of these shapes",
    ),
    "a long name": ({"\x1b[2J" * 1000: empty([1])}, "a name of more than 512 characters"),
    "a name that clears the screen": ({"\x1b[2J\nerror: ": empty([1])}, r"such as \\x1b\[2J\\nerror: "),
}


@pytest.mark.parametrize("name", PROMISES)
def test_small_files_that_speak_of_large_networks(tmp_path, name):
    tensors, says = PROMISES[name]
    path = weight_writers.safetensors(tmp_path / "x.safetensors", tensors)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=says) as caught:
        importing.make_run(importing.read([path]), tmp_path / "run")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 700
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024 and not (tmp_path / "run").exists()
