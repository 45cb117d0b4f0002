"""Flags -> objects: the only place where names become networks, losses, games and data."""

import keras
import tensorflow as tf

from keras_gans import curves, data, flags, randomness
from keras_gans.data import picture_files, snapshots
from keras_gans.data.label_maps import Labels
from keras_gans.errors import UserError
from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.optimizers import OPTIMIZERS, SCHEDULES, Following
from keras_gans.penalties.gradient import Penalty
from keras_gans.precision import precision
from keras_gans.registry import (
    AUGMENTS,
    DISCRIMINATORS,
    GAMES,
    GENERATORS,
    LOSSES,
    PENALTIES,
    RECONSTRUCTIONS,
    parameters,
    parse_spec,
)

_CROPS = {"crop": "center", "squash": "none", "pad": "pad"}  # --fit, as `keras_gans.data.open_source` has it


def build_source(recipe, split="train", host=(0, 1)):
    """Opens the data of a recipe; `host` as in `keras_gans.data.open_source`."""
    if recipe["max_pixels"] > picture_files.max_pixels():
        picture_files.allow(recipe["max_pixels"])
    return data.open_source(
        recipe["data"],
        image_size=recipe["image_size"],
        channels=recipe["channels"],
        split=split,
        resize=recipe["resize"],
        crop=_CROPS[recipe["fit"]],
        bad=recipe["bad_images"],
        load_size=recipe["load_size"],
        degrade=recipe["degrade"],
        holdout=recipe["holdout"],
        host=host,
        cache=_cache(recipe),
        labels=recipe["labels"],
        dont_care=recipe["dont_care"],
        instances=recipe["instances"],
    )


def find_collection(recipe, split="train"):
    """Finds the pictures of the same data as `build_source`, without decoding them: a `keras_gans.data.collection.Collection`."""
    about = {flag: recipe[flag] for flag in ("labels", "dont_care", "instances")}
    return data.open_collection(recipe["data"], split, recipe["holdout"], **about)


def _cache(recipe):
    if not recipe["cache"]:
        return None
    decoding = {name: recipe[name] for name in ("image_size", "channels", "resize", "fit", "bad_images")}
    return snapshots.Cache(recipe["cache"], recipe["cache_gb"] * 1e9, str(decoding))


def build_strategy(name):
    """Returns the `tf.distribute.Strategy` called `name`: none, mirrored, multi_worker or tpu.

    Raises:
        UserError: no TPU is here.
    """
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "tpu":
        try:
            return tf.distribute.TPUStrategy(tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu="local"))
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"--strategy=tpu: no TPU is found ({' '.join(str(error).split())[:200]}); start this on a TPU's own machine"
            ) from error
    return tf.distribute.get_strategy()


def total_steps(recipe):
    """Generator steps of a whole run: `--kimg` thousand images, rounded up to whole calls of the compiled function."""
    steps = max(1, round(recipe["kimg"] * 1000 / recipe["batch_size"]))
    return -(-steps // recipe["steps_per_execution"]) * recipe["steps_per_execution"]


class Maker:
    """Builds the parts that the flags name, for data of known shapes.

    Args:
        recipe: dict of resolved flags, see `keras_gans.flags.define_recipe`.
        image_shape: (height, width, channels) of the images to make; (2,) for points.
        num_classes: 0 for an unconditional recipe.
        input_shape: (height, width, channels) of the images to start from; None for latents.
        pretrained: whether networks that begin with published weights load them; False where a checkpoint will give them
            theirs, so that their packages need not be there. Default True.
        clock: `curves.Clock` of what follows a curve.
        labels: how many numbers label maps have; default: what the flags say.
    """

    def __init__(self, recipe, image_shape, num_classes=0, input_shape=None, pretrained=True, clock=None, labels=None):
        self.pretrained = pretrained
        self.clock = clock
        self.recipe, self.image_shape, self.input_shape = recipe, tuple(image_shape), input_shape and tuple(input_shape)
        self.context = {
            "image_size": image_shape[0],
            "channels": image_shape[-1],
            "latent_dim": recipe["latent_dim"],
            "num_classes": num_classes,
        }
        if input_shape:
            self.context |= {"input_channels": input_shape[-1], "scale": image_shape[0] // input_shape[0]}
        if labels is None and recipe["labels"]:
            labels = Labels.of_flags(recipe["labels"], recipe["dont_care"]).count
        if labels:
            self.context["labels"] = labels

    def generator(self, **changes):
        """Builds the generator; `changes` win over what is known of the data (image_size, channels, ...)."""
        return self._network(GENERATORS, "generator", changes)

    def discriminator(self, **changes):
        """Builds the discriminator, as `generator` does."""
        return self._network(DISCRIMINATORS, "discriminator", changes)

    def _network(self, registry, flag, changes):
        spec = self.recipe[flag]
        if not self.pretrained and "pretrained" in parameters(registry.get(parse_spec(spec)[0])):
            spec += f"{',' if ':' in spec else ':'}pretrained=false"
        with precision(self.recipe["precision"]):
            return registry.create(spec, **self.context | changes)

    def reconstructions(self):
        """Builds the reconstruction losses, a list.

        If the recipe is in bfloat16, so are the VGGs and the AlexNet that they compare by. Not in float16, as features may be
        larger than its numbers; and not EfficientNet, which is always in float32.
        """
        with precision("bfloat16" if self.recipe["precision"] == "bfloat16" else "float32"):
            return [RECONSTRUCTIONS.create(spec, clock=self.clock) for spec in self.recipe["reconstruction"]]


def build_game(recipe, image_shape, num_classes, input_shape=None):
    """Builds the compiled game of a recipe.

    Args:
        recipe, image_shape, num_classes, input_shape: see `Maker`.

    Returns:
        A compiled `keras_gans.games.game.Game`.

    Raises:
        UserError: unknown names, arguments that do not fit, combinations that make no sense.
    """
    name, _ = parse_spec(recipe["game"])
    game_class = GAMES.get(name)
    refuse_idle_flags(recipe, game_class)
    refuse_other_data(recipe, game_class)
    clock = curves.Clock(recipe["kimg"], recipe["batch_size"])
    parts = game_class.parts(Maker(recipe, image_shape, num_classes, input_shape, clock=clock))
    penalties = [PENALTIES.create(spec, clock=clock) for spec in recipe["penalty"]]
    if recipe["labels"]:
        refuse_painter(recipe, parts["generator"], image_shape)
    if game_class.kind == "images":
        refuse_nonsense(recipe, parts["generator"], parts["discriminator"], image_shape, num_classes)
    augment = None
    if recipe["augment"] != "none":
        augment = AUGMENTS.create(recipe["augment"], channels=image_shape[-1], clock=clock)
    game = GAMES.create(
        recipe["game"],
        **parts,
        loss=LOSSES.create(recipe["loss"]),
        penalties=penalties,
        augment=augment,
        batch_size=recipe["batch_size"],
        n_critic=recipe["n_critic"],
        share_fakes=recipe["share_fakes"],
        share_reals=recipe["share_reals"],
        draw_labels=recipe["draw_labels"],
        latent=recipe["latent"],
        ema_kimg=number(recipe, "ema_kimg", clock),
        seed=recipe["seed"],
        clock=clock,
    )
    game.follow(clock)
    for model in game.called_models():
        for layer in model._flatten_layers():
            if isinstance(layer, BatchNorm):
                layer.per_replica = recipe["batch_norm"] == "replica"
    if "discriminator" in game.players:
        refuse_batch_norm(recipe, game, penalties)
        freeze(game.networks_of("discriminator"), recipe["freeze_discriminator"])
    optimizers = {}
    for player in game.players:
        spec, rate, steps = recipe["optimizer"], "learning_rate", total_steps(recipe)
        if player == "discriminator":  # it may have flags of its own; further players share the generator's
            spec = recipe["discriminator_optimizer"] or spec
            rate = rate if recipe["discriminator_learning_rate"] is None else "discriminator_learning_rate"
            steps *= recipe["n_critic"]
        rate = number(recipe, rate, clock)
        optimizers[player] = build_optimizer(recipe, spec, rate, steps, game.lazy_interval(player), clock)
    game.compile(
        optimizers,
        jit_compile=recipe["jit_compile"],
        steps_per_execution=recipe["steps_per_execution"],
        accumulate=recipe["accumulate"],
    )
    return game


def build_networks(recipe, record, names, pretrained=False):
    """Builds networks of a run alone, in float32; no global random state changes.

    Args:
        recipe: the run's resolved flags.
        record: of the run, with the shapes of its data.
        names: of networks or of moving averages, as the game calls them, or of an import's networks.
        pretrained: whether the frozen parts of a trained network, not of an average, are those that its game had, with published
            weights: checkpoints have them under other names than copies of them. Default False.

    Returns:
        A dict, name -> `keras.Model` with weights that mean nothing yet; names that the game does not have are left out.
    """
    data = record["data"]
    num_classes = len(data.get("class_names", ())) if recipe["conditional"] else 0
    labels = data["labels"]["count"] if data.get("labels") else 0
    recipe = recipe | {"precision": "float32"}
    make = Maker(recipe, data["image_shape"], num_classes, data.get("input_shape"), False, labels=labels)
    makers, averages = imported_makers(record, make), {"ema": "generator"}
    if makers is None:
        game_class = GAMES.get(parse_spec(recipe["game"])[0])
        makers, averages = game_class.makers(make), game_class.averages
    else:
        pretrained = False
    built = {}
    with randomness.undisturbed():
        for name in names:
            if averages.get(name, name) in makers:
                make.pretrained = pretrained and name not in averages
                built[name] = makers[averages.get(name, name)]()
    return built


def trained_on(recipe):
    """Returns the name of the feature extractor that the discriminator judges by, or None."""
    name, _ = parse_spec(recipe["discriminator"])
    return None if name == "none" else getattr(DISCRIMINATORS.get(name), "trained_on", None)


def imported_makers(record, make):
    """Returns how the networks of an import are built, as `Game.makers` does; None for a run that was trained."""
    if "imported" not in record:
        return None
    alone = make.recipe["discriminator"] == "none"
    return {"generator": make.generator} | ({} if alone else {"discriminator": make.discriminator})


def number(recipe, flag, clock):
    """Returns what a flag says: a number, or a curve that goes by `clock` and is logged under the flag's name."""
    if not curves.is_curve(recipe[flag]):
        return recipe[flag]
    try:
        curve = clock.curve(flag, recipe[flag])
        if curve.lowest < 0:
            raise ValueError(f"{curve} falls below 0")
    except ValueError as error:
        raise UserError(f"--{flag}: {error}") from error
    return curve


def build_optimizer(recipe, spec, learning_rate, steps, lazy=1, clock=None):
    """Builds one player's optimizer.

    Args:
        recipe: for the schedule and the precision.
        spec: such as `adam:beta_1=0.5`.
        learning_rate: at the start, or a curve.
        steps: how often it will be applied in the whole run.
        lazy: interval k of a lazy penalty: learning rate times c and betas to the power c, c = k / (k + 1)
            (Karras et al. 2020, appendix B).
        clock: `curves.Clock` of the betas that follow a curve.

    Raises:
        UserError: a schedule for a learning rate that follows a curve; names and arguments that are not known.
    """
    correction = lazy / (lazy + 1) if lazy > 1 else 1.0
    if isinstance(learning_rate, curves.Curve):
        if recipe["schedule"] != "constant":
            raise UserError(
                f"--schedule={recipe['schedule']}: the learning rate follows {learning_rate} already; leave it out"
            )
        schedule = Following(learning_rate.then(lambda rate: rate * correction))
    else:
        schedule = SCHEDULES.create(
            recipe["schedule"], learning_rate=learning_rate * correction, steps=steps, kimg=recipe["kimg"]
        )
    optimizer = OPTIMIZERS.create(spec, learning_rate=schedule, clock=clock)
    for beta in ("beta_1", "beta_2"):
        value = getattr(optimizer, beta, None)
        if isinstance(value, curves.Curve):
            setattr(optimizer, beta, value.then(lambda value: value**correction))
        elif value is not None:
            setattr(optimizer, beta, value**correction)
    return keras.optimizers.LossScaleOptimizer(optimizer) if recipe["precision"] == "float16" else optimizer


def refuse_nonsense(recipe, generator, discriminator, image_shape, num_classes):
    """Raises UserError for parts that do not work together, with the reason."""
    made, seen = tuple(generator.output_shape[1:]), tuple(discriminator.inputs[0].shape[1:])
    if made != tuple(image_shape) or seen != tuple(image_shape):
        raise UserError(
            f"--generator={recipe['generator']} makes {made} and --discriminator={recipe['discriminator']} "
            f"takes {seen}, but the data are {tuple(image_shape)}; choose networks for these data"
        )
    if len(image_shape) != 3 and recipe["augment"] != "none":
        raise UserError(f"--augment={recipe['augment']} is for images, but the data are points; leave it out")
    if recipe["draw_labels"] and not num_classes:
        raise UserError("--draw_labels: there are no labels without --conditional; leave it out")
    labels = {"generator": len(generator.inputs) > 1, "discriminator": len(discriminator.inputs) > 1}
    for flag, takes in labels.items():
        if takes and not num_classes:
            raise UserError(f"--{flag}={recipe[flag]} takes labels; give labelled data and --conditional")
    names_classes = isinstance(discriminator.output, dict)
    labels["discriminator"] |= names_classes
    for flag, takes in labels.items():
        if num_classes and not takes:
            raise UserError(
                f"--conditional: --{flag}={recipe[flag]} takes no labels; choose a {flag} that does, such "
                "as cdcgan, or --noconditional"
            )
    game, _ = parse_spec(recipe["game"])
    if names_classes and game != "acgan":
        raise UserError(
            f"--discriminator={recipe['discriminator']} names classes too, which --game={game} has no use "
            "for; take --game=acgan, or another discriminator"
        )
    if game == "gan" and tuple(discriminator.output_shape[1:]) == seen:
        raise UserError(
            f"--discriminator={recipe['discriminator']} is an autoencoder, which answers with images; "
            "take --game=began, or a discriminator that answers with logits"
        )


def _without_norm(spec):
    """Returns the spec of a discriminator as it is, but without norm; dcgan where it has no such argument."""
    name, arguments = parse_spec(spec)
    if "norm" not in parameters(DISCRIMINATORS.get(name)):
        name, arguments = "dcgan", {}
    return f"{name}:" + ",".join(f"{key}={str(value).lower()}" for key, value in (arguments | {"norm": False}).items())


def refuse_painter(recipe, generator, image_shape):
    """Raises UserError for generators that take no label maps, sizes that one does not take, or at which it cannot learn.

    Where its first batch norm sees one value of each channel, the variance is 0, by whose root outputs are divided later
    (PyTorch refuses that, too).
    """
    if not hasattr(generator, "semantics"):
        raise UserError(
            f"--labels={recipe['labels']}: --generator={recipe['generator']} takes pictures; take --generator=spade, or leave "
            "--labels out to show it label maps as the pictures that they are"
        )
    least = generator.multiple
    if image_shape[0] % least:
        raise UserError(
            f"--image_size={image_shape[0]}: --generator={recipe['generator']} takes sides that are multiples of {least}; take "
            f"--image_size={-(-image_shape[0] // least) * least}"
        )
    if (
        getattr(generator, "norm", None) == "batch"
        and image_shape[0] == least
        and recipe["batch_size"] == recipe["accumulate"]
    ):
        raise UserError(
            f"--batch_size={recipe['batch_size']} of {least}x{least} pixels{' in as many parts' * (recipe['accumulate'] > 1)} leaves "
            f"batch norm in --generator={recipe['generator']} one value of each channel; take --image_size={2 * least}, or at "
            f"least {2 * recipe['accumulate']} images"
        )


def refuse_batch_norm(recipe, game, penalties):
    """Raises UserError for a gradient penalty on a discriminator with batch norm."""
    normalised = any(
        isinstance(layer, keras.layers.BatchNormalization)
        for network in game.networks_of("discriminator")
        for layer in network._flatten_layers()
    )
    gradient = [
        spec for spec, part in zip(recipe["penalty"], penalties) if isinstance(part, Penalty) and part.differentiates
    ]
    if normalised and gradient:
        raise UserError(
            f"--penalty={gradient[0]} bounds the gradient per image, but batch norm in "
            f"--discriminator={recipe['discriminator']} mixes the images of a batch; take a discriminator "
            f"without it, such as --discriminator={_without_norm(recipe['discriminator'])}"
        )


# Flag -> the argument of a game that it becomes; where a game does not take it, any value but the default is a mistake.
_OF_GAMES = {
    "loss": "loss",
    "penalty": "penalties",
    "augment": "augment",
    "n_critic": "n_critic",
    "latent": "latent",
    "share_fakes": "share_fakes",
    "share_reals": "share_reals",
    "draw_labels": "draw_labels",
    "reconstruction": "reconstructions",
    "discriminator": "discriminator",
}


def refuse_idle_flags(recipe, game_class):
    """Raises UserError for flags that the game has no use for."""
    taken = {*parameters(game_class), *game_class.players}
    for flag, argument in _OF_GAMES.items():
        if argument not in taken and recipe[flag] != flags.defaults()[flag]:
            value = recipe[flag][0] if isinstance(recipe[flag], list) else recipe[flag]
            raise UserError(f"--{flag}={value}: --game={recipe['game']} has no use for it; leave it out")


def kind_of_data(recipe):
    """Returns what the data of a recipe are: "images", "paired" or "unpaired"; "none" of imported networks."""
    scheme = recipe["data"].partition(":")[0]
    if scheme == "none":
        return "none"
    if scheme == "unpaired":
        return "unpaired"
    return "paired" if scheme in ("paired", "ab") or recipe["degrade"] else "images"


_RIGHT = {
    "images": "plain images, such as --data=folder:DIR",
    "unpaired": "two kinds of images, --data=unpaired:A:B",
    "paired": "pairs, --data=paired:A:B or ab:DIR, or --degrade with plain images",
    "none": "nothing: keras-gans import makes its runs",
}


def refuse_other_data(recipe, game_class):
    """Raises UserError where the game learns from data of another kind."""
    kind = kind_of_data(recipe)
    if kind != game_class.kind:
        given = f"--data={recipe['data']}" + (f" --degrade={recipe['degrade']}" if recipe["degrade"] else "")
        raise UserError(
            f"--game={recipe['game']} learns from {_RIGHT[game_class.kind]}; not from {given}, which is "
            f"{_RIGHT[kind].partition(',')[0]}"
        )


def freeze(discriminators, count):
    """Freezes the first `count` layers that have weights of each discriminator (FreezeD, Mo et al. 2020)."""
    for discriminator in discriminators:
        layers = [layer for layer in discriminator.layers if layer.weights]
        if not 0 <= count < len(layers):
            raise UserError(
                f"--freeze_discriminator={count}: the discriminator has {len(layers)} layers with weights, "
                f"of which at most {len(layers) - 1} can be frozen"
            )
        for layer in layers[:count]:
            layer.trainable = False
