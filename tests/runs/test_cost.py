"""What a run says of its cost, and which cheaper recipe it names."""

import re

import helpers
import pytest

from keras_gans import callbacks, cli
from keras_gans.callbacks import cost
from keras_gans.kernels import switch
from keras_gans.runs import checks, lighter


def recipe(name):
    flags = cli.parse("train", [f"--flagfile={helpers.ROOT}/configs/{name}.flags"])
    return {flag: flags[flag].value for flag in flags}


def said(monkeypatch, capsys, total, seconds, lighter, start=0, changes=()):
    """Returns what is said in a run whose first step takes 100 seconds, each other one `seconds`."""
    clock = iter([0.0, *(number * seconds for number in range(1, 200))])
    monkeypatch.setattr(cost.time, "monotonic", lambda: next(clock))
    callback = callbacks.Cost(total, 8, start, lighter, changes)
    for batch in range(100):
        callback.on_train_batch_end(batch)
    return capsys.readouterr().out.splitlines()


def test_cost_is_said_once_from_the_first_sixteen_steps(monkeypatch, capsys):
    lines = said(monkeypatch, capsys, 7217, 2.0, "--recipe=x_light takes 50 min", start=0)
    assert lines == ["this takes about 4 h 0 min on this machine, at 4 images/s; --recipe=x_light takes 50 min"]


def test_cost_of_slow_steps_waits_for_a_minute_alone(monkeypatch, capsys):
    assert said(monkeypatch, capsys, 3 + 60, 40.0, None) == ["this takes about 40 min on this machine, at 0.2 images/s"]


def test_short_run_says_nothing_and_one_of_an_hour_names_no_other(monkeypatch, capsys):
    assert said(monkeypatch, capsys, 40, 2.0, None) == []
    assert said(monkeypatch, capsys, 1817, 2.0, "no") == ["this takes about 60 min on this machine, at 4 images/s"]


def test_parts_of_other_paces_are_said_as_they_begin(monkeypatch, capsys):
    assert said(monkeypatch, capsys, 4057, 3.0, None, changes=(0, 50)) == [
        "the part up to 0.4 kimg takes about 99 s on this machine, at 2.67 images/s",
        "this takes about 3 h 20 min on this machine, at 2.67 images/s",
    ]
    beyond = said(monkeypatch, capsys, 1817, 2.0, None, changes=(5000,))
    assert beyond == ["this takes about 60 min on this machine, at 4 images/s"]


@pytest.mark.parametrize(
    "name, light",
    [
        ("pix2pix", "pix2pix_light"),
        ("cyclegan", "cyclegan_light"),
        ("fastcut", "cut_light"),
        ("stylegan2_emoji", "stylegan2_light"),
        ("spade", "spade_light"),
        ("projected", "projected_light"),
    ],
)
def test_lighter_recipe_of_the_same_game(name, light, tmp_path, monkeypatch):
    text = (helpers.ROOT / f"configs/{light}.flags").read_text(encoding="utf-8")
    (tmp_path / f"{light}.flags").write_text(re.sub("^# Cost: .*$", "# Cost:    5 s/kimg, 40 min in all", text, flags=re.M))
    monkeypatch.setattr(lighter, "FOLDER", tmp_path)
    assert lighter.lighter(recipe(name)) == f"--recipe={light} takes 40 min on two cores"
    assert lighter.lighter(recipe("dcgan")) is None
    assert lighter.lighter(recipe(name) | {"image_size": 32}) is None  # of larger images than those


def test_without_an_accelerator_a_recipe_of_far_larger_steps_is_told_of_the_light_one(tmp_path, monkeypatch):
    text = (helpers.ROOT / "configs/projected_light.flags").read_text(encoding="utf-8")
    (tmp_path / "projected_light.flags").write_text(text)
    monkeypatch.setattr(lighter, "FOLDER", tmp_path)
    large, light = recipe("projected"), recipe("projected_light")
    monkeypatch.setattr(switch, "default_device_type", lambda: "CPU")
    said = checks.without_accelerator(large)
    assert "no GPU" in said and "64 images" in said and "--recipe=projected_light takes 61 min" in said
    assert checks.without_accelerator(light) is None
    at_128 = large | {"image_size": 128}  # four times the pixels, then three
    assert checks.without_accelerator(at_128) and checks.without_accelerator(at_128 | {"batch_size": 48}) is None
    monkeypatch.setattr(switch, "default_device_type", lambda: "GPU")
    assert checks.without_accelerator(large) is None
