"""`--data=SCHEME:REST` -> a source. A new scheme is one new file in `keras_gans/data/sources/`."""

from keras_gans.data.collection import SPLITS
from keras_gans.errors import UserError
from keras_gans.registry import Registry

SCHEMES = Registry("data scheme", "keras_gans.data.sources")
"""Name -> function (rest of the spec, split, spec) -> `Collection`."""


def open_collection(spec, split="all"):
    """Finds the images that `spec` names, without decoding them.

    Args:
        spec: `SCHEME:REST`, such as `folder:photos`.
        split: "train", "holdout" or "all".

    Returns:
        A `Collection`.

    Raises:
        UserError: unknown scheme, or nothing usable there.
    """
    scheme, colon, rest = spec.partition(":")
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    if not colon or not rest:
        raise UserError(f"--data={spec} names no data; it looks like SCHEME:WHERE with one of "
                        f"{', '.join(SCHEMES.names())}, as in embedded:fashion or folder:photos")
    collection = SCHEMES.get(scheme)(rest, split, spec)
    collection.split = split
    return collection


def open_source(spec, image_size=32, channels=None, split="train", resize="lanczos", crop="center", bad="refuse"):
    """Opens the images that `spec` names at one size.

    What fits in 1 GiB is decoded once and stays in memory; more is decoded as it is needed.

    Args:
        spec: `embedded:NAME`, `folder:PATH`, `tfrecord:GLOB` or `tfds:NAME[/CONFIG][@SPLIT]`.
        image_size: height and width of the images, in pixels.
        channels: 1 (grey), 3 (RGB), or None for what the data have.
        split: "train", "holdout" (kept from training, for scores) or "all".
        resize: filter, a key of `keras_gans.data.images.FILTERS`.
        crop: "center" (shorter side to `image_size`, then cut about the centre) or "none" (squashed).
        bad: what to do about images that cannot be read: "refuse" them with an error, or "skip" them with a message.

    Returns:
        A `Source`.

    Raises:
        UserError: unknown scheme or name, nothing usable there, bad images, a size or channels that cannot be.
    """
    if channels not in (None, 1, 3):
        raise UserError(f"--channels={channels} is not possible; take 1 (grey) or 3 (RGB)")
    if image_size < 1:
        raise UserError(f"--image_size={image_size} is not possible; take at least 1")
    return open_collection(spec, split).source(image_size, channels, resize, crop, bad)
