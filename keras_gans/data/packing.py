"""Writes a collection as sharded TFRecords, in the same order, so that `tfrecord:` gives what the folder gives."""

import glob
import math
import os
import pathlib

import numpy as np

from keras_gans import files, progress
from keras_gans.data import decoding, records
from keras_gans.data import images as image_forms
from keras_gans.data.sources import tfrecord
from keras_gans.data.stores import shown
from keras_gans.errors import UserError


def pack(collection, out, shards=None, shard_mb=100.0, image_size=None, bad="refuse"):
    """Checks every image, then writes `OUT/NAME-00000-of-0000N.tfrecord` and the class names beside them.

    Nothing is written if an image is refused. All shards are made before the old ones go; what is cut off in between lacks
    shards, which `tfrecord:` refuses.

    Args:
        collection: a `Collection`.
        out: the folder; made if needed.
        shards: number of shards; None: as many as `shard_mb` needs.
        shard_mb: size of a shard in MB (10^6 bytes), about.
        image_size: store PNGs of this size, decoded as for training; None keeps the files' own bytes.
        bad: "refuse" or "skip".

    Returns:
        The paths of the shards.

    Raises:
        UserError: pairs, bad images, shards of another packing in the way, or a folder that cannot be written.
    """
    refuse_pairs(collection)
    decoding.report_faults(collection, bad)
    sizes, errors = {}, {}
    for number, size, error in decoding.for_all(
        lambda number: check(collection, number, image_size), collection, f"checking {collection.name}"
    ):
        if error:
            errors[number] = str(error)
        else:
            sizes[number] = size
    numbers = decoding.settle(collection, errors, bad).tolist()
    shards = shard_count(shards, shard_mb, sum(sizes.values()), len(numbers))
    out = pathlib.Path(out).expanduser()
    paths = [pathlib.Path(shard_path(out, collection, shard, shards)) for shard in range(shards)]
    refuse_others(out, {*out.glob(f"{glob.escape(collection.name)}-?????-of-?????.tfrecord")} - {*paths})
    names, lists = (
        collection.class_names,
        [part(out, collection.name) for part in (tfrecord.labels_file, tfrecord.paths_file)],
    )
    for name in files.repair(out):
        print(f"{shown(out / name)}: half-written by a process that was killed; repaired", flush=True)
    with files.scratch(out) as made, progress.progress(f"packing {collection.name}", len(numbers), "images") as bar:
        for shard, path in enumerate(paths):
            with open(made / path.name, "wb") as file:
                for number in numbers[slice(*tfrecord.extent(shard, shards, len(numbers)))]:
                    records.write(file, example(collection, number, image_size))
                    bar.advance()
        _write_lines(made / lists[0].name, names)
        _write_lines(made / lists[1].name, filter(None, map(collection.name_of, numbers)))
        for old in [*paths, *lists]:
            old.unlink(missing_ok=True)
        for new in [*lists, *paths]:
            if (made / new.name).exists():
                os.replace(made / new.name, new)
    return paths


def refuse_pairs(collection):
    """Raises a `UserError` for a collection of pairs."""
    if collection.kind != "images":
        raise UserError(
            f"{shown(collection.spec)} holds two images to each element, which shards of single images cannot; "
            "pack each side on its own, as folder:PATH"
        )


def refuse_others(out, others):
    """Raises a `UserError` where paths `others` of another packing stand in the folder `out`."""
    if others:
        name = pathlib.Path(min(map(str, others))).name
        raise UserError(f"{shown(out)} holds shards of another packing ({shown(name)}); remove them or choose another --out")


def payload(collection, number, image_size):
    """Returns (bytes of the image file, label) as they are packed; arguments as of `pack`."""
    data, label = collection.read(number)
    if image_size is None:
        return data, label
    with image_forms.open_image(data) as image:
        channels = 1 if image.mode in image_forms.GREY_MODES else 3
    return image_forms.encode_png(image_forms.decode(data, image_size, channels)), label


def check(collection, number, image_size):
    """Decodes an image in full and returns how many bytes it will take.

    Raises:
        BadImage: it cannot be read.
    """
    data, _ = payload(collection, number, image_size)
    image_forms.decode(data, None, 3)
    return len(data)


def example(collection, number, image_size):
    """Returns a record, bytes."""
    data, label = payload(collection, number, image_size)
    names = collection.class_names
    return tfrecord.build_example(data, label, names[label] if names else "")


def numbers_without(collection, left_out):
    """Returns the numbers of a collection without some of them, int64."""
    return np.setdiff1d(np.arange(collection.count), left_out)


def shard_count(shards, shard_mb, size, count):
    """Returns the number of shards for `count` images of `size` bytes together; arguments as of `pack`."""
    return min(shards or math.ceil(size / (shard_mb * 1e6)), count)


def shard_path(out, collection, shard, shards):
    """Returns the path of a shard, text."""
    return f"{out}/{collection.name}-{shard:05d}-of-{shards:05d}.tfrecord"


def _write_lines(path, lines):
    text = "".join(f"{shown(line)}\n" for line in lines)
    if text:
        path.write_text(text, encoding="utf-8")
