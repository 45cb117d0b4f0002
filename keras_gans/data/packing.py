"""Writes a collection as sharded TFRecords, in the same order, so that `tfrecord:` gives what the folder gives."""

import glob
import math
import os
import pathlib

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
    if collection.kind != "images":
        raise UserError(
            f"{shown(collection.spec)} holds two images to each element, which shards of single images cannot; "
            "pack each side on its own, as folder:PATH"
        )

    def payload(number):
        data, label = collection.read(number)
        if image_size is None:
            return data, label
        with image_forms.open_image(data) as image:
            channels = 1 if image.mode in image_forms.GREY_MODES else 3
        return image_forms.encode_png(image_forms.decode(data, image_size, channels)), label

    def check(number):
        data, _ = payload(number)
        image_forms.decode(data, None, 3)
        return len(data)

    decoding.report_faults(collection, bad)
    sizes, errors = {}, {}
    for number, size, error in decoding.for_all(check, collection, f"checking {collection.name}"):
        if error:
            errors[number] = str(error)
        else:
            sizes[number] = size
    numbers = decoding.settle(collection, errors, bad).tolist()
    shards = min(shards or math.ceil(sum(sizes.values()) / (shard_mb * 1e6)), len(numbers))
    out = pathlib.Path(out).expanduser()
    paths = [out / f"{collection.name}-{shard:05d}-of-{shards:05d}.tfrecord" for shard in range(shards)]
    others = sorted({*out.glob(f"{glob.escape(collection.name)}-?????-of-?????.tfrecord")} - {*paths})
    if others:
        raise UserError(
            f"{shown(out)} holds shards of another packing ({shown(others[0].name)}); remove them or choose another --out"
        )
    names, lists = (
        collection.class_names,
        [part(out, collection.name) for part in (tfrecord.labels_file, tfrecord.paths_file)],
    )
    for name in files.repair(out):
        print(f"{shown(out / name)}: half-written by a process that was killed; repaired", flush=True)
    with files.scratch(out) as made, progress.progress(f"packing {collection.name}", len(numbers), "images") as bar:
        for shard, path in enumerate(paths):
            with open(made / path.name, "wb") as file:
                for number in numbers[shard * len(numbers) // shards : (shard + 1) * len(numbers) // shards]:
                    data, label = payload(number)
                    records.write(file, tfrecord.build_example(data, label, names[label] if names else ""))
                    bar.advance()
        _write_lines(made / lists[0].name, names)
        _write_lines(made / lists[1].name, filter(None, map(collection.name_of, numbers)))
        for old in [*paths, *lists]:
            old.unlink(missing_ok=True)
        for new in [*lists, *paths]:
            if (made / new.name).exists():
                os.replace(made / new.name, new)
    return paths


def _write_lines(path, lines):
    text = "".join(f"{shown(line)}\n" for line in lines)
    if text:
        path.write_text(text, encoding="utf-8")
