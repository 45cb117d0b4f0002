"""`tfrecord:GLOB`: shards of `tf.train.Example`, as `keras-gans pack` writes them."""

import glob
import os
import pathlib
import re

from keras_gans.data import contents, holdout, remote
from keras_gans.data.picture_files import BadImage, open_image, read_file
from keras_gans.data.records import Records
from keras_gans.data.schemes import SCHEMES
from keras_gans.data.stores import shown
from keras_gans.errors import UserError

SHARD = re.compile(r"(?P<name>.+)-\d{5}-of-(?P<of>\d{5})")


def build_example(data, label, class_name=""):
    """Returns a serialized `tf.train.Example` with the keys of TensorFlow's image data sets.

    Args:
        data: bytes of an image file.
        label: int.
        class_name: the label's name; "" leaves the text out.
    """
    import tensorflow as tf

    with open_image(data) as image:
        kind = image.format
    features = {"image/encoded": data, "image/format": kind.encode()}
    if class_name:
        features["image/class/text"] = class_name.encode("utf-8", "backslashreplace")
    features = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for key, value in features.items()}
    features["image/class/label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def parse_example(data):
    """Returns (bytes of the image file, label) of a serialized `tf.train.Example`; without a label it is 0.

    Raises:
        BadImage: no Example, or one without `image/encoded`.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(data).features.feature
    except DecodeError as error:
        raise BadImage("corrupt record: not a tf.train.Example") from error
    if not features["image/encoded"].bytes_list.value:
        keys = ", ".join(sorted(key for key in features if key != "image/encoded")) or "nothing"
        raise BadImage(f"no image: the Example should hold image/encoded; it holds {keys}")
    label = features["image/class/label"].int64_list.value
    return features["image/encoded"].bytes_list.value[0], label[0] if label else 0


def extent(shard, shards, count):
    """Returns where a shard of `count` images starts and stops."""
    return shard * count // shards, (shard + 1) * count // shards


def labels_file(folder, name):
    """Returns the path of the class names (one a line) that go with the shards of `name`."""
    return pathlib.Path(folder) / f"{name}.labels.txt"


def paths_file(folder, name):
    """Returns the path of the images' paths (one a line) before they were packed, which decide what is held out."""
    return pathlib.Path(folder) / f"{name}.paths.txt"


def _lines(path):
    """Returns the lines of a list beside the shards; () where there is none."""
    try:
        if remote.is_remote(path):
            data = remote.read(path) if remote.find(glob.escape(path)) else b""
        else:
            data = read_file(path) if os.path.isfile(path) else b""
        return tuple(data.decode("utf-8", "backslashreplace").splitlines())
    except BadImage as error:
        raise UserError(f"{shown(path)} is {error}") from error


def _refuse_remains(paths):
    """Refuses shards that are not all there, and those of two packings.

    Raises:
        UserError: a packing that was cut off, or two of one name.
    """
    known = {}
    for path in paths:
        folder, stem, suffix = _parts(path)
        shard = SHARD.fullmatch(stem)
        if not shard:
            continue
        name, of = (folder, shard["name"]), int(shard["of"])
        if known.setdefault(name, (of, suffix))[0] != of:
            raise UserError(
                f"{shown(os.path.dirname(path) or '.')} holds shards of two packings of {shown(shard['name'])}, of {known[name][0]} and of "
                f"{of}; remove one of them"
            )
    for (folder, name), (of, suffix) in known.items():
        stem = folder + name
        there = set(paths)
        if not all(f"{stem}-{number:05d}-of-{of:05d}{suffix}" in there for number in range(of)):
            there = set(_find(f"{glob.escape(stem)}-?????-of-{of:05d}{glob.escape(suffix)}"))
        for number in range(of):
            shard = f"{stem}-{number:05d}-of-{of:05d}{suffix}"
            if shard not in there:
                raise UserError(f"{shown(shard)} is missing: the packing was cut off; pack the images again")


def _parts(path):
    """Returns the folder with its separator, the name without its ending, and the ending of a file."""
    name = os.path.basename(path)
    return path[: len(path) - len(name)], *os.path.splitext(name)


def _find(pattern):
    """Returns the paths of the files that match a pattern, here or on one of TensorFlow's file systems, sorted."""
    if remote.is_remote(pattern):
        return remote.find(pattern)
    return sorted(path for path in glob.glob(pattern) if os.path.isfile(path))


@SCHEMES.register("tfrecord")
def tfrecord(pattern, split, spec, held_out, host=(0, 1)):
    """Finds shards.

    Args:
        pattern: of their paths, on any file system that TensorFlow reads.
        split, spec, held_out: as in `Collection`.
        host: (index, count): the host `index` opens every `count`-th file only.

    Returns:
        A `Records`.
    """
    if holdout.parse(held_out).folder:
        raise UserError(
            f"--holdout={shown(held_out)} goes with folder:PATH, not with {shown(spec)}; take a share such as 0.1, or none"
        )
    pattern = os.path.expanduser(pattern)
    # A name with brackets that is there is meant, not what it would match as a pattern.
    paths = [pattern] if os.path.isfile(pattern) else _find(pattern)
    if not paths:
        hint = f"; did you mean {shown(glob.escape(pattern.rstrip('/')))}/*.tfrecord?" if os.path.isdir(pattern) else ""
        raise UserError(
            f"no file matches {shown(pattern)}; --data=tfrecord:GLOB takes a pattern such as 'packed/*.tfrecord'{hint}"
        )
    _refuse_remains(paths)
    folder, stem, _ = _parts(paths[0])
    shard = SHARD.fullmatch(stem)
    name = shard["name"] if shard else stem
    classes, listed = (_lines(f"{folder}{name}.{which}.txt") for which in ("labels", "paths"))
    index, hosts = host
    if hosts > len(paths):
        raise UserError(
            f"{shown(pattern)} is {len(paths)} files, too few for {hosts} hosts; pack with --shards={hosts}, or more"
        )
    mine = paths[index::hosts]

    def names(counts):
        """Returns what tells the records apart, of files with so many records; only those of this host are known."""
        lines = [listed[slice(*extent(number, len(paths), len(listed)))] for number in range(len(paths))][index::hosts]
        if list(map(len, lines)) == counts:
            return [line for part in lines for line in part]
        if hosts == 1:
            known = list(listed)
            return known if len(known) == sum(counts) else [str(number) for number in range(sum(counts))]
        files = [os.path.basename(path) for path in mine]
        return [f"{file}:{number}" for file, count in zip(files, counts) for number in range(count)]

    records = Records(
        spec,
        name,
        split,
        [(path, 0, -1) for path in mine],
        parse_example,
        classes,
        held_out,
        names,
        listed if hosts > 1 else (),
    )
    if hosts > 1:  # known without a look into the files of others, and the same on all hosts
        records.fingerprint = contents.fingerprint(f"{hosts} hosts", *(f"{path} {_size(path)}" for path in paths))
    if not records.total and not records.faults:
        raise UserError(f"no records in {shown(pattern)}: nothing but empty files; pack the images again")
    return records


def _size(path):
    return remote.stamp(path)[0] if remote.is_remote(path) else os.path.getsize(path)
