"""What generators of images from latents offer: images of given latents, and drawn ones."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.data import images as image_forms
from keras_gans.errors import UserError
from keras_gans.exporting import phone_layers
from keras_gans.exporting.endpoint import Endpoint
from keras_gans.using.latents import Painter

SUMMARY = "An image generator"
MOST_PIXELS = 2**26  # of the images of one request: 1024 of 256x256
_COUNT = 16  # of latents to compare
_DRAWS = 8
_CALIBRATION = 64
PSI = (tf.TensorSpec([], tf.float32), "float32 [], truncation psi, -2 to 2: 1 for none, 0 for the average picture")
_PSI = 0.7  # of what is compared with Keras
_DISTRIBUTIONS = {
    "normal": "N(0, 1)",
    "uniform": "U(-1, 1)",
    "uniform_sqrt3": "U(-sqrt 3, sqrt 3)",
    "uniform_01": "U(0, 1)",
}


def endpoints(run, max_pixels=MOST_PIXELS):
    """Returns the signatures of a SavedModel (d is the width of the latent; `label` exists for conditional runs only).

    - `serving_default`: latent float32 [n, d], label int32 [n] -> images float32 [n, h, w, c] in [-1, 1];
    - `sample`: seed int64 [], count int32 [], label int32 [k] -> images uint8 [count, h, w, c], the pixels of
      `keras-gans sample` with that seed; image i shows class label[i mod k]; of a style-based run also psi float32 [];
    - `sample_png`: the same -> images_bytes string [count], PNG files.

    Args:
        run: a `keras_gans.trained.Trained`.
        max_pixels: most pixels of the images that `sample` makes at a time.

    Raises:
        UserError: the run makes points.
    """
    _refuse_points(run)
    most = _most_images(run, max_pixels)
    styled = hasattr(run.generator, "synthesize")

    def sample(seed, count, *more):
        more = dict(zip([name for name in ("label", "psi") if name in draw], more, strict=True))
        count, label = _checked(count, most), more.get("label")
        latent = run.draw_latent(count, seed_pair(seed))
        if label is not None:
            label = tf.gather(label, tf.range(count) % tf.size(label))
        if not styled:
            return {"images": image_forms.to_uint8(generated(run, latent, label))}
        styles = run.generator.styles(latent, label, checked_psi(more["psi"]))
        return {"images": image_forms.to_uint8(run.generator.synthesize(styles))}

    def sample_png(*given):
        png = tf.map_fn(tf.io.encode_png, sample(*given)["images"], fn_output_signature=tf.string)
        return {"images_bytes": png}

    def drawn(name):
        inputs = {"seed": np.int64(1), "count": np.int32(_DRAWS)}
        label = None
        if run.num_classes:
            inputs["label"] = np.arange(run.num_classes, dtype=np.int32)
            label = np.arange(_DRAWS) % run.num_classes
        if styled:
            inputs["psi"] = np.float32(_PSI)
        return inputs, {name: Painter(run, _PSI if styled else None).of_latents(run.draw_latent(_DRAWS, 1), label)}

    draw = {
        "seed": (tf.TensorSpec([], tf.int64), "int64 [], any integer; the same seed gives the same images"),
        "count": (tf.TensorSpec([], tf.int32), f"int32 [], how many images, 1 to {most}"),
    }
    if run.num_classes:
        meaning = f"int32 [k], {_classes(run)}; image i shows class label[i mod k]"
        draw["label"] = (tf.TensorSpec([None], tf.int32), meaning)
    if styled:
        draw["psi"] = PSI
    pixels = {"images": f"uint8 [count, {size(run)}] in [0, 255]"}
    return [
        Endpoint(
            "serving_default",
            lambda latent, label=None: {"images": generated(run, latent, label)},
            given(run, None),
            {"images": f"float32 [n, {size(run)}] in [-1, 1]"},
            lambda: reference(run),
            1e-5,
        ),
        # One grey level: another batch size may round differently.
        Endpoint("sample", sample, draw, pixels, lambda: drawn("images"), 1),
        Endpoint(
            "sample_png", sample_png, draw, {"images_bytes": "string [count], PNG files"}, lambda: drawn("images_bytes"), 1
        ),
    ]


def phone(run, height=None, width=None, resizable=False, mobile_gpu=False):
    """Returns the TFLite model: latent float32 [1, d], label int32 [1] -> images float32 [1, h, w, c] in [0, 1].

    Args and results: see `keras_gans.exporting.families`.

    Raises:
        UserError: the run makes points, or another size is asked for.
    """
    _refuse_points(run)
    if height or width or resizable:
        raise UserError(
            f"--height, --width, --resizable: the images of {run.directory} have one size, {size(run)}; leave them out"
        )

    def examples():
        inputs, outputs = reference(run)
        return inputs, {"images": (outputs["images"] + 1) / 2}

    def calibration():
        for seed in range(_CALIBRATION):
            inputs = {"latent": np.asarray(run.draw_latent(1, seed + 1))}
            yield inputs | ({"label": np.array([seed % run.num_classes], np.int32)} if run.num_classes else {})

    network = phone_layers.rewritten(run.generator, mobile_gpu) if mobile_gpu else None
    return {
        "": Endpoint(
            "serving_default",
            lambda latent, label=None: {"images": (generated(run, latent, label, network) + 1) / 2},
            given(run, 1),
            {"images": f"float32 [1, {size(run)}] in [0, 1]"},
            examples,
            0,
            calibration,
        )
    }


def most_pixels(run):
    """Returns the default of `max_pixels`."""
    return MOST_PIXELS


def onnx(run):
    """Returns the ONNX model: `serving_default`, see `endpoints`."""
    return {"": endpoints(run)[0]}


def limits(run, max_pixels):
    """Returns what the model card says about limits, a list of sentences."""
    data = run.record["data"]
    return [
        f"It makes images of one size, {size(run)} (height, width, channels).",
        f"It has learned from {data.get('count', 'the')} images of `{data['spec']}` and makes their like, gaps and biases "
        "included; how alike is what the scores say.",
        f"One request draws {_most_images(run, max_pixels)} images at most.",
    ]


def checked_psi(psi):
    """Returns truncation psi, a float32 scalar tensor, if it is in its range; else the request fails."""
    fits = tf.debugging.Assert(tf.abs(psi) <= 2, ["psi must be from -2 to 2, not", psi])
    with tf.control_dependencies([fits]):
        return tf.identity(psi)


def _checked(count, most):
    fits = tf.debugging.Assert((count >= 1) & (count <= most), [f"count must be from 1 to {most}, not", count])
    with tf.control_dependencies([fits]):
        return tf.identity(count)


def seed_pair(seed):
    """The int32 [2] seed that `randomness.fold` makes of a Python integer, from an int64 tensor."""
    high = tf.bitwise.right_shift(seed, tf.constant(31, tf.int64))
    return tf.cast(tf.stack([seed, high]) & 0x7FFFFFFF, tf.int32)


def _most_images(run, max_pixels):
    height, width, _ = run.generator.outputs[0].shape[1:]
    return max(1, max_pixels // (height * width))


def _refuse_points(run):
    if len(run.generator.output_shape) != 4:
        raise UserError(f"{run.directory} makes points, not images; there is nothing to export")


def generated(run, latent, label=None, network=None):
    """Returns images float32 [n, h, w, c] in [-1, 1]; `network` stands for the run's generator."""
    network = network or run.generator
    made = network(latent if label is None else [latent, label], training=False)
    return made if _ends_in_tanh(network) else tf.clip_by_value(made, -1.0, 1.0)


def _ends_in_tanh(network):
    last = network
    while hasattr(last, "layers"):
        last = last.layers[-1]
    return getattr(last, "activation", None) is keras.activations.tanh


def given(run, count):
    """Returns the inputs of `serving_default`: a latent, and a label where the run has them."""
    width, n = run.generator.inputs[0].shape[-1], count or "n"
    inputs = {
        "latent": (
            tf.TensorSpec([count, width], tf.float32),
            f"float32 [{n}, {width}], drawn from {_DISTRIBUTIONS[run.latent]}",
        )
    }
    if run.num_classes:
        inputs["label"] = (tf.TensorSpec([count], tf.int32), f"int32 [{n}], the class of each image, {_classes(run)}")
    return inputs


def _classes(run):
    return f"0 to {run.num_classes - 1}"


def size(run):
    return "{}, {}, {}".format(*run.generator.outputs[0].shape[1:])


def reference(run):
    """Runs a few latents, and every class in turn, through the generator; returns (inputs, outputs)."""
    inputs = {"latent": np.asarray(run.draw_latent(_COUNT, 0))}
    if run.num_classes:
        inputs["label"] = np.arange(_COUNT, dtype=np.int32) % run.num_classes
    return inputs, {"images": np.asarray(generated(run, *inputs.values()))}
