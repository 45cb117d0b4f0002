"""BEGAN: the step against a second implementation, k and the learning rate against sequences worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.began import BEGAN
from keras_gans.networks.began import BEGANAutoencoder, BEGANGenerator
from keras_gans.networks.dcgan import DCGANDiscriminator
from keras_gans.networks.points import PointsAutoencoder, PointsGenerator
from keras_gans.registry import AUGMENTS, GAMES


def tiny(optimizer=None, rate=0.1, **kwargs):
    game = BEGAN(PointsGenerator(width=8), PointsAutoencoder(width=8), **kwargs)
    make = optimizer or keras.optimizers.SGD
    game.compile(make(rate), make(rate))
    return game


def points(count=16, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(count, 2)), tf.float32)


def end_step(game, real, fake, images=8):
    """Ends a step in which L(x) was `real` and L(G(z)) `fake`."""
    return game.finish_step(
        {
            "real_logits": tf.constant(real),
            "fake_logits": tf.constant(fake),
            "generator_loss": tf.constant(fake),
            "generator_gradient_norm": tf.constant(1.0),
            "discriminator_loss": tf.constant(real),
            "discriminator_gradient_norm": tf.constant(1.0),
        },
        tf.constant(images),
    )


def test_k_and_convergence_on_a_sequence_by_hand():
    game = tiny(gamma=0.5, lambda_k=0.1)
    assert float(game.k) == 0
    #             L(x)  L(G(z))    k + 0.1 (L(x)/2 - L(G(z)))    L(x) + |L(x)/2 - L(G(z))|
    sequence = [
        (1.0, 0.2, 0.03, 1.3),
        (2.0, 0.5, 0.08, 2.5),
        (0.4, 0.6, 0.04, 0.8),
        (0.2, 0.9, 0.0, 1.0),  # -0.04 before clipping
        (9.0, 0.5, 0.4, 13.0),
        (20.0, 1.0, 1.0, 29.0),
    ]  # 1.3 before clipping
    for real, fake, k, convergence in sequence:
        logs = end_step(game, real, fake)
        np.testing.assert_allclose(game.k, k, atol=1e-6)
        np.testing.assert_allclose(logs["k"], k, atol=1e-6)
        np.testing.assert_allclose(logs["convergence"], convergence, rtol=1e-6)


def test_step_is_the_paper_s():
    """One round by hand with k = 0.3: D descends L(x) - k L(G(z)), G then L(G(z)), and k moves after both."""
    game = tiny(gamma=0.7, lambda_k=0.01)
    game.k.assign(0.3)
    x = points()
    autoencoder, generator = PointsAutoencoder(width=8), PointsGenerator(width=8)
    autoencoder.set_weights(game.discriminator.get_weights())
    generator.set_weights(game.generator.get_weights())
    made = []
    generate = game.generate
    game.generate = lambda *args: made.append(generate(*args)) or made[-1]
    latents = []
    draw = game.draw_latent
    game.draw_latent = lambda *args: latents.append(draw(*args)) or latents[-1]
    logs = game.train_step(x)
    assert np.abs(latents[0]).max() <= 1 < 2 * np.abs(latents[0]).max()

    def error(images):
        return tf.reduce_mean(tf.abs(autoencoder(images) - images))

    with tf.GradientTape() as tape:
        real, fake = error(x), error(made[0])
        loss = real - 0.3 * fake
    for variable, slope in zip(autoencoder.trainable_variables, tape.gradient(loss, autoencoder.trainable_variables)):
        variable.assign_sub(0.1 * slope)
    with tf.GradientTape() as tape:
        of_generator = error(generator(latents[0]))
    for variable, slope in zip(generator.trainable_variables, tape.gradient(of_generator, generator.trainable_variables)):
        variable.assign_sub(0.1 * slope)
    np.testing.assert_allclose(logs["discriminator_loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(logs["generator_loss"], of_generator, rtol=1e-5)
    np.testing.assert_allclose(logs["real_error"], real, rtol=1e-5)
    np.testing.assert_allclose(logs["fake_error"], fake, rtol=1e-5)
    np.testing.assert_allclose(game.k, 0.3 + 0.01 * (0.7 * real - of_generator), rtol=1e-6)
    for ours, theirs in ((game.discriminator, autoencoder), (game.generator, generator)):
        for weight, expected in zip(ours.get_weights(), theirs.get_weights()):
            np.testing.assert_allclose(weight, expected, atol=1e-6)


def test_learning_rate_is_halved_when_convergence_stalls():
    """Windows of 16 images, two steps each; with L(G(z)) = L(x)/2 the measure M is L(x)."""
    game = tiny(rate=1e-4, patience_kimg=0.016, min_learning_rate=2e-5)
    #            M of two steps   rate after the window
    windows = [
        ((1.0, 3.0), 1e-4),  # the first has nothing to be compared with
        ((1.0, 2.0), 1e-4),  # 1.5 < 0.99 * 2
        ((1.0, 1.98), 5e-5),  # 1.49 > 0.99 * 1.5
        ((1.0, 1.0), 5e-5),
        ((2.0, 1.0), 2.5e-5),
        ((2.0, 2.0), 2e-5),  # not lower
        ((3.0, 3.0), 2e-5),
    ]
    for (first, second), rate in windows:
        before = float(game.generator_optimizer.learning_rate)
        end_step(game, first, first / 2)
        assert float(game.generator_optimizer.learning_rate) == before
        logs = end_step(game, second, second / 2)
        for value in (
            logs["learning_rate"],
            game.generator_optimizer.learning_rate,
            game.discriminator_optimizer.learning_rate,
        ):
            np.testing.assert_allclose(value, rate, rtol=1e-6)


def test_a_checkpoint_keeps_balance_and_patience(tmp_path):
    def steps(game, first, last):
        for step in range(first, last):
            game.train_step(points(seed=step))
        return [np.asarray(weight) for weight in (*game.weights, game.generator_optimizer.learning_rate)]

    def make():
        keras.utils.set_random_seed(0)
        return tiny(keras.optimizers.Adam, rate=1e-3, lambda_k=0.1, patience_kimg=0.048)

    whole = steps(make(), 0, 8)
    game = make()
    steps(game, 0, 4)
    game.save_weights(tmp_path / "game.weights.h5")
    again = make()
    again.load_weights(tmp_path / "game.weights.h5")
    for expected, weight in zip(whole, steps(again, 4, 8), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_images():
    game = BEGAN(BEGANGenerator(16, width=4, latent_dim=4), BEGANAutoencoder(16, width=4, code_dim=4))
    game.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    logs = game.train_step(tf.random.uniform((8, 16, 16, 1), -1, 1))
    assert np.isfinite(list(logs.values())).all() and logs["real_error"] > 0


def test_compiled_by_xla():
    logs = []
    for jit in (False, True):
        keras.utils.set_random_seed(0)
        game = tiny()
        logs.append(tf.function(game.train_step, jit_compile=jit)(points()))
    for name in logs[0]:
        np.testing.assert_allclose(logs[1][name], logs[0][name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_what_makes_no_sense_is_refused():
    generator = PointsGenerator(width=4)
    with pytest.raises(UserError, match="must be an autoencoder, such as began or points_autoencoder, not DCGAN"):
        GAMES.create("began", generator=BEGANGenerator(16, width=2), discriminator=DCGANDiscriminator(16, width=2))
    with pytest.raises(UserError, match="gamma must be from 0 to 1, not 2"):
        GAMES.create("began:gamma=2", generator=generator, discriminator=PointsAutoencoder(width=4))
    with pytest.raises(UserError, match="adaptive augmentation goes by the sign of logits"):
        GAMES.create(
            "began",
            generator=BEGANGenerator(16, width=2),
            discriminator=BEGANAutoencoder(16, width=2),
            augment=AUGMENTS.create("ada", channels=1),
        )
    game = BEGAN(generator, PointsAutoencoder(width=4))
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 10)
    with pytest.raises(UserError, match="take --schedule=constant"):
        game.compile(keras.optimizers.SGD(schedule), keras.optimizers.SGD(schedule))
