"""`unpaired:A:B`: folders of images of two domains that do not belong together (CycleGAN, Zhu et al. 2017)."""

from keras_gans.data.collection import Collection
from keras_gans.data.opening import SCHEMES
from keras_gans.data.sources.paired import fingerprint, two_folders


class Unpaired(Collection):
    """Two folders; every tenth image of each is held out.

    B may be a handful of styles: of fewer than ten images none is held out, and all of them are in every split.
    """

    kind = "unpaired"

    def __init__(self, rest, split, spec):
        self.spec, self.split = spec, split
        self.sides = two_folders(rest, split, "unpaired", few=True)
        self.name = "-".join(side.name for side in self.sides)
        self.fingerprint = fingerprint("unpaired", *(side.fingerprint for side in self.sides))
        self.count = max(side.count for side in self.sides)

    def source(self, image_size, channels, resize, crop, bad, load_size):
        from keras_gans.data.pairs import UnpairedSource

        a, b = (
            side.source(image_size, depth, resize, crop, bad, load_size) for side, depth in zip(self.sides, (None, channels))
        )
        return UnpairedSource(self, a, b)


SCHEMES.register("unpaired")(Unpaired)
