"""From a collection to a source: decode everything once if it fits in memory, or each image when its turn comes."""

import contextlib
import json
import sys
import types

import numpy as np

from keras_gans import files
from keras_gans.data import classes, contents, picture_files
from keras_gans.data import images as image_forms
from keras_gans.data.picture_files import BadImage
from keras_gans.data.source import ArraySource, FileSource, PictureSource
from keras_gans.data.stores import shown
from keras_gans.data.threads import for_all
from keras_gans.errors import UserError

MEMORY = 2**30  # bytes of decoded images that may stay in memory
SAMPLE = 100  # images looked at to tell grey data from colour


def natural_channels(collection):
    """Returns 1 if `SAMPLE` images spread over the collection are all grey, else 3. Only headers are read."""
    for number in np.unique(np.linspace(0, collection.count - 1, min(SAMPLE, collection.count)).astype(int)).tolist():
        with contextlib.suppress(BadImage), image_forms.open_image(collection.read(number)[0]) as image:
            if image.mode not in image_forms.GREY_MODES:
                return 3
    return 1


def source(collection, image_size, channels, resize, crop, bad, load_size):
    """Makes the source of a collection of single images; arguments and errors as in `keras_gans.data.open_source`.

    Returns:
        A `Source`, see `store`.
    """
    report_faults(collection, bad)
    channels = channels or natural_channels(collection)

    def load(number):
        data, label = collection.read(number)
        return image_forms.decode(data, image_size, channels, resize, crop, load_size), label

    return store(collection, load, (image_size, image_size, channels), bad, load_size)


def store(collection, load, shape, bad, load_size):
    """Decodes everything once if it fits in 1 GiB, or checks that it can be decoded.

    Args:
        collection: a `Collection`.
        load: function of a number -> (uint8 [H, W, c], label); may raise `BadImage`; called from several threads.
        shape: (h, w, c) of the images that the source gives.
        bad: "refuse" or "skip".
        load_size: None where `load` gives `shape`; else windows of `shape` are cut from what it gives.

    Returns:
        An `ArraySource` or, for windows, a `PictureSource`; a `FileSource` where the memory does not suffice.
    """
    if not collection.count:
        report_faults(collection, "refuse")
        raise UserError(f"{shown(collection.spec)}: no {collection.unit} in this split; give it more")
    if collection.cache:
        return _from_snapshot(collection, load, shape, bad, load_size)
    if collection.count * np.prod(shape) > MEMORY:
        return _on_demand(collection, load, shape, bad, load_size)
    pictures = np.empty([collection.count, *shape], np.uint8) if load_size is None else [None] * collection.count
    labels, errors, size = np.zeros(collection.count, np.int64), {}, 0
    for number, result, error in for_all(load, collection, f"reading {collection.name}"):
        if error:
            errors[number] = str(error)
            continue
        pictures[number], labels[number] = result
        size += result[0].nbytes
        if size > MEMORY:
            return _on_demand(collection, load, shape, bad, load_size)
    good = settle(collection, errors, bad)
    found = classes.settle(collection, good, labels[good])
    if load_size is not None:
        made = PictureSource(collection, [pictures[number] for number in good], found.labels, shape, found.names)
    else:
        made = ArraySource(collection, pictures[good] if errors else pictures, found.labels, found.names)
    return made.tell(found)


def _on_demand(collection, load, shape, bad, load_size):
    good, labels = check(collection, load, bad, f"{shape} {load_size}")
    found = classes.settle(collection, good, labels)

    def load_again(number):
        try:
            return load(number)
        except BadImage as error:
            raise UserError(f"{collection.where(number)} could be read before: {error}; restore it") from error

    return FileSource(collection, good, found.labels, load_again, shape, found.names).tell(found)


def _from_snapshot(collection, load, shape, bad, load_size):
    if load_size is not None:
        raise UserError(
            "--cache keeps images of one size, and --load_size cuts anew from larger ones; leave one of them out"
        )
    good, labels = check(collection, load, bad, collection.cache.wanted)
    key = contents.fingerprint(collection.fingerprint, collection.split, collection.holdout, collection.cache.wanted)
    found = classes.settle(collection, good, labels)
    numbers = good.tolist()

    def decoded():
        todo = types.SimpleNamespace(count=len(numbers), name=collection.name)
        for number, result, error in for_all(lambda place: load(numbers[place])[0], todo, f"decoding {collection.name}"):
            if error:
                raise UserError(f"{collection.where(numbers[number])} could be read before: {error}; restore it")
            yield result

    pixels = collection.cache.images(key, (len(numbers), *shape), decoded)
    if pixels.nbytes <= MEMORY:
        return ArraySource(collection, np.array(pixels), found.labels, found.names).tell(found)
    return PictureSource(collection, pixels, found.labels, shape, found.names).tell(found)


def check(collection, load, bad, wanted):
    """Finds the images that can be read, by reading each in full; the findings are kept in the user's cache folder.

    Args:
        collection, load, bad: as in `store`.
        wanted: text that tells all that `load` depends on.

    Returns:
        Their numbers, int64 [n], and their labels, int64 [n].

    Raises:
        UserError: there are bad images and `bad` is "refuse", or all are bad.
    """
    key = (collection.fingerprint, collection.split, collection.holdout, wanted, str(picture_files.max_pixels()))
    cache = contents.cache_folder() / f"checked-{contents.fingerprint(*key)}.json"
    try:
        kept = json.loads(cache.read_text())
        if len(kept["labels"]) != collection.count:
            raise ValueError("of other images")
    except (OSError, ValueError, TypeError, KeyError):
        kept = {"errors": {}, "labels": []}
        for number, label, error in for_all(lambda number: load(number)[1], collection, f"checking {collection.name}"):
            kept["labels"].append(label or 0)
            if error:
                kept["errors"][str(number)] = str(error)
        with contextlib.suppress(UserError):  # without a cache the next start checks again
            files.write_text(cache, json.dumps(kept))
    good = settle(collection, {int(number): reason for number, reason in kept["errors"].items()}, bad)
    return good, np.array(kept["labels"], np.int64)[good]


def settle(collection, errors, bad):
    """Refuses or skips the images that cannot be read or used.

    Args:
        collection: a `Collection`.
        errors: dict number -> reason.
        bad: "refuse" or "skip".

    Returns:
        The numbers of the others, int64.

    Raises:
        UserError: there are errors and `bad` is "refuse", or nothing is left.
    """
    if errors:
        first = min(errors)
        message = (
            f"{len(errors)} of {collection.count} {collection.unit} in {shown(collection.spec)} cannot be read or "
            f"used; the first is {collection.where(first)}: {errors[first]}"
        )
        complain(message, "refuse" if len(errors) == collection.count else bad)
    return np.setdiff1d(np.arange(collection.count), list(errors))


def report_faults(collection, bad):
    """Refuses or skips what a collection found damaged while it was opened; the first of its faults stands for all."""
    if collection.faults:
        where, reason = collection.faults[0]
        more = f" (and {len(collection.faults) - 1} more)" if len(collection.faults) > 1 else ""
        complain(f"{where}: {reason}{more}", bad if collection.count else "refuse")


def complain(message, bad):
    """Raises a `UserError`, or says on stderr what is skipped."""
    if bad == "refuse":
        raise UserError(f"{message} (keras-gans doctor lists all, --bad_images=skip leaves them out)")
    print(f"skipped: {message}", file=sys.stderr)
