"""A trained run and its generator."""

import functools
import os

from keras_gans.errors import UserError
from keras_gans.trained.folder import Folder


class Run(Folder):
    """A trained run: its recipe and its generator, ready to draw from. See `Run.open`.

    Attributes:
        pictures: spec of the data that `source` opens in the place of the run's own; None for those.
    """

    pictures = None

    @classmethod
    def open(cls, directory, checkpoint="latest"):
        """Opens a run folder.

        Args:
            directory: the folder that `train.py` made.
            checkpoint: `latest`, or `best` for the one with the best score.

        Returns:
            A `Run`; its networks are built when first used.

        Raises:
            UserError: not a run folder, or no checkpoint in it yet.
        """
        run = cls(directory)
        recorded = run.record
        steps = run.checkpoint_steps()
        run.step = steps[-1] if steps else 0
        run.checkpoint = run.checkpoint_path(run.step)
        if checkpoint == "best":
            run.checkpoint, run.step = run.best_checkpoint, recorded.get("best", {}).get("step", 0)
        if not run.checkpoint.is_file():
            raise UserError(f"{run.directory} has no {checkpoint} checkpoint yet; let train.py run until it writes one")
        return run

    @property
    def recipe(self):
        """The resolved flags, by name."""
        return self.record["recipe"]

    @property
    def num_classes(self):
        """Number of classes that the generator takes as labels; 0 when it takes none."""
        return len(self.class_names) if self.recipe["conditional"] else 0

    @property
    def class_names(self):
        """Names of the data's classes, in label order."""
        return tuple(self.record["data"]["class_names"])

    @functools.cached_property
    def game(self):
        """The game with the weights of the checkpoint, on one device, in float32."""
        from keras_gans.trained import recipes

        data = self.record["data"]
        game = recipes.build_game(
            self.recipe | {"precision": "float32"}, data["image_shape"], self.num_classes, data.get("input_shape")
        )
        load_weights(game, self.checkpoint)
        return game

    @property
    def generator(self):
        """The averaged generator, `keras.Model`: latent (and label), or images, -> float32 images in [-1, 1].

        Of a run that translates both ways it is the one from A to B.
        """
        return getattr(self.game, getattr(self.game, "directions", {}).get("ab", "ema"))

    def draw_latent(self, count, seed):
        """Draws latents float32 [count, latent_dim]; the same for the same seed (int, or int32 [2])."""
        return self.game.draw_latent(count, seed)

    def generate(self, count, seed, labels=None, batch_size=64):
        """Makes images.

        Args:
            count: how many.
            seed: int; the same seed gives the same pixels.
            labels: int [count], for a conditional generator; default: the classes in turn.
            batch_size: images at a time.

        Yields:
            uint8 arrays [n, h, w, c], n up to `batch_size`.

        Raises:
            UserError: a run that makes images from images.
        """
        if self.translates:
            raise UserError(
                f"{self.directory} makes images from images, of which none are given here; take some through it "
                "with keras-gans translate, restore or stylize"
            )
        yield from generate(self.game, count, seed, self.num_classes, labels, batch_size)

    @property
    def translates(self):
        """Whether the run's generator takes images; else it takes latents."""
        return bool(self.record["data"].get("input_shape"))

    def translator(self, direction="ab"):
        """Returns the run's `keras_gans.using.Translator`, for pictures of any size.

        Args:
            direction: "ab", or "ba" for a run that has learned both.

        Raises:
            UserError: a run that draws from latents, or a direction that it does not know.
        """
        from keras_gans.using import Translator

        if not self.translates:
            raise UserError(
                f"{self.directory} makes images from latents and has nothing to translate; draw from it with "
                "keras-gans sample"
            )
        game = self.game
        if not game.directions:
            raise UserError(f"{self.directory} draws pictures in a style; use keras-gans stylize")
        if direction not in game.directions:
            raise UserError(f"--direction={direction}: {self.directory} translates {' and '.join(game.directions)} only")
        return Translator(getattr(game, game.directions[direction]), training=game.random_at_test, seed=game.seed)

    def source(self, split="holdout"):
        """Opens the run's data, or `pictures`: split `train`, `holdout` or `all`.

        Raises:
            UserError: the data are not where they were, or the run was imported and never had any.
        """
        from keras_gans.trained import recipes

        recipe = self.recipe | ({"data": self.pictures} if self.pictures else {})
        if recipes.kind_of_data(recipe) == "none":
            raise UserError(
                f"{self.directory} was imported and has no data of its own; name some (--data=folder:PATH to "
                "export, --real=folder:PATH to evaluate)"
            )
        return recipes.build_source(recipe, split)


def generate(game, count, seed, num_classes=0, labels=None, batch_size=64):
    """Makes images with the averaged generator of `game`; see `Run.generate`."""
    import numpy as np

    from keras_gans.data import images

    latent = game.draw_latent(count, seed)
    if num_classes and labels is None:
        labels = np.arange(count) % num_classes
    convert = images.to_uint8 if len(game.ema.output_shape) == 4 else lambda points: points
    for start in range(0, count, batch_size):
        rows = slice(start, min(start + batch_size, count))
        inputs = [latent[rows], np.asarray(labels[rows], np.int32)] if num_classes else latent[rows]
        yield np.asarray(convert(game.infer(inputs)))


def load_weights(game, path):
    """Loads a checkpoint into a game of the same recipe.

    Raises:
        UserError: the file is damaged or belongs to other networks.
    """
    try:
        game.load_weights(os.fspath(path))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"cannot load {path}: {str(error).splitlines()[0]}; delete the file to fall back to the checkpoint before it"
        ) from error
