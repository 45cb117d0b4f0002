"""Perceptual path length (Karras et al. 2019, section 4.1; `NVlabs/stylegan` metrics/perceptual_path_length.py)."""

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data.images import to_model, to_uint8
from keras_gans.errors import UserError
from keras_gans.metrics.records import QUANTIZATION, name_with
from keras_gans.metrics.scores import GeneratorScore, Result
from keras_gans.registry import EXTRACTORS, SCORES

LARGEST = 256  # pixels at which images are compared; larger ones are averaged down


def interpolate(a, b, t, spherical):
    """Moves codes `a` [n, dims] the fraction `t` [n, 1] of the way to `b`.

    Spherical: `a` is turned by t times the angle between the two and keeps its length.
    """
    if not spherical:
        return a + (b - a) * t
    unit_a, unit_b = tf.math.l2_normalize(a, -1), tf.math.l2_normalize(b, -1)
    cosine = tf.reduce_sum(unit_a * unit_b, -1, keepdims=True)
    across = tf.math.l2_normalize(unit_b - cosine * unit_a, -1)
    angle = t * tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    return tf.norm(a, axis=-1, keepdims=True) * (tf.cos(angle) * unit_a + tf.sin(angle) * across)


def path_lengths(
    draw, synthesize, distance, count, mapping=None, sampling="end", epsilon=1e-4, quantize=False, batch_size=16, seed=0
):
    """Returns distance(G(path at t), G(path at t + epsilon)) / epsilon^2 of random paths, float64 [count].

    Args:
        draw: function (count, seed int32 [2]) -> latents float32 [count, dims].
        synthesize: function codes -> images float32 [n, h, w, c] in [-1, 1].
        distance: function of two batches of images float32 [n, h, w, 3] in [-1, 1] -> [n].
        count: paths.
        mapping: function latents -> codes w: paths are then straight lines between codes; None: arcs between latents.
        sampling: `end` (t = 0) or `full` (t uniform in [0, 1)).
        epsilon: step along the path; default 1e-4.
        quantize: round images to uint8 before they are compared; changes the score by a large factor.
        batch_size: paths at a time.
        seed: int.
    """
    seed, lengths = randomness.fold(seed, "path length"), []
    for start in range(0, count, batch_size):
        here = randomness.fold(seed, start)
        ends = draw(2 * batch_size, here)
        ends = mapping(ends) if mapping else ends
        t = tf.zeros([batch_size, 1])
        if sampling == "full":
            t = randomness.uniform(randomness.fold(here, "t"), [batch_size, 1])
        codes = [interpolate(ends[:batch_size], ends[batch_size:], x, not mapping) for x in (t, t + epsilon)]
        images = _comparable(synthesize(tf.concat(codes, 0)), quantize)
        lengths.append(np.asarray(distance(images[:batch_size], images[batch_size:]), np.float64) / epsilon**2)
    return np.concatenate(lengths)[:count]


def _comparable(images, quantize):
    if quantize:
        images = to_model(to_uint8(images))
    if images.shape[1] > LARGEST:
        images = tf.image.resize(images, [LARGEST, LARGEST], "area")
    return tf.image.grayscale_to_rgb(images) if images.shape[-1] == 1 else images


def trimmed(lengths):
    """Returns the lengths between the 1st and the 99th percentile, as the original code does."""
    low = np.percentile(lengths, 1, method="lower")
    high = np.percentile(lengths, 99, method="higher")
    return lengths[(lengths >= low) & (lengths <= high)]


def feature_distance(extractor):
    """Returns a function of two image batches in [-1, 1]: the squared distance of the features at unit length, [n]."""

    def distance(first, second):
        features = extractor.network((tf.concat([first, second], 0) + 1) * 127.5)[0]
        left, right = tf.split(tf.math.l2_normalize(features, -1), 2)
        return tf.reduce_sum(tf.square(left - right), -1)

    return distance


@SCORES.register("ppl")
class PerceptualPathLength(GeneratorScore):
    """`ppl` with LPIPS on VGG16, `ppl_<network>` with another; lower is smoother.

    Args:
        network: `lpips-vgg`, `lpips-alex` or a feature extractor; default: `lpips-vgg` where the scores use
            `inception2015`, else the scores' own extractor.
        sampling: `end` (default) or `full`.
        epsilon: step along the path; default 1e-4.
        quantize: compare uint8 images; default False, as in StyleGAN.

    Raises:
        UserError: another sampling, or an epsilon of 0 or less.
    """

    def __init__(self, network=None, sampling="end", epsilon=1e-4, quantize=False):
        if sampling not in ("end", "full"):
            raise UserError(f"ppl has no sampling={sampling!r}; it has end and full")
        if not epsilon > 0:
            raise UserError(f"ppl needs epsilon > 0, not {epsilon}")
        self.network, self.sampling, self.epsilon, self.quantize = network, sampling, epsilon, quantize

    def __call__(self, run, real, features, count, seed):
        inception = features.partition(":")[0] == "inception2015"
        network = EXTRACTORS.create(self.network or ("lpips-vgg" if inception else features))
        distance = tf.function(getattr(network, "distance", None) or feature_distance(network))
        generator = run.generator
        styled = hasattr(generator, "synthesize")

        def labelled(inputs):
            if not run.num_classes:
                return inputs
            labels = tf.range(inputs.shape[0] // 2) % run.num_classes  # both ends of a path have the same class
            return [inputs, tf.tile(labels, [2])]

        def synthesize(codes):
            return run_batch(tf.repeat(codes[:, None], generator.layers_w, axis=1) if styled else labelled(codes))

        mapping = (lambda latents: generator.mapping(labelled(latents))) if styled else None
        run_batch = tf.function(
            generator.synthesize if styled else lambda inputs: generator(inputs, training=False), autograph=False
        )
        lengths = trimmed(
            path_lengths(
                run.draw_latent, synthesize, distance, count, mapping, self.sampling, self.epsilon, self.quantize, seed=seed
            )
        )
        name = "ppl" if network.name == "lpips-vgg" else name_with("ppl", network.name)
        protocol = network.protocol() | {
            "space": "w, linear" if mapping else "z, spherical",
            "sampling": self.sampling,
            "epsilon": self.epsilon,
            "quantization": QUANTIZATION if self.quantize else "none: float images",
            "crop": "none",
            "trimmed": "1st to 99th percentile",
            "count_fake": count,
            "count_real": 0,
            "seed": seed,
        }
        deviation = lengths.std(ddof=1)
        return [Result(name, lengths.mean(), False, deviation / np.sqrt(len(lengths)), deviation, protocol)]
