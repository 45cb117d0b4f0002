"""Repairs pictures with a run that was trained with --degrade: enlarges, denoises, fills holes or colours them.

    keras-gans restore --run=runs/srgan --input=small.png --out=restored            larger by the run's factor
    keras-gans restore --run=runs/denoise --input=photos --out=restored             the same size
    keras-gans restore --run=runs/inpaint --input=photo.png --mask=holes.png --out=restored
    keras-gans restore --run=runs/colorize --input=old.jpg --out=restored           of the grey picture

Where a mask is black the picture stays as it is. Sizes, names and kinds of files are as for keras-gans translate.
"""

from keras_gans.cli.translate import define_bulk, define_common, work
from keras_gans.errors import UserError
from keras_gans.flags import define_limits


def define(flags):
    define_limits(flags)
    define_common(flags)
    flags.string(
        "mask",
        None,
        "for a run that fills holes: a picture as large as the input, white where pixels are "
        "missing, or a folder with such a picture for each input, under its name (endings may differ)",
    )
    define_bulk(flags)


def run(flags):
    return work(prepare, flags, flags.input, "input", "restoring", flags.alpha)


def prepare(flags):
    """Returns the function that repairs a picture, as of `keras_gans.using.pictures.process`."""
    from keras_gans.trained.trained import Trained
    from keras_gans.using import Translator
    from keras_gans.using.masks import Masks

    masks = Masks(flags.mask) if flags.mask is not None else None
    opened = Trained.open(flags.run, flags.checkpoint)
    degrade = opened.recipe.get("degrade")
    if opened.translates and not degrade:
        raise UserError(f"{flags.run} was trained without --degrade and repairs nothing; use keras-gans translate")
    translator = Translator.of(opened)
    if translator.takes_mask and flags.mask is None:
        raise UserError(
            f"--mask is missing: {flags.run} (--degrade={degrade}) fills holes; name a picture that is "
            "white where pixels are missing"
        )
    if flags.mask is not None and not translator.takes_mask:
        raise UserError(f"--mask: {flags.run} (--degrade={degrade}) fills no holes; leave the flag out")
    translator.tile = flags.tile

    def restore(image, item, report):
        return translator(image, masks and masks.read(item.name, image.shape), report)

    return restore
