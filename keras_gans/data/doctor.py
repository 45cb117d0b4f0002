"""Reads every image of a collection and says what is wrong with it."""

import collections
import dataclasses
import hashlib

import numpy as np

from keras_gans.data import decoding
from keras_gans.data import images as image_forms


@dataclasses.dataclass
class Findings:
    """What the doctor found.

    Attributes:
        bad: list of (where, reason), in order.
        sizes: int [n, 2], width and height of each readable image, upright as stored.
        modes: Counter of Pillow modes of the readable images.
        formats: Counter of file formats of the readable images.
        labels: Counter of labels of the readable images.
    """

    bad: list
    sizes: np.ndarray
    modes: collections.Counter
    formats: collections.Counter
    labels: collections.Counter


def examine(collection, image_size=None):
    """Decodes every image in full.

    Bad is what cannot be read (unreadable, truncated, corrupt record, a mode without known range), what is smaller than
    `image_size`, and every image whose pixels, as RGB, equal those of one before it.

    Args:
        collection: a `Collection`.
        image_size: the least shorter side, in pixels; None takes any.

    Returns:
        `Findings`.
    """

    def look(number):
        data, label = collection.read(number)
        with image_forms.open_image(data) as image:
            size, mode, kind = image.size, image.mode, image.format
        pixels = image_forms.decode(data, None, 3)
        return size, mode, kind, label, hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()

    findings = Findings(list(collection.faults), [], *(collections.Counter() for _ in range(3)))
    seen = {}
    for number, result, error in decoding.for_all(look, collection, f"examining {collection.name}"):
        if error:
            findings.bad.append((collection.where(number), str(error)))
            continue
        size, mode, kind, label, digest = result
        findings.sizes.append(size)
        findings.modes[mode] += 1
        findings.formats[kind] += 1
        findings.labels[label] += 1
        if image_size and min(size) < image_size and not (size == (28, 28) and image_size <= 32):  # those are padded
            findings.bad.append((collection.where(number), f"too small: {size[0]}x{size[1]}, wanted at least "
                                                           f"{image_size}x{image_size}"))
        first = seen.setdefault(digest, number)
        if first != number:
            findings.bad.append((collection.where(number), f"duplicate: the same pixels as {collection.where(first)}"))
    findings.sizes = np.array(findings.sizes, int).reshape(-1, 2)
    return findings
