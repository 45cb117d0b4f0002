"""StyleGAN2 (Karras et al. 2020), as `NVlabs/stylegan2-ada-pytorch` trains it; with --augment=ada, StyleGAN2-ADA."""

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.games.gan import GAN
from keras_gans.games.style_based import StyleBased
from keras_gans.penalties.path_length import PathLength, path_lengths
from keras_gans.registry import GAMES


@GAMES.register("stylegan2")
@keras.saving.register_keras_serializable("keras_gans")
class StyleGAN2(StyleBased, GAN):
    """Adds style mixing, the average w and lazy path length regularization of the generator.

    The path lengths are those of half a batch of fresh latents (appendix B). The discriminator's lazy R1 is
    `--penalty=r1:weight=...,interval=16`.

    Args:
        generator: `keras_gans.networks.style_generator.StyleGenerator`.
        discriminator, loss: as in `GAN`; the paper's loss is `non_saturating`.
        style_mixing: how often a batch is made of two latents, the second one's styles from a random layer on. Default
            0.9, of training only.
        w_decay: what a step leaves of the moving average of w. Default 0.995.
        path_length_weight, path_length_interval, path_length_decay: see `PathLength`. Defaults 2, 4 and 0.01; weight 0
            leaves it out.
        **kwargs: see `GAN`.

    Raises:
        ValueError: another generator, or a number outside its range.
    """

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        style_mixing=0.9,
        w_decay=0.995,
        path_length_weight=2.0,
        path_length_interval=4,
        path_length_decay=0.01,
        **kwargs,
    ):
        path_length = PathLength(path_length_weight, path_length_interval, path_length_decay)
        super().__init__(generator, discriminator, loss, **kwargs)
        self.set_styles(generator, style_mixing, w_decay)
        self.path_length = path_length

    def lazy_interval(self, player):
        if player == "generator":
            return self.path_length.interval if self.path_length.weight else 1
        return super().lazy_interval(player)

    def generate(self, count, labels, seed):
        """Makes `count` training images, and moves the average w."""
        styles, w = self.draw_styles(count, labels, seed, self.generator.layers_w)
        self.average_styles(w)
        with randomness.scope(randomness.fold(seed, "generator layers")):
            return self.generator.synthesis(styles, training=True)

    def generator_turn(self, real, fake, labels, seed, tape):
        """Moves the generator once, at every `path_length_interval`-th step by the path length too."""
        if not self.path_length.weight:
            return super().generator_turn(real, fake, labels, seed, tape)
        part = self.path_length

        def due():
            return part.penalty(self.draw_path_lengths(fake, labels, randomness.fold(seed, "path length")))

        with tape:
            penalty, average = tf.cond(self.step % part.interval == 0, due, lambda: (0.0, part.average.value))
            terms = {"path_length": part.weight * part.interval * penalty}
        part.update(average)
        logs = super().generator_turn(real, fake, labels, seed, tape, terms=terms)
        return logs | {"path_length": tf.identity(part.average)}

    def draw_path_lengths(self, fake, labels, seed):
        """Returns the path lengths of fresh latents, half as many as there are fakes, rounded up, float32 [batch / 2]."""
        half = ((fake.shape[0] or tf.shape(fake)[0]) + 1) // 2  # a batch of one has one
        # [batch / 2, layers_w, w_dim]
        styles, _ = self.draw_styles(half, None if labels is None else labels[:half], seed, self.generator.layers_w)
        with randomness.scope(randomness.fold(seed, "generator layers")):
            return path_lengths(
                lambda styles: self.generator.synthesis(styles, training=True), styles, randomness.fold(seed, "image")
            )
