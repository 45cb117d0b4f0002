"""Perceptual path length of generators whose answer is known."""

import types

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.metrics.path_length import interpolate, path_lengths, trimmed
from keras_gans.networks.stylegan2 import StyleGAN2Generator
from keras_gans.registry import EXTRACTORS, SCORES

DIMS = 6
MATRIX = np.random.default_rng(0).normal(size=(DIMS, 4 * 4 * 3)).astype("float32") / 50


def draw(count, seed):
    return randomness.normal(seed, [count, DIMS])


def linear(codes):
    return tf.reshape(codes @ MATRIX, [-1, 4, 4, 3])


def squared(first, second):
    return tf.reduce_sum(tf.square(first - second), [1, 2, 3])


def test_straight_paths_of_a_linear_generator():
    # G(w + e (w' - w)) - G(w) = e A (w' - w), and w' - w ~ N(0, 2 I): the mean is 2 |A|_F^2 at any t.
    for sampling in ("end", "full"):
        lengths = path_lengths(
            draw, linear, squared, 20000, mapping=tf.identity, sampling=sampling, epsilon=0.01, batch_size=5000
        )
        error = lengths.std() / np.sqrt(len(lengths))
        assert abs(lengths.mean() - 2 * np.sum(MATRIX**2)) < 4 * error
        assert error < 0.01 * lengths.mean()


def test_arcs_of_the_identity_have_the_length_of_the_angle():
    # On the sphere |z|, the derivative along the arc from a to b is |a| times the angle between them.
    lengths = path_lengths(draw, lambda z: z[:, None, None, :3] * [[[[1.0, 1.0, 1.0]]]], squared, 64, batch_size=64)
    seed = randomness.fold(randomness.fold(0, "path length"), 0)
    a, b = np.split(draw(128, seed).numpy().astype(np.float64), 2)
    unit_a, unit_b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    cosine = (unit_a * unit_b).sum(axis=1, keepdims=True)
    tangent = (unit_b - cosine * unit_a) / np.sqrt(1 - cosine**2)
    velocity = np.linalg.norm(a, axis=1, keepdims=True) * np.arccos(cosine) * tangent
    np.testing.assert_allclose(lengths, (velocity[:, :3] ** 2).sum(axis=1), rtol=0.02, atol=1e-3)  # float32 differences


@pytest.mark.parametrize("t, expected", [(0.0, [3, 0]), (0.5, [3 / np.sqrt(2)] * 2), (1.0, [0, 3])])
def test_an_arc_keeps_the_length_of_its_start(t, expected):
    point = interpolate(tf.constant([[3.0, 0.0]]), tf.constant([[0.0, 5.0]]), tf.constant([[t]]), spherical=True)
    np.testing.assert_allclose(point[0], expected, atol=1e-5)


def test_quantized_images_hardly_move():
    arguments = dict(count=200, mapping=tf.identity, batch_size=100)
    smooth = path_lengths(draw, linear, squared, **arguments)
    stepped = path_lengths(draw, linear, squared, quantize=True, **arguments)
    assert np.count_nonzero(smooth) == 200
    assert np.count_nonzero(stepped) < 100  # most pairs are the same uint8 image; those that differ, differ by far
    assert stepped.max() > 10 * smooth.max()


def test_grey_images_and_images_above_256_pixels_reach_the_network_as_it_wants_them():
    seen = []

    def distance(first, second):
        seen.append(first.shape)
        return squared(first, second)

    path_lengths(draw, lambda z: tf.zeros([z.shape[0], 512, 512, 1]), distance, 2, batch_size=2)
    assert seen == [(2, 256, 256, 3)]


def test_trimming_and_options():
    np.testing.assert_array_equal(trimmed(np.arange(1001.0)), np.arange(10.0, 991.0))
    for spec, message in [("ppl:sampling=middle", "end and full"), ("ppl:epsilon=0", "epsilon > 0")]:
        with pytest.raises(UserError, match=message):
            SCORES.create(spec)


class LinearRun:
    """A run with a linear generator of 32x32 images."""

    num_classes = 0
    directory = "runs/linear"

    def __init__(self, gain):
        matrix = np.random.default_rng(1).normal(size=(DIMS, 32 * 32)).astype("float32")
        self.generator = lambda codes, training: tf.tanh(tf.reshape(gain * codes @ matrix, [-1, 32, 32, 1]))

    def draw_latent(self, count, seed):
        return draw(count, seed)


def test_a_run_is_scored_under_the_name_of_its_network():
    (slow,) = SCORES.create("ppl")(LinearRun(0.05), None, "fashion", 32, 0)
    (fast,) = SCORES.create("ppl")(LinearRun(0.5), None, "fashion", 32, 0)
    assert slow.name == fast.name == "ppl_fashion"
    assert slow.value < fast.value
    assert slow.protocol["space"] == "z, spherical" and slow.protocol["quantization"].startswith("none")


@pytest.mark.parametrize("num_classes", [0, 3])
def test_paths_of_style_based_generators_are_straight_in_w(num_classes):
    generator = StyleGAN2Generator(
        image_size=8,
        channels=1,
        latent_dim=DIMS,
        w_dim=5,
        channel_base=32,
        channel_max=4,
        mapping_layers=1,
        num_classes=num_classes,
    )
    run = types.SimpleNamespace(generator=generator, num_classes=num_classes, draw_latent=draw)
    (score,) = SCORES.create("ppl:epsilon=0.01")(run, None, "fashion", 16, 0)
    assert score.protocol["space"] == "w, linear"
    seed = randomness.fold(randomness.fold(0, "path length"), 0)
    latents = draw(32, seed)  # the starts of 16 paths, then their ends
    w = generator.mapping([latents, tf.tile(tf.range(16) % num_classes, [2])] if num_classes else latents)
    codes = tf.concat([w[:16], w[:16] + 0.01 * (w[16:] - w[:16])], 0)
    images = generator.synthesize(tf.repeat(codes[:, None], 4, axis=1)).numpy()
    features = EXTRACTORS.create("fashion")
    first, second = np.split(features.network((np.repeat(images, 3, -1) + 1) * 127.5)[0].numpy().astype(np.float64), 2)
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    assert score.value == pytest.approx(trimmed(np.square(first - second).sum(1) / 0.01**2).mean(), rel=0.02)
