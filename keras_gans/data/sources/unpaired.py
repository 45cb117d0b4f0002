"""`unpaired:A:B`: folders of images of two domains that do not belong together (CycleGAN, Zhu et al. 2017)."""

import functools

from keras_gans.data import contents
from keras_gans.data.collection import Collection
from keras_gans.data.schemes import SCHEMES
from keras_gans.data.sources.paired import inventory_of, notes_of, two_folders


class Unpaired(Collection):
    """Two folders; of each, images are held out.

    B may be a handful of styles: fewer than ten images are all of them in every split.

    Args:
        rest: `A:B`, text: the paths of two folders.
        split: "train", "holdout" or "all".
        spec: text of `--data`.
        held_out: `keras_gans.data.holdout.Holdout`.
    """

    kind = "unpaired"

    def __init__(self, rest, split, spec, held_out):
        self.spec, self.split, self.holdout = spec, split, held_out
        self.sides = two_folders(rest, split, held_out, "unpaired", few=True)
        self.name = "-".join(side.name for side in self.sides)
        self.count, self.total = (max(getattr(side, of) for side in self.sides) for of in ("count", "total"))
        self.notes = notes_of(self.sides)

    @functools.cached_property
    def inventory(self):
        return inventory_of(self.sides)

    @functools.cached_property
    def fingerprint(self):
        return contents.fingerprint("unpaired", *(side.fingerprint for side in self.sides))

    def source(self, image_size, channels, resize, crop, bad, load_size):
        from keras_gans.data.pairs import UnpairedSource

        a, b = (
            side.source(image_size, depth, resize, crop, bad, load_size) for side, depth in zip(self.sides, (None, channels))
        )
        return UnpairedSource(self, a, b)


SCHEMES.register("unpaired")(Unpaired)
