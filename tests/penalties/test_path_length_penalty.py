"""Path length on a linear generator, whose Jacobian is known."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.penalties.path_length import PathLength, path_lengths

LAYERS, WIDTH, SIDE, CHANNELS = 3, 5, 4, 2
JACOBIAN = np.random.default_rng(0).normal(size=(LAYERS * WIDTH, SIDE * SIDE * CHANNELS)).astype(np.float32)


def linear(styles):
    return tf.reshape(tf.reshape(styles, [-1, LAYERS * WIDTH]) @ JACOBIAN, [-1, SIDE, SIDE, CHANNELS])


def test_lengths_are_those_of_the_jacobian():
    styles = tf.zeros([6, LAYERS, WIDTH])
    seed = randomness.fold(3, "image")
    noise = np.asarray(randomness.normal(seed, [6, SIDE, SIDE, CHANNELS])) / np.sqrt(SIDE * SIDE)
    slopes = (noise.reshape(6, -1) @ JACOBIAN.T).reshape(6, LAYERS, WIDTH)
    lengths = np.asarray(path_lengths(linear, styles, seed))
    np.testing.assert_allclose(lengths, np.sqrt((slopes**2).sum(2).mean(1)), rtol=1e-5)
    many = np.asarray(path_lengths(linear, tf.zeros([4000, LAYERS, WIDTH]), seed))
    # E |J' y|^2 is the sum of the Jacobian's squares over the pixels that y is divided by the root of.
    np.testing.assert_allclose((many**2).mean(), (JACOBIAN**2).sum() / LAYERS / SIDE**2, rtol=0.03)


def test_penalty_pulls_towards_the_moving_average():
    part = PathLength(decay=0.25)
    part.average.assign(2.0)
    lengths = tf.constant([1.0, 5.0])
    with tf.GradientTape() as tape:
        tape.watch(lengths)
        penalty, average = part.penalty(lengths)
    np.testing.assert_allclose(average, 2.25)  # 2 + (3 - 2) / 4
    np.testing.assert_allclose(penalty, (1.25**2 + 2.75**2) / 2)
    # d penalty / d l_i = (l_i - a) - mean(l - a) / 4, since a moves by an eighth of each length
    np.testing.assert_allclose(tape.gradient(penalty, lengths), [-1.25 - 0.75 / 4, 2.75 - 0.75 / 4], rtol=1e-6)
    part.update(average)
    assert float(part.average) == 2.25


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weight": -1}, "weight should be 0 or more"),
        ({"decay": 0}, "decay from 0 to 1"),
        ({"interval": 0}, "interval should be a positive integer, not 0"),
    ],
)
def test_nonsense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PathLength(**arguments)
