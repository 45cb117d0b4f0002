"""`paired:A:B` and `paired:tfds:NAME`: two aligned images to each element, A (what is given) and B (what is wanted)."""

import hashlib
import pathlib

import numpy as np

from keras_gans.data import decoding
from keras_gans.data import images as image_forms
from keras_gans.data.collection import Collection, every_tenth
from keras_gans.data.images import BadImage
from keras_gans.data.opening import SCHEMES
from keras_gans.data.sources import tfds
from keras_gans.data.sources.folder import Folder
from keras_gans.errors import UserError


class Pairs(Collection):
    """Pairs of images from two collections.

    Args:
        spec, name, fingerprint, split, faults: as in `Collection`.
        sides: the `Collection`s A and B.
        partners: int [n, 2], the numbers in A and in B of each pair.
    """

    kind, unit = "paired", "pairs"

    def __init__(self, spec, name, fingerprint, split, sides, partners, faults):
        self.spec, self.name, self.fingerprint, self.split = spec, name, fingerprint, split
        self.sides, self.partners, self.faults = sides, partners, faults
        self.count = len(partners)

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

        if not self.count:
            a, b = (side.where(0) for side in self.sides)
            raise UserError(f"{self.spec}: no image in A has a partner of the same name in B (A has {a}, B {b})")
        decoding.report_faults(self, bad)
        a, b = map(decoding.natural_channels, self.sides)
        return open_pairs(self, a, image_size, channels or b, resize, crop, bad, load_size)


def two_folders(rest, split, scheme, few=False):
    """Returns the `Folder`s A and B of `A:B`; `few` is that of B."""
    a, colon, b = rest.partition(":")
    if not a or not b or ":" in b:
        raise UserError(f"--data={scheme}:{rest}: it takes two folders, {scheme}:A:B, without colons in their names")
    usage = f"{scheme}:A:B takes two folders of images"
    return [Folder(a, split, f"folder:{a}", usage), Folder(b, split, f"folder:{b}", usage, few)]


def fingerprint(*parts):
    """Returns the SHA-256 (hex) of several texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _by_name(folder):
    """Returns {relative path without the suffix: number}, and as faults the images whose names are taken."""
    found, faults = {}, []
    for number, path in enumerate(folder.paths):
        first = found.setdefault(str(pathlib.PurePosixPath(path).with_suffix("")), number)
        if first != number:
            faults.append((folder.where(number), f"name taken: {folder.where(first)} has it too"))
    return found, faults


def match(a, b):
    """Pairs the images of two `Folder`s by their paths without the suffix.

    Returns:
        Their numbers, int64 [n, 2], sorted by path; and the faults: images without a partner.
    """
    (in_a, faults), (in_b, more) = _by_name(a), _by_name(b)
    faults += more
    for mine, others, folder, other in ((in_a, in_b, a, b), (in_b, in_a, b, a)):
        faults += [
            (folder.where(mine[name]), f"no partner: there is no {other.folder / name}.*")
            for name in sorted(mine.keys() - others.keys())
        ]
    both = sorted(in_a.keys() & in_b.keys())
    return np.array([(in_a[name], in_b[name]) for name in both], int).reshape(-1, 2), faults


@SCHEMES.register("paired")
def paired(rest, split, spec):
    if rest.startswith("tfds:"):
        sides, features = tfds.image_pair(rest.removeprefix("tfds:"), split, spec)
        identity = np.tile(np.arange(sides[0].count)[:, None], 2)
        return Pairs(
            spec, sides[0].name, fingerprint(sides[0].fingerprint, *features), split, sides, identity, sides[0].faults
        )
    sides = two_folders(rest, "all", "paired")
    partners, faults = match(*sides)
    partners = partners[every_tenth(len(partners), split, spec)]
    name = "-".join(side.name for side in sides)
    return Pairs(spec, name, fingerprint(*(side.fingerprint for side in sides)), split, sides, partners, faults)
