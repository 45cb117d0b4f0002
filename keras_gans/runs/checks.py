"""What the flags of a recipe and the machine decide, before data are read and before a folder is claimed."""

import time

import tensorflow as tf

from keras_gans import curves
from keras_gans.callbacks.loggers import LOGGERS
from keras_gans.data import service
from keras_gans.errors import UserError
from keras_gans.flags import INT32
from keras_gans.kernels import switch
from keras_gans.registry import (
    AUGMENTS,
    DISCRIMINATORS,
    GAMES,
    GENERATORS,
    LOSSES,
    PENALTIES,
    RECONSTRUCTIONS,
    SCORES,
    parse_spec,
)
from keras_gans.runs import lighter
from keras_gans.trained import recipes
from keras_gans.trained.folder import Folder

SLOWER = 2  # times float32's seconds, from which on a precision is warned of
FEW = 100  # pictures; with fewer, the papers that made it their subject (FastGAN) call it few-shot


def refuse(recipe, replicas):
    """Refuses what cannot become a run, whatever the data are.

    Args:
        recipe: dict of resolved flags.
        replicas: devices that share a batch.

    Raises:
        UserError: names the flag and says what would be right.
    """
    game_class = GAMES.get(parse_spec(recipe["game"])[0])
    recipes.refuse_other_data(recipe, game_class)
    recipes.refuse_idle_flags(recipe, game_class)
    refuse_idle_service(recipe)
    for spec in recipe["logger"]:
        LOGGERS.create(spec)
    for registry, flag in (
        (GENERATORS, "generator"),
        (DISCRIMINATORS, "discriminator"),
        (RECONSTRUCTIONS, "reconstruction"),
        (AUGMENTS, "augment"),
        (SCORES, "scores"),
    ):
        given = recipe[flag]
        for spec in given if isinstance(given, list) else [given]:
            if spec != "none":
                registry.get(parse_spec(spec)[0])
    if recipe["init_from"] and not Folder(recipe["run_dir"]).checkpoint_steps():
        _ = Folder(recipe["init_from"]).record
    LOSSES.create(recipe["loss"])
    clock = curves.Clock(recipe["kimg"], recipe["batch_size"])
    for spec in recipe["penalty"]:
        PENALTIES.create(spec, clock=clock)
    batch, turns = recipe["batch_size"], recipe["n_critic"]
    if batch % replicas:
        raise UserError(f"--batch_size={batch} cannot be shared by {replicas} replicas; take a multiple of {replicas}")
    if batch // replicas % recipe["accumulate"]:
        raise UserError(
            f"--accumulate={recipe['accumulate']} does not divide the {batch // replicas} images of a step"
            f"{' on each replica' if replicas > 1 else ''}; take a divisor, or another --batch_size"
        )
    if batch * turns > INT32:
        raise UserError(f"--batch_size={batch} times --n_critic={turns} is more than {INT32} images a step; take fewer")
    if recipe["kimg"] * 1000 / batch > INT32:
        raise UserError(f"--kimg={recipe['kimg']:g} is more than {INT32} steps; take at most {INT32 / 1000 * batch:.3g}")
    for flag in ("optimizer", "discriminator_optimizer"):
        if recipe[flag]:
            rate = recipes.number(recipe, "learning_rate", clock)
            recipes.build_optimizer(recipe, recipe[flag], rate, recipes.total_steps(recipe), clock=clock)


def refuse_idle_service(recipe):
    """Refuses what a tf.data service does not do for us."""
    if recipe["shard_data"] == "files" and not recipe["data"].startswith("tfrecord:"):
        raise UserError("--shard_data=files deals out the files of --data=tfrecord:GLOB; pack the pictures, or take rows")
    if not recipe["data_service"]:
        return
    service.connect(recipe["data_service"])
    if not recipe["data"].startswith("tfrecord:"):
        raise UserError("--data_service reads --data=tfrecord:GLOB; pack the pictures with --image_size")
    for flag in ("degrade", "load_size", "rotate", "dequantize"):
        if recipe[flag] not in (None, False):
            raise UserError(f"--{flag} is not done by --data_service; leave one of them out")
    if recipe["strategy"] == "multi_worker":
        raise UserError("--data_service feeds one host; with several take --shard_data=files")


def refuse_too_few(recipe, source):
    """Refuses data with fewer pictures than the game can learn from.

    Args:
        recipe: dict of resolved flags.
        source: the training data.

    Raises:
        UserError: names the side.
    """
    least = GAMES.get(parse_spec(recipe["game"])[0]).least
    for title, side in zip("AB", getattr(source, "sides", ())):
        if side.count < least:
            raise UserError(
                f"--data={recipe['data']}: {title} has {side.count} picture{'s' * (side.count != 1)} for training, and "
                f"--game={recipe['game']} needs at least {least}; give more, or take the recipe adain for a single painting"
            )


def likely_shapes(recipe):
    """Returns the shapes that the data will most likely have, so that the networks can be built before they are read.

    Args:
        recipe: dict of resolved flags.

    Returns:
        (image_shape, num_classes, input_shape) as `recipes.build_game` takes them; None where the flags do not tell (points,
        damaged pictures).
    """
    kind = recipes.kind_of_data(recipe)
    fashion = recipe["data"] == "embedded:fashion"
    if recipe["degrade"] or kind == "none" or (recipe["data"].startswith("embedded:") and not fashion):
        return None
    shape = (recipe["image_size"], recipe["image_size"], recipe["channels"] or (1 if fashion else 3))
    channels = 1 + bool(recipe["instances"]) if recipe["labels"] else 3
    return (
        shape,
        (10 if fashion else 2) if recipe["conditional"] else 0,
        None if kind == "images" else (*shape[:2], channels),
    )


def few_pictures(recipe, source):
    """Returns a warning where a game is to make images like those of a folder that has hardly any, else None.

    Args:
        recipe: dict of resolved flags.
        source: the training data.
    """
    count = source.count + source.left
    game_class = GAMES.get(parse_spec(recipe["game"])[0])
    if count >= FEW or game_class.kind != "images" or not recipe["data"].startswith("folder:"):
        return None
    advice = "--augment=diffaugment, or the recipes fastgan and projected, which have it, help against that"
    if recipe["augment"] != "none":
        advice = f"--augment={parse_spec(recipe['augment'])[0]} helps against that, more pictures help more"
    return (
        f"{recipe['data']} has {count} pictures, fewer than {FEW}: the discriminator will soon know them by heart, and the "
        f"generator make little but them; {advice}"
    )


def without_accelerator(recipe):
    """Returns a warning where there is no accelerator and a far lighter recipe of the same game, else None.

    Before the first step: one that takes more memory than there is ends without a word.

    Args:
        recipe: dict of resolved flags.
    """
    cheaper = lighter.much_lighter(recipe)
    if cheaper is None or switch.default_device_type() != "CPU":
        return None
    return (
        f"this machine has no GPU: a step of {recipe['batch_size']} images of this size may take minutes here, or more memory "
        f"than there is; {cheaper}"
    )


def slow_precision(recipe):
    """Returns a warning where this machine's processor computes in the recipe's precision far slower than in float32, else None.

    Measured on the gradient of a convolution's filters, which suffers most: processors
    without AVX-512 take about 17 times as long for it in bfloat16. Accelerators are not measured.

    Args:
        recipe: dict of resolved flags.
    """
    precision = recipe["precision"]
    if precision == "float32" or switch.default_device_type() != "CPU":
        return None
    ratio = _filter_gradient_seconds(precision) / _filter_gradient_seconds("float32")
    if ratio < SLOWER:
        return None
    return (
        f"--precision={precision} is slow on this machine's processor: a convolution's gradient takes {ratio:.0f} times as long "
        "as in float32; --precision=float32 in a new --run_dir is faster"
    )


def _filter_gradient_seconds(dtype):
    images = tf.cast(tf.random.stateless_normal([8, 32, 32, 64], (0, 0)), dtype)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        tf.raw_ops.Conv2DBackpropFilter(
            input=images, filter_sizes=[3, 3, 64, 64], out_backprop=images, strides=[1, 1, 1, 1], padding="SAME"
        ).numpy()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
