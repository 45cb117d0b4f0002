"""Makes a labelled set of images with a run that was trained on labels.

    keras-gans synthesize --run=runs/cgan --per_class=500 --out=made
    keras-gans synthesize --run=runs/cgan --per_class=500 --out=made --format=tfrecord

write made/CLASS/000000.png, ... or made/made-00000-of-00001.tfrecord, ..., to be read with --data=folder:made or
--data='tfrecord:made/*.tfrecord': more training images for a classifier (see examples/augment_classifier.py).
TFRecords keep the run's label numbers and class names. A folder keeps the names as far as file names can (a slash
becomes _), and its labels are numbered in the order of the names, as those of every folder.

The same seed gives the same pixels. The set is either whole or absent.
"""

import glob
import math
import pathlib
import re
import shlex

from keras_gans.errors import UserError

_BATCH = 64  # images at a time
_SHARD_BYTES = 1e8  # of pixels; PNG makes fewer bytes of them


def define(flags):
    flags.string("run", None, "folder of a run that train.py has made with --conditional", required=True)
    flags.integer("per_class", 100, "images of each class", 1)
    flags.string("out", None, "folder to make; it must not exist", required=True)
    flags.choice(
        "format",
        "folder",
        ("folder", "tfrecord"),
        "PNG files in one folder per class, or TFRecord shards of at most about 100 MB",
    )
    flags.integer("seed", 0, "of the latents", 0, 2**32 - 1)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    out = pathlib.Path(flags.out).expanduser()
    if out.exists():
        raise UserError(f"--out={flags.out} exists; remove it, or name a folder that does not")
    from keras_gans import files
    from keras_gans.progress import progress
    from keras_gans.trained.trained import Trained

    opened = Trained.open(flags.run, flags.checkpoint)
    if not opened.num_classes:
        raise UserError(
            f"{flags.run} was trained without labels, so its images belong to no class; train with "
            "--conditional (and networks that take labels, such as cdcgan), or draw with keras-gans sample"
        )
    write = {"folder": _write_folder, "tfrecord": _write_shards}[flags.format]
    count = flags.per_class * opened.num_classes
    for name in files.repair(out.parent):
        print(f"{out.parent / name}: half-written by a process that was killed; repaired", flush=True)
    with files.whole(out) as temporary, progress("synthesizing", count) as bar:
        temporary.mkdir()
        pattern = write(_pictures(opened, flags.per_class, flags.seed, bar), opened, count, temporary, out)
    print(f"wrote {flags.per_class} images of each of {opened.num_classes} classes; use them with --data={pattern}")


def _pictures(opened, per_class, seed, bar):
    """Yields (PNG bytes, label), one class after the other; the latents of a batch depend on its number alone."""
    import numpy as np

    from keras_gans import randomness
    from keras_gans.data.images import encode_png

    labels = np.repeat(np.arange(opened.num_classes, dtype=np.int32), per_class)
    for start in range(0, len(labels), _BATCH):
        mine = labels[start : start + _BATCH]
        for batch in opened.generate(len(mine), randomness.fold(seed, start), mine, _BATCH):
            yield from zip(map(encode_png, batch), mine.tolist())
        bar.advance(len(mine))


def _write_folder(pictures, opened, count, temporary, out):
    """Writes one folder per class; returns how --data names them."""
    folders = [_folder_name(name) for name in opened.class_names]
    for name in folders:
        if folders.count(name) > 1:
            raise UserError(f"several classes of {opened.directory} would have the folder {name!r}; take --format=tfrecord")
        (temporary / name).mkdir()
    for number, (png, label) in enumerate(pictures):
        (temporary / folders[label] / f"{number % (count // len(folders)):06d}.png").write_bytes(png)
    return shlex.quote(f"folder:{out}")


def _folder_name(name):
    """Returns `name` without what a folder's name cannot hold, and not hidden."""
    return re.sub(r'^\.|[/\\:*?"<>|\x00-\x1f]', "_", name) or "_"


def _write_shards(pictures, opened, count, temporary, out):
    """Writes TFRecord shards and the class names beside them; returns how --data names them."""
    from keras_gans.data import records
    from keras_gans.data.sources import tfrecord

    shards = math.ceil(count * math.prod(opened.generator.output_shape[1:]) / _SHARD_BYTES)
    for shard in range(shards):
        with open(temporary / f"{out.name}-{shard:05d}-of-{shards:05d}.tfrecord", "wb") as file:
            for _ in range(shard * count // shards, (shard + 1) * count // shards):
                png, label = next(pictures)
                records.write(file, tfrecord.build_example(png, label, opened.class_names[label]))
    names = "".join(f"{name}\n" for name in opened.class_names)
    tfrecord.labels_file(temporary, out.name).write_text(names, encoding="utf-8")
    return shlex.quote(f"tfrecord:{glob.escape(str(out))}/*.tfrecord")
