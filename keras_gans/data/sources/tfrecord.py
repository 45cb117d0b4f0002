"""`tfrecord:GLOB`: shards of `tf.train.Example`, as `keras-gans pack` writes them."""

import glob
import os
import pathlib
import re

from keras_gans.data import holdout
from keras_gans.data.opening import SCHEMES
from keras_gans.data.picture_files import BadImage, open_image, read_file
from keras_gans.data.records import Records
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


def labels_file(folder, name):
    """Returns the path of the class names (one a line) that go with the shards of `name`."""
    return pathlib.Path(folder) / f"{name}.labels.txt"


def paths_file(folder, name):
    """Returns the path of the images' paths (one a line) before they were packed, which decide what is held out."""
    return pathlib.Path(folder) / f"{name}.paths.txt"


def _lines(path):
    try:
        return tuple(read_file(path).decode("utf-8", "backslashreplace").splitlines()) if path.is_file() else ()
    except BadImage as error:
        raise UserError(f"{shown(path)} is {error}") from error


def _refuse_remains(paths):
    """Refuses shards that are not all there, and those of two packings.

    Raises:
        UserError: a packing that was cut off, or two of one name.
    """
    known = {}
    for path in map(pathlib.Path, paths):
        shard = SHARD.fullmatch(path.stem)
        if not shard:
            continue
        name, of = (path.parent, shard["name"]), int(shard["of"])
        if known.setdefault(name, of) != of:
            raise UserError(
                f"{shown(path.parent)} holds shards of two packings of {shown(shard['name'])}, of {known[name]} and of "
                f"{of}; remove one of them"
            )
    for (folder, name), of in known.items():
        for number in range(of):
            shard = folder / f"{name}-{number:05d}-of-{of:05d}{pathlib.Path(paths[0]).suffix}"
            if not shard.exists():
                raise UserError(f"{shown(shard)} is missing: the packing was cut off; pack the images again")


@SCHEMES.register("tfrecord")
def tfrecord(pattern, split, spec, held_out):
    if holdout.parse(held_out).folder:
        raise UserError(
            f"--holdout={shown(held_out)} goes with folder:PATH, not with {shown(spec)}; take a share such as 0.1, or none"
        )
    pattern = os.path.expanduser(pattern)
    # A name with brackets that is there is meant, not what it would match as a pattern.
    paths = [pattern] if os.path.isfile(pattern) else sorted(path for path in glob.glob(pattern) if os.path.isfile(path))
    if not paths:
        hint = f"; did you mean {shown(glob.escape(pattern.rstrip('/')))}/*.tfrecord?" if os.path.isdir(pattern) else ""
        raise UserError(
            f"no file matches {shown(pattern)}; --data=tfrecord:GLOB takes a pattern such as 'packed/*.tfrecord'{hint}"
        )
    _refuse_remains(paths)
    folder, stem = pathlib.Path(paths[0]).parent, pathlib.Path(paths[0]).stem
    shard = SHARD.fullmatch(stem)
    name = shard["name"] if shard else stem

    def names(count):
        known = list(_lines(paths_file(folder, name)))
        return known if len(known) == count else [str(number) for number in range(count)]

    class_names = _lines(labels_file(folder, name))
    records = Records(spec, name, split, [(path, 0, -1) for path in paths], parse_example, class_names, held_out, names)
    if not records.count and not records.faults:
        raise UserError(f"no records in {shown(pattern)}: nothing but empty files; pack the images again")
    return records
