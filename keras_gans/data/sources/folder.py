"""`folder:PATH`: image files of a folder or a ZIP archive, with class subfolders (or StyleGAN's dataset.json) as labels."""

import collections
import functools
import pathlib

from keras_gans.data import classes, contents, holdout, stores
from keras_gans.data.collection import Collection
from keras_gans.data.picture_files import HEIF, suffixes
from keras_gans.data.schemes import SCHEMES
from keras_gans.data.stores import shown
from keras_gans.errors import UserError


class Folder(Collection):
    """The image files of a folder or ZIP archive, sorted by path.

    Args:
        folder: its path.
        split, spec, held_out: as in `Collection`.
        usage: what `--data` takes, for messages. One sentence of text. Default: that of `folder:`.
        few: whether all of fewer than ten images are in every split. Default False.

    Raises:
        UserError: the folder that is held out has other classes.
    """

    def __init__(self, folder, split, spec, held_out, usage="folder:PATH takes a folder of images", few=False):
        self.split, self.spec, self.holdout = split, spec, held_out
        self._open(folder, usage)
        own = holdout.parse(held_out).folder
        if own and split == "holdout":
            trained = self.class_names
            self._open(own, "... --holdout=folder:DIR takes a folder of images")
            if self.class_names != trained:
                raise UserError(
                    f"--holdout=folder:{shown(own)} holds the classes {', '.join(self.class_names) or 'none'}, and "
                    f"{shown(spec)} {', '.join(trained) or 'none'}; they must have the same"
                )
        elif not own:
            names = list(map(self._told_apart, self._all))
            self.paths = [self._all[number] for number in holdout.part(names, split, held_out, shown(spec), few)]
        self.count = len(self.paths)

    def _open(self, folder, usage):
        folder = pathlib.Path(folder).expanduser()
        self.store, self.folder = stores.open_store(folder, usage), folder
        self.name = shown(folder.resolve().stem if folder.suffix == ".zip" else folder.resolve().name)
        endings, kinds = suffixes(), collections.Counter()
        paths = []
        for path in self.store.names:
            ending = pathlib.PurePosixPath(path).suffix.lower()
            if ending in endings:
                paths.append(path)
            elif path != classes.LABELS:
                kinds[ending or "no suffix"] += 1
        if not paths:
            kinds = ", ".join(map(shown, sorted(kinds)[:5]))
            what = f"it holds only files of other kinds ({kinds})" if kinds else "it is empty"
            raise UserError(f"no images in {shown(folder)}: {what}; images end in {', '.join(endings[:6])}, ...")
        self.paths = self._all = paths
        self.total = len(paths)
        self._classes = classes.understand(self.store, paths)
        self.class_names, self.why_no_classes = self._classes.names, self._classes.why_none
        self.notes = (*self._classes.notes, *_left_out(kinds))

    def _told_apart(self, path):
        """Returns the part of a path that decides whether it is held out."""
        return path

    @functools.cached_property
    def inventory(self):
        return contents.hashes(self.store, self._all)

    @functools.cached_property
    def fingerprint(self):
        labels = self._classes.labels
        return contents.fingerprint(*(f"{path}\0{found}\0{labels.get(path, 0)}" for path, found in self.inventory.items()))

    def read(self, number):
        path = self.paths[number]
        return self.store.read(path), self._classes.labels.get(path, 0)

    def where(self, number):
        return self.store.where(self.paths[number])

    def name_of(self, number):
        return self.paths[number]


def _left_out(kinds):
    """Says which files are no pictures."""
    if not kinds:
        return
    listed = ", ".join(f"{count:,} {shown(kind)}" for kind, count in kinds.most_common(5))
    more = f" and {len(kinds) - 5} more kinds" if len(kinds) > 5 else ""
    heif = "; pip install 'keras-gans[heic]' reads HEIC" if kinds.keys() & {*HEIF} else ""
    yield f"left out: {listed}{more}{heif}"


SCHEMES.register("folder")(Folder)
