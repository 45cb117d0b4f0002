"""Restoration: from a degraded image to the whole one, for fidelity alone or with a discriminator."""

import keras
import tensorflow as tf

from keras_gans.games.pix2pix import Pix2Pix, reconstruct
from keras_gans.games.translation import Translation, apply
from keras_gans.registry import GAMES, RECONSTRUCTIONS


@GAMES.register("restoration")
@keras.saving.register_keras_serializable("keras_gans")
class Restoration(Pix2Pix):
    """A discriminator that sees images alone, beside the reconstruction losses (SRGAN, Ledig et al. 2017, equation 3;
    ESRGAN, Wang et al. 2018, equation 3).

    Args:
        generator: `keras.Model`, degraded images -> images [batch, h, w, c].
        discriminator: `keras.Model`, images [batch, h, w, c] -> logits [batch, ...].
        adversarial_weight: of the generator's adversarial loss, a number or a curve. Default 1e-3 (SRGAN; ESRGAN: 5e-3).
        generator_first: the generator's turn comes before the discriminator's (BasicSR). Default False.
        loss, reconstructions, penalties, augment, ema_kimg, seed: see `Pix2Pix`.
    """

    random_at_test = False

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        adversarial_weight=1e-3,
        generator_first=False,
        reconstructions=(),
        penalties=(),
        augment=None,
        ema_kimg=0.0,
        seed=0,
    ):
        super().__init__(
            generator,
            discriminator,
            loss,
            reconstructions=reconstructions,
            adversarial_weight=adversarial_weight,
            discriminator_weight=1.0,
            generator_first=generator_first,
            penalties=penalties,
            augment=augment,
            ema_kimg=ema_kimg,
            seed=seed,
        )

    @classmethod
    def makers(cls, make):
        return {"generator": make.generator, "discriminator": make.discriminator}

    def judged(self, inputs, images):
        return images


@GAMES.register("supervised")
@keras.saving.register_keras_serializable("keras_gans")
class Supervised(Translation):
    """One player: the generator minimises the reconstruction losses (SRResNet, DnCNN; the start of SRGAN and ESRGAN).

    Args:
        generator: `keras.Model`, degraded images -> images.
        reconstructions: losses between target and output, at least one, see `keras_gans.losses.reconstruction`.
        ema_kimg, seed: see `Game`.

    Raises:
        ValueError: no reconstruction loss.
    """

    players = {"generator": ("generator",)}

    def __init__(self, generator, *, reconstructions=(), ema_kimg=0.0, seed=0):
        if not reconstructions:
            raise ValueError("give it something to minimise, such as --reconstruction=l1")
        super().__init__({"generator": generator}, ema_kimg=ema_kimg, seed=seed)
        self.reconstructions = RECONSTRUCTIONS.resolve_all(reconstructions, "__call__")

    @classmethod
    def makers(cls, make):
        return {"generator": make.generator}

    @classmethod
    def parts(cls, make):
        return super().parts(make) | {"reconstructions": make.reconstructions()}

    def train_step(self, data):
        """Takes one step on a pair (inputs, targets), as `Pix2Pix.train_step`; returns losses and gradient norm."""
        inputs, targets = data
        with tf.GradientTape() as tape:
            terms = reconstruct(self.reconstructions, targets, apply(self.generator, inputs, self.step_seed()))
            loss = sum(terms.values())
            objective = self.objective(loss, self.generator_optimizer)
        norm = self.descend(objective, tape, "generator")
        logs = {f"{name}_loss": tf.reduce_mean(values) for name, values in terms.items()}
        logs |= {"generator_loss": tf.reduce_mean(loss), "generator_gradient_norm": norm}
        return self.finish_step(logs, images_seen=tf.shape(inputs)[0])
