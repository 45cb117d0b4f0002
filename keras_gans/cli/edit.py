"""Changes pictures of a style-based run along directions that it has learned without being told.

    keras-gans edit --run=runs/stylegan2 --direction=0-4 --strength=5 --out=edits.png
    keras-gans edit --run=runs/stylegan2 --seed=7 --count=3 --direction=2 --layers=0-3 --out=pose.png
    keras-gans edit --run=runs/stylegan2 --projected=projected/projected.npz --direction=0 --out=mine.png

A row for each picture and direction, from -strength to +strength; the middle one is the picture itself. Directions are
those of SeFa (Shen & Zhou 2021): direction 0 changes the styles most. With --layers, directions are sought in the
weights of these layers, and only their w is moved: the first layers change the whole, the last ones colours and
texture.
"""

import pathlib

from keras_gans.errors import UserError


def define(flags):
    flags.string("run", None, "folder of a run of stylegan or stylegan2", required=True)
    flags.string("out", "edits.png", "the .png to write")
    flags.string("direction", "0-4", "numbers of directions, such as 0-4 or 0,3; 0 is the strongest")
    flags.number("strength", 5.0, "how far w is moved to each side; for comparison, how far w varies is printed", 0.0)
    flags.string("layers", None, "numbers of layers, such as 0-3; default: all")
    flags.integer("steps", 7, "pictures in a row, an odd number", 3)
    flags.integer("count", 1, "pictures to change", 1)
    flags.integer("seed", 0, "of their latents", 0, 2**32 - 1)
    flags.number("truncation", 1.0, "truncation psi of these pictures, from -2 to 2")
    flags.strings(
        "projected",
        [],
        "in place of drawn pictures, a .npz that keras-gans project has written; repeat the flag for several",
    )
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    if flags.steps % 2 == 0:
        raise UserError(f"--steps={flags.steps}: take an odd number, with the picture itself in the middle")
    if flags.projected and flags.truncation != 1:
        raise UserError("--truncation is for drawn pictures; leave it out with --projected")
    if pathlib.Path(flags.out).suffix.lower() != ".png":
        raise UserError(f"--out={flags.out}: the name should end in .png")
    import numpy as np

    from keras_gans import grids, randomness
    from keras_gans.trained.trained import Trained
    from keras_gans.using import directions, latents, projection

    opened = Trained.open(flags.run, flags.checkpoint)
    generator = latents.require_styles(opened, "keras-gans edit")
    layers = None if flags.layers is None else latents.numbers(flags.layers, generator.layers_w, "layers", "layers")
    chosen = latents.numbers(flags.direction, generator.w_dim, "direction", "directions")
    found, _ = directions.sefa(generator, layers)
    if flags.projected:
        pictures = [projection.load(path, generator) for path in flags.projected]
    else:
        labels = np.arange(flags.count) % opened.num_classes if opened.num_classes else None
        painter = latents.Painter(opened, flags.truncation)
        pictures = [(styles, {}) for styles in painter.styles(opened.draw_latent(flags.count, flags.seed), labels)]
    amounts = np.linspace(-flags.strength, flags.strength, flags.steps)
    rows = [
        projection.painted(generator, directions.edited(styles, found[direction], amounts, layers), noise)
        for styles, noise in pictures
        for direction in chosen
    ]
    grids.write_png(flags.out, grids.grid(np.concatenate(rows), flags.steps))
    deviation = projection.average_w(generator, randomness.fold(flags.seed, "average"))[1]
    print(
        f"wrote {flags.out}; w lies {deviation:.3g} from its average (root mean square), and was moved by {flags.strength:g}"
    )
