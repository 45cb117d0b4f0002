"""Reads every image of a collection and says what is wrong with it."""

import collections
import dataclasses
import functools

import numpy as np

from keras_gans.data import decoding
from keras_gans.data import images as image_forms


@dataclasses.dataclass
class Findings:
    """What the doctor found in a collection of single images, or in one side of a collection of pairs.

    Attributes:
        collection: the `Collection`.
        bad: list of (where, reason), in order.
        sizes: int [n, 2], width and height of each readable image, as stored.
        modes: Counter of Pillow modes of the readable images.
        formats: Counter of file formats of the readable images.
        labels: Counter of labels of the readable images.
        upright: {number: (width, height)} of the readable images, turned as their EXIF data say.
    """

    collection: object
    bad: list
    sizes: np.ndarray
    modes: collections.Counter
    formats: collections.Counter
    labels: collections.Counter
    upright: dict


def examine(collection, image_size=None):
    """Decodes every image in full.

    Bad is what cannot be read (unreadable, truncated, corrupt record, a mode without known range), what is smaller than
    `image_size`, and every image whose pixels, as RGB, equal those of one before it. Of pairs, each side is examined;
    bad are images without a partner, too, and pairs of two sizes.

    Args:
        collection: a `Collection`.
        image_size: the least shorter side, in pixels; None takes any.

    Returns:
        List of `Findings`: one, or those of A and B; and the list of (where, reason) of what is bad about the whole.
    """
    return conclude(collection, [_examine(part, image_size) for part in collection.sides or [collection]])


def conclude(collection, parts):
    """Returns what `examine` does, from the `Findings` of a collection, or of its sides."""
    troubles = list(collection.faults)
    if collection.sides and collection.kind == "paired":
        for number, partners in enumerate(collection.partners.tolist()):
            sizes = [side.upright.get(partner) for side, partner in zip(parts, partners)]
            if None not in sizes and sizes[0] != sizes[1]:
                troubles.append((collection.where(number), image_forms.different_sizes(*sizes)))
    return parts, troubles


def look(collection, number):
    """Decodes one image in full.

    Returns:
        (width, height) as stored, Pillow's mode, file format, label, (width, height) upright, and a hash (hex) of the
        pixels.

    Raises:
        BadImage: it cannot be read.
    """
    data, label = collection.read(number)
    with image_forms.open_image(data) as image:
        size, mode, kind = image.size, image.mode, image.format
    upright, digest = image_forms.digest(data)
    return size, mode, kind, int(label), upright, digest.hex()


def _examine(collection, image_size):
    outcomes = decoding.for_all(functools.partial(look, collection), collection, f"examining {collection.name}")
    return findings(collection, outcomes, image_size)


def findings(collection, outcomes, image_size):
    """Puts together what `look` found.

    Args:
        collection: a `Collection`.
        outcomes: iterable of (number, result of `look` or None, error or None), in order.
        image_size: as of `examine`.

    Returns:
        `Findings`.
    """
    found = Findings(collection, [], [], *(collections.Counter() for _ in range(3)), {})
    seen = {}
    for number, result, error in outcomes:
        if error:
            found.bad.append((collection.where(number), str(error)))
            continue
        size, mode, kind, label, upright, digest = result
        found.upright[number] = tuple(upright)
        found.sizes.append(size)
        found.modes[mode] += 1
        found.formats[kind] += 1
        found.labels[label] += 1
        flaw = collection.flaw(found.upright[number], image_size)
        if flaw:
            found.bad.append((collection.where(number), flaw))
        first = seen.setdefault(digest, number)
        if first != number:
            found.bad.append((collection.where(number), f"duplicate: the same pixels as {collection.where(first)}"))
    found.sizes = np.array(found.sizes, int).reshape(-1, 2)
    return found
