"""What is held out of training: a share by the hash of the names, every n-th, nothing, or a folder of its own."""

import dataclasses
import hashlib
import unicodedata

import numpy as np

from keras_gans.errors import UserError

DEFAULT = "0.1"


class NothingHeldOut(UserError):
    """No image of the data is held out."""


@dataclasses.dataclass(frozen=True)
class Holdout:
    """How images are held out.

    Attributes:
        share: of the images, by the hash of their names; 0 where another way is taken.
        every: n for every n-th in order, the way of version 0.1.0; 0 where another way is taken.
        folder: of held-out images, or None.
    """

    share: float = 0.0
    every: int = 0
    folder: str | None = None


def parse(text):
    """Reads `--holdout`: a share between 0 and 1, `every:N`, `none` or `folder:DIR`.

    Raises:
        UserError: anything else.
    """
    kind, colon, value = text.partition(":")
    if kind == "none" and not colon:
        return Holdout()
    if kind == "folder" and value:
        return Holdout(folder=value)
    if kind == "every" and value.isdecimal() and 2 <= int(value) < 2**31:
        return Holdout(every=int(value))
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if 0 < share < 1:
        return Holdout(share=share)
    raise UserError(f"--holdout={text} is not possible; take a share such as 0.1, every:10, none or folder:DIR")


def is_held_out(names, holdout):
    """Returns which of the images are held out, bool [n].

    By their share, an image stays where it is whatever is added or removed; of two or more, at least one is held out and at
    least one is not.

    Args:
        names: list of text that tells the images apart, in order: paths inside their folder, numbers of records.
        holdout: a `Holdout` without a folder.
    """
    count = len(names)
    if holdout.every:
        return np.arange(count) % holdout.every == holdout.every - 1
    if not holdout.share or count < 2:
        return np.zeros(count, bool)
    places = np.array([_place(name) for name in names])
    chosen = places < holdout.share
    chosen[np.argmin(places)] = True
    chosen[np.argmax(places)] = False
    return chosen


def _place(name):
    """Returns where a name falls in [0, 1); the two Unicode forms of a name are one."""
    text = unicodedata.normalize("NFC", name).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big") / 2**56


def part(names, split, holdout, spec, few=False):
    """Returns the numbers of a split, int64.

    Args:
        names: as in `is_held_out`.
        split: "train", "holdout" or "all".
        holdout: text of `--holdout`, not of a folder.
        spec: of the data, for messages.
        few: whether all of fewer than ten images are in every split.

    Raises:
        NothingHeldOut: nothing is.
    """
    numbers = np.arange(len(names))
    if split == "all" or (few and len(names) < 10):
        return numbers
    chosen = is_held_out(names, parse(holdout))
    if split == "holdout" and not chosen.any():
        raise NothingHeldOut(
            f"{spec}: of {len(names)} images --holdout={holdout} holds none out; take more images, a share such as "
            "--holdout=0.1, or --holdout=folder:DIR"
        )
    return numbers[chosen if split == "holdout" else ~chosen]
