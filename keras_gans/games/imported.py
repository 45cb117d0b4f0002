"""Networks that others have trained: nobody plays.

A run whose weights were imported has one of these games. It holds what the weight file held and makes up nothing: no
discriminator where there was none, no optimizers, no second copy as a moving average. It can do all that a trained run
can but train; `--init_from` gives its networks to a game that does.
"""

import tensorflow as tf

from keras_gans.games.game import Game
from keras_gans.games.gan import GAN
from keras_gans.games.style import StyleGame
from keras_gans.games.translation import Translation
from keras_gans.registry import GAMES


class Imported(Game):
    """What games without players share; the generator is its own average."""

    kind = "none"
    players = {}
    averages = {}

    @property
    def ema(self):
        """The generator."""
        return self.generator


@GAMES.register("imported_translator")
class ImportedTranslator(Imported, Translation):
    """A generator of images from images.

    Args:
        generator: `keras.Model`, images [batch, h, w, ca] -> images [batch, h', w', cb].
        random_at_test: whether the authors' test keeps dropout on. Default False.
        seed: of that dropout.
    """

    directions = {"ab": "generator"}

    def __init__(self, generator, *, random_at_test=False, seed=0):
        super().__init__({"generator": generator}, seed=seed)
        self.random_at_test = random_at_test

    @classmethod
    def parts(cls, make):
        return {"generator": make.generator()}

    @property
    def generator_ab(self):
        """The generator, under the names that CycleGAN has for it (`--init_from`)."""
        return self.generator

    ema_ab = generator_ab


@GAMES.register("imported_stylizer")
class ImportedStylizer(Imported, StyleGame):
    """A network of style transfer.

    Args:
        generator: a `StyleNetwork`.
        seed: see `Game`.
    """

    @property
    def encoder(self):
        """The generator's encoder."""
        return self.generator.encoder

    @property
    def decoder(self):
        """The generator's decoder."""
        return self.generator.decoder


@GAMES.register("imported_generator")
class ImportedGenerator(Imported, GAN):
    """A generator of images from latents, with what else was in its file.

    Args:
        generator: `keras.Model`, latent [batch, latent_dim] (or [latent, label]) -> images [batch, h, w, c].
        discriminator: its adversary, to go on training with; None where there is none.
        averaged: whether there is a moving average of the generator beside it. Default False: it is one itself.
        seed: see `Game`.
    """

    def __init__(self, generator, discriminator=None, *, averaged=False, seed=0):
        networks = {"generator": generator} | ({"discriminator": discriminator} if discriminator else {})
        super(GAN, self).__init__(networks, seed=seed)
        self._average = type(generator).from_config(generator.get_config() | {"name": "ema"}) if averaged else generator
        self.latent, self.penalties = "normal", []
        self.infer = tf.function(lambda inputs: self.ema(inputs, training=False), reduce_retracing=True)

    @classmethod
    def parts(cls, make):
        alone = make.recipe["discriminator"] == "none"
        return {"generator": make.generator(), "discriminator": None if alone else make.discriminator()}

    @property
    def ema(self):
        """The moving average, or the generator itself."""
        return self._average
