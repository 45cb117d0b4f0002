"""pix2pix (Isola et al. 2017): a conditional GAN on pairs of images."""

import functools

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.curves import now
from keras_gans.games.gan import GAN
from keras_gans.games.translation import Translation, apply
from keras_gans.losses.feature_matching import feature_matching
from keras_gans.registry import GAMES, RECONSTRUCTIONS


@GAMES.register("pix2pix")
@keras.saving.register_keras_serializable("keras_gans")
class Pix2Pix(Translation, GAN):
    """G* = arg min_G max_D of the conditional GAN's loss, plus lambda L1 (equation 4).

    The discriminator sees the input beside the output or the target, and its loss counts half, "which slows down the
    rate at which D learns relative to G" (section 3.3). The noise is the generator's dropout, which stays on in the test.

    Args:
        generator: `keras.Model`, images [batch, h, w, ca] -> images [batch, h, w, cb].
        discriminator: `keras.Model`, images [batch, h, w, ca + cb] -> logits [batch, ...].
        loss: an adversarial loss, see `keras_gans.losses`; the paper's is `non_saturating`.
        reconstructions: losses between target and output, see `keras_gans.losses.reconstruction`; the paper's is
            `l1:weight=100`.
        adversarial_weight: of the generator's adversarial loss, a number or a curve. Default 1.
        discriminator_weight: of the discriminator's loss. Default 0.5.
        feature_weight: of the differences that the discriminator's layers see between output and target, summed over
            the layers, the mean over its scales (pix2pixHD, Wang et al. 2018, equation 4; there 10), for a discriminator with
            `features`, such as multiscale. Default 0: none.
        generator_first: the generator's turn comes before the discriminator's (pix2pixHD's code). Default False.
        penalties, augment: see `GAN`.
        ema_kimg, seed: see `Game`. Default 0: no moving average, as published.

    Raises:
        ValueError: features of a discriminator that has none.
    """

    random_at_test = True
    follows = ("adversarial_weight",)

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        reconstructions=(),
        adversarial_weight=1.0,
        discriminator_weight=0.5,
        feature_weight=0.0,
        generator_first=False,
        penalties=(),
        augment=None,
        ema_kimg=0.0,
        seed=0,
    ):
        super().__init__(generator, discriminator, loss, penalties=penalties, augment=augment, ema_kimg=ema_kimg, seed=seed)
        self.reconstructions = RECONSTRUCTIONS.resolve_all(reconstructions, "__call__")
        self.adversarial_weight, self.discriminator_weight = adversarial_weight, discriminator_weight
        self.feature_weight, self.generator_first = feature_weight, generator_first
        if feature_weight:
            if not hasattr(discriminator, "features"):
                raise ValueError(f"feature_weight: {discriminator.name} has no features; take --discriminator=multiscale")
            # A function: as a model, its weights would be saved under the names of this and not the discriminator's.
            self._features = discriminator.features().__call__

    def called_models(self):
        return super().called_models() + ([self._features.__self__] if self.feature_weight else [])

    @classmethod
    def makers(cls, make):
        seen = make.input_shape[-1] + make.image_shape[-1]
        return {"generator": make.generator, "discriminator": functools.partial(make.discriminator, channels=seen)}

    @classmethod
    def parts(cls, make):
        return super().parts(make) | {"reconstructions": make.reconstructions()}

    def train_step(self, data):
        """Plays one round.

        Args:
            data: a pair (inputs float32 [batch, h, w, ca], targets float32 [batch, h, w, cb]) in [-1, 1].

        Returns:
            A dict of float32 scalars: losses, gradient norms and mean logits of both players.
        """
        inputs, targets = data
        seed = self.step_seed()
        with tf.GradientTape() as tape:
            outputs, terms = self.produce(inputs, targets, seed)
            fake = self.judged(inputs, outputs)
        real = self.judged(inputs, targets)
        turns = [
            lambda: self.discriminator_turn(
                real, self.fakes_to_tell(fake, inputs, targets, seed), None, randomness.fold(seed, "discriminator turn")
            ),
            lambda: self.generator_turn(
                real, fake, None, randomness.fold(seed, "generator turn"), tape, self.adversarial_weight, terms
            ),
        ]
        logs = {}
        for turn in reversed(turns) if self.generator_first else turns:
            logs |= turn()
        return self.finish_step(logs, images_seen=tf.shape(inputs)[0])

    def fakes_to_tell(self, fake, inputs, targets, seed):
        """Returns the fakes of the discriminator's turn: those of the generator's."""
        return fake

    def produce(self, inputs, targets, seed):
        """Returns the generator's outputs, and the weighted reconstruction losses: a dict, name -> float32 [batch]."""
        outputs = apply(self.generator, inputs, seed)
        return outputs, reconstruct(self.reconstructions, targets, outputs)

    def discriminate_fake(self, real, fake, labels, seed):
        if not self.feature_weight:
            return super().discriminate_fake(real, fake, labels, seed)
        of_fake, of_real = (
            apply(self._features, self.augmented(images, seed), randomness.fold(seed, "layers")) for images in (fake, real)
        )
        loss = self.feature_weight * feature_matching(of_fake, of_real)
        return [layers[-1] for layers in of_fake], {"feature_matching": loss}

    def judged(self, inputs, images):
        """Returns what the discriminator sees of an image."""
        return tf.concat([inputs, images], axis=-1)

    def objective(self, loss, optimizer):
        weight = self.discriminator_weight if optimizer is self.discriminator_optimizer else 1.0
        return super().objective(weight * loss, optimizer)


def reconstruct(losses, targets, outputs):
    """Returns the weighted reconstruction losses, a dict: name -> float32 [batch]."""
    return {loss.name: now(loss.weight) * loss(targets, outputs) for loss in losses}
