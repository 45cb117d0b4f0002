"""What style-based generators offer beside images of latents: w, truncation and noise."""

import numpy as np
import tensorflow as tf

from keras_gans.exporting import latents, phone_layers
from keras_gans.exporting.endpoint import Endpoint
from keras_gans.layers.noise import MODES
from keras_gans.using.latents import noise_images, noise_layers

SUMMARY = latents.SUMMARY
MOST_PIXELS = latents.MOST_PIXELS
limits, most_pixels, onnx = latents.limits, latents.most_pixels, latents.onnx
_PSI, _SEED = 0.7, 3  # of what is compared with Keras


def endpoints(run, max_pixels=MOST_PIXELS):
    """Returns the signatures of a SavedModel: those of `keras_gans.exporting.latents`, whose `sample` takes psi, and

    - `map`: latent float32 [n, d], label int32 [n], psi float32 [] -> w float32 [n, layers, w_dim], truncated; to be mixed
      and moved;
    - `synthesize`: w float32 [n, layers, w_dim], noise string [] (constant, none or random), seed int64 [] (of random
      noise) -> images float32 [n, h, w, c] in [-1, 1].

    Args:
        run: a `keras_gans.trained.Trained` with a style-based generator.
        max_pixels: most pixels of the images that `sample` makes at a time.
    """
    generator = run.generator
    shape = [None, generator.layers_w, generator.w_dim]
    said = f"[n, {shape[1]}, {shape[2]}]"

    def mapped(latent, *more):
        return {"w": generator.styles(latent, *more[:-1], truncation=latents.checked_psi(more[-1]))}

    def map_examples():
        inputs, _ = latents.reference(run)
        return inputs | {"psi": np.float32(_PSI)}, {"w": np.asarray(generator.styles(*inputs.values(), truncation=_PSI))}

    def synthesized(w, noise, seed):
        known = tf.debugging.Assert(
            tf.reduce_any(noise == tf.constant(MODES)), [f"noise must be {', '.join(MODES[:-1])} or {MODES[-1]}, not", noise]
        )
        with tf.control_dependencies([known]):
            mode = tf.argmax(tf.cast(noise == tf.constant(MODES), tf.int32), output_type=tf.int32)
        pair = latents.seed_pair(seed)
        images = tf.switch_case(mode, [lambda name=name: generator.synthesize(w, name, pair) for name in MODES])
        return {"images": tf.clip_by_value(images, -1.0, 1.0)}

    def synthesis_examples():
        inputs = {"w": map_examples()[1]["w"], "noise": np.array(b"random", object), "seed": np.int64(_SEED)}
        return inputs, {"images": np.clip(generator.synthesize(inputs["w"], "random", _SEED), -1, 1)}

    return latents.endpoints(run, max_pixels) + [
        Endpoint(
            "map", mapped, latents.given(run, None) | {"psi": latents.PSI}, {"w": f"float32 {said}"}, map_examples, 1e-5
        ),
        Endpoint(
            "synthesize",
            synthesized,
            {
                "w": (tf.TensorSpec(shape, tf.float32), f"float32 {said}, from map"),
                "noise": (tf.TensorSpec([], tf.string), f"string [], {', '.join(MODES)}"),
                "seed": (tf.TensorSpec([], tf.int64), "int64 [], any integer, of random noise"),
            },
            {"images": f"float32 [n, {latents.size(run)}] in [-1, 1]"},
            synthesis_examples,
            1e-5,
        ),
    ]


def phone(run, height=None, width=None, resizable=False, mobile_gpu=False):
    """Returns the TFLite models: that of `keras_gans.exporting.latents`, with constant noise, and `_noise`, which takes the
    noise images as inputs by the names of their layers, float32 [1, h, w, 1]: zeros for none, N(0, 1) for random noise.

    Args and results: see `keras_gans.exporting.families`.
    """
    models = latents.phone(run, height, width, resizable, mobile_gpu)
    network = phone_layers.rewritten(run.generator, mobile_gpu) if mobile_gpu else run.generator
    layers, plain = noise_layers(network), models[""]
    inputs = dict(plain.inputs)
    for layer in layers:
        size = [1, *layer.constant.shape]
        inputs[layer.name] = (tf.TensorSpec(size, tf.float32), f"float32 {size}, N(0, 1), or zeros for none")

    def answer(latent, *more):
        label, images = more[: -len(layers)], more[-len(layers) :]
        with noise_images(layers, [image[0] for image in images]):
            return {"images": (latents.generated(run, latent, *label, network=network) + 1) / 2}

    def examples():
        own, _ = plain.examples()
        count, random = len(own["latent"]), np.random.default_rng(0)
        noise = {layer.name: random.normal(size=(count, *layer.constant.shape)).astype(np.float32) for layer in layers}
        given = own | noise
        rows = [answer(*(tf.constant(value[row : row + 1]) for value in given.values()))["images"] for row in range(count)]
        return given, {"images": np.concatenate(rows)}

    def calibration():
        random = np.random.default_rng(1)
        for own in plain.calibration():
            yield own | {layer.name: random.normal(size=(1, *layer.constant.shape)).astype(np.float32) for layer in layers}

    return models | {"_noise": Endpoint("serving_default", answer, inputs, plain.outputs, examples, 0, calibration)}
