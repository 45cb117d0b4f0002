"""`tfrecord:GLOB`: shards of `tf.train.Example`, as `keras-gans pack` writes them."""

import glob
import os
import pathlib
import re

from keras_gans.data.images import BadImage
from keras_gans.data.opening import SCHEMES
from keras_gans.data.records import Records
from keras_gans.errors import UserError

SHARD = re.compile(r"(?P<name>.+)-\d{5}-of-\d{5}")


def build_example(data, label, class_name=""):
    """Returns a serialized `tf.train.Example` with the keys of TensorFlow's image data sets.

    Args:
        data: bytes of an image file.
        label: int.
        class_name: the label's name; "" leaves the text out.
    """
    import tensorflow as tf

    from keras_gans.data.images import open_image

    with open_image(data) as image:
        kind = image.format
    features = {"image/encoded": data, "image/format": kind.encode()}
    if class_name:
        features["image/class/text"] = class_name.encode()
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


@SCHEMES.register("tfrecord")
def tfrecord(pattern, split, spec):
    pattern = os.path.expanduser(pattern)
    paths = sorted(path for path in glob.glob(pattern) if os.path.isfile(path))
    if not paths:
        hint = f"; did you mean {pattern.rstrip('/')}/*.tfrecord?" if os.path.isdir(pattern) else ""
        raise UserError(f"no file matches {pattern}; --data=tfrecord:GLOB takes a pattern such as 'packed/*.tfrecord'{hint}")
    stem = pathlib.Path(paths[0]).stem
    shard = SHARD.fullmatch(stem)
    name = shard["name"] if shard else stem
    names = labels_file(pathlib.Path(paths[0]).parent, name)
    class_names = tuple(names.read_text(encoding="utf-8").splitlines()) if names.is_file() else ()
    records = Records(spec, name, split, [(path, 0, -1) for path in paths], parse_example, class_names)
    if not records.count and not records.faults:
        raise UserError(f"no records in {pattern}: nothing but empty files; pack the images again")
    return records
