"""StyleGAN (Karras et al. 2019), as `NVlabs/stylegan` trains it: ProGAN's growth with mixed styles."""

import keras

from keras_gans import randomness
from keras_gans.games.progan import ProGAN
from keras_gans.games.style_based import StyleBased
from keras_gans.registry import GAMES


@GAMES.register("stylegan")
@keras.saving.register_keras_serializable("keras_gans")
class StyleGAN(StyleBased, ProGAN):
    """Adds style mixing and the average w to ProGAN.

    The authors': `--loss=non_saturating --penalty=r1:weight=10`, learning rate 1e-3, betas 0 and 0.99.

    Args:
        generator: `keras_gans.networks.stylegan.StyleGANGenerator`.
        discriminator: a `Growing` network, such as stylegan.
        loss: see `GAN`.
        style_mixing: how often a batch is made of two latents, the second one's styles from a random layer on. Default
            0.9, of training only.
        w_decay: what a round leaves of the moving average of w. Default 0.995.
        start: the resolution that the run begins with, in pixels. Default 8.
        **kwargs: see `ProGAN`.

    Raises:
        ValueError: other networks, or numbers that make no sense.
    """

    def __init__(self, generator, discriminator, loss, *, style_mixing=0.9, w_decay=0.995, start=8, **kwargs):
        super().__init__(generator, discriminator, loss, start=start, **kwargs)
        self.set_styles(generator, style_mixing, w_decay)

    def growing(self, generator="generator"):
        network = getattr(self, generator)
        return getattr(network, "synthesis", network), self.discriminator

    def networks_of(self, player):
        if player == "discriminator" or self.size is None:
            return super().networks_of(player)
        return [self.generator.mapping, self.generator.synthesis.at(self.size)]

    def generate(self, count, labels, seed):
        """Makes `count` training images at the resolution that plays, and moves the average w."""
        synthesis = self.generator.synthesis
        styles, w = self.draw_styles(count, labels, seed, 2 * (1 + synthesis.sizes.index(self.size)))
        self.average_styles(w)
        with randomness.scope(randomness.fold(seed, "generator layers")):
            return synthesis.at(self.size)(styles, training=True)
