"""`paired:A:B` and `paired:tfds:NAME`: two aligned images to each element, A (what is given) and B (what is wanted)."""

import functools
import pathlib
import re
import unicodedata

import numpy as np

from keras_gans.data import contents, decoding, holdout
from keras_gans.data import images as image_forms
from keras_gans.data.collection import Collection
from keras_gans.data.picture_files import BadImage
from keras_gans.data.schemes import SCHEMES
from keras_gans.data.sources import tfds
from keras_gans.data.sources.folder import Folder
from keras_gans.data.stores import shown
from keras_gans.errors import UserError


class Pairs(Collection):
    """Pairs of images from two collections.

    Args:
        spec, name, split, held_out, faults: as in `Collection`.
        sides: the `Collection`s A and B.
        partners: int [n, 2], the numbers in A and in B of each pair.
        total: pairs in all splits.
        identity: texts that tell data with the same sides apart.
    """

    kind, unit = "paired", "pairs"

    def __init__(self, spec, name, split, held_out, sides, partners, faults, total, identity=()):
        self.spec, self.name, self.split, self.holdout = spec, name, split, held_out
        self.sides, self.partners, self.faults, self.identity = sides, partners, faults, identity
        self.count, self.total, self.notes = len(partners), total, notes_of(sides)

    @functools.cached_property
    def inventory(self):
        return inventory_of(self.sides)

    @functools.cached_property
    def fingerprint(self):
        return contents.fingerprint(*(side.fingerprint for side in self.sides), *self.identity)

    def where(self, number):
        places = [side.where(partner) for side, partner in zip(self.sides, self.partners[number].tolist())]
        return " with ".join(dict.fromkeys(places))

    def pictures(self, number, channels):
        """Returns the two images of a pair, 8-bit `PIL.Image.Image`s, in the channels (of A, of B)."""
        found = []
        for title, side, partner, depth in zip("AB", self.sides, self.partners[number].tolist(), channels):
            try:
                found.append(image_forms.upright(side.read(partner)[0], depth))
            except BadImage as error:
                raise BadImage(f"side {title} is {error}") from error
        return found

    def source(self, image_size, channels, resize, crop, bad, load_size):
        from keras_gans.data.pairs import open_pairs

        self.refuse_faults(bad)
        a, b = map(decoding.natural_channels, self.sides)
        return open_pairs(self, a, image_size, channels or b, resize, crop, bad, load_size)

    def refuse_faults(self, bad):
        """Raises a `UserError` where no image has a partner; refuses or skips those without, as `bad` says."""
        if not self.count:
            a, b = (side.where(0) for side in self.sides[:2])
            raise UserError(f"{self.spec}: no image in A has a partner of the same name in B (A has {a}, B {b})")
        decoding.report_faults(self, bad)


def notes_of(sides):
    """Returns the notes of the sides, each with its side."""
    return tuple(f"{title}: {note}" for title, side in zip("ABC", sides) for note in side.notes)


def inventory_of(sides):
    """Returns the inventories of the sides as one."""
    return {f"{title}/{name}": value for title, side in zip("ABC", sides) for name, value in side.inventory.items()}


def two_folders(rest, split, held_out, scheme, few=False):
    """Returns the `Folder`s A and B of `A:B`; `few` is that of B."""
    if holdout.parse(held_out).folder:
        raise UserError(
            f"--holdout={held_out} goes with one folder, not with {scheme}:A:B; take a share such as 0.1, or none"
        )
    a, b = _two_paths(rest, scheme)
    usage = f"{scheme}:A:B takes two folders of images"
    return [
        Folder(a, split, f"folder:{a}", held_out, usage),
        Folder(b, split, f"folder:{b}", held_out, usage, few),
    ]


def _two_paths(rest, scheme):
    """Splits `A:B`; colons may also stand behind a drive (C:\\A), and in names of folders that exist."""
    ways = [(rest[: colon.start()], rest[colon.end() :]) for colon in re.finditer(":", rest)]
    there = [way for way in ways if all(part and pathlib.Path(part).expanduser().exists() for part in way)]
    side = r"((?:[A-Za-z]:[\\/])?[^:]+)"
    drives = re.fullmatch(f"{side}:{side}", rest)
    if len(there) == 1:
        return there[0]
    if drives and len(there) < 2:
        return drives.groups()
    raise UserError(
        f"--data={scheme}:{shown(rest)}: it takes two folders, {scheme}:A:B; names with colons must tell A from B alone"
    )


def stem(path):
    """Returns a path without its suffix in one Unicode form: what partners have in common."""
    return unicodedata.normalize("NFC", str(pathlib.PurePosixPath(path).with_suffix("")))


def by_name(folder):
    """Returns {relative path without the suffix: number}, and as faults the images whose names are taken."""
    found, faults = {}, []
    for number, path in enumerate(folder.paths):
        first = found.setdefault(stem(path), number)
        if first != number:
            faults.append((folder.where(number), f"name taken: {folder.where(first)} has it too"))
    return found, faults


def match(a, b):
    """Pairs the images of two `Folder`s by their paths without the suffix.

    Returns:
        Their numbers, int64 [n, 2], sorted by path; what the pairs have in common, a list of paths; and the faults: images
        without a partner.
    """
    (in_a, faults), (in_b, more) = by_name(a), by_name(b)
    faults += more
    for mine, others, folder, other in ((in_a, in_b, a, b), (in_b, in_a, b, a)):
        faults += [
            (folder.where(mine[name]), f"no partner: there is no {shown(other.folder / name)}.*")
            for name in sorted(mine.keys() - others.keys())
        ]
    both = sorted(in_a.keys() & in_b.keys())
    return np.array([(in_a[name], in_b[name]) for name in both], int).reshape(-1, 2), both, faults


@SCHEMES.register("paired")
def paired(rest, split, spec, held_out):
    if rest.startswith("tfds:"):
        sides, features = tfds.image_pair(rest.removeprefix("tfds:"), split, spec, held_out)
        identity = np.tile(np.arange(sides[0].count)[:, None], 2)
        name, faults = sides[0].name, sides[0].faults
        return Pairs(spec, name, split, held_out, sides, identity, faults, sides[0].total, features)
    sides = two_folders(rest, "all", held_out, "paired")
    partners, names, faults = match(*sides)
    chosen = holdout.part(names, split, held_out, shown(spec)) if names else np.zeros(0, int)
    name = "-".join(side.name for side in sides)
    return Pairs(spec, name, split, held_out, sides, partners[chosen], faults, len(names))
