"""Small run folders with random weights, for the tests of what is done with a trained run."""

import numpy as np

from keras_gans.flags import defaults
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder

CLASSES = ("shirt", "shoe", "bag")
UNCONDITIONAL = {"generator": "dcgan:width=8", "discriminator": "dcgan:width=8", "image_size": 16, "latent_dim": 12}
CONDITIONAL = UNCONDITIONAL | {"generator": "cdcgan:width=8", "discriminator": "cdcgan:width=8", "conditional": True}
STYLE_BASED = {
    "generator": "stylegan2:w_dim=10,channel_base=64,channel_max=8,mapping_layers=2",
    "latent_dim": 12,
    "discriminator": "stylegan2:channel_base=64,channel_max=8",
    "image_size": 16,
}
LABELLED_STYLES = STYLE_BASED | {"conditional": True}
POINTS = {"generator": "points_mlp:width=8", "discriminator": "points_mlp:width=8", "latent_dim": 2}


def recipe(**flags):
    """Returns the recipe with all defaults of train.py but `flags`."""
    return defaults() | flags


def make_run(directory, image_shape=(16, 16, 1), **flags):
    """Writes a run folder whose networks have random weights, of a size that makes full use of [-1, 1].

    Args:
        directory: of the run.
        image_shape: of the data.
        **flags: as in `recipe`.

    Returns:
        `directory`.
    """
    chosen = recipe(**flags)
    game = recipes.build_game(chosen, image_shape, len(CLASSES) if chosen["conditional"] else 0)
    random = np.random.default_rng(chosen["seed"])
    style_based = hasattr(game.ema, "synthesize")
    for weight in game.ema.weights:
        if style_based:  # the others scale themselves
            if weight.path.endswith(("/strength", "/bias", "/average")):
                weight.assign(random.normal(0, 0.5, weight.shape) + np.asarray(weight))
        elif len(weight.shape) > 1:
            fan_in = np.prod(weight.shape) / weight.shape[-2 if "up_" in weight.path else -1]
            weight.assign(random.normal(0, 2 / np.sqrt(fan_in), weight.shape))
        elif "variance" in weight.path:
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    folder = Folder(directory)
    folder.write_record(
        recipe=chosen,
        seed=chosen["seed"],
        versions={},
        parameters={},
        data={"spec": chosen["data"], "fingerprint": "f" * 64, "image_shape": image_shape, "class_names": CLASSES},
    )
    checkpoints.save(game, folder.checkpoint_path(7))
    return directory
