"""`tfds:NAME[/CONFIG][@SPLIT]`: TensorFlow Datasets, prepared (downloaded) at first use by TFDS itself.

Images are read by number from the files that TFDS prepared and parsed by its own features, so that their order is ours
and any position is found at once. The folder is TFDS's: `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.
"""

import os

from keras_gans.data import holdout
from keras_gans.data.records import Records
from keras_gans.data.schemes import SCHEMES
from keras_gans.errors import UserError
from keras_gans.registry import nearest


@SCHEMES.register("tfds")
def tfds(rest, split, spec, held_out):
    """Finds a TFDS data set.

    With `@SPLIT`, a part of that split is held out as `--holdout` says. Without, `train` trains and `test` (or else
    `validation`) is held out; where there is only `train`, a part of it. "all" is both.
    """
    info, records = _open(rest, split, spec, held_out)
    return records(*_features(info, spec))


def image_pair(rest, split, spec, held_out):
    """Finds the two sides of a TFDS data set of pairs.

    Args:
        rest: `NAME[/CONFIG][@SPLIT][#FEATURE_A,FEATURE_B]`; without features, the two images that it has, in its order.
        split, spec, held_out: as in `tfds`.

    Returns:
        The collections A and B, which have the same numbers; and the names of their features.
    """
    rest, _, chosen = rest.partition("#")
    info, records = _open(rest, split, spec, held_out)
    images = _images(info, spec)
    if len(images) < 2:
        raise UserError(f"{spec} has only one image feature, {images[0]}; pairs take a data set with two")
    features = chosen.split(",") if chosen else images
    unknown = [feature for feature in features if feature not in images]
    if len(features) != 2 or unknown:
        raise UserError(
            f"{spec}: the image features are {', '.join(images)}; choose two, as in "
            f"paired:tfds:{rest}#{images[0]},{images[-1]}{nearest(unknown[0], images) if unknown else ''}"
        )
    return [records(feature) for feature in features], features


def _open(rest, split, spec, held_out):
    """Returns the `DatasetInfo`, and a function of (image feature, label feature, class names) -> `Records`."""
    if holdout.parse(held_out).folder:
        raise UserError(f"--holdout={held_out} goes with folder:PATH, not with {spec}; take a share such as 0.1, or none")
    name, _, chosen = rest.partition("@")
    builder = _prepared(name, spec)
    splits = builder.info.splits
    apart = next((other for other in ("test", "validation") if other in splits), None)
    if not chosen and "train" not in splits:
        raise UserError(
            f"{spec} has no split called train; choose one: {', '.join(f'tfds:{name}@{known}' for known in splits)}"
        )
    divided = bool(chosen) or apart is None
    parts = {"train": "train", "holdout": apart, "all": f"train+{apart}"}
    wanted = (chosen or "train") if divided else parts[split]
    try:
        instructions = splits[wanted].file_instructions
    except (KeyError, ValueError, AssertionError) as error:
        raise UserError(
            f"{spec}: no split {wanted!r}; known: {', '.join(splits)}, or slices such as train[:80%]"
            f"{nearest(wanted, list(splits))}"
        ) from error

    def records(image, label=None, class_names=()):
        encoded = dict.fromkeys(_images(builder.info, spec), _module().decode.SkipDecoding())

        def parse(data):
            example = builder.info.features.deserialize_example_np(data, decoders=encoded)
            return example[image], int(example[label]) if label else 0

        extents = [(part.filename, part.skip, part.take) for part in instructions]
        found = Records(spec, name.replace("/", "_"), split, extents, parse, class_names, held_out if divided else None)
        if not found.count and not found.faults:
            raise UserError(f"{spec}: the split {wanted!r} is empty; known: {', '.join(splits)}")
        return found

    return builder.info, records


def _module():
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            f"--data=tfds:... needs the package {error.name}; pip install tensorflow-datasets importlib_resources"
        ) from error
    return tensorflow_datasets


def _prepared(name, spec):
    """Returns the builder of a data set whose files are there."""
    module = _module()
    folder = os.environ.get("TFDS_DATA_DIR")  # TFDS itself reads it at import only
    try:
        builder = module.builder(name, data_dir=folder)
    except module.core.registered.DatasetNotFoundError as error:
        known = module.list_builders(with_community_datasets=False)
        raise UserError(
            f"{spec}: TFDS knows no data set {name.split('/')[0]!r}"
            f"{nearest(name.split('/')[0], known) or '; see tensorflow.org/datasets/catalog'}"
        ) from error
    except Exception as error:  # whatever the data set's own script raises
        raise UserError(f"{spec}: {_line(error)}") from error
    try:
        builder.download_and_prepare()
    except Exception as error:  # and the network
        raise UserError(
            f"{spec} could not be prepared in {builder.data_dir}: {_line(error)}; prepare it with TFDS "
            "first (tfds build), or set TFDS_DATA_DIR to where it is"
        ) from error
    if builder.info.file_format != module.core.FileFormat.TFRECORD:
        raise UserError(
            f"{spec} is prepared as {builder.info.file_format.value}; prepare it as tfrecord "
            "(tfds build --file_format=tfrecord)"
        )
    return builder


def _line(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 200 else text[:200] + "..."


def _images(info, spec):
    """Returns the names of the image features."""
    module, features = _module(), info.features
    if not isinstance(features, module.features.FeaturesDict):
        raise UserError(f"{spec} holds no dictionary of features, so no images; choose an image data set")
    images = [key for key in features if isinstance(features[key], module.features.Image)]
    if not images:
        raise UserError(f"{spec} has no image feature, only {', '.join(features)}; choose an image data set")
    return images


def _features(info, spec):
    """Returns the names of the image and the label feature (or None), and the class names."""
    images, features = _images(info, spec), info.features
    labels = [key for key in features if isinstance(features[key], _module().features.ClassLabel)]
    supervised = [key for key in info.supervised_keys or () if isinstance(key, str)]
    image = next((key for key in supervised if key in images), images[0])
    label = next((key for key in supervised if key in labels), labels[0] if labels else None)
    return image, label, tuple(features[label].names) if label else ()
