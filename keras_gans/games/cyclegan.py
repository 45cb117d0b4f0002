"""CycleGAN (Zhu et al. 2017): two generators that undo each other, on images without pairs."""

import functools

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.curves import now
from keras_gans.games.game import power_iterate
from keras_gans.games.pool import ImagePool
from keras_gans.games.translation import Translation, apply, published_weights
from keras_gans.registry import GAMES, LOSSES


@GAMES.register("cyclegan")
@keras.saving.register_keras_serializable("keras_gans")
class CycleGAN(Translation):
    """Each generator deceives the discriminator of its target, and both together lead back to where they began.

    After `models/cycle_gan_model.py` of `junyanz/pytorch-CycleGAN-and-pix2pix`: the generators' turn comes first; the
    discriminators then learn from pools of earlier fakes.

    Args:
        generator_ab, generator_ba: `keras.Model`, images of A [batch, h, w, ca] -> images of B [batch, h, w, cb], and
            back.
        discriminator_a, discriminator_b: `keras.Model`, images of A, of B -> logits [batch, ...].
        loss: an adversarial loss, see `keras_gans.losses`; the paper's is `least_squares`.
        image_shapes: of A and of B, ((h, w, ca), (h, w, cb)).
        adversarial_weight: of the generators' adversarial losses. Default: as the authors count any loss, 1 or, for
            `least_squares`, 2: their squared errors have no factor 1/2, which ours have.
        discriminator_weight: of the discriminators' losses. Default: as the authors count them, 0.5; 1 for `least_squares`.
        cycle_weight: lambda, of the mean absolute difference of an image and its way there and back. Default 10.
        identity_weight: of the mean absolute difference that a generator makes to images of its target, times
            `cycle_weight`. Default 0.5; 0 leaves it out. All three weights are numbers or curves.
        pool_size: earlier fakes that are kept of each side. Default 50.
        ema_kimg, seed: see `Game`. Default 0: no moving average, as published.

    Raises:
        ValueError: an identity loss between images with different numbers of channels.
    """

    kind = "unpaired"
    players = {"generator": ("generator_ab", "generator_ba"), "discriminator": ("discriminator_a", "discriminator_b")}
    averages = {"ema_ab": "generator_ab", "ema_ba": "generator_ba"}
    deployed = {"ab": "ema_ab", "ba": "ema_ba"}
    follows = ("adversarial_weight", "cycle_weight", "identity_weight")

    def __init__(
        self,
        generator_ab,
        generator_ba,
        discriminator_a,
        discriminator_b,
        loss,
        *,
        image_shapes,
        adversarial_weight=None,
        discriminator_weight=None,
        cycle_weight=10.0,
        identity_weight=0.5,
        pool_size=50,
        ema_kimg=0.0,
        seed=0,
    ):
        super().__init__(
            {
                "generator_ab": generator_ab,
                "generator_ba": generator_ba,
                "discriminator_a": discriminator_a,
                "discriminator_b": discriminator_b,
            },
            ema_kimg=ema_kimg,
            seed=seed,
        )
        shape_a, shape_b = image_shapes
        if identity_weight and shape_a[-1] != shape_b[-1]:
            raise ValueError(
                f"the identity loss compares images of {shape_a[-1]} and of {shape_b[-1]} channels; take "
                "identity_weight=0, or the same --channels for both sides"
            )
        self.adversarial_loss = LOSSES.resolve(loss, "discriminator", "generator")
        self.adversarial_weight, self.discriminator_weight = published_weights(
            self.adversarial_loss, adversarial_weight, discriminator_weight
        )
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_a, self.pool_b = ImagePool(pool_size, shape_a), ImagePool(pool_size, shape_b)

    @classmethod
    def makers(cls, make):
        shape_a, shape_b = make.input_shape, make.image_shape
        back = {"image_size": shape_a[0], "channels": shape_a[-1], "input_channels": shape_b[-1]}
        return {
            "generator_ab": make.generator,
            "generator_ba": functools.partial(make.generator, **back),
            "discriminator_a": functools.partial(make.discriminator, image_size=shape_a[0], channels=shape_a[-1]),
            "discriminator_b": make.discriminator,
        }

    @classmethod
    def parts(cls, make):
        return super().parts(make) | {"image_shapes": (make.input_shape, make.image_shape)}

    def train_step(self, data):
        """Plays one round.

        Args:
            data: images of A and of B, float32 [batch, h, w, c] in [-1, 1], which need not belong together.

        Returns:
            A dict of float32 scalars: the losses as they count, of each direction and in all, and the gradient norms.
        """
        a, b = data
        seed = self.step_seed()
        with tf.GradientTape() as tape:
            fake_b, fake_a, losses = self.generators_losses(a, b, seed)
            objective = self.objective(sum(losses.values()), self.generator_optimizer)
        logs = logged("generator", losses) | {"generator_gradient_norm": self.descend(objective, tape, "generator")}
        for discriminator in self.networks_of("discriminator"):
            power_iterate(discriminator)
        fake_a = self.pool_a.query(tf.stop_gradient(fake_a), randomness.fold(seed, "pool a"))
        fake_b = self.pool_b.query(tf.stop_gradient(fake_b), randomness.fold(seed, "pool b"))
        with tf.GradientTape() as tape:
            losses = {
                "discriminator_a": self.discriminator_loss(self.discriminator_a, a, fake_a),
                "discriminator_b": self.discriminator_loss(self.discriminator_b, b, fake_b),
            }
            objective = self.objective(sum(losses.values()), self.discriminator_optimizer)
        logs |= logged("discriminator", losses)
        logs["discriminator_gradient_norm"] = self.descend(objective, tape, "discriminator")
        return self.finish_step(logs, images_seen=tf.shape(a)[0])

    def generators_losses(self, a, b, seed):
        """Returns the fakes of B and of A, and what both generators minimise: a dict, name -> float32 [batch]."""

        def to_b(images, name):
            return apply(self.generator_ab, images, randomness.fold(seed, name))

        def to_a(images, name):
            return apply(self.generator_ba, images, randomness.fold(seed, name))

        fake_b, fake_a = to_b(a, "fake b"), to_a(b, "fake a")
        losses = {
            "generator_ab": self.generator_loss(self.discriminator_b, b, fake_b),
            "generator_ba": self.generator_loss(self.discriminator_a, a, fake_a),
            "cycle_a": now(self.cycle_weight) * distance(a, to_a(fake_b, "back to a")),
            "cycle_b": now(self.cycle_weight) * distance(b, to_b(fake_a, "back to b")),
        }
        if self.identity_weight:
            weight = now(self.cycle_weight) * now(self.identity_weight)
            losses["identity_a"] = weight * distance(a, to_a(a, "identity a"))
            losses["identity_b"] = weight * distance(b, to_b(b, "identity b"))
        return fake_b, fake_a, losses

    def discriminator_loss(self, discriminator, real, fake):
        """Returns the weighted loss of a discriminator, float32 [batch]."""
        logits = discriminator(real, training=True), discriminator(fake, training=True)
        return self.discriminator_weight * self.adversarial_loss.discriminator(*logits)

    def generator_loss(self, discriminator, real, fake):
        """Returns the weighted adversarial loss of the generator that made `fake`, float32 [batch]."""
        real_logits = discriminator(real, training=True) if self.adversarial_loss.relativistic else None
        loss = self.adversarial_loss.generator(real_logits, discriminator(fake, training=True))
        return now(self.adversarial_weight) * loss

    def show(self, a, b):
        """Returns the columns of a sheet of samples: A, its translation and the way back; the same of B."""
        to_b, to_a = self.translate(a, "ab"), self.translate(b, "ba")
        return [a, to_b, self.translate(to_b, "ba"), b, to_a, self.translate(to_a, "ab")]


def distance(images, others):
    """Returns the mean absolute difference, float32 [batch]."""
    return tf.reduce_mean(tf.abs(images - others), axis=(1, 2, 3))


def logged(player, losses):
    """Returns the logs of a player's losses, each and in all."""
    logs = {f"{name}_loss": tf.reduce_mean(values) for name, values in losses.items()}
    return logs | {f"{player}_loss": sum(logs.values())}
