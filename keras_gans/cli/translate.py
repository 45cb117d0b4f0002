"""Takes pictures through a run that translates images: pix2pix, CycleGAN, CUT.

    keras-gans translate --run=runs/cyclegan --input=photo.jpg --out=translated
    keras-gans translate --run=runs/cyclegan --input=photos --out=translated --direction=ba
    keras-gans translate --run=runs/cut --input=film.mp4 --out=translated

Pictures may have any size. Large ones go through in pieces (see --tile). They are turned upright by their EXIF
orientation and brought to sRGB by their colour profile; alpha is laid over white, or kept (--alpha). Results are PNG
files under the inputs' names, in the same folders; animated GIFs become GIFs and videos MP4s (with keras-gans[video]).
Every frame keeps its time, a video its sound; it comes out upright, of square pixels, and tagged with its colours.
--smooth=0.8 makes it flicker less.

With --runner=direct a folder of very many pictures goes through in shards, by as many processes as Beam is told to take.

A run that has learned from label maps (SPADE, --labels) paints label maps: pictures of indices, or in the colours of its
palette, as those that it has learned from. Where it has learned with the edges of instances, borders between labels stand
for them.

What cannot be read is named and passed over; the exit code is then 1.
"""

import functools

from keras_gans.bulk import commands as bulk
from keras_gans.errors import UserError
from keras_gans.flags import define_limits, define_runner


def define(flags):
    define_limits(flags)
    define_common(flags)
    flags.choice("direction", "ab", ("ab", "ba"), "from domain A to B, or back where the run has learned both ways")
    define_bulk(flags)


def define_common(flags):
    """Defines the flags of every verb that takes pictures through a run."""
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string(
        "input",
        None,
        "a picture, an animated GIF, a video, or a folder of them, at every depth; --out is left out of it",
        required=True,
    )
    flags.string("out", None, "folder for the results", required=True)
    define_alpha(flags)
    flags.integer(
        "tile",
        1024,
        "side in pixels of the largest square, at the size of the result, that goes through at "
        "once; larger pictures go through in pieces of that area. Less takes less memory and more time",
        64,
    )
    define_smooth(flags)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def define_smooth(flags):
    """Defines the flag of every verb that takes videos through something that sees one frame at a time."""
    flags.number(
        "smooth",
        0.0,
        "against flicker of videos and animated GIFs: share of the frames before in what does not change, from 0 (none) to 0.95",
        0.0,
        0.95,
    )


def define_bulk(flags):
    """Defines the flags of every verb that takes very many pictures through something."""
    define_runner(flags, "OUT/.shards")
    flags.choice(
        "write",
        None,
        ("files", "tfrecord"),
        "of --runner: a PNG file for each picture (default), or a TFRecord file for each shard",
    )


ALPHA = (
    "of pictures with alpha or a transparent colour: laid over white, or kept, so that the result has it too; animations "
    "are laid over white"
)


def define_alpha(flags):
    flags.choice("alpha", "white", ("white", "keep"), ALPHA)


def run(flags):
    return work(prepare, flags, flags.input, "input", "translating", flags.alpha)


def prepare(flags):
    """Returns the function that takes a picture through the run, as of `keras_gans.using.pictures.process`."""
    from keras_gans.trained.trained import Trained
    from keras_gans.using import Translator

    opened = Trained.open(flags.run, flags.checkpoint)
    degrade = opened.recipe.get("degrade")
    if degrade:
        raise UserError(f"{flags.run} restores what --degrade={degrade} has spoiled; use keras-gans restore")
    translator = Translator.of(opened, flags.direction)
    translator.tile = flags.tile

    def translate(image, item, report):
        return translator(image, report=report)

    if opened.labels:
        translate.read = functools.partial(opened.labels.inputs, edges=opened.input_shape[-1] == 2)
    return translate


def work(prepare, flags, source, flag, title, alpha):
    """Takes pictures through what `prepare(flags)` returns, here or with Beam; returns the exit code.

    Args:
        prepare: a function of a module, which workers can find.
        flags: of the verb.
        source: the pictures.
        flag: what names them, for messages.
        title: what is being done.
        alpha: see `keras_gans.using.pictures.process`.
    """
    from keras_gans.using import pictures

    if bulk.asked(flags):
        return bulk.draw(prepare, flags, source, flag, title, alpha)
    items = pictures.find(source, flags.out, flag)
    return process(prepare(flags), items, title, flags, alpha)


def process(function, items, title, flags, alpha="white"):
    """Takes items through `function`, see `keras_gans.using.pictures`; returns the exit code."""
    from keras_gans.using import pictures

    failed = pictures.process(function, items, title, flags.smooth, alpha)
    done = len(items) - failed
    print(f"wrote {items[0].target if len(items) == 1 else f'{done} results to {flags.out}'}")
    return 1 if failed else 0
