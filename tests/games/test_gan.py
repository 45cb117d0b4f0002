"""The two-player step against a second implementation, and what it promises about noise and averages."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.games.gan import GAN
from keras_gans.losses.adversarial import NonSaturating
from keras_gans.networks.cgan import ConditionalDCGANDiscriminator, ConditionalDCGANGenerator
from keras_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from keras_gans.registry import AUGMENTS, LOSSES, PENALTIES


def tiny(image_size=8, **kwargs):
    """A DCGAN small enough to step in milliseconds."""
    return GAN(
        DCGANGenerator(image_size=image_size, latent_dim=4, width=8),
        DCGANDiscriminator(image_size=image_size, width=8, norm=False),
        NonSaturating(),
        **kwargs,
    )


def compiled(game, rate=0.1, **kwargs):
    game.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), **kwargs)
    return game


def images(count=8, size=8, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 1)), tf.float32)


def weights(model):
    return [np.asarray(weight) for weight in model.weights]


def test_step_is_algorithm_one():
    """One round by hand: the discriminator ascends, then the generator with the new discriminator, on the same fakes."""
    game = compiled(tiny(seed=3))
    generator, discriminator = keras.models.clone_model(game.generator), keras.models.clone_model(game.discriminator)
    generator.set_weights(game.generator.get_weights())
    discriminator.set_weights(game.discriminator.get_weights())
    x = images()
    latent = game.draw_latent(8, randomness.fold(randomness.fold(3, 0), 0))

    with tf.GradientTape() as tape:
        fake = generator(latent, training=True)
        real_probability = tf.sigmoid(discriminator(x, training=True))
        fake_probability = tf.sigmoid(discriminator(fake, training=True))
        value = tf.reduce_mean(tf.math.log(real_probability)) + tf.reduce_mean(tf.math.log(1 - fake_probability))
    for variable, gradient in zip(
        discriminator.trainable_variables, tape.gradient(value, discriminator.trainable_variables)
    ):
        variable.assign_add(0.1 * gradient)
    generator.set_weights(game.generator.get_weights())  # the moving statistics moved once, not twice
    with tf.GradientTape() as tape:
        probability = tf.sigmoid(discriminator(generator(latent, training=True), training=True))
        loss = -tf.reduce_mean(tf.math.log(probability))
    for variable, gradient in zip(generator.trainable_variables, tape.gradient(loss, generator.trainable_variables)):
        variable.assign_sub(0.1 * gradient)

    logs = game.train_step(x)
    np.testing.assert_allclose(logs["discriminator_loss"], -value, rtol=1e-5)
    np.testing.assert_allclose(logs["generator_loss"], loss, rtol=1e-5)
    for ours, theirs in zip(weights(game.discriminator), weights(discriminator)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for ours, theirs in zip(weights(game.generator), weights(generator)):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_gradient_norms_and_logits_are_those_of_the_step():
    game = compiled(tiny(), rate=1.0)
    before = weights(game.discriminator), weights(game.generator)
    logs = game.train_step(images())
    for player, old in zip(("discriminator", "generator"), before):
        trainable = {id(v) for v in getattr(game, player).trainable_variables}
        moved = [o - np.asarray(w) for o, w in zip(old, getattr(game, player).weights) if id(w) in trainable]
        norm = np.sqrt(sum(np.square(m).sum() for m in moved))
        np.testing.assert_allclose(logs[f"{player}_gradient_norm"], norm, rtol=2e-3)


def test_every_turn_of_the_discriminator_sees_other_images_and_other_fakes():
    game = compiled(tiny(n_critic=3))
    seen = []
    game.discriminate = lambda x, labels, seed: seen.append(x.numpy()) or GAN.discriminate(game, x, labels, seed)
    x = images(12)
    game.train_step(x)
    reals, fakes = seen[0:6:2], seen[1:6:2]
    for turn, real in enumerate(reals):
        np.testing.assert_array_equal(real, x[turn::3])
    assert not np.allclose(fakes[0], fakes[1]) and not np.allclose(fakes[1], fakes[2])
    np.testing.assert_array_equal(seen[6], fakes[2])  # shared with the generator's turn


def test_fresh_fakes_for_the_generator_on_demand():
    game = compiled(tiny(share_fakes=False))
    seen = []
    game.discriminate = lambda x, labels, seed: seen.append(x.numpy()) or GAN.discriminate(game, x, labels, seed)
    game.train_step(images())
    assert not np.allclose(seen[1], seen[2])


def test_fresh_reals_and_fakes_for_the_generator_on_demand():
    """R3GAN's loop: two batches a step, the discriminator's and the generator's."""
    game = compiled(tiny(share_fakes=False, share_reals=False))
    game.adversarial_loss = LOSSES.create("relativistic_paired")
    seen = []
    game.discriminate = lambda x, labels, seed: seen.append(x.numpy()) or GAN.discriminate(game, x, labels, seed)
    x = images(16)
    game.train_step(x)
    np.testing.assert_array_equal(seen[0], x[0::2])
    np.testing.assert_array_equal(seen[3], x[1::2])
    assert not np.allclose(seen[1], seen[2])
    with pytest.raises(ValueError, match="share_fakes=false too"):
        tiny(share_reals=False)


def test_labels_of_fakes_are_drawn_on_demand():
    """Each side is judged with its own; the classes come equally often."""
    generator = ConditionalDCGANGenerator(8, 1, 4, num_classes=4, width=4)
    discriminator = ConditionalDCGANDiscriminator(8, 1, num_classes=4, width=4, norm=False)
    game = compiled(GAN(generator, discriminator, NonSaturating(), draw_labels=True))
    seen = []
    game.discriminate = lambda x, labels, seed: seen.append(labels.numpy()) or GAN.discriminate(game, x, labels, seed)
    given = tf.constant([3] * 8)
    game.train_step((images(8), given))
    np.testing.assert_array_equal(seen[0], given)
    assert (seen[1] != given.numpy()).any() and seen[1].min() >= 0 and seen[1].max() <= 3
    np.testing.assert_array_equal(seen[2], seen[1])  # the fakes are shared, and keep their labels
    counts = np.bincount(game.fake_labels(tf.zeros([4000], tf.int32), randomness.fold(0, 5)))
    assert len(counts) == 4 and abs(counts - 1000).max() < 120
    with pytest.raises(ValueError, match="draw_labels"):
        GAN(generator, discriminator, NonSaturating(), draw_labels=True, penalties=[PENALTIES.create("r1")])


@pytest.mark.parametrize(
    "name, low, high, deviation",
    [("uniform", -1, 1, 3**-0.5), ("uniform_sqrt3", -(3**0.5), 3**0.5, 1.0), ("uniform_01", 0, 1, 12**-0.5)],
)
def test_latents_of_the_authors(name, low, high, deviation):
    z = np.asarray(tiny(latent=name).draw_latent(2000, 0))
    assert z.min() == pytest.approx(low, abs=0.01) and z.max() == pytest.approx(high, abs=0.01)
    assert z.mean() == pytest.approx((low + high) / 2, abs=0.03) and z.std() == pytest.approx(deviation, rel=0.02)


def test_moving_average_by_half_life_with_rampup_copies_statistics():
    game = compiled(tiny(ema_kimg=0.016, ema_rampup=0.25))
    expected = weights(game.generator)
    for step in range(1, 4):
        game.train_step(images())
        half_life = min(16.0, step * 8 * 0.25)
        keep = 0.5 ** (8 / half_life)
        expected = [
            keep * e + (1 - keep) * np.asarray(w) if w.trainable else np.asarray(w)
            for e, w in zip(expected, game.generator.weights)
        ]
    for ours, theirs in zip(weights(game.ema), expected):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert not game.ema.trainable_variables


def test_same_seed_same_run_other_seed_other_run():
    def run(seed):
        keras.utils.set_random_seed(0)
        game = compiled(tiny(seed=seed))
        for _ in range(2):
            game.train_step(images())
        return np.concatenate([w.ravel() for w in weights(game.generator)])

    np.testing.assert_array_equal(run(1), run(1))
    assert np.abs(run(1) - run(2)).max() > 1e-4


def test_lazy_penalty_counts_interval_times_when_due_and_not_otherwise():
    game = compiled(tiny(penalties=[PENALTIES.create("r1:weight=2,interval=3")]), rate=0.0)
    values = [float(game.train_step(images())["penalty"]) for _ in range(4)]
    every = compiled(tiny(penalties=[PENALTIES.create("r1:weight=2")]), rate=0.0)
    every.set_weights(game.get_weights())
    once = float(every.train_step(images())["penalty"])
    np.testing.assert_allclose(values, [3 * once, 0, 0, 3 * once], rtol=1e-4)


def test_relativistic_loss_gets_the_logits_of_reals_in_both_turns():
    game = compiled(tiny())
    game.adversarial_loss = LOSSES.create("relativistic_paired")
    logs = game.train_step(images())
    assert np.isfinite(logs["generator_loss"])


def test_weight_clipping_holds_before_the_update():
    game = compiled(tiny(penalties=[PENALTIES.create("weight_clipping:limit=0.001")]), rate=0.0)
    game.train_step(images())
    largest = max(np.abs(w).max() for w in weights(game.discriminator))
    np.testing.assert_allclose(largest, 0.001, rtol=1e-6)


def test_fit_with_several_steps_per_execution_is_bit_identical():
    def run(steps_per_execution):
        keras.utils.set_random_seed(0)
        game = compiled(tiny(), steps_per_execution=steps_per_execution, jit_compile=False)
        data = tf.data.Dataset.from_tensor_slices(images(32)).batch(8, drop_remainder=True).repeat()
        game.fit(data, steps_per_epoch=6, verbose=0)
        assert int(game.step.numpy()) == 6
        return weights(game)

    for one, three in zip(run(1), run(3)):
        np.testing.assert_array_equal(one, three)


def test_fit_takes_a_finite_dataset():
    game = compiled(tiny())
    data = tf.data.Dataset.from_tensor_slices(images(32)).batch(8)
    history = game.fit(data, epochs=2, verbose=0)
    assert int(game.step.numpy()) == 8 and len(history.history["generator_loss"]) == 2


def test_jit_agrees():
    logs = []
    for jit in (False, True):
        keras.utils.set_random_seed(0)
        game = compiled(tiny(), jit_compile=jit)
        data = tf.data.Dataset.from_tensor_slices(images(8)).batch(8).repeat()
        logs.append(game.fit(data, steps_per_epoch=1, verbose=0).history)
    for name in logs[0]:
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_adaptive_augmentation_moves_with_the_signs_of_real_logits(jit):
    augment = AUGMENTS.create("ada:interval=1,ada_kimg=0.08,p=0.5", channels=1)
    game = compiled(tiny(augment=augment), jit_compile=jit)
    data = tf.data.Dataset.from_tensor_slices(images(8)).batch(8).repeat()
    history = game.fit(data, steps_per_epoch=1, epochs=3, verbose=0).history
    expected, p = [], 0.5
    for sign in history["real_sign"]:
        p += np.sign(sign - 0.6) * 8 / 80  # 8 of ada_kimg's 80 images a step
        expected.append(p)
    np.testing.assert_allclose(history["augment_p"], expected, rtol=1e-5)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_first_bad_step_names_the_player(player):
    game = compiled(tiny())
    game.train_step(images())
    trouble = [0, 0]
    trouble[player == "generator"] = np.nan
    game.adversarial_loss.discriminator = lambda real, fake: tf.reduce_sum(fake, 1) + trouble[0]
    game.adversarial_loss.generator = lambda real, fake: tf.reduce_sum(fake, 1) + trouble[1]
    game.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    game.train_step(images())
    game.train_step(images())
    expected = [1, -1] if player == "discriminator" else [-1, 1]
    np.testing.assert_array_equal(game.first_bad_step, expected)
