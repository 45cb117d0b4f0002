"""`--data=SCHEME:REST` -> a source."""

import os
import zipfile

from keras_gans.data import holdout as holding_out
from keras_gans.data.collection import SPLITS
from keras_gans.data.schemes import SCHEMES
from keras_gans.data.stores import shown
from keras_gans.errors import UserError


def open_collection(spec, split="all", holdout=None, host=(0, 1), labels=None, dont_care=None, instances=None):
    """Finds the images that `spec` names, without decoding them.

    Args:
        spec: `SCHEME:REST`, such as `folder:photos`.
        split: "train", "holdout" or "all".
        holdout: what is held out, see `keras_gans.data.holdout.parse`; default: a tenth, by the hash of the names.
        host: (index, count): of TFRecord files, the host `index` opens every `count`-th only. Default: all of them.
        labels, dont_care, instances: see `open_source`.

    Returns:
        A `Collection`.

    Raises:
        UserError: unknown scheme, or nothing usable there.
    """
    scheme, colon, rest = spec.partition(":")
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}; known: {', '.join(SPLITS)}")
    if not colon or not rest:
        raise UserError(
            f"--data={shown(spec)} names no data; it looks like SCHEME:WHERE with one of "
            f"{', '.join(SCHEMES.names())}, as in embedded:fashion or folder:photos{_with_scheme(spec)}"
        )
    if "\0" in spec:
        raise UserError(f"--data={shown(spec)}: no path has a zero byte in it")
    holdout = holding_out.DEFAULT if holdout is None else holdout
    holding_out.parse(holdout)
    own = {} if host == (0, 1) else {"host": host}
    if own and scheme != "tfrecord":
        raise UserError(
            f"--shard_data=files deals out files of tfrecord:GLOB, not of {shown(spec)}; pack the pictures, or take rows"
        )
    collection = SCHEMES.get(scheme)(rest, split, spec, holdout, **own)
    collection.split, collection.holdout = split, holdout
    if labels is not None:
        from keras_gans.data.labelled import labelled

        return labelled(collection, labels, dont_care, instances)
    for flag, given in (("dont_care", dont_care), ("instances", instances)):
        if given is not None:
            raise UserError(f"--{flag}={given} is about label maps; give --labels too, or leave it out")
    return collection


def _with_scheme(spec):
    """Returns `; did you mean folder:PATH?` for the path of something that is there, or nothing."""
    if not spec or "\0" in spec or not os.path.exists(spec):
        return ""
    scheme = "folder" if os.path.isdir(spec) or zipfile.is_zipfile(spec) else "tfrecord"
    return f"; did you mean {scheme}:{shown(spec)}?"


def open_source(
    spec,
    image_size=32,
    channels=None,
    split="train",
    resize="lanczos",
    crop="center",
    bad="refuse",
    load_size=None,
    degrade=None,
    holdout=None,
    host=(0, 1),
    cache=None,
    labels=None,
    dont_care=None,
    instances=None,
):
    """Opens the images that `spec` names at one size.

    What fits in 1 GiB is decoded once and stays in memory; more is decoded as it is needed.

    Args:
        spec: single images: `embedded:NAME`, `folder:PATH`, `tfrecord:GLOB` or `tfds:NAME[/CONFIG][@SPLIT]`. Aligned
            pairs: `paired:A:B` (two folders; partners have the same path but for the suffix, and the same size),
            `ab:DIR` (A in the left half and B in the right half of each file) or
            `paired:tfds:NAME[/CONFIG][@SPLIT][#FEATURE_A,FEATURE_B]`. Images of two domains: `unpaired:A:B`.
        image_size: height and width of the images, in pixels. Default 32.
        channels: 1 (grey), 3 (RGB), or None for what the data have. Of two sides it is those of B, what a generator
            makes; A keeps what it has.
        split: "train", "holdout" (kept from training, for scores) or "all".
        resize: filter, a key of `keras_gans.data.images.FILTERS`. Default lanczos.
        crop: "center" (shorter side to `image_size`, then cut about the centre), "none" (squashed) or "pad" (black beside
            it makes it square).
        bad: what to do about images that cannot be read: "refuse" them with an error, or "skip" them with a message.
        load_size: None for images of `image_size`, always the same; N >= `image_size` to bring the shorter side to N
            (crop "none" and "pad": both) and cut a window of `image_size` at random, anew at each position of the
            sequence and alike on both sides of a pair; 0 to cut it from the picture as it is.
        degrade: makes pairs (degraded image, image) of single images, anew at each position: `name:key=value`, see
            `keras_gans.data.degradations`.
        holdout: what is held out: a share such as "0.1" of the images, pairs, or images of each domain, by the hash of their
            paths; "every:10", "none" or "folder:DIR". Default "0.1". Data with a split of their own keep it.
        host: as of `open_collection`.
        cache: `keras_gans.data.snapshots.Cache` where decoded images are kept, or None.
        labels: takes side A of `paired:A:B` for label maps: the number of labels, in digits, of maps of indices, or the path
            of a palette file (lines `R G B name`, as GIMP writes them) of maps in colours; a label's index is its place in
            the file. They are brought to their size by the nearest pixel.
        dont_care: the index in maps of indices that stands for no label, such as 255. It is read as one more label.
        instances: a folder of instance maps, whose borders become a second channel of A.

    Returns:
        A `Source`.

    Raises:
        UserError: unknown scheme or name, nothing usable there, bad images, sides that do not match, a size, channels
            or degradation that cannot be.
    """
    if channels not in (None, 1, 3):
        raise UserError(f"--channels={channels} is not possible; take 1 (grey) or 3 (RGB)")
    if image_size < 1:
        raise UserError(f"--image_size={image_size} is not possible; take at least 1")
    if load_size and load_size < image_size:
        raise UserError(
            f"--load_size={load_size} is not possible; take at least --image_size={image_size}, or 0 for "
            "each picture's own size"
        )
    collection = open_collection(spec, split, holdout, host, labels, dont_care, instances)
    for part in (collection, *collection.sides):
        part.cache = cache
    if degrade and collection.kind != "images":
        raise UserError(
            f"--degrade={degrade} makes pairs of single images, but {spec} is {collection.kind} already; "
            "leave it out, or give single images such as folder:PATH"
        )
    if not degrade:
        return collection.source(image_size, channels, resize, crop, bad, load_size)
    from keras_gans.data.degradations import DEGRADATIONS
    from keras_gans.data.pairs import DegradedSource

    degradation = DEGRADATIONS.create(degrade)  # before the images are read
    whole = image_size + degradation.margin
    if load_size and load_size < whole:
        raise UserError(
            f"--load_size={load_size} is not possible; --degrade={degrade} takes at least {whole}, --image_size and its "
            "margin, or 0 for each picture's own size"
        )
    source = collection.source(whole, channels, resize, crop, bad, load_size)
    if len(source.image_shape) != 3:
        raise UserError(f"--degrade={degrade} is for images, but {spec} holds points; leave it out")
    return DegradedSource(source, degradation)
