"""Noise inputs: silent at the start, constant outside training, stateless inside."""

import numpy as np
import pytest

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.layers.noise import NoiseInjection, noise_mode

X = np.zeros((3, 4, 4, 2), np.float32)


def test_strength_starts_at_zero_and_scales_one_image_for_all_channels():
    layer = NoiseInjection(per_channel=True, gain=2.0, name="noise")
    np.testing.assert_array_equal(layer(X, training=True), X)
    layer.strength.assign([1.0, -3.0])
    outputs = np.asarray(layer(X))
    np.testing.assert_allclose(outputs[..., 1], -3 * outputs[..., 0], rtol=1e-6)
    np.testing.assert_allclose(outputs, 2 * np.asarray(layer.constant) * [1.0, -3.0] + X, rtol=1e-6)
    assert not layer.constant.trainable and np.std(layer.constant) > 0.4


def test_modes():
    layer = NoiseInjection(name="noise")
    layer.build(X.shape)
    layer.strength.assign(1.0)

    def drawn(seed):
        with randomness.scope(randomness.fold(seed, "x")):
            return np.asarray(layer(X, training=True))

    assert (drawn(1) == drawn(1)).all() and (drawn(1) != drawn(2)).any()
    assert (drawn(1)[0] != drawn(1)[1]).any()  # each image has its own
    np.testing.assert_allclose(np.std([drawn(seed) for seed in range(40)]), 1.0, atol=0.06)
    with noise_mode("none"):
        np.testing.assert_array_equal(layer(X, training=True), X)
    with noise_mode("constant"):
        np.testing.assert_array_equal(layer(X, training=True), layer(X))
    with noise_mode("random"), randomness.scope(randomness.fold(1, "x")):
        np.testing.assert_array_equal(layer(X), drawn(1))
    with pytest.raises(UserError, match="^noise must be constant, none or random, not 'loud'$"), noise_mode("loud"):
        pass
