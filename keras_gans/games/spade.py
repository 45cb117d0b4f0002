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

    The generator's turn comes first. Of a generator with styles, the encoder that takes them from photographs is trained with it
    (section 3.3, "multi-modal synthesis"). Its spectral norms take a step of power iteration whenever it is called.

    Args:
        generator: `keras.Model` of label maps, with `semantics`, see `networks.spade.SPADEGenerator`.
        discriminator: `keras.Model`, labels and image [batch, h, w, labels + c] -> logits, with `features` where
            `feature_weight` is not 0, such as multiscale.
        loss: an adversarial loss, see `keras_gans.losses`; the paper's is `hinge`.
        feature_weight: see `Pix2Pix`. Default 10, as published.
        style_weight: of the Kullback-Leibler divergence between the styles of photographs and the normal distribution, summed over
            the vector, for a generator with a `style_dim`. Default 0.05, as published (where it is summed over the images
            of a device too, of which this is the mean).
        share_fakes: the discriminator's turn sees the fakes of the generator's turn; else new ones of the generator as it
            has become, as in the authors' code. Default True.
        reconstructions, adversarial_weight, penalties, augment, ema_kimg, seed: see `Pix2Pix`; the paper's reconstruction is
            VGG19's.

    Raises:
        ValueError: features of a discriminator that has none.
        UserError: a generator of pictures that are no label maps.
    """

    random_at_test = False

    def __init__(
        self, generator, discriminator, loss, *, feature_weight=10.0, style_weight=0.05, share_fakes=True, **kwargs
    ):
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
        self.share_fakes, self.style_weight = share_fakes, style_weight
        self.styled = getattr(generator, "style_dim", 0) > 0

    def called_models(self):
        return super().called_models() + ([self.generator._paint.__self__] if self.styled else [])

    @classmethod
    def makers(cls, make):
        if not make.context.get("labels"):
            raise UserError(
                f"--game={make.recipe['game']} paints label maps: say what side A of --data={make.recipe['data']} is, with "
                "--labels=NUMBER for maps of indices, or a palette file for maps in colours"
            )
        seen = make.context["labels"] + make.input_shape[-1] - 1 + make.image_shape[-1]
        return {"generator": make.generator, "discriminator": functools.partial(make.discriminator, channels=seen)}

    def fakes_to_tell(self, fake, inputs, targets, seed):
        if self.share_fakes:
            return fake
        return self.judged(inputs, self.paint(inputs, targets, randomness.fold(seed, "again"))[0])

    def produce(self, inputs, targets, seed):
        painted, terms = self.paint(inputs, targets, seed)
        return painted, terms | reconstruct(self.reconstructions, targets, painted)

    def paint(self, maps, photographs, seed):
        """Returns what the generator paints of label maps in training, and the weighted losses of the styles: a dict.

        With an encoder, each in a style drawn from what it sees in the map's photograph (section 3.3).
        """
        power_iterate(self.generator)
        if not self.styled:
            return apply(self.generator, maps, seed), {}
        mean, log_variance = self.generator.encoder(photographs, training=True)
        noise = randomness.normal(randomness.fold(seed, "style"), tf.shape(mean))
        style = mean + tf.exp(log_variance / 2) * noise
        divergence = tf.reduce_sum(tf.exp(log_variance) + mean**2 - 1 - log_variance, -1) / 2
        return self.generator.paint(maps, style, training=True), {"style": self.style_weight * divergence}

    def judged(self, inputs, images):
        """Returns what the discriminator sees: labels, and behind them the image."""
        return tf.concat([tf.cast(self.generator.semantics(inputs), images.dtype), images], axis=-1)
