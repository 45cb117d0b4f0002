"""SPADE (Park et al. 2019): photographs of label maps."""

import functools

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.games.game import power_iterate
from keras_gans.games.pix2pix import Pix2Pix, reconstruct
from keras_gans.games.translation import apply
from keras_gans.registry import GAMES


@GAMES.register("spade")
@keras.saving.register_keras_serializable("keras_gans")
class SPADE(Pix2Pix):
    """pix2pixHD's game on label maps, which both players see as one channel for each label (section 3.2).

    The generator's turn comes first. Its spectral norms take a step of power iteration whenever it is called.

    Args:
        generator: `keras.Model` of label maps, with `semantics`, see `networks.spade.SPADEGenerator`.
        discriminator: `keras.Model`, labels and image [batch, h, w, labels + c] -> logits, with `features` where
            `feature_weight` is not 0, such as multiscale.
        loss: an adversarial loss, see `keras_gans.losses`; the paper's is `hinge`.
        feature_weight: see `Pix2Pix`. Default 10, as published.
        share_fakes: the discriminator's turn sees the fakes of the generator's turn; else new ones of the generator as it
            has become, as in the authors' code. Default True.
        reconstructions, adversarial_weight, penalties, augment, ema_kimg, seed: see `Pix2Pix`; the paper's reconstruction is
            VGG19's.

    Raises:
        ValueError: features of a discriminator that has none.
        UserError: a generator of pictures that are no label maps.
    """

    random_at_test = False

    def __init__(self, generator, discriminator, loss, *, feature_weight=10.0, share_fakes=True, **kwargs):
        if not hasattr(generator, "semantics"):
            raise UserError(f"--game=spade paints label maps, which {generator.name} does not take; take --generator=spade")
        super().__init__(
            generator,
            discriminator,
            loss,
            feature_weight=feature_weight,
            discriminator_weight=1.0,
            generator_first=True,
            **kwargs,
        )
        self.share_fakes = share_fakes

    @classmethod
    def makers(cls, make):
        if not make.context.get("labels"):
            raise UserError(
                f"--game={make.recipe['game']} paints label maps: say what side A of --data={make.recipe['data']} is, with "
                "--labels=NUMBER for maps of indices, or a palette file for maps in colours"
            )
        seen = make.context["labels"] + make.input_shape[-1] - 1 + make.image_shape[-1]
        return {"generator": make.generator, "discriminator": functools.partial(make.discriminator, channels=seen)}

    def fakes_to_tell(self, fake, inputs, seed):
        if self.share_fakes:
            return fake
        return self.judged(inputs, self.paint(inputs, randomness.fold(seed, "again")))

    def produce(self, inputs, targets, seed):
        painted = self.paint(inputs, seed)
        return painted, reconstruct(self.reconstructions, targets, painted)

    def paint(self, maps, seed):
        """Returns what the generator paints of label maps in training."""
        power_iterate(self.generator)
        return apply(self.generator, maps, seed)

    def judged(self, inputs, images):
        """Returns what the discriminator sees: labels, and behind them the image."""
        return tf.concat([tf.cast(self.generator.semantics(inputs), images.dtype), images], axis=-1)
