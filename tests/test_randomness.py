"""Stateless noise: equal with and without XLA, different between sites and steps, rows of one global draw."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1, 2**40 + 3])
def test_equal_under_xla(seed):
    step = tf.Variable(5, dtype=tf.int64)

    def draw():
        narrowed = randomness.fold(randomness.fold(seed, step), "site")
        return (
            randomness.normal(narrowed, [64, 3]),
            randomness.uniform(narrowed, [64]),
            randomness.integers(narrowed, [64], 10),
        )

    for plain, compiled in zip(tf.function(draw)(), tf.function(draw, jit_compile=True)()):
        np.testing.assert_allclose(plain, compiled, atol=1e-5)


def test_sites_and_steps_are_independent():
    draws = [
        randomness.normal(randomness.fold(randomness.fold(0, step), site), [10_000]).numpy()
        for step in (0, 1)
        for site in ("a", "b")
    ]
    correlations = np.corrcoef(draws)[~np.eye(4, dtype=bool)]
    assert np.abs(correlations).max() < 0.05
    for draw in draws:
        np.testing.assert_allclose([draw.mean(), draw.std()], [0, 1], atol=0.05)


def test_scope_gives_layers_their_seed():
    with randomness.scope(randomness.fold(0, 1)):
        one = randomness.layer_seed("dropout")
        with randomness.scope(randomness.fold(0, 2)):
            two = randomness.layer_seed("dropout")
        again = randomness.layer_seed("dropout")
    np.testing.assert_array_equal(one, again)
    assert (one.numpy() != two.numpy()).any()
    np.testing.assert_array_equal(randomness.layer_seed("dropout"), randomness.layer_seed("dropout"))
