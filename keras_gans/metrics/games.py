"""How a game of each kind is scored by `game.evaluate`: what it makes, against the data that it is given."""

from keras_gans.data.images import to_uint8
from keras_gans.errors import UserError
from keras_gans.metrics import translation
from keras_gans.metrics.arrays import ArrayImages, ArrayPairs, collect
from keras_gans.metrics.evaluator import Evaluator
from keras_gans.registry import EVALUATIONS
from keras_gans.trained.trained import IMAGES, Trained


@EVALUATIONS.register("images")
def of_images(game, x, y, metrics, features, batch_size=64, steps=None):
    """Scores as many images as there are real ones, always of the same latents.

    Args:
        game: a `GAN`.
        x, y: real images, and their labels where the generator takes labels; see `collect`.
        metrics, features: see `Evaluator`.
        batch_size: images at a time.
        steps: batches of a dataset; default: all.

    Returns:
        A function without arguments; its records are those of `Evaluator.run`.

    Raises:
        UserError: scores that do not compare two sets of images, or other data.
    """
    real, labels = collect(x, y, steps)
    real = ArrayImages(real, "the images given to evaluate")
    evaluator = Evaluator(metrics, features, real)

    def drawn():
        latents = game.draw_latent(real.count, game.seed + 1)  # not those of the sample grids
        for start in range(0, real.count, batch_size):
            rows = slice(start, start + batch_size)
            inputs = latents[rows] if labels is None else [latents[rows], labels[rows].astype("int32")]
            yield to_uint8(game.predict_on_batch(inputs))

    return lambda: evaluator.run(drawn())


@EVALUATIONS.register("paired")
def of_pairs(game, x, y, metrics, features, batch_size=64, steps=None, paired=True):
    """Scores translations from A to B: scores of pairs against their targets, scores of sets against all of B.

    Arguments, result and errors as of `of_images`; x and y are inputs and targets.
    """
    if game.takes != IMAGES:
        raise UserError(f"{type(game).__name__} draws in a style, for which there is no score; look at its pictures")
    return translation.evaluator(
        metrics, features, Trained.playing(game), ArrayPairs(*collect(x, y, steps), "the data given"), paired
    )


@EVALUATIONS.register("unpaired")
def of_unpaired(game, x, y, metrics, features, batch_size=64, steps=None):
    """As `of_pairs`, by scores of sets alone."""
    return of_pairs(game, x, y, metrics, features, batch_size, steps, paired=False)
