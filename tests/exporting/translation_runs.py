"""Small run folders of translating generators with random weights, and the pictures that they might have learned from."""

import numpy as np
import run_cases
from PIL import Image

from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder

_ALONE = {"game": "supervised", "reconstruction": ["l1"]}
CASES = {  # name: (flags, input_shape, image_shape)
    "both": (
        {
            "game": "cyclegan:identity_weight=0",
            "loss": "least_squares",
            "generator": "resnet:width=4,blocks=1",
            "discriminator": "patchgan:width=4,layers=1",
        },
        (32, 32, 1),
        (32, 32, 3),
    ),
    "dropout": (
        {
            "game": "pix2pix",
            "generator": "unet:width=2,depth=6",
            "discriminator": "patchgan:width=4,layers=1",
            "reconstruction": ["l1:weight=100"],
            "degrade": "jpeg",
        },
        (64, 64, 3),
        (64, 64, 3),
    ),
    "larger": (_ALONE | {"generator": "srresnet:width=4,blocks=1", "degrade": "downscale2"}, (16, 16, 3), (32, 32, 3)),
    "holes": (_ALONE | {"generator": "gated:width=2", "degrade": "mask"}, (32, 32, 4), (32, 32, 3)),
}

_STYLE = {"data": "unpaired:{folder}/color:{folder}/color"}
STYLES = {
    "any": (
        _STYLE
        | {
            "game": "arbitrary_style:network=vgg16-hed",
            "generator": "arbitrary_style:width=4,blocks=1,style_dim=6,pretrained=false",
        },
        (32, 32, 3),
        (32, 32, 3),
    ),
    "numbered": (
        _STYLE
        | {
            "game": "multi_style:network=vgg16-hed",
            "generator": "multi_style:num_styles=3,width=4,blocks=1,kernel_size=3,separable=true",
        },
        (32, 32, 3),
        (32, 32, 3),
    ),
    "adain": (
        _STYLE | {"game": "adain", "generator": "adain:encoder=vgg16,width=4,pretrained=false"},
        (32, 32, 3),
        (32, 32, 3),
    ),
    "quick": (
        _STYLE | {"game": "adain", "generator": "adain:encoder=efficientnet_lite0,layer=expand1,width=4,pretrained=false"},
        (32, 32, 3),
        (32, 32, 3),
    ),
}


def pictures(*shapes, seed=3):
    """Returns smooth random pictures, uint8 [h, w, c]."""
    random = np.random.default_rng(seed)
    smooth = []
    for height, width, channels in shapes:
        coarse = Image.fromarray(random.integers(0, 256, (4, 5, 3), np.uint8)).convert("L" if channels == 1 else "RGB")
        smooth.append(np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).reshape(height, width, channels))
    return smooth


def make_run(folder, name):
    """Writes a run folder whose networks have random weights.

    Args:
        folder: where the run, and the folders of pictures `grey` and `color` are written.
        name: from `CASES` or `STYLES`.

    Returns:
        The folder of the run.
    """
    flags, input_shape, image_shape = (CASES | STYLES)[name]
    for kind, channels in (("grey", 1), ("color", 3)):
        if not (folder / kind).exists():
            (folder / kind).mkdir()
            for number, picture in enumerate(pictures(*[(64, 64, channels)] * 20, seed=channels)):
                Image.fromarray(picture.squeeze()).save(folder / kind / f"{number:02d}.png")
    data = f"unpaired:{folder / 'grey'}:{folder / 'color'}" if name == "both" else f"folder:{folder / 'color'}"
    flags = {"data": data} | flags
    flags["data"] = data = flags["data"].format(folder=folder)
    chosen = run_cases.recipe(image_size=image_shape[0], **flags)
    game = recipes.build_game(chosen, image_shape, 0, input_shape)
    random = np.random.default_rng(0)
    for average in set(game.deployed.values()):
        for weight in getattr(game, average).weights:
            if len(weight.shape) > 1:
                fan_in = np.prod(weight.shape) / weight.shape[-2 if "up_" in weight.path else -1]
                weight.assign(random.normal(0, 1.5 / np.sqrt(fan_in), weight.shape))
            elif "variance" in weight.path:
                weight.assign(random.uniform(0.5, 1.5, weight.shape))
    run = Folder(folder / name)
    run.write_record(
        recipe=chosen,
        seed=chosen["seed"],
        versions={},
        parameters={},
        data={
            "spec": data,
            "fingerprint": "f" * 64,
            "count": 18,
            "image_shape": image_shape,
            "input_shape": input_shape,
            "class_names": [],
        },
    )
    checkpoints.save(game, run.checkpoint_path(7))
    return run.directory
