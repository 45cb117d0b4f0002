"""The generator of a run as a SavedModel that TensorFlow Serving loads."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_gans import files
from keras_gans.data import images as image_forms
from keras_gans.errors import UserError
from keras_gans.exporting import archive, card, parity

_FLOAT_LIMIT = 1e-5  # largest difference in [-1, 1] from Keras
_GREY_LIMIT = 1  # largest difference in [0, 255]: another batch size may round differently


def export(run, out):
    """Writes the next version of a served model, if it answers as Keras does.

    The signatures, whose names, dtypes, shapes and ranges are written to `README.md` and `model_card.json` beside the
    model (d is the width of the latent; `label` exists for conditional runs only):

    - `serving_default`: latent float32 [n, d], label int32 [n] -> images float32 [n, h, w, c] in [-1, 1];
    - `sample`: seed int64 [], count int32 [], label int32 [k] -> images uint8 [count, h, w, c], the pixels of
      `keras-gans sample` with that seed; image i shows class label[i mod k];
    - `sample_png`: the same -> images_bytes string [count], PNG files (base64 in TF Serving's REST API).

    Args:
        run: a `keras_gans.run.Run`.
        out: folder of the model; version 1 or the one after the highest there is written into it.

    Returns:
        `pathlib.Path` of the written version folder.

    Raises:
        UserError: not a generator of images, the folder cannot be written, or the written model differs from Keras by
            more than 1e-5 (one grey level for `sample`); then no version folder is left.
    """
    parity.refuse_other_than_images(run)
    out = pathlib.Path(out)
    path = out / str(_next_version(out))
    with files.whole(path) as temporary:
        archive.write(_endpoints(run), temporary)
        differences = _check(run, temporary)
        card.write(temporary, run, _signatures(run), differences)
    return path


def _next_version(out):
    """Returns one more than the highest version in `out`."""
    versions = [int(path.name) for path in out.glob("[0-9]*") if path.name.isdigit()]
    return max(versions, default=0) + 1


def _endpoints(run):
    """Returns an `ExportArchive` with all endpoints."""
    latent = tf.TensorSpec([None, *run.generator.inputs[0].shape[1:]], tf.float32, name="latent")
    label = [tf.TensorSpec([None], tf.int32, name="label")] if run.num_classes else []
    draw = [tf.TensorSpec([], tf.int64, name="seed"), tf.TensorSpec([], tf.int32, name="count")]

    def images(latent, label=None):
        inputs = latent if label is None else [latent, label]
        return {"images": run.generator(inputs, training=False)}

    def sample(seed, count, label=None):
        latent = run.draw_latent(count, _seed_pair(seed))
        if label is not None:
            label = tf.gather(label, tf.range(count) % tf.size(label))
        return {"images": image_forms.to_uint8(images(latent, label)["images"])}

    def sample_png(seed, count, label=None):
        png = tf.map_fn(tf.io.encode_png, sample(seed, count, label)["images"], fn_output_signature=tf.string)
        return {"images_bytes": png}

    endpoints = keras.export.ExportArchive()  # `track` would store every weight twice; endpoints bring those they use
    endpoints.add_endpoint("serving_default", images, [latent, *label])
    endpoints.add_endpoint("sample", sample, [*draw, *label])
    endpoints.add_endpoint("sample_png", sample_png, [*draw, *label])
    return endpoints


def _seed_pair(seed):
    """The int32 [2] seed that `randomness.fold` makes of a Python integer, from an int64 tensor."""
    high = tf.bitwise.right_shift(seed, tf.constant(31, tf.int64))
    return tf.cast(tf.stack([seed, high]) & 0x7FFFFFFF, tf.int32)


@parity.exact_float32()
def _check(run, path):
    """Compares the model at `path` with Keras, loaded as TensorFlow 2 does and as TF Serving does (a v1 Session).

    Returns:
        A dict: what was compared -> largest absolute difference.

    Raises:
        UserError: a difference above its limit.
    """
    inputs, expected = parity.reference(run)
    draw = {"seed": np.int64(1), "count": np.int32(8)}
    labels = {"label": np.arange(run.num_classes, dtype=np.int32)} if run.num_classes else {}
    sampled = np.concatenate(list(run.generate(8, seed=1)))
    differences = {}
    for loader, call in (("tf.saved_model.load", _tensorflow_2(path)), ("v1 Session", _session(path))):
        differences[f"serving_default, {loader}"] = _difference(call("serving_default", inputs)["images"], expected)
        samples = call("sample", draw | labels)["images"]
        differences[f"sample, {loader}"] = _difference(samples, sampled)
        decoded = [tf.io.decode_png(png).numpy() for png in call("sample_png", draw | labels)["images_bytes"]]
        differences[f"sample_png, {loader}"] = _difference(decoded, samples)
    for name, difference in differences.items():
        limit = _FLOAT_LIMIT if name.startswith("serving_default") else _GREY_LIMIT
        if not difference <= limit:  # NaN too
            raise UserError(f"the exported model differs from Keras by {difference:.3g} ({name}; at most {limit} is "
                            "right), so it was not written: report this with the run's run.json")
    return differences


def _difference(images, expected):
    return float(np.max(np.abs(np.asarray(images, np.float64) - expected)))


def _tensorflow_2(path):
    """Returns `call(signature, {name: array}) -> {name: array}`."""
    model = tf.saved_model.load(path)

    def call(signature, inputs):
        outputs = model.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: output.numpy() for name, output in outputs.items()}

    return call


def _session(path):
    """Returns the same `call` through the loader that TF Serving uses."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the loader is deprecated, but it is the one to test
    with tf.Graph().as_default():
        session = tf.compat.v1.Session()
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def
    logger.setLevel(level)

    def call(signature, inputs):
        tensors = signatures[signature]
        feed = {tensors.inputs[name].name: value for name, value in inputs.items()}
        return session.run({name: tensor.name for name, tensor in tensors.outputs.items()}, feed)

    return call


def _signatures(run):
    """Returns {signature: {"inputs": {name: meaning}, "outputs": {name: meaning}}} for the card."""
    width, size = run.generator.inputs[0].shape[-1], "{}, {}, {}".format(*run.generator.outputs[0].shape[1:])
    classes = f"0 to {run.num_classes - 1}"
    label, cycled = {}, {}
    if run.num_classes:
        label = {"label": f"int32 [n], the class of each image, {classes}"}
        cycled = {"label": f"int32 [k], {classes}; image i shows class label[i mod k]"}
    draw = {"seed": "int64 [], any integer; the same seed gives the same images", "count": "int32 [], how many images"}
    return {
        "serving_default": {
            "inputs": {"latent": f"float32 [n, {width}], drawn from {card.latent_distribution(run)}"} | label,
            "outputs": {"images": f"float32 [n, {size}] in [-1, 1]"},
        },
        "sample": {"inputs": draw | cycled, "outputs": {"images": f"uint8 [count, {size}] in [0, 255]"}},
        "sample_png": {"inputs": draw | cycled, "outputs": {"images_bytes": "string [count], PNG files"}},
    }
