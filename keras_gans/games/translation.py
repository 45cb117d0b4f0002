"""What the games share that turn one image into another."""

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import images as image_forms
from keras_gans.games.game import Game


class Translation(Game):
    """A game whose generators take images.

    Args:
        *args, **kwargs: of the class behind it.

    Attributes:
        directions: of the class, dict: "ab" (and "ba") -> the name of the average that translates that way.
        random_at_test: of the class, whether the published test keeps dropout on (pix2pix). Default False.
    """

    kind = "paired"
    directions = {"ab": "ema"}
    random_at_test = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._tests = {direction: self._test(getattr(self, name)) for direction, name in self.directions.items()}

    def _test(self, network):
        @tf.function(reduce_retracing=True)
        def test(images):
            with randomness.scope(randomness.fold(self.seed, "test")):
                return network(images, training=self.random_at_test)

        return test

    def translate(self, images, direction="ab"):
        """Translates images with the moving average, as the paper's test does.

        Args:
            images: float32 [batch, h, w, c] in [-1, 1].
            direction: a key of `directions`.

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


def translations(game, source, direction="ab", batch_size=1):
    """Translates every example of a source, in stored order.

    Args:
        game: a `Translation`.
        source: a `keras_gans.data.Source` of pairs.
        direction: a key of the game's `directions`.
        batch_size: images at a time.

    Yields:
        uint8 arrays [n, h, w, c].
    """
    for a, b in source.in_order().batch(batch_size).as_numpy_iterator():
        images = image_forms.to_model(a if direction == "ab" else b)
        yield np.asarray(image_forms.to_uint8(game.translate(images, direction)))
