"""Collections: numbered images before decoding. `doctor` reads them, `pack` copies them, sources decode them."""

from keras_gans.data import holdout
from keras_gans.data import images as image_forms

SPLITS = ("train", "holdout", "all")


class Collection:
    """Numbered encoded images.

    Attributes:
        spec: what the user wrote ("folder:photos").
        name: short name for titles and file names.
        fingerprint: SHA-256 (hex) of what the collection is made of.
        inventory: {file: SHA-256 (hex) of what it holds}, of all splits; {} where the data are part of a package.
        count: number of images.
        total: number of images in all splits, or 0 where that means nothing.
        class_names: tuple of names in label order; () where there are no labels or no names.
        why_no_classes: why there are none, for messages; "" where nothing hints at any.
        notes: sentences about what was understood and left out.
        split: "train", "holdout" or "all".
        holdout: text of `--holdout`, see `keras_gans.data.holdout`.
        faults: (where, reason) of damage that hides an unknown number of images.
        kind: "images", "paired" or "unpaired".
        unit: what is numbered, in the plural.
        cache: `keras_gans.data.snapshots.Cache` where decoded images are kept, or None.
        sides: the `Collection`s A and B where the images come from two; else ().
    """

    spec = name = fingerprint = why_no_classes = ""
    count = total = 0
    inventory = {}
    class_names = notes = ()
    split = "all"
    holdout = holdout.DEFAULT
    faults = ()
    kind = unit = "images"
    sides = ()
    cache = None

    @property
    def left(self):
        """Images that are in other splits; 0 where that means nothing."""
        return max(0, self.total - self.count)

    def read(self, index):
        """Returns (bytes of the image file, label) of one image."""
        raise NotImplementedError

    def where(self, index):
        """Returns the place of one image for messages: a path, or a path and a record number."""
        raise NotImplementedError

    def name_of(self, index):
        """Returns the path of an image inside its folder, or "" where it has none."""
        return ""

    def flaw(self, size, least):
        """Returns what makes an image useless for training, or None.

        Args:
            size: (width, height), upright.
            least: the training size in pixels, or None.
        """
        if least and min(size) < least and not (size == (28, 28) and least <= 32):  # those are padded
            return image_forms.too_small(size, least)
        return None

    def source(self, image_size, channels, resize, crop, bad, load_size):
        """Decodes the collection; arguments and result as in `open_source`."""
        from keras_gans.data import decoding

        return decoding.source(self, image_size, channels, resize, crop, bad, load_size)
