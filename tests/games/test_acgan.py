"""AC-GAN: the step against a second implementation, and what the class losses must not touch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.acgan import ACGAN
from keras_gans.losses.adversarial import NonSaturating
from keras_gans.networks.acgan import ACGANDiscriminator, ACGANGenerator
from keras_gans.networks.cgan import CGANGenerator
from keras_gans.networks.dcgan import DCGANDiscriminator
from keras_gans.registry import GAMES, LOSSES, PENALTIES


def discriminator():
    return ACGANDiscriminator(32, 1, num_classes=3, width=2, dropout=0.0, norm=False)


def tiny(rate=0.1, **kwargs):
    game = ACGAN(
        CGANGenerator(32, 1, latent_dim=4, num_classes=3, width=12, dropout=0.0),
        discriminator(),
        kwargs.pop("loss", NonSaturating()),
        **kwargs,
    )
    game.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    # Larger weights than the paper's initial ones, so that every term of the losses counts.
    random = np.random.default_rng(0)
    for variable in (*game.generator.trainable_variables, *game.discriminator.trainable_variables):
        variable.assign_add(random.normal(scale=0.2, size=variable.shape))
    return game


IMAGES = np.random.default_rng(1).uniform(-1, 1, (6, 32, 32, 1)).astype("float32")
LABELS = np.array([0, 1, 2, 2, 1, 0], "int32")


def log_probability(class_logits, labels):
    return tf.gather(tf.nn.log_softmax(class_logits), labels, axis=1, batch_dims=1)


@pytest.mark.parametrize("class_weight", [1.0, 0.5])
def test_step_is_the_paper_s(class_weight):
    game = tiny(class_weight=class_weight)
    latents = []
    draw = game.draw_latent
    game.draw_latent = lambda *args: latents.append(draw(*args)) or latents[-1]
    critic = discriminator()
    critic.set_weights(game.discriminator.get_weights())
    generator = CGANGenerator(32, 1, latent_dim=4, num_classes=3, width=12, dropout=0.0)
    generator.set_weights(game.generator.get_weights())
    logs = game.train_step((tf.constant(IMAGES), tf.constant(LABELS)))

    with tf.GradientTape() as tape:
        real, fake = critic(IMAGES), critic(generator([latents[0], tf.constant(LABELS)]))
        source = tf.reduce_mean(tf.math.log_sigmoid(real["logits"]) + tf.math.log_sigmoid(-fake["logits"]))
        of_real, of_fake = (tf.reduce_mean(log_probability(side["class_logits"], LABELS)) for side in (real, fake))
        value = source + class_weight * (of_real + of_fake)  # L_S + L_C, which D ascends
    for variable, slope in zip(critic.trainable_variables, tape.gradient(value, critic.trainable_variables)):
        variable.assign_add(0.1 * slope)
    with tf.GradientTape() as tape:
        fake = critic(generator([latents[0], tf.constant(LABELS)]))
        adversarial = tf.reduce_mean(tf.math.log_sigmoid(fake["logits"]))
        value = adversarial + class_weight * tf.reduce_mean(log_probability(fake["class_logits"], LABELS))
    for variable, slope in zip(generator.trainable_variables, tape.gradient(value, generator.trainable_variables)):
        variable.assign_add(0.1 * slope)

    np.testing.assert_allclose(logs["discriminator_loss"], -source, rtol=1e-5)
    np.testing.assert_allclose(logs["generator_loss"], -adversarial, rtol=1e-5)
    np.testing.assert_allclose(logs["real_class_loss"], -of_real, rtol=1e-5)
    np.testing.assert_allclose(logs["fake_class_loss"], -of_fake, rtol=1e-5)
    for ours, theirs in ((game.discriminator, critic), (game.generator, generator)):
        for weight, expected in zip(ours.get_weights(), theirs.get_weights()):
            np.testing.assert_allclose(weight, expected, atol=1e-5)


@pytest.mark.parametrize("interval", [1, 2])
def test_a_penalty_goes_by_the_logits_alone(interval):
    """R1 by hand, with a class weight that would drown it."""
    game = tiny(rate=0.0, class_weight=1000.0, penalties=[PENALTIES.create(f"r1:weight=2,interval={interval}")])
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = game.discriminator(images)["logits"]
    by_hand = np.square(tape.gradient(logits, images)).sum(axis=(1, 2, 3)).mean()  # weight / 2 = 1
    logs = game.train_step((images, tf.constant(LABELS)))
    np.testing.assert_allclose(logs["penalty"], interval * by_hand, rtol=1e-4)


def test_relativistic_loss_compiled_under_fit():
    """The step as a graph: nothing that one turn notes may leak into the next."""
    game = tiny(rate=0.01, loss=LOSSES.create("relativistic_paired"))
    game.fit(tf.data.Dataset.from_tensors((IMAGES, LABELS)).repeat(), steps_per_epoch=2, verbose=0)
    assert game.first_bad_step.numpy().tolist() == [-1, -1]


def test_a_discriminator_without_classes_is_refused():
    with pytest.raises(UserError, match="must answer with logits and class_logits, such as acgan, not DCGAN"):
        GAMES.create(
            "acgan", generator=ACGANGenerator(width=4), discriminator=DCGANDiscriminator(width=4), loss=NonSaturating()
        )
