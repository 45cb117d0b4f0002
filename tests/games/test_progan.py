"""Growth: the schedule by hand, reals that fade, Adam that starts anew, and a resume in the middle of a fade."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.progan import Growth, fading
from keras_gans.optimizers import Adam
from keras_gans.registry import DISCRIMINATORS, GAMES, GENERATORS, LOSSES, PENALTIES

SMALL = {"image_size": 8, "channels": 1, "channel_base": 32, "channel_max": 4}


def game(name="progan", spec="fade_kimg=0.016,stable_kimg=0.008", loss="wasserstein", penalties=("drift",), **kwargs):
    keras.utils.set_random_seed(0)
    built = GAMES.create(
        f"{name}:{spec}",
        generator=GENERATORS.create(name, latent_dim=5, w_dim=4, **SMALL)
        if name != "progan"
        else GENERATORS.create(name, latent_dim=5, **SMALL),
        discriminator=DISCRIMINATORS.create(name, **SMALL),
        loss=LOSSES.create(loss),
        penalties=[PENALTIES.create(part) for part in penalties],
        batch_size=4,
        **kwargs,
    )
    built.compile(Adam(1e-3, beta_1=0.0), Adam(1e-3, beta_1=0.0))
    return built


def images(step=0, count=4):
    return tf.random.stateless_uniform([count, 8, 8, 1], [step, 1], -1, 1)


def test_schedule_by_hand():
    """100 images a step: 2 stable at 8, 3 fading in 16, 1 stable, 16's numbers for 32 too; from 32 on for ever."""
    growth = Growth((4, 8, 16, 32), 8, "9+0.3", "0.2+0.1", "50+100+25", 100)
    expected = [8, 8, 16, 16, 16, 16, 32, 32, 32, 32, 32, 32]
    assert [growth.size(step) for step in range(12)] == expected
    assert [step for step in range(12) if growth.begins_phase(step)] == [2, 5, 6, 9]  # fade, stable, fade, stable
    assert growth.rounds == {8: 2, 16: 1, 32: 4}
    alphas = [float(growth.alpha(tf.constant(step), 16, 0.0)) for step in (2, 3, 4, 5, 9)]
    np.testing.assert_allclose(alphas, [0, 1 / 3, 2 / 3, 1, 1])
    np.testing.assert_allclose(float(growth.alpha(tf.constant(7), 32, 0.75)), 1.75 / 3)
    assert float(growth.alpha(tf.constant(0), 8, 0.0)) == 1
    assert Growth((4, 8), 4, "0", "0", None, 10).size(0) == 8
    whole = Growth((4, 8), 4, "0.095", "0.095", None, 10)  # phases take whole steps
    assert whole.begins == [0, 10, 20]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((2, "1", "1", None), "start must be one of 4, 8 pixels, not 2"),
        (
            (4, "1+2+3", "1", None),
            r"fade_kimg must be numbers of at least 0 joined by \+, at most 2 of them for 4 to 8 pixels",
        ),
        ((4, "1", "-1", None), "stable_kimg must be numbers of at least 0"),
        ((4, "1", "fast", None), "stable_kimg must be numbers.*, not fast"),
        ((4, "1", "1", "4+3"), "batch_sizes: 4 images a round do not divide the 10 of a step"),
        ((4, "1", "1", "0"), "batch_sizes: 0 images a round do not divide the 10 of a step"),
    ],
)
def test_schedules_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        Growth((4, 8), *arguments, 10)


def test_reals_fade_too():
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    at_4, at_2 = (x.reshape(2, n, 8 // n, n, 8 // n, 1).mean((2, 4)) for n in (4, 2))
    np.testing.assert_allclose(fading(x, 4, 0.3), at_4, atol=1e-6)  # the first resolution has nothing to fade from
    coarse = at_4.repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(fading(x, 8, 0.0), coarse, atol=1e-6)
    np.testing.assert_allclose(fading(x, 8, 1.0), x, atol=1e-6)
    np.testing.assert_allclose(fading(x, 8, 0.25), 0.25 * x + 0.75 * coarse, atol=1e-6)
    assert at_2.shape == (2, 2, 2, 1)


def state(one):
    return [np.array(value) for value in one.get_weights() + one.generator_optimizer.variables]


def test_a_step_has_rounds_whose_reals_fade_in():
    """What each round sees, and what Adam counts: it starts anew at both ends of the fade."""
    one = game(spec="fade_kimg=0.016,stable_kimg=0.008,batch_sizes=4+2")
    seen, iterations = [], []
    gradients = [tf.zeros_like(variable) for variable in one.generator.trainable_variables]

    def play_round(real, labels, seed):
        one.generator_optimizer.apply(gradients, one.generator.trainable_variables)
        seen.append((np.asarray(real), labels, [float(network.get_layer("fade_8").alpha) for network in one.growing()]))
        return {f"{player}_{what}": tf.constant(0.0) for player in one.players for what in ("loss", "gradient_norm")}

    one.round = play_round
    logs = []
    for step in range(8):
        logs.append(one.train_step((images(step), tf.range(4))))
        iterations.append(int(one.generator_optimizer.iterations))
    assert [int(line["resolution"]) for line in logs] == [4, 4] + [8] * 6
    assert iterations == [1, 2, 2, 4, 6, 8, 2, 4] and int(one.step) == 8
    assert [real.shape for real, *_ in seen] == [(4, 4, 4, 1)] * 2 + [(2, 8, 8, 1)] * 12
    alphas = [0.0, 0.0, *np.arange(8) / 8, 1, 1, 1, 1]
    np.testing.assert_allclose([alpha for *_, alpha in seen], np.transpose([alphas, alphas]))
    for index, (real, labels, _) in enumerate(seen[2:]):
        step, part = 2 + index // 2, index % 2
        np.testing.assert_array_equal(labels, np.arange(4)[part::2])
        np.testing.assert_allclose(real, fading(images(step)[part::2], 8, alphas[2 + index]), atol=1e-6)


def test_resumes_bit_for_bit_in_the_middle_of_a_fade(tmp_path):
    """A StyleGAN, compiled, from alpha 1/2 over the fade's end, where Adam starts anew; three steps in one execution."""
    one = game("stylegan", "start=4,fade_kimg=0.016,stable_kimg=0", "non_saturating", [])

    def steps(count):
        first = int(one.step)
        one.steps_per_execution = count
        logs = one.train_function(iter(tf.data.Dataset.range(first, first + count).map(images)))
        assert np.isfinite([float(value) for value in logs.values()]).all()
        return float(logs["alpha"])

    one.make_train_function()
    assert steps(2) == 1 / 4
    one.save_weights(tmp_path / "game.weights.h5")
    assert steps(3) == 1
    expected = state(one)
    assert np.abs(one.generator.average_w).max() > 0
    np.testing.assert_array_equal(one.ema.average_w, one.generator.average_w)
    one.load_weights(tmp_path / "game.weights.h5")
    assert int(one.step) == 2 and float(one.ema.synthesis.get_layer("fade_8").alpha) == 1 / 4
    steps(3)
    for ours, theirs in zip(state(one), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_phase_forgets_the_moments():
    one = game()
    one.train_step(images())
    velocities = one.generator_optimizer._velocities
    rate = float(one.generator_optimizer.learning_rate)
    assert max(np.abs(velocity).max() for velocity in velocities) > 0
    one.enter(2)
    assert max(np.abs(velocity).max() for velocity in velocities) == 0
    assert float(one.generator_optimizer.learning_rate) == rate


def test_average_decays_as_the_authors_with_batches_of_16():
    one = game(ema_kimg=11.09, ema_rampup=1e9)
    before = np.asarray(one.ema.get_layer("project").raw_kernel)
    one.generator.get_layer("project").raw_kernel.assign(before + 1)
    one.finish_step(
        {
            "discriminator_loss": tf.constant(0.0),
            "discriminator_gradient_norm": tf.constant(0.0),
            "generator_loss": tf.constant(0.0),
            "generator_gradient_norm": tf.constant(0.0),
        },
        tf.constant(16),
    )
    np.testing.assert_allclose(one.ema.get_layer("project").raw_kernel - before, 1 - 0.999, rtol=2e-3)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UserError, match="the generator must grow, such as progan or stylegan, not DCGANGenerator"):
        GAMES.create(
            "progan",
            generator=GENERATORS.create("dcgan", image_size=8, width=2),
            loss=None,
            discriminator=DISCRIMINATORS.create("progan", **SMALL),
        )
    with pytest.raises(UserError, match="the generator must be style-based, such as stylegan or stylegan2, not ProGAN"):
        GAMES.create(
            "stylegan:start=4",
            generator=GENERATORS.create("progan", **SMALL),
            loss=None,
            discriminator=DISCRIMINATORS.create("progan", **SMALL),
        )
    with pytest.raises(UserError, match="take --schedule=constant"):
        game().compile(Adam(keras.optimizers.schedules.CosineDecay(1e-3, 10)), Adam())
