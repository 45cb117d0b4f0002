"""From a collection to a source: decode everything once if it fits in memory, or each image when its turn comes."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import sys
import time

import numpy as np

from keras_gans import files, progress
from keras_gans.data import images as image_forms
from keras_gans.data.images import BadImage
from keras_gans.data.source import ArraySource, FileSource, PictureSource
from keras_gans.errors import UserError

MEMORY = 2**30  # bytes of decoded images that may stay in memory
SAMPLE = 100  # images looked at to tell grey data from colour
PATIENCE = 2.0  # seconds before a progress bar appears


def for_all(function, collection, title):
    """Applies `function` to the numbers of a collection on all cores, with a progress bar if it takes long.

    Args:
        function: number -> anything; may raise `BadImage`.
        collection: a `Collection`.
        title: for the progress bar.

    Yields:
        (number, result or None, `BadImage` or None), in order.
    """

    def attempt(numbers):
        found = []
        for number in numbers:
            try:
                found.append((number, function(number), None))
            except BadImage as error:
                found.append((number, None, error))
        return found

    start, workers = time.monotonic(), os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as threads, contextlib.ExitStack() as stack:
        bar = None
        for first in range(0, collection.count, 64 * workers):  # a bounded number of results waits at any time
            chunk = range(first, min(first + 64 * workers, collection.count))
            for found in threads.map(attempt, (chunk[part : part + 16] for part in range(0, len(chunk), 16))):
                yield from found
            if bar is None and time.monotonic() - start > PATIENCE:
                bar = stack.enter_context(progress.progress(title, collection.count, "images"))
            if bar:
                bar.update(chunk.stop)


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
    if collection.count * np.prod(shape) > MEMORY:
        return _on_demand(collection, load, shape, bad, load_size)
    pictures = np.empty([collection.count, *shape], np.uint8) if load_size is None else [None] * collection.count
    labels, errors, size = np.zeros(collection.count, np.int32), {}, 0
    for number, result, error in for_all(load, collection, f"reading {collection.name}"):
        if error:
            errors[number] = str(error)
            continue
        pictures[number], labels[number] = result
        size += result[0].nbytes
        if size > MEMORY:
            return _on_demand(collection, load, shape, bad, load_size)
    good = settle(collection, errors, bad)
    names = _names(collection, labels)
    if load_size is not None:
        return PictureSource(collection, [pictures[number] for number in good], labels[good], shape, names)
    if errors:
        pictures, labels = pictures[good], labels[good]
    return ArraySource(collection, pictures, labels, names)


def _on_demand(collection, load, shape, bad, load_size):
    good, labels = check(collection, load, bad, shape[0] if load_size == 0 else 0)

    def load_again(number):
        try:
            return load(number)
        except BadImage as error:
            raise UserError(f"{collection.where(number)} could be read before: {error}; restore it") from error

    return FileSource(collection, good, load_again, shape, _names(collection, labels))


def check(collection, load, bad, least):
    """Finds the images that can be read, by reading each in full; the findings are kept in the user's cache folder.

    Args:
        collection, load, bad: as in `store`.
        least: the shortest side that `load` takes, in pixels; the findings depend on it.

    Returns:
        Their numbers, int64 [n], and their labels, int32 [n].

    Raises:
        UserError: there are bad images and `bad` is "refuse", or all are bad.
    """
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "keras_gans"
    cache = cache / f"checked-{collection.fingerprint}-{collection.split}-{least}.json"
    try:
        kept = json.loads(cache.read_text())
    except (OSError, ValueError):
        kept = {"errors": {}, "labels": []}
        for number, label, error in for_all(lambda number: load(number)[1], collection, f"checking {collection.name}"):
            kept["labels"].append(label or 0)
            if error:
                kept["errors"][str(number)] = str(error)
        with contextlib.suppress(UserError):  # without a cache the next start checks again
            files.write_text(cache, json.dumps(kept))
    good = settle(collection, {int(number): reason for number, reason in kept["errors"].items()}, bad)
    return good, np.array(kept["labels"], np.int32)[good]


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
            f"{len(errors)} of {collection.count} {collection.unit} in {collection.spec} cannot be read or "
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


def _names(collection, labels):
    """Returns the class names; classes without names are named by their numbers."""
    names, most = collection.class_names, int(labels.max())
    if names and most >= len(names):
        raise UserError(f"{collection.spec} has a label {most} but only {len(names)} class names; add the others")
    return names or (tuple(map(str, range(most + 1))) if most else ())
