"""Finds the w of a picture in a style-based run, and films the search.

    keras-gans project --run=runs/stylegan2 --image=face.png --out=projected
    keras-gans project --run=runs/stylegan2 --image=face.png --out=projected --space=w+ --steps=500 --film=mp4

writes into the folder --out

    projected.png    what the generator makes of the w that was found
    comparison.png   the picture and that, side by side
    film.gif         the picture and what is found on the way (or film.mp4)
    projected.npz    w, float32 [1, layers, width], and the noise images, for keras-gans edit --projected

The picture is cut to a square about its centre and brought to the run's size. The same seed gives the same result.
"""

import pathlib

from keras_gans.errors import UserError
from keras_gans.flags import define_limits


def define(flags):
    define_limits(flags)
    flags.string("run", None, "folder of a run of stylegan or stylegan2", required=True)
    flags.string("image", None, "the picture", required=True)
    flags.string("out", None, "folder for the results", required=True)
    flags.choice("space", "w", ("w", "w+"), "one w for all layers: edits well; or one for each: nearer to the picture")
    flags.integer("steps", 1000, "of the optimisation", 1)
    flags.string(
        "network",
        "vgg16-hed",
        "whose features are compared: vgg16-hed or efficientnet_lite0 (weights from a "
        "package), vgg16 or vgg19 (weights are looked up or downloaded)",
    )
    flags.choice("film", "gif", ("gif", "mp4", "none"), "form of the film, of about 100 frames")
    flags.number("fps", 10.0, "of the film: frames per second", 0.1, 100.0)
    flags.integer("seed", 0, "of the noise", 0, 2**32 - 1)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    import numpy as np

    from keras_gans import grids
    from keras_gans.data import images
    from keras_gans.trained.trained import Trained
    from keras_gans.using import latents, projection

    out = pathlib.Path(flags.out).expanduser()
    if out.exists() and not out.is_dir():
        raise UserError(f"--out={flags.out} is a file; name a folder for the results")
    opened = Trained.open(flags.run, flags.checkpoint)
    generator = latents.require_styles(opened, "keras-gans project")
    height, _, channels = generator.output_shape[1:]
    try:
        target = images.decode(flags.image, height, channels)
    except images.BadImage as error:
        raise UserError(f"--image={flags.image} is {error}") from error
    found = projection.project(generator, target, flags.space, flags.network, flags.steps, flags.seed)

    def beside(image):
        return grids.grid(np.stack([target, image]), 2)

    if flags.film != "none":  # first, as it is what may need a program that is not there
        grids.write_animation(out / f"film.{flags.film}", map(beside, found.film), flags.fps)
    grids.write_png(out / "projected.png", found.image)
    grids.write_png(out / "comparison.png", beside(found.image))
    projection.save(out / "projected.npz", found)
    print(f"wrote {out}; perceptual distance ({flags.network}) {found.start_distance:.4g} -> {found.distance:.4g}")
