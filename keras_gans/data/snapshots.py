"""`--cache=DIR`: decoded images kept in files that are mapped into memory, within a bound."""

import os
import pathlib
import shutil

import numpy as np

from keras_gans import files
from keras_gans.errors import UserError


class Cache:
    """A folder of decoded images, one file for each way of decoding a collection.

    A file that is used is touched. Before a new one is written, those that have not been used for longest go, until all are
    within the bound.

    Args:
        folder: path of a folder, which is made if needed.
        most: bound of all files together, bytes.
        wanted: text that tells all that decoding depends on, beside the collection.
    """

    def __init__(self, folder, most, wanted):
        self.folder, self.most, self.wanted = pathlib.Path(folder).expanduser(), most, wanted

    def images(self, key, shape, decoded):
        """Returns the images, uint8 of `shape`, mapped into memory; its size is said.

        Args:
            key: text of letters and digits that stands for the images.
            shape: (count, h, w, c).
            decoded: function without arguments that yields uint8 [h, w, c].

        Raises:
            UserError: more than the bound, or than there is room on the disk.
        """
        path, size = self.folder / f"{key[:32]}.npy", int(np.prod(shape))
        if not path.is_file():
            self._make_room(size)
            with files.whole(path) as temporary:
                made = np.lib.format.open_memmap(temporary, "w+", np.uint8, tuple(shape))
                for row, image in enumerate(decoded()):
                    made[row] = image
                made.flush()
                del made
        os.utime(path)
        print(f"decoded images: {size / 1e9:.3g} GB in {path}", flush=True)
        return np.load(path, mmap_mode="r")

    def _make_room(self, size):
        if size > self.most:
            raise UserError(
                f"--cache={self.folder}: the decoded images take {size / 1e9:.3g} GB, more than --cache_gb={self.most / 1e9:g}; "
                "allow more, or leave the cache out"
            )
        for name in files.repair(self.folder):
            print(f"{self.folder / name}: half-written by a process that was killed; removed", flush=True)
        kept = sorted(self.folder.glob("*.npy"), key=lambda path: path.stat().st_mtime)
        while kept and sum(path.stat().st_size for path in kept) + size > self.most:
            print(f"{kept[0]}: removed, to keep within --cache_gb={self.most / 1e9:g}", flush=True)
            kept.pop(0).unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if size > free:
            raise UserError(
                f"--cache={self.folder}: the decoded images take {size / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free; name a "
                "folder on another disk"
            )
