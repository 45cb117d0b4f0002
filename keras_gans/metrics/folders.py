"""Folders of images at their own size, to compare as they are or pair by pair."""

import concurrent.futures
import functools
import pathlib

import numpy as np

from keras_gans.data.decoding import for_all
from keras_gans.data.images import decode, upright_size
from keras_gans.data.opening import open_collection
from keras_gans.data.picture_files import BadImage, open_image
from keras_gans.errors import UserError

_THREADS = 4


class FolderImages:
    """The images of a collection as RGB, unresized.

    Args:
        spec: `folder:PATH`.

    Attributes:
        spec, fingerprint, count: as of a `Source`.

    Raises:
        UserError: no folder, or no images in it.
    """

    def __init__(self, spec):
        self.collection = open_collection(spec)
        if not hasattr(self.collection, "paths"):
            raise UserError(f"{spec} is no folder of image files; take folder:PATH, or give --image_size")
        self.spec, self.fingerprint, self.count = spec, self.collection.fingerprint, self.collection.count

    @functools.cached_property
    def image_shape(self):
        """(height, width, 3) of all images.

        Raises:
            UserError: they are not of one size, or one cannot be read.
        """
        first = None  # upright, as they are read
        for index, size, error in for_all(self._size, self.collection, f"looking through {self.spec}"):
            if error:
                raise self._bad(index, error) from error
            first = first or size
            if size != first:
                raise UserError(
                    f"{self._where(0)} is {first[0]}x{first[1]} pixels and {self._where(index)} "
                    f"{size[0]}x{size[1]}; give --image_size to bring all images to one size"
                )
        return first[1], first[0], 3

    def read(self, index):
        """Returns image number `index`, uint8 [h, w, 3].

        Raises:
            UserError: it cannot be read.
        """
        try:
            return decode(self.collection.read(int(index))[0], None, 3)
        except BadImage as error:
            raise self._bad(index, error) from error

    def batches(self, count, seed=None, batch_size=64):
        """Yields uint8 [n, h, w, 3] of `count` images, drawn with the seed, or the first in order for seed None.

        Raises:
            UserError: they are not of one size, or one cannot be read.
        """
        self.image_shape  # looks at the headers of all images first
        order = np.arange(self.count) if seed is None else np.random.default_rng(seed).permutation(self.count)
        order = order[:count]
        with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
            for start in range(0, len(order), batch_size):
                yield np.stack(list(pool.map(self.read, order[start : start + batch_size])))

    def by_name(self):
        """Returns a dict: path inside the folder without its ending -> number.

        Raises:
            UserError: two images with the same name.
        """
        numbers = {}
        for index, path in enumerate(self.collection.paths):
            name = str(pathlib.PurePath(path).with_suffix(""))
            if name in numbers:
                raise UserError(
                    f"{self._where(numbers[name])} and {self._where(index)} have the same name; "
                    "pairs need one image to a name"
                )
            numbers[name] = index
        return numbers

    def _where(self, index):
        return self.collection.where(int(index))

    def _size(self, index):
        with open_image(self.collection.read(index)[0]) as image:
            return upright_size(image)

    def _bad(self, index, error):
        return UserError(f"{self._where(index)} is {error}; repair or remove it")


def pairs(reference, generated):
    """Yields (reference, generated), uint8 [h, w, 3] each, of the images that have the same name in two folders.

    Args:
        reference, generated: `FolderImages`.

    Raises:
        UserError: a name that only one folder has, or a pair of two sizes.
    """
    names, others = reference.by_name(), generated.by_name()
    for have, lack, other in ((names, others, generated), (others, names, reference)):
        missing = sorted(set(have) - set(lack))
        if missing:
            raise UserError(
                f"{other.spec} has no image named {missing[0]!r} ({len(missing)} missing); pairs are made "
                "by file name, so give two folders with the same names"
            )
    for name, index in names.items():
        one, other = reference.read(index), generated.read(others[name])
        if one.shape != other.shape:
            raise UserError(
                f"{name}: {one.shape[1]}x{one.shape[0]} pixels in {reference.spec} and "
                f"{other.shape[1]}x{other.shape[0]} in {generated.spec}; a pair needs one size"
            )
        yield one, other
