"""What the games share that turn one image into another."""

import tensorflow as tf

from keras_gans import randomness
from keras_gans.games.game import Game


class Translation(Game):
    """A game whose generators take images.

    Args:
        *args, **kwargs: of the class behind it.

    Attributes:
        random_at_test: of the class, whether the published test keeps dropout on (pix2pix). Default False.
    """

    kind = "paired"
    deployed = {"ab": "ema"}
    takes = "images"
    random_at_test = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._tests = {
            direction: tested(getattr(self, name), self.seed, self.random_at_test)
            for direction, name in self.deployed.items()
        }

    def call(self, inputs, training=None):
        """Translates from A to B, as `predict` does; see `translate`."""
        return self.translate(inputs)

    def translate(self, images, direction="ab"):
        """Translates images with the moving average, as the paper's test does.

        Args:
            images: float32 [batch, h, w, c] in [-1, 1].
            direction: a key of `deployed`.

        Returns:
            float32 [batch, h * scale, w * scale, c'] in [-1, 1]; the same for the same images.
        """
        return self._tests[direction](images)

    def show(self, a, b):
        """Returns the columns of a sheet of samples: a list of images [n, h, w, c], here input, output and target."""
        return [a, self.translate(a), b]


def apply(network, images, seed):
    """Calls a generator in training; its dropout is keyed by `seed`."""
    with randomness.scope(randomness.fold(seed, "generator layers")):
        return network(images, training=True)


def published_weights(loss, adversarial=None, discriminator=None):
    """Returns the factors of an adversarial loss in the generators' and the discriminators' objective.

    CycleGAN's and CUT's authors count the generator's loss whole and the discriminator's two sides half; the loss itself
    has no factor, so that what has one here (least squares) counts twice.

    Args:
        loss: an adversarial loss.
        adversarial, discriminator: factors that are given; None for the authors'.
    """
    authors = (2.0, 1.0) if getattr(loss, "halved", False) else (1.0, 0.5)
    return tuple(known if given is None else given for given, known in zip((adversarial, discriminator), authors))


def tested(network, seed=0, random=False):
    """Returns the compiled function that translates as a paper's test does.

    Args:
        network: `keras.Model`, images [batch, h, w, c] -> images.
        seed: of what stays random, int: the same images give the same output.
        random: whether dropout and batch statistics stay on.
    """

    @tf.function(reduce_retracing=True)
    def test(images):
        with randomness.scope(randomness.fold(seed, "test")):
            return network(images, training=random)

    return test
