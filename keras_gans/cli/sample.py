"""Draws images from a trained run: a grid, files, an animation, mixed styles, or their neighbours in the data.

The ending of --out chooses:

    keras-gans sample --run=runs/quickstart --count=64 --seed=0 --out=grid.png     one picture, near to a square
    keras-gans sample --run=runs/quickstart --count=1000 --out=images              images/000000.png, ...
    keras-gans sample --run=runs/quickstart --count=8 --out=walk.gif               a loop through 8 latents (or .mp4)
    keras-gans sample --run=runs/quickstart --count=4 --frames=10 --interpolate=z --out=walk.png
                                                                                  the same, a row to the next latent

Has the run learned images by heart? This shows each sample, then the training images nearest to it:

    keras-gans sample --run=runs/quickstart --nearest=fashion --out=nearest.png

NAME.json beside it has their numbers and distances, and how far held-out images are from the training images: samples
that are much nearer than those are copies.

Of runs with normal latents, BigGAN's truncation, with statistics of batch norm that are made anew:

    keras-gans sample --run=runs/biggan --truncation=0.5 --standing=16 --out=grid.png

Of style-based runs (stylegan, stylegan2):

    keras-gans sample --run=runs/stylegan2 --truncation=0.7 --noise=none --out=grid.png
    keras-gans sample --run=runs/stylegan2 --interpolate=w --count=8 --out=walk.mp4
    keras-gans sample --run=runs/stylegan2 --mix=0-2 --count=6 --out=mixed.png

The last one takes layers 0 to 2 from the pictures on the left and all others from those on top.

The same seed gives the same pixels. A run trained with labels shows its classes in turn, or those that --label names;
its animations show one cell per class.
"""

import pathlib

from keras_gans.errors import UserError
from keras_gans.flags import define_limits
from keras_gans.registry import nearest

_BATCH = 64  # images at a time
_COUNTS = {"mix": 6, "nearest": 16}  # defaults of --count
_NEIGHBOURS = 6
_HELD_OUT = 256  # images at most, to compare with


def define(flags):
    define_limits(flags)
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string(
        "out",
        "grid.png",
        "what to write: a .png (one grid), a .gif or .mp4 (a loop through latent space), "
        "or a folder, a name without ending (single PNG files)",
    )
    flags.integer(
        "count",
        None,
        "images; of an animation, latents to visit; of --mix, rows and columns. Default: 64; of --mix 6, of --nearest 16",
        1,
    )
    flags.integer("seed", 0, "of the latents", 0, 2**32 - 1)
    flags.strings(
        "label",
        [],
        "class to draw, by name or number, for a run trained with labels; repeat the flag for "
        "several, which take turns; default: all",
    )
    flags.number(
        "truncation",
        None,
        "of style-based generators: truncation psi, from -2 to 2; less than 1 is nearer to the average picture: better and "
        "less varied. Of others with normal latents, the largest value of a latent, such as 0.5: the same trade",
    )
    flags.integer("cutoff", None, "of style-based generators: --truncation is for so many of the first layers only", 0)
    flags.choice(
        "noise",
        "constant",
        ("constant", "none", "random"),
        "of style-based generators: the noise that was drawn with the weights, none, or one drawn for each picture",
    )
    flags.string(
        "mix",
        None,
        "of style-based generators: a table of mixed styles, whose rows share the layers that "
        "are named here (0-2, or 0,3) and whose columns share all others",
    )
    flags.choice(
        "interpolate",
        None,
        ("z", "w"),
        "what moves in an animation: latents, along great circles where they "
        "are normal (the default), or the w of style-based generators, along straight lines; with a .png, a "
        "sheet with --frames columns, each row on its way to the next",
    )
    flags.string(
        "nearest",
        None,
        "a sheet of samples and the training images nearest to each, in pixels or in "
        "features such as fashion or efficientnet_lite0",
    )
    flags.integer(
        "standing",
        0,
        "statistics of batch norm are the means over so many batches of fresh latents (BigGAN's standing statistics, there 16) "
        "in place of training's moving averages; 0 for those",
        0,
    )
    flags.integer("frames", 24, "of an animation: frames from one latent to the next", 1)
    flags.number("fps", 25.0, "of an animation: frames per second", 0.1, 100.0)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    write = _writer(flags)
    from keras_gans.trained.trained import Trained
    from keras_gans.using import standing
    from keras_gans.using.latents import Painter

    opened = Trained.open(flags.run, flags.checkpoint)
    labels = _labels(flags.label, opened)
    if opened.translates:
        raise UserError(f"{flags.run} makes images of images; give them to keras-gans translate, restore or stylize")
    if len(opened.generator.output_shape) != 4:
        raise UserError(f"{flags.run} makes points, not images; their pictures are in {opened.directory / 'samples'}")
    if flags.standing:
        standing.accumulate(opened, flags.standing, flags.seed)
    painter = Painter(opened, flags.truncation, flags.cutoff, flags.noise, flags.seed)
    print(f"wrote {write(painter, flags, labels)}")


def _writer(flags):
    """Returns the function that writes what the flags and the ending of --out ask for."""
    modes = [name for name in ("mix", "interpolate", "nearest") if flags[name].value is not None]
    if len(modes) > 1:
        raise UserError(f"--{modes[0]} and --{modes[1]} make different pictures; leave one of them out")
    writers = {
        "": {".png": _write_grid, ".gif": _write_animation, ".mp4": _write_animation, "": _write_files},
        "mix": {".png": _write_mixed},
        "nearest": {".png": _write_neighbours},
        "interpolate": {".png": _write_strips, ".gif": _write_animation, ".mp4": _write_animation},
    }[modes[0] if modes else ""]
    suffix = "" if flags.out.endswith("/") else pathlib.Path(flags.out).suffix.lower()
    if suffix not in writers:
        known = ".png (a grid), .gif or .mp4 (an animation), or be a folder: a name without ending, or one that ends in /"
        known = f"{' or '.join(writers)} with --{modes[0]}" if modes else known
        raise UserError(f"--out={flags.out}: the name should end in {known}")
    if flags.count is None:
        flags.count = _COUNTS.get(modes[0], 64) if modes else 64
    return writers[suffix]


def _labels(words, opened):
    """Returns the label numbers that --label names; default: all, [] for a run without."""
    if words and not opened.num_classes:
        raise UserError(f"--label: {opened.directory} was trained without labels; leave the flag out")
    return [_label(word, opened.class_names) for word in words] or list(range(opened.num_classes))


def _label(word, names):
    if word in names:
        return names.index(word)
    if word.isdecimal() and int(word) < len(names):
        return int(word)
    raise UserError(f"--label={word}: known are {', '.join(names)}, or 0 to {len(names) - 1}{nearest(word, names)}")


def _in_turn(labels, count):
    """Returns the labels of `count` pictures, int [count], or None for a run without labels."""
    import numpy as np

    return np.resize(labels, count) if labels else None


def _images(painter, flags, labels):
    """Yields single uint8 images, with a progress display."""
    from keras_gans.progress import progress

    latents, labels = painter.draw(flags.count, flags.seed), _in_turn(labels, flags.count)
    with progress("sampling", flags.count) as bar:
        for start in range(0, flags.count, _BATCH):
            rows = slice(start, start + _BATCH)
            batch = painter.of_latents(latents[rows], None if labels is None else labels[rows])
            yield from batch
            bar.advance(len(batch))


def _write_grid(painter, flags, labels):
    import numpy as np

    from keras_gans import grids

    grids.write_png(flags.out, grids.grid(np.stack(list(_images(painter, flags, labels)))))
    return flags.out


def _write_files(painter, flags, labels):
    from keras_gans import grids

    for number, image in enumerate(_images(painter, flags, labels)):
        grids.write_png(pathlib.Path(flags.out) / f"{number:06d}.png", image)
    return f"{flags.count} images to {flags.out}"


def _write_mixed(painter, flags, labels):
    import numpy as np

    from keras_gans import grids
    from keras_gans.using import latents

    generator = latents.require_styles(painter.run, "--mix")
    layers = latents.numbers(flags.mix, generator.layers_w, "mix", "layers")
    drawn = painter.draw(2 * flags.count, flags.seed)
    left, top = np.split(painter.styles(drawn, _in_turn(labels, 2 * flags.count)), 2)
    table = np.stack([painter.of_styles(row) for row in np.split(latents.mix(left, top, layers), flags.count)])
    above, beside = painter.of_styles(top), painter.of_styles(left)
    corner = np.zeros_like(above[:1])
    rows = [corner, above, *(part for row, first in zip(table, beside) for part in (first[None], row))]
    grids.write_png(flags.out, grids.grid(np.concatenate(rows), flags.count + 1))
    return flags.out


def _write_neighbours(painter, flags, labels):

    import numpy as np

    from keras_gans import files, grids
    from keras_gans.data.holdout import NothingHeldOut
    from keras_gans.metrics import nearest as search

    space = search.Space(flags.nearest)
    data = painter.run.source("train")
    images = np.stack(list(_images(painter, flags, labels)))
    numbers, distances = search.neighbours(images, data, space, _NEIGHBOURS)
    try:
        held_out = search.first_images(painter.run.source("holdout"), _HELD_OUT)
    except NothingHeldOut as error:
        raise UserError(f"--nearest compares with held-out images, and {painter.run.directory} has none: {error}") from error
    others = search.neighbours(held_out, data, space, 1)[1]
    medians = {"samples": float(np.median(distances[:, 0])), "held_out": float(np.median(others))}
    found = [{"numbers": row.tolist(), "distances": far.tolist()} for row, far in zip(numbers, distances)]
    record = {
        "data": data.spec,
        "searched": data.count,
        "space": space.protocol,
        "held_out": len(held_out),
        "median_distance": medians,
        "samples": found,
    }
    grids.write_png(flags.out, grids.table([images, *(search.images_at(data, column) for column in numbers.T)]))
    files.write_text(pathlib.Path(flags.out).with_suffix(".json"), files.to_json(record, indent=1) + "\n")
    return (
        f"{flags.out}; median distance to the nearest of {data.count} training images in {flags.nearest}: samples "
        f"{medians['samples']:.4g}, held-out images {medians['held_out']:.4g}"
    )


def _write_animation(painter, flags, labels):
    from keras_gans import grids

    grids.write_animation(flags.out, _frames(painter, flags, labels), flags.fps)
    return f"{flags.count * flags.frames} frames to {flags.out}"


def _write_strips(painter, flags, labels):
    import numpy as np

    from keras_gans import grids

    grids.write_png(flags.out, grids.grid(np.stack(list(_frames(painter, flags, labels))), flags.frames))
    return flags.out


def _frames(painter, flags, labels):
    """Yields the uint8 frames of a loop: images, or for a run with labels grids of one image per label."""
    import numpy as np

    from keras_gans import grids
    from keras_gans.progress import progress
    from keras_gans.using import latents

    cells = max(1, len(labels))
    keyframes = np.asarray(painter.draw(flags.count, flags.seed))
    in_w = flags.interpolate == "w"
    if in_w:
        latents.require_styles(painter.run, "--interpolate=w")
        styles = painter.styles(np.repeat(keyframes, cells, axis=0), _in_turn(labels, len(keyframes) * cells))
        keyframes = styles.reshape(flags.count, cells, *styles.shape[1:])
    spherical = not in_w and painter.run.latent == "normal"
    positions = np.arange(flags.count * flags.frames) / flags.frames
    batch = max(1, _BATCH // cells)
    with progress("sampling", len(positions), "frames") as bar:
        for start in range(0, len(positions), batch):
            codes = latents.loop(keyframes, positions[start : start + batch], spherical)
            if in_w:
                made = painter.of_styles(codes.reshape(-1, *codes.shape[2:]))
            else:
                made = painter.of_latents(np.repeat(codes, cells, axis=0), _in_turn(labels, len(codes) * cells))
            for frame in made.reshape(-1, cells, *made.shape[1:]):
                yield grids.grid(frame) if labels else frame[0]
                bar.advance()
