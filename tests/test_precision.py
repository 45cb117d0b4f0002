"""The same recipe in float32, bfloat16 and float16: losses and unscaled gradient norms agree, nothing is NaN."""

import helpers
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.trained import recipes

PENALTIES = {"plain": [], "wgan_gp": ["--loss=wasserstein", "--penalty=wgan_gp", "--discriminator=dcgan:width=8,norm=false"]}


def first_logs(precision, flags, steps=8):
    """The logs of each of the first steps."""
    recipe = helpers.recipe(
        "unused",
        "--generator=dcgan:width=8",
        "--discriminator=dcgan:width=8",
        "--learning_rate=1e-5",
        f"--precision={precision}",
        *flags,
    )
    keras.utils.set_random_seed(0)  # as training does
    game = recipes.build_game(recipe, (32, 32, 1), 0)
    images = tf.random.stateless_uniform([16, 32, 32, 1], [1, 2], -1, 1)
    step = tf.function(game.train_step, autograph=False)
    logs = [{name: float(value) for name, value in step(images).items()} for _ in range(steps)]
    assert all(weight.dtype == "float32" for weight in game.ema.weights)
    return game, logs


@pytest.mark.parametrize("flags", PENALTIES.values(), ids=PENALTIES)
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_agrees_with_float32(precision, flags):
    _, expected = first_logs("float32", flags)
    game, logs = first_logs(precision, flags)
    # The first float16 gradients overflow, and their steps are skipped, until the loss scale has come down.
    assert np.isfinite(list(logs[-1].values())).all()
    for ours, reference in zip(logs, expected):
        for name, value in reference.items():
            if precision == "bfloat16" or np.isfinite(ours[name]) or not name.endswith("norm"):
                np.testing.assert_allclose(ours[name], value, rtol=0.1, atol=0.02, err_msg=name)
    np.testing.assert_array_equal(game.first_bad_step, [-1, -1])
    scaled = isinstance(game.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "float16")
    assert not scaled or isinstance(game.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)


def test_float16_skips_an_overflowing_step_and_lowers_the_scale():
    game, _ = first_logs("float16", [], steps=1)
    optimizer = game.discriminator_optimizer
    optimizer.dynamic_scale.assign(2.0**40)
    before = [np.asarray(weight) for weight in game.discriminator.trainable_variables]
    game.train_step(tf.random.stateless_uniform([16, 32, 32, 1], [3, 4], -1, 1))
    assert float(optimizer.dynamic_scale) == 2.0**39
    for weight, old in zip(game.discriminator.trainable_variables, before):
        np.testing.assert_array_equal(weight, old)
    np.testing.assert_array_equal(game.first_bad_step, [-1, -1])
