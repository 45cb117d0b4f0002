"""Masks from files: one for all pictures, or one for each by name."""

import pathlib

import numpy as np

from keras_gans.data import images
from keras_gans.data.images import BadImage
from keras_gans.data.picture_files import suffixes
from keras_gans.data.stores import list_files
from keras_gans.errors import UserError


class Masks:
    """Finds the mask of a picture.

    Args:
        source: a picture, the mask of all; or a folder with one for each, under the same name and folders; endings may
            differ. White is what the mask means, black is what it leaves out.

    Raises:
        UserError: nothing there, or a folder without pictures.
    """

    def __init__(self, source):
        self._source = pathlib.Path(source).expanduser()
        self._paths = None
        if not self._source.exists():
            raise UserError(f"--mask={source} does not exist; name a black and white picture, or a folder of them")
        if self._source.is_dir():
            self._paths = {
                _stem(name): name
                for name in list_files(self._source)
                if pathlib.PurePosixPath(name).suffix.lower() in suffixes()
            }
            if not self._paths:
                raise UserError(f"no pictures in --mask={source}; a mask has the name of its picture")

    def read(self, name, shape):
        """Reads the mask of a picture.

        Args:
            name: of the picture, relative to its folder, with forward slashes.
            shape: (height, width, ...) of the picture.

        Returns:
            uint8 [height, width].

        Raises:
            BadImage: no mask of that name, one that is unreadable, or of another size.
        """
        path = self._source
        if self._paths is not None:
            if _stem(name) not in self._paths:
                raise BadImage(f"no mask {_stem(name)}.* in {self._source}")
            path = self._source / self._paths[_stem(name)]
        try:
            mask = images.decode(path, None, 1)[..., 0]
        except BadImage as error:
            raise BadImage(f"its mask {path} is {error}") from error
        if mask.shape != tuple(shape[:2]):
            raise BadImage(
                f"its mask {path} has {mask.shape[1]}x{mask.shape[0]} pixels, the picture "
                f"{shape[1]}x{shape[0]}; they must have the same size"
            )
        return np.ascontiguousarray(mask)


def _stem(name):
    return pathlib.PurePosixPath(name).with_suffix("").as_posix()
