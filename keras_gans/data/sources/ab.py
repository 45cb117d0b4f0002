"""`ab:DIR`: pairs side by side, A in the left and B in the right half of each file (pix2pix, Isola et al. 2017)."""

import functools

from keras_gans.data import contents, decoding
from keras_gans.data import images as image_forms
from keras_gans.data.picture_files import BadImage
from keras_gans.data.schemes import SCHEMES
from keras_gans.data.sources.folder import Folder
from keras_gans.data.sources.paired import stem


def _odd(width, height):
    return f"odd width: {width}x{height} has no two halves of the same size"


class SideBySide(Folder):
    """The image files of a folder as pairs.

    Args:
        folder: path, text.
        split: "train", "holdout" or "all".
        spec: text of `--data`.
        held_out: `keras_gans.data.holdout.Holdout`.
    """

    kind, unit = "paired", "pairs"

    def __init__(self, folder, split, spec, held_out):
        super().__init__(folder, split, spec, held_out, "ab:DIR takes a folder of images, A left and B right")
        self.class_names = ()

    def _told_apart(self, path):
        return stem(path)

    @functools.cached_property
    def fingerprint(self):
        return contents.fingerprint("side by side", super().fingerprint)

    def flaw(self, size, least):
        return _odd(*size) if size[0] % 2 else super().flaw((size[0] // 2, size[1]), least)

    def pictures(self, number, channels):
        """Returns the two images of a pair, 8-bit `PIL.Image.Image`s, in the channels (of A, of B)."""
        picture = image_forms.upright(self.read(number)[0], max(channels))
        width, height = picture.size
        if width % 2:
            raise BadImage(_odd(width, height))
        halves = [picture.crop((left, 0, left + width // 2, height)) for left in (0, width // 2)]
        return [half.convert("L" if depth == 1 else "RGB") for half, depth in zip(halves, channels)]

    def source(self, image_size, channels, resize, crop, bad, load_size):
        from keras_gans.data.pairs import open_pairs

        natural = decoding.natural_channels(self)
        return open_pairs(self, natural, image_size, channels or natural, resize, crop, bad, load_size)


SCHEMES.register("ab")(SideBySide)
