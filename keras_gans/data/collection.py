"""Collections: numbered images before decoding. `doctor` reads them, `pack` copies them, sources decode them."""

import numpy as np

from keras_gans.data import images as image_forms
from keras_gans.errors import UserError

SPLITS = ("train", "holdout", "all")


class Collection:
    """Numbered encoded images.

    Attributes:
        spec: what the user wrote ("folder:photos").
        name: short name for titles and file names.
        fingerprint: SHA-256 (hex) of what the collection is made of.
        count: number of images.
        class_names: tuple of names in label order; () where there are no labels or no names.
        split: "train", "holdout" or "all".
        faults: (where, reason) of damage that hides an unknown number of images.
        kind: "images", "paired" or "unpaired".
        unit: what is numbered, in the plural.
        sides: the `Collection`s A and B where the images come from two; else ().
    """

    spec = name = fingerprint = ""
    count = 0
    class_names = ()
    split = "all"
    faults = ()
    kind = unit = "images"
    sides = ()

    def read(self, index):
        """Returns (bytes of the image file, label) of one image."""
        raise NotImplementedError

    def where(self, index):
        """Returns the place of one image for messages: a path, or a path and a record number."""
        raise NotImplementedError

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


def every_tenth(count, split, spec, few=False):
    """Returns the numbers of a split, int64: the 10th, 20th, ... image is held out, the others train.

    With `few`, all of fewer than ten images are in every split.

    Raises:
        UserError: nothing to hold out.
    """
    numbers = np.arange(count)
    held_out = numbers % 10 == 9
    if split == "all" or few and not held_out.any():
        return numbers
    if split == "holdout" and not held_out.any():
        raise UserError(f"{spec} has too few images ({count}): every tenth is held out for scores; give it at least 10")
    return numbers[held_out if split == "holdout" else ~held_out]
