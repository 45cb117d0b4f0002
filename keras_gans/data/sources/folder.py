"""`folder:PATH`: image files, with class subfolders as labels."""

import hashlib
import os
import pathlib

from keras_gans.data.collection import Collection, every_tenth
from keras_gans.data.images import BadImage
from keras_gans.data.opening import SCHEMES
from keras_gans.errors import UserError

SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".webp",
    ".avif",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
    ".tga",
    ".jp2",
    ".j2k",
    ".pcx",
    ".psd",
    ".sgi",
    ".ico",
)


def list_files(folder):
    """Lists a folder at every depth, links followed, hidden files and folders left out.

    Args:
        folder: a `pathlib.Path`.

    Returns:
        Sorted list of paths relative to `folder`, with forward slashes.
    """
    found, seen = [], set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder above it
            folders.clear()
            continue
        seen.add(real)
        inside = pathlib.Path(parent).relative_to(folder)
        found += [(inside / name).as_posix() for name in names if not name.startswith(".")]
    return sorted(found)


class Folder(Collection):
    """The image files of a folder, sorted by path; every tenth is held out.

    Where every image lies in one of several subfolders, the subfolders are the classes, in sorted order.

    Args:
        folder: its path.
        split, spec: as in `Collection`.
        usage: what `--data` takes, for messages.
        few: whether fewer than ten images will do: then none is held out, and all are in every split. Default False.
    """

    def __init__(self, folder, split, spec, usage="folder:PATH takes a folder of images", few=False):
        self.folder, self.split, self.spec = pathlib.Path(folder).expanduser(), split, spec
        self.name = self.folder.resolve().name
        if not self.folder.is_dir():
            what = "is a file, not a folder" if self.folder.exists() else "does not exist"
            raise UserError(f"{self.folder} {what}; --data={usage}")
        found = list_files(self.folder)
        paths = [path for path in found if pathlib.PurePosixPath(path).suffix.lower() in SUFFIXES]
        if not paths:
            suffixes = sorted({pathlib.PurePosixPath(path).suffix or "no suffix" for path in found})[:5]
            what = f"it holds only files of other kinds ({', '.join(suffixes)})" if found else "it is empty"
            raise UserError(f"no images in {self.folder}: {what}; images end in {', '.join(SUFFIXES[:6])}, ...")
        digest = hashlib.sha256()
        for path in paths:
            try:
                status = (self.folder / path).stat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
            except OSError:  # a dangling link is a bad image like any other
                digest.update(f"{path}\0missing\n".encode(errors="surrogateescape"))
        self.fingerprint = digest.hexdigest()
        tops = sorted({path.split("/")[0] if "/" in path else "" for path in paths})
        self.class_names = tuple(tops) if len(tops) > 1 and "" not in tops else ()
        self.paths = [paths[number] for number in every_tenth(len(paths), split, spec, few)]
        self.count = len(self.paths)

    def read(self, number):
        path = self.paths[number]
        try:
            data = (self.folder / path).read_bytes()
        except OSError as error:
            raise BadImage(f"unreadable: {error.strerror}") from error
        return data, self.class_names.index(path.split("/")[0]) if self.class_names else 0

    def where(self, number):
        return str(self.folder / self.paths[number])


SCHEMES.register("folder")(Folder)
