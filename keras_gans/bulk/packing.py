"""Packing in shards: first every picture is checked, then each TFRecord file is written, the same bytes as without Beam."""

import dataclasses
import functools

import numpy as np

from keras_gans.bulk import engine, pipeline, storage
from keras_gans.data import decoding, packing, records
from keras_gans.data.picture_files import BadImage
from keras_gans.data.sources import tfrecord
from keras_gans.data.stores import shown


@dataclasses.dataclass(frozen=True)
class Checking(engine.Task):
    """Decodes pictures and keeps their sizes in bytes, or what is wrong with them.

    Attributes:
        image_size: in pixels, see `keras_gans.data.packing.pack`. Default None.
    """

    image_size: int | None = None
    title = "checking"

    def do(self, opened, shard):
        sizes, errors = {}, {}
        for number in range(shard.start, shard.stop):
            try:
                sizes[number] = packing.check(opened.collection, number, self.image_size)
            except BadImage as error:
                errors[number] = str(error)
        bad = [[opened.collection.where(number), reason] for number, reason in errors.items()]
        return {"done": len(sizes), "bad": bad, "bytes": sum(sizes.values()), "errors": errors}


@dataclasses.dataclass(frozen=True)
class Packing(engine.Task):
    """Writes TFRecord files, one to a shard.

    Attributes:
        out: folder for them.
        image_size: see `keras_gans.data.packing.pack`.
        left_out: numbers of the pictures that are left out.
    """

    out: str = ""
    image_size: int | None = None
    left_out: tuple = ()
    title = "packing"

    def open(self, collection):
        return packing.numbers_without(collection, self.left_out)

    def fingerprint(self, collection, start, stop):
        # A shard's start and stop are places among the good pictures, and what is good depends on all.
        return _whole(self, collection)

    def do(self, opened, shard):
        with storage.writing(packing.shard_path(self.out, opened.collection, shard.number, shard.of)) as file:
            for number in opened.tool[shard.start : shard.stop].tolist():
                records.write(file, packing.example(opened.collection, number, self.image_size))
        return {"done": shard.stop - shard.start, "bad": []}


@functools.lru_cache(1)
def _whole(task, collection):
    return super(Packing, task).fingerprint(collection, 0, collection.count)


def pack(task, out, shards, shard_mb, bad, runner, words, shard_pictures):
    """Packs a collection with Beam.

    Args:
        task: a `Checking`.
        out, shards, shard_mb, bad: as of `keras_gans.data.packing.pack`.
        runner, words: see `pipeline.run`.
        shard_pictures: pictures that are checked at once.

    Returns:
        The paths of the TFRecord files, and their bytes.

    Raises:
        UserError: as of `keras_gans.data.packing.pack` and of `pipeline.run`.
    """
    collection = task.collection()
    packing.refuse_pairs(collection)
    decoding.report_faults(collection, bad)
    storage.folder(out)
    checking = dataclasses.replace(task, work=f"{task.work}/checked")
    notes = pipeline.run(checking, engine.shards(checking, collection, shard_pictures), runner, words)
    errors = {int(number): reason for note in notes for number, reason in note["errors"].items()}
    numbers = decoding.settle(collection, errors, bad)
    shards = packing.shard_count(shards, shard_mb, sum(note["bytes"] for note in notes), len(numbers))
    paths = [packing.shard_path(out, collection, number, shards) for number in range(shards)]
    packing.refuse_others(out, set(storage.names(f"{out}/{collection.name}-?????-of-?????.tfrecord")) - {*paths})
    writing = Packing(
        task.spec,
        f"{task.work}/packed",
        f"{task.bad}-packed",
        task.plugin,
        task.max_pixels,
        out=out,
        image_size=task.image_size,
        left_out=tuple(sorted(errors)),
    )
    whole = writing.fingerprint(collection, 0, 0)
    cut = [engine.Shard(shard, shards, *tfrecord.extent(shard, shards, len(numbers)), whole) for shard in range(shards)]
    # What is there of an earlier packing would be taken for a part of this one.
    stale = [path for path, shard in zip(paths, cut) if not engine.finished(writing, shard)]
    storage.remove([path for path in storage.names(f"{out}/{collection.name}-?????-of-?????.tfrecord") if path in stale])
    pipeline.run(writing, cut, runner, words)
    names = [name for name in map(collection.name_of, np.asarray(numbers).tolist()) if name]
    for path, lines in (
        (f"{out}/{collection.name}.labels.txt", collection.class_names),
        (f"{out}/{collection.name}.paths.txt", names),
    ):
        if lines:
            storage.write(path, "".join(f"{shown(line)}\n" for line in lines).encode())
    return paths, sum(map(storage.size, paths))
