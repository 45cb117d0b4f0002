"""A precision that the processor emulates is told at the start of a run."""

import re

import pytest
import tensorflow as tf

from keras_gans import cli
from keras_gans.runs import checks


def warned(precision):
    flags = cli.parse("train", [f"--precision={precision}"])
    return checks.slow_precision({name: flags[name].value for name in flags})


@pytest.mark.parametrize(
    "seconds, told", [(0.17, "17 times as long"), (0.021, "2 times as long"), (0.019, None), (0.005, None)]
)
def test_what_is_told_goes_by_the_ratio(monkeypatch, seconds, told):
    monkeypatch.setattr(checks.switch, "default_device_type", lambda: "CPU")
    monkeypatch.setattr(checks, "_filter_gradient_seconds", lambda dtype: {"bfloat16": seconds, "float32": 0.01}[dtype])
    warning = warned("bfloat16")
    assert (warning is None) == (told is None)
    if told:
        assert re.fullmatch(f"--precision=bfloat16 is slow .*{told}.*--precision=float32 .*", warning)


def test_nothing_is_measured_where_it_would_say_nothing(monkeypatch):
    monkeypatch.setattr(checks, "_filter_gradient_seconds", lambda dtype: pytest.fail("measured"))
    assert warned("float32") is None
    monkeypatch.setattr(checks.switch, "default_device_type", lambda: "TPU")
    assert warned("float16") is None


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="of processors")
def test_what_is_measured_is_the_gradient():
    assert 1e-5 < checks._filter_gradient_seconds("float32") < 10
