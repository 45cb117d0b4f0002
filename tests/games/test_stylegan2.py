"""StyleGAN2's step: lazy path length, mixed styles, the average w, augmentation, half precision."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.penalties.path_length import path_lengths
from keras_gans.registry import GAMES, GENERATORS
from keras_gans.trained import recipes

SIZES = "channel_base=32,channel_max=4"


def build(precision="float32", spec="path_length_interval=2", **flags):
    keras.utils.set_random_seed(0)  # as training does
    return recipes.build_game(
        run_cases.recipe(
            **{
                "game": f"stylegan2:{spec}",
                "generator": f"stylegan2:{SIZES},w_dim=4,mapping_layers=2",
                "discriminator": f"stylegan2:{SIZES}",
                "latent_dim": 5,
                "batch_size": 4,
                "precision": precision,
                "optimizer": "adam:beta_1=0,beta_2=0.99",
                "learning_rate": 2e-3,
                "penalty": ["r1:weight=1,interval=3"],
                **flags,
            }
        ),
        (8, 8, 1),
        0,
    )


def images(count=4):
    return tf.random.stateless_uniform([count, 8, 8, 1], [1, 2], -1, 1)


@pytest.fixture(scope="module")
def game():
    """A game after five steps, and their logs; the learning rate is zero, so that only averages move."""
    one = build(learning_rate=0.0, augment="ada:p=0.5")
    return one, [{name: float(value) for name, value in one.train_step(images()).items()} for _ in range(5)]


def test_lazy_terms_are_due_at_their_intervals(game):
    one, logs = game
    assert [line["penalty"] > 0 for line in logs] == [True, False, False, True, False]
    assert [line["path_length_loss"] > 0 for line in logs] == [True, False, True, False, True]
    assert all(np.isfinite(list(line.values())).all() for line in logs) and one.first_bad_step.numpy().tolist() == [-1, -1]
    assert all(line["augment_p"] > 0.49 for line in logs)


def test_path_length_by_hand(game):
    """Of half a batch of latents of its own; weight 2 times interval 2; the average starts at zero, decay 0.01."""
    one, logs = game
    seed = randomness.fold(randomness.fold(one.seed, 0), "generator turn")
    seed = randomness.fold(seed, "path length")
    styles, _ = one.draw_styles(2, None, seed, one.generator.layers_w)
    with randomness.scope(randomness.fold(seed, "generator layers")):
        lengths = np.asarray(
            path_lengths(lambda w: one.generator.synthesis(w, training=True), styles, randomness.fold(seed, "image"))
        )
    assert lengths.shape == (2,)
    average = 0.01 * lengths.mean()
    np.testing.assert_allclose(logs[0]["path_length"], average, rtol=1e-4)
    np.testing.assert_allclose(logs[0]["path_length_loss"], 2 * 2 * np.mean((lengths - average) ** 2), rtol=1e-4)
    assert logs[1]["path_length"] == logs[0]["path_length"] < logs[2]["path_length"]


def test_average_w_is_of_unmixed_styles(game):
    one, _ = game
    expected = np.zeros(4)
    for step in range(5):
        seed = randomness.fold(randomness.fold(one.seed, step), 0)
        latent = tf.reshape(one.draw_pairs(4, seed), [4, 2, 5])[:, 0]
        expected = 0.995 * expected + 0.005 * np.asarray(one.generator.mapping(latent)).mean(0)
    np.testing.assert_allclose(one.generator.average_w, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(one.ema.average_w, one.generator.average_w)


def test_styles_are_mixed_at_every_layer_nine_times_of_ten(game):
    one, _ = game
    counts = np.zeros(one.generator.layers_w + 1)
    draw = tf.function(lambda seed: one.draw_styles(2, None, randomness.fold(0, seed), 4))
    for seed in tf.range(150):
        styles, w = (np.asarray(part) for part in draw(seed))
        first = (styles == w[:, None]).all(2)
        assert (first[0] == first[1]).all()
        change = int(first[0].sum())
        assert first[0, :change].all()  # the first latent's are the first layers'
        if change < 4:
            assert not first[0, change:].any() and (styles[:, change] == styles[:, -1]).all()
        counts[change] += 1
    assert counts[0] == 0 and counts.sum() == 150
    np.testing.assert_allclose(counts[4] / 150, 0.1, atol=0.07)
    np.testing.assert_allclose(counts[1:4] / 150, 0.3, atol=0.12)


def test_both_optimizers_are_corrected_for_lazy_terms():
    """Every 4 steps for the generator, every 16 for the discriminator: learning rate times 4/5 and 16/17."""
    one = build(spec="style_mixing=0.9", penalty=["r1:weight=1,interval=16"])
    np.testing.assert_allclose(one.generator_optimizer.learning_rate, 2e-3 * 4 / 5, rtol=1e-6)
    np.testing.assert_allclose(one.generator_optimizer.beta_2, 0.99 ** (4 / 5), rtol=1e-6)
    np.testing.assert_allclose(one.discriminator_optimizer.learning_rate, 2e-3 * 16 / 17, rtol=1e-6)
    without = build(spec="path_length_weight=0", penalty=[])
    np.testing.assert_allclose(without.generator_optimizer.learning_rate, 2e-3, rtol=1e-6)


def test_half_precision_stays_near_float32():
    """Two steps with both lazy terms due in the first; 200 steps: benchmarks/mixed_precision.py."""
    logs = {}
    for precision in ("float32", "bfloat16", "float16"):
        one = build(precision, "path_length_interval=2", learning_rate=1e-4)
        if precision == "float16":  # which starts at 2^15 and would skip some steps on its way down
            for player in one.players:
                one.optimizer_of(player).dynamic_scale.assign(64.0)
        logs[precision] = [{name: float(value) for name, value in one.train_step(images()).items()} for _ in range(2)]
        np.testing.assert_array_equal(one.first_bad_step, [-1, -1])
        assert all(np.isfinite(list(line.values())).all() for line in logs[precision]), logs[precision]
        half = precision != "float32"
        assert {"mixed_" + precision: half}.get(one.generator.synthesis.get_layer("conv1_8").dtype_policy.name, not half)
        for layer in (one.generator.mapping.get_layer("dense_0"), one.generator.synthesis.get_layer("conv1_4")):
            assert layer.compute_dtype == "float32"
    for precision in ("bfloat16", "float16"):
        for ours, expected in zip(logs[precision], logs["float32"]):
            for name, value in expected.items():
                np.testing.assert_allclose(ours[name], value, rtol=0.1, atol=0.03, err_msg=f"{precision} {name}")


def test_what_makes_no_sense_is_refused():
    parts = {"discriminator": None, "loss": None}
    for spec, generator, message in (
        (
            "stylegan2",
            GENERATORS.create("dcgan", image_size=8, width=2),
            "the generator must be style-based, such as stylegan",
        ),
        (
            "stylegan2:style_mixing=1.5",
            GENERATORS.create("stylegan2", image_size=8, channel_max=2),
            "style_mixing must be from 0 to 1",
        ),
        ("stylegan2:path_length_interval=0", None, "path length: interval should be a positive integer, not 0"),
    ):
        with pytest.raises(UserError, match=message):
            GAMES.create(spec, generator=generator or keras.Model(), **parts)
