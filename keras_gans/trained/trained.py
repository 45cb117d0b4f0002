"""The trained generator: what all tools after training work with."""

import dataclasses
import functools
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_gans import flags, plugins, randomness
from keras_gans.data import images as image_forms
from keras_gans.data.label_maps import Labels
from keras_gans.errors import UserError
from keras_gans.games.translation import tested
from keras_gans.registry import GAMES, parse_spec
from keras_gans.trained import checkpoints, hub, networks, presets, recipes
from keras_gans.trained.folder import Folder

LATENTS, IMAGES, STYLES = "latents", "images", "images and a style"


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What a game, or an import, says of its generators.

    Attributes:
        generators: dict, direction -> name of the network in the checkpoint: "ab" and "ba" where images become others,
            else "".
        takes: what goes in: `latents` (and labels), `images`, or `images and a style`.
        random_at_test: whether dropout and batch statistics stay on (pix2pix). Default False.
    """

    generators: dict
    takes: str
    random_at_test: bool = False

    @classmethod
    def of(cls, game):
        """Returns that of a game, or of a class of games."""
        return cls(game.deployed, game.takes, getattr(game, "random_at_test", False))


class Trained:
    """Generators that work, wherever they come from: a run folder, an import, a game that still plays, a Keras model.

    It is built of the networks' configurations and the averaged weights alone. No discriminator, optimizer or loss is
    made, and none of the packages that losses need is asked for. See `Trained.open`, `Trained.of` and `Trained.playing`.

    Args:
        name: how messages and model cards call it.
        generators: dict, direction ("ab", "ba" or "") -> `keras.Model`, or a function without arguments that returns it.
            A model takes latents float32 [n, latent_dim] (and labels int32 [n]), or images float32 [n, h, w, c] in
            [-1, 1] (and a style), and makes images float32 [n, h', w', c'] in [-1, 1].
        takes: `latents`, `images` or `images and a style`.
        image_shape: (height, width, channels) of what is made; (2,) for points.
        input_shape: (height, width, channels) of the images that go in, as trained; None for latents.
        latent: distribution of the latents, see `randomness.latents`.
        seed: of dropout that stays on, int.
        random_at_test: whether it does. Default False.
        class_names: of the classes that a generator takes as labels, in their order; () where it takes none.
        record: what is known about its training, as in `run.json`.
        step: generator steps that it has learned for.

    Attributes:
        directory: `pathlib.Path` of the run folder; of another source, its name.
        pictures: spec of the data that `source` opens in the place of the run's own; None for those.
    """

    pictures = None

    def __init__(
        self,
        name,
        generators,
        takes=LATENTS,
        *,
        image_shape,
        input_shape=None,
        latent="normal",
        seed=0,
        random_at_test=False,
        class_names=(),
        record=None,
        step=0,
    ):
        self.name, self.takes, self.latent, self.seed = name, takes, latent, seed
        self.random_at_test, self.class_names, self.step = random_at_test, tuple(class_names), step
        self.image_shape, self.input_shape = tuple(image_shape), input_shape and tuple(input_shape)
        self.record = record or {
            "data": {
                "spec": "none",
                "image_shape": list(image_shape),
                "input_shape": input_shape and list(input_shape),
                "class_names": list(class_names),
            }
        }
        self.directory = pathlib.Path(name)
        self._generators = generators

    # --- where it comes from --------------------------------------------------------------------------------------

    @classmethod
    def open(cls, directory, checkpoint="latest"):
        """Opens a run folder, or a preset on a hub.

        Args:
            directory: the folder that `train.py`, `keras-gans import` or `keras-gans share` made; or the address of what
                `share` has sent to a hub, see `keras_gans.trained.hub.fetched`.
            checkpoint: `latest`, or `best` for the one with the best score.

        Returns:
            A `Trained`; its networks are built, in float32, when first used.

        Raises:
            UserError: not a run folder, or no checkpoint in it yet; or it cannot be fetched.
        """
        remote = hub.is_address(directory)
        folder = Folder(hub.fetched(directory) if remote else directory)
        record, (path, step) = folder.record, _checkpoint(folder, checkpoint)
        plugins.require(record.get("plugins", []), folder.directory)
        recipe, data, deployment = folder.recipe, record["data"], deployment_of(folder)
        trained = cls(
            hub.title(directory) if remote else folder.directory.resolve().name,
            functools.partial(_load, folder, path, deployment),
            deployment.takes,
            image_shape=data["image_shape"],
            input_shape=data.get("input_shape"),
            latent=recipe["latent"],
            seed=recipe["seed"],
            random_at_test=deployment.random_at_test,
            class_names=data.get("class_names", ()) if recipe["conditional"] else (),
            record=record,
            step=step,
        )
        trained.directory, trained.folder, trained.checkpoint = folder.directory, folder, path
        trained.deployment = deployment
        return trained

    @classmethod
    def from_preset(cls, preset):
        """Opens what somebody has shared: `open` under the name that Keras's libraries have for it.

        Args:
            preset: `hf://user/repo`, `hf://user/repo@revision`, `kaggle://owner/model/framework/variation`, or a folder.

        Raises:
            UserError: as of `open`.
        """
        return cls.open(preset)

    @classmethod
    def of(cls, model, name=None, **about):
        """Wraps a generator that is a Keras model.

        Args:
            model: `keras.Model`. One input of rank 2 is taken for latents (a second one for labels), of rank 4 for images
                in [-1, 1].
            name: default: the model's.
            **about: `takes`, `latent`, `seed`, `random_at_test`, `class_names`, `record`, `step`, see `Trained`.

        Raises:
            ValueError: the model has never been called, so that nobody knows the shapes of its inputs.
        """
        model = functional(model)
        shape, made = model.inputs[0].shape, model.outputs[0].shape[1:]
        translates = len(shape) == 4
        known = {"takes": IMAGES if translates else LATENTS, "input_shape": shape[1:] if translates else None}
        generators = {"ab" if translates else "": model}
        return cls(name or model.name, generators, **known | {"image_shape": made} | about)

    @classmethod
    def playing(cls, game, num_classes=0):
        """Wraps the averaged generators of a game that is being trained; they go on learning.

        Args:
            game: a `keras_gans.games.game.Game`.
            num_classes: of the labels that its generator takes; 0 for none.
        """
        deployment = Deployment.of(game)
        generators = {direction: getattr(game, network) for direction, network in deployment.generators.items()}
        first = next(iter(generators.values()))
        return cls(
            game.name,
            generators,
            deployment.takes,
            image_shape=first.outputs[0].shape[1:],
            input_shape=None if deployment.takes == LATENTS else first.inputs[0].shape[1:],
            latent=getattr(game, "latent", "normal"),
            seed=game.seed,
            random_at_test=deployment.random_at_test,
            class_names=map(str, range(num_classes)),
        )

    # --- what it is -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def generators(self):
        """The networks: dict, direction ("ab", "ba" or "") -> `keras.Model`."""
        return self._generators() if callable(self._generators) else self._generators

    @property
    def generator(self):
        """The network, `keras.Model`; of two directions, the one from A to B."""
        return next(iter(self.generators.values()))

    @property
    def recipe(self):
        """The resolved flags of the run, by name; those of no run are the defaults."""
        return flags.defaults() | self.record.get("recipe", {})

    @property
    def labels(self):
        """What the numbers of the label maps mean that the generator takes, `label_maps.Labels`; None where it takes none."""
        return Labels.of_record(self.record["data"].get("labels"))

    @property
    def num_classes(self):
        """Number of classes that the generator takes as labels; 0 when it takes none."""
        return len(self.class_names)

    @property
    def translates(self):
        """Whether images go in; else latents do."""
        return self.takes != LATENTS

    # --- what it does ---------------------------------------------------------------------------------------------

    @functools.cached_property
    def infer(self):
        """The compiled generator: latents [n, latent_dim] (or [latents, labels]) -> images [n, h, w, c] in [-1, 1]."""
        generator = self.generator  # built here: in the function it would be a part of the graph, and untrained
        return tf.function(lambda inputs: generator(inputs, training=False), reduce_retracing=True)

    @functools.cached_property
    def _translate(self):
        return {direction: tested(network, self.seed, self.random_at_test) for direction, network in self.generators.items()}

    def draw_latent(self, count, seed):
        """Draws latents float32 [count, latent_dim]; the same for the same seed (int, or int32 [2])."""
        return randomness.latents(seed, count, self.generator.inputs[0].shape[-1], self.latent)

    def generate(self, count, seed, labels=None, batch_size=64):
        """Makes images.

        Args:
            count: how many.
            seed: int; the same seed gives the same pixels.
            labels: int [count], for a conditional generator; default: the classes in turn.
            batch_size: images at a time.

        Yields:
            uint8 arrays [n, h, w, c], n up to `batch_size`; of a generator of points, float32 [n, 2].

        Raises:
            UserError: it makes images from images.
        """
        if self.translates:
            raise UserError(
                f"{self.directory} makes images from images, of which none are given here; take some through it "
                "with keras-gans translate, restore or stylize"
            )
        latent = self.draw_latent(count, seed)
        if self.num_classes and labels is None:
            labels = np.arange(count) % self.num_classes
        convert = image_forms.to_uint8 if len(self.image_shape) == 3 else lambda points: points
        for start in range(0, count, batch_size):
            rows = slice(start, min(start + batch_size, count))
            inputs = [latent[rows], np.asarray(labels[rows], np.int32)] if self.num_classes else latent[rows]
            yield np.asarray(convert(self.infer(inputs)))

    def translate(self, images, direction="ab"):
        """Translates images as the paper's test does.

        Args:
            images: float32 [n, h, w, c] in [-1, 1].
            direction: a key of `generators`.

        Returns:
            float32 [n, h * scale, w * scale, c'] in [-1, 1]; the same for the same images.
        """
        return self._translate[direction](images)

    def translations(self, source, direction="ab", batch_size=1):
        """Translates every example of a source, in stored order.

        Args:
            source: a `keras_gans.data.Source` of pairs.
            direction: a key of `generators`.
            batch_size: images at a time.

        Yields:
            uint8 arrays [n, h, w, c].
        """
        for a, b in source.in_order().batch(batch_size).as_numpy_iterator():
            images = image_forms.to_model(a if direction == "ab" else b)
            yield np.asarray(image_forms.to_uint8(self.translate(images, direction)))

    def push_to_hub(self, repository, dtype="float16", license=None, private=None, message="A generator of keras_gans"):
        """Sends the generator to Hugging Face, as the preset that `keras-gans share` writes; see `presets.write`.

        Args:
            repository: `user/repo`, which is made if needed. Who may write there is logged in with `hf auth login`, or has
                set HF_TOKEN.
            dtype: of the tensors in the file, `float16` or `float32`.
            license: who may use it for what, as an identifier of SPDX; None where nobody has said.
            private: whether a new repository is; None for what the hub does.
            message: of the commit.

        Returns:
            The address of the commit's page.

        Raises:
            UserError: not of a run folder; an extra is not installed; as of `hub.push`.
        """
        with tempfile.TemporaryDirectory() as folder:
            address = f"hf://{repository.removeprefix('hf://')}"
            written = pathlib.Path(folder) / hub.title(address)
            presets.write(self, written, dtype, license, address)
            return hub.push(written, address, private, message)

    def networks(self, names):
        """Reads networks of the run's checkpoint to start another run from.

        Args:
            names: what the other game calls its networks and averages. Of an import and of what was shared, a generator and
                its moving average stand for each other where there is only one; of an import, also for those from A to B.

        Returns:
            A dict, name -> `keras.Model`; what this run does not have is left out.
        """
        shared = self.checkpoint.name == presets.WEIGHTS
        held = set(self.deployment.generators.values()) if shared else networks.names(self.checkpoint)
        found = {name: _held_as(name, held, shared or "imported" in self.record) for name in names}
        read = read_networks(self.folder, self.checkpoint, {name for name in found.values() if name}, pretrained=True)
        return {name: read[source] for name, source in found.items() if source in read}

    def source(self, split="holdout"):
        """Opens the run's data, or `pictures`: split `train`, `holdout` or `all`.

        Raises:
            UserError: the data are not where they were, or there never were any: an import, or a model of the user's.
        """
        return recipes.build_source(self._recipe_of_data(), split)

    def collection(self, split="holdout"):
        """Finds the pictures of the same data, without decoding them: a `keras_gans.data.collection.Collection`.

        Raises:
            UserError: as of `source`.
        """
        return recipes.find_collection(self._recipe_of_data(), split)

    def _recipe_of_data(self):
        """Returns the recipe with `pictures` in it."""
        recipe = self.recipe | ({"data": self.pictures} if self.pictures else {})
        if self.pictures is None and ("recipe" not in self.record or recipes.kind_of_data(recipe) == "none"):
            how = "was imported" if "imported" in self.record else "was not trained here"
            raise UserError(
                f"{self.directory} {how} and has no data of its own; name some (--data=folder:PATH to "
                "export, --real=folder:PATH to evaluate)"
            )
        return recipe


def functional(model):
    """Returns a model with `inputs` and `outputs`: the model itself, or a functional one around a subclassed one.

    Raises:
        ValueError: the model has never been called, so that nobody knows the shapes of its inputs.
    """
    if getattr(model, "inputs", None):
        return model
    shapes = getattr(model, "_build_shapes_dict", None)
    if not model.built or not shapes:
        raise ValueError(f"{model.name} has never been called: call it once, so that the shapes of its inputs are known")
    shapes = list(shapes.values())
    shapes = shapes[0] if len(shapes) == 1 and isinstance(shapes[0], list) else shapes
    inputs = [keras.Input(tuple(shape)[1:]) for shape in shapes]
    given = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(given, model(given, training=False), name=model.name)


def deployment_of(folder):
    """Returns the `Deployment` of a run by its `Folder`.

    Raises:
        UserError: a game that nobody has registered.
    """
    if "deployed" in folder.record:
        return Deployment(**folder.record["deployed"])
    name, arguments = parse_spec(folder.recipe["game"])
    if name in _IMPORTS_OF_0_1:
        return Deployment(*_IMPORTS_OF_0_1[name], arguments.get("random_at_test", False))
    return Deployment.of(GAMES.get(name))


# The names under which version 0.1.0 recorded imports, as games that nobody played.
_IMPORTS_OF_0_1 = {
    "imported_translator": ({"ab": "ema"}, IMAGES),
    "imported_stylizer": ({"": "ema"}, STYLES),
    "imported_generator": ({"": "ema"}, LATENTS),
}


def _checkpoint(folder, which):
    """Returns (path, step) of the latest sound, or the best, checkpoint."""
    if (folder.directory / presets.WEIGHTS).is_file():
        return folder.directory / presets.WEIGHTS, folder.record.get("preset", {}).get("step", 0)
    if which == "best":
        path, step = folder.best_checkpoint, folder.record.get("best", {}).get("step", 0)
    else:
        step = checkpoints.newest(folder, checkpoints.verify) or 0
        path = folder.checkpoint_path(step)
    if not path.is_file():
        raise UserError(f"{folder.directory} has no {which} checkpoint yet; let train.py run until it writes one")
    return path, step


def _held_as(name, held, alike):
    """Returns the name under which a file with networks `held` keeps one, or None; `alike`: see `Trained.networks`."""
    first, *rest = name.split("_", 1)
    twin = "_".join([{"generator": "ema", "ema": "generator"}.get(first, first), *rest])
    wanted = (name, twin, name.removesuffix("_ab"), twin.removesuffix("_ab")) if alike else (name,)
    return next((one for one in wanted if one in held), None)


def _load(folder, path, deployment):
    """Builds the deployed generators and reads their weights; returns {direction: network}."""
    read = read_networks(folder, path, deployment.generators.values())
    missing = set(deployment.generators.values()) - read.keys()
    if missing:
        raise UserError(
            f"{folder.record_path} is damaged: this run has no network {', '.join(sorted(missing))} to work with"
        )
    return {direction: read[name] for direction, name in deployment.generators.items()}


def read_networks(folder, path, names, pretrained=False):
    """Builds some networks of a run, in float32, and reads their weights from a checkpoint.

    Args:
        folder: the run's `Folder`.
        path: of the checkpoint.
        names: of the networks, as the game calls them.
        pretrained: see `recipes.build_networks`.

    Returns:
        A dict, name -> `keras.Model`; names that the run does not have are left out.

    Raises:
        UserError: the file is damaged or belongs to other networks.
    """
    build = functools.partial(recipes.build_networks, folder.recipe, folder.record, names, pretrained)
    shared = path.name == presets.WEIGHTS
    if shared:  # it may be a stranger's
        presets.check_size(build, path)
    found = build()
    held = dict(found)
    if parse_spec(folder.recipe["game"])[0] == "imported_stylizer":
        # Version 0.1.0 kept the parts of an imported stylizer under names of their own.
        held |= {part: getattr(found["ema"], part) for part in ("encoder", "decoder")}
    (presets if shared else checkpoints).load(networks.Networks(**held), path)
    return found
