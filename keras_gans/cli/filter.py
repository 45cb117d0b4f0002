"""Takes pictures through a TFLite model of a run, or through one inside the package, without TensorFlow.

    keras-gans filter --model=embedded:cartoon --input=photo.jpg --out=filtered
    keras-gans filter --model=embedded:style --style=painting.jpg --input=photo.jpg --out=filtered
    keras-gans filter --model=embedded:enlarge4 --input=small.jpg --out=filtered
    keras-gans filter --model=models/cut_float16.tflite --input=photo.jpg --out=filtered
    keras-gans filter --model=models/cut_int8.tflite --input=film.mp4 --out=filtered --fit=resize --threads=4
    keras-gans filter --model=models/inpaint_float32.tflite --input=photo.png --mask=holes.png --out=filtered
    keras-gans filter --model=models/arbitrary_style_transfer_float16.tflite --style=painting.jpg --input=photo.jpg \
        --out=filtered --fit=resize

The model is one that export/tflite.py has written of a run that makes images of images, or one of the three above, which
need no training (keras-gans models says what they learned from). Pictures may have any size, and
folders, animated GIFs and videos go through as with keras-gans translate; what cannot be read is named and passed over
(exit code 1). A NAME_style_transfer model needs its NAME_style_predict in the same folder.
"""

from keras_gans.cli.translate import define_alpha, define_smooth, process
from keras_gans.flags import define_limits

TENSORFLOW = False  # LiteRT is enough


def define(flags):
    define_limits(flags)
    flags.string(
        "model",
        None,
        "a .tflite file that export/tflite.py has written, or embedded:cartoon, embedded:style, embedded:enlarge4",
        required=True,
    )
    flags.string(
        "input",
        None,
        "a picture, an animated GIF, a video, or a folder of them, at every depth; --out is left out of it",
        required=True,
    )
    flags.string("out", None, "folder for the results", required=True)
    define_alpha(flags)
    flags.string(
        "mask",
        None,
        "for a model that fills holes: a picture as large as the input, white where pixels are "
        "missing, or a folder with such a picture for each input, under its name (endings may differ)",
    )
    flags.strings(
        "style",
        [],
        "for a model that draws in a style: a picture, or a number from 0 where its styles are numbered; "
        "repeat the flag for an equal blend of several",
    )
    flags.choice(
        "fit",
        "tiles",
        ("tiles", "resize"),
        "how a model of one size sees larger pictures: in tiles that overlap, or "
        "made smaller (and the result larger again), as a phone does with its camera's",
    )
    flags.integer(
        "tile",
        1024,
        "side in pixels of the largest square that goes at once through a model that takes any size; "
        "larger pictures go through in tiles",
        64,
    )
    define_smooth(flags)
    flags.integer("threads", None, "of the CPU; default: LiteRT's choice", 1)


def run(flags):
    from keras_gans.errors import UserError
    from keras_gans.exporting.phone_filter import Filter
    from keras_gans.using import pictures
    from keras_gans.using.masks import Masks

    items = pictures.find(flags.input, flags.out)
    masks = Masks(flags.mask) if flags.mask is not None else None
    model = Filter(flags.model, flags.style, flags.fit, flags.tile, flags.threads)
    if model.takes_mask and masks is None:
        raise UserError(
            f"--mask is missing: {flags.model} fills holes; name a picture that is white where pixels are missing"
        )
    if masks is not None and not model.takes_mask:
        raise UserError(f"--mask: {flags.model} fills no holes; leave the flag out")

    def apply(image, item, report):
        return model(image, masks and masks.read(item.name, image.shape), report)

    return process(apply, items, "filtering", flags, flags.alpha)
