"""Draws images from a trained run: a grid, single files, or an animation.

The ending of --out chooses:

    keras-gans sample --run=runs/quickstart --count=64 --seed=0 --out=grid.png     one picture, near to a square
    keras-gans sample --run=runs/quickstart --count=1000 --out=images              images/000000.png, ...
    keras-gans sample --run=runs/quickstart --count=8 --out=walk.gif               a loop through 8 latents (or .mp4)

The same seed gives the same pixels. A run trained with labels shows its classes in turn, or those that --label names;
its animations show one cell per class.
"""

import pathlib

from keras_gans.errors import UserError
from keras_gans.registry import nearest

_BATCH = 64  # images at a time


def define(flags):
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string("out", "grid.png", "what to write: a .png (one grid), a .gif or .mp4 (a loop through latent space), "
                 "or a folder, a name without ending (single PNG files)")
    flags.integer("count", 64, "images; of an animation, latents to visit", 1)
    flags.integer("seed", 0, "of the latents", 0)
    flags.strings("label", [], "class to draw, by name or number, for a run trained with labels; repeat the flag for "
                  "several, which take turns; default: all")
    flags.number("truncation", None, "truncation psi, for style-based generators", 0.0)
    flags.integer("frames", 24, "of an animation: frames from one latent to the next", 1)
    flags.number("fps", 25.0, "of an animation: frames per second", 0.1, 100.0)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    write = _writer(flags.out)
    from keras_gans.run import Run

    opened = Run.open(flags.run, flags.checkpoint)
    labels = _labels(flags.label, opened)
    if flags.truncation is not None:
        raise UserError(f"--truncation: the generator of {flags.run} has no truncation; leave the flag out")
    if len(opened.generator.output_shape) != 4:
        raise UserError(f"{flags.run} makes points, not images; their pictures are in {opened.samples}")
    print(f"wrote {write(opened, flags, labels)}")


def _writer(out):
    """Returns the function that writes what the ending of --out asks for."""
    writers = {".png": _write_grid, ".gif": _write_animation, ".mp4": _write_animation, "": _write_files}
    suffix = "" if out.endswith("/") else pathlib.Path(out).suffix.lower()
    if suffix not in writers:
        raise UserError(
            f"--out={out}: the name should end in .png (a grid), .gif or .mp4 (an animation), or be a folder: a "
            "name without ending, or one that ends in /"
        )
    return writers[suffix]


def _labels(words, opened):
    """Returns the label numbers that --label names, [] for the default."""
    if words and not opened.num_classes:
        raise UserError(f"--label: {opened.directory} was trained without labels; leave the flag out")
    return [_label(word, opened.class_names) for word in words]


def _label(word, names):
    if word in names:
        return names.index(word)
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    raise UserError(f"--label={word}: known are {', '.join(names)}, or 0 to {len(names) - 1}{nearest(word, names)}")


def _images(opened, flags, labels):
    """Yields single uint8 images, with a progress display."""
    import numpy as np

    from keras_gans.progress import progress

    labels = np.resize(labels, flags.count) if labels else None
    with progress("sampling", flags.count) as bar:
        for batch in opened.generate(flags.count, flags.seed, labels, _BATCH):
            yield from batch
            bar.advance(len(batch))


def _write_grid(opened, flags, labels):
    import numpy as np

    from keras_gans import grids

    grids.write_png(flags.out, grids.grid(np.stack(list(_images(opened, flags, labels)))))
    return flags.out


def _write_files(opened, flags, labels):
    from keras_gans import grids

    for number, image in enumerate(_images(opened, flags, labels)):
        grids.write_png(pathlib.Path(flags.out) / f"{number:06d}.png", image)
    return f"{flags.count} images to {flags.out}"


def _write_animation(opened, flags, labels):
    import numpy as np

    from keras_gans import grids

    keyframes = np.asarray(opened.draw_latent(flags.count, flags.seed))
    latents = grids.latent_loop(keyframes, flags.frames, spherical=opened.game.latent == "normal")
    grids.write_animation(flags.out, _frames(opened, latents, labels or range(opened.num_classes)), flags.fps)
    return f"{len(latents)} frames to {flags.out}"


def _frames(opened, latents, labels):
    """Yields one uint8 frame per latent: the image, or for a conditional run a grid of one image per label."""
    import numpy as np

    from keras_gans import grids
    from keras_gans.data import images
    from keras_gans.progress import progress

    cells = max(1, len(labels))
    batch = max(1, _BATCH // cells)
    with progress("sampling", len(latents), "frames") as bar:
        for start in range(0, len(latents), batch):
            inputs = latent = np.repeat(latents[start : start + batch], cells, axis=0)
            if labels:
                inputs = [latent, np.tile(np.asarray(labels, np.int32), len(latent) // cells)]
            made = images.to_uint8(np.asarray(opened.game.infer(inputs)))
            for frame in made.reshape(-1, cells, *made.shape[1:]):
                yield grids.grid(frame) if labels else frame[0]
                bar.advance()
