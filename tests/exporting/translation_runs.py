"""Small run folders of translating generators with random weights."""

import numpy as np
import run_cases

from keras_gans import recipes
from keras_gans.callbacks import checkpoints
from keras_gans.run import Folder

RESNET = {"game": "supervised", "reconstruction": ["l1"], "generator": "resnet:width=4,blocks=1", "degrade": "jpeg"}
UNET = {"game": "pix2pix", "generator": "unet:width=4,depth=5", "discriminator": "patchgan:width=4,layers=1",
        "reconstruction": ["l1:weight=100"], "degrade": "jpeg"}
SUPER = {"game": "supervised", "reconstruction": ["l1"], "generator": "srresnet:width=4,blocks=1", "degrade": "downscale2"}
HOLES = {"game": "supervised", "reconstruction": ["l1"], "generator": "gated:width=4", "degrade": "mask"}
COLORS = {"game": "supervised", "reconstruction": ["l1"], "generator": "resnet:width=4,blocks=1", "degrade": "gray"}


def make_run(directory, input_shape=(32, 32, 3), image_shape=(32, 32, 3), **flags):
    """Writes a run folder whose networks have random weights.

    Args:
        directory: of the run.
        input_shape, image_shape: of the data.
        **flags: as in `run_cases.recipe`.

    Returns:
        `directory`.
    """
    chosen = run_cases.recipe(**flags)
    game = recipes.build_game(chosen, image_shape, 0, input_shape)
    random = np.random.default_rng(chosen["seed"])
    for name in set(game.directions.values()):
        for weight in getattr(game, name).weights:
            if len(weight.shape) > 1:
                fan_in = np.prod(weight.shape) / weight.shape[-2 if "up_" in weight.path else -1]
                weight.assign(random.normal(0, 1.5 / np.sqrt(fan_in), weight.shape))
            elif "variance" in weight.path:
                weight.assign(random.uniform(0.5, 1.5, weight.shape))
    folder = Folder(directory)
    folder.write_record(
        recipe=chosen, seed=chosen["seed"], versions={}, parameters={},
        data={"spec": chosen["data"], "fingerprint": "f" * 64, "image_shape": image_shape, "input_shape": input_shape,
              "class_names": []})
    checkpoints.save(game, folder.checkpoint_path(7))
    return directory
