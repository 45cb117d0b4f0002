"""Orthogonal regularization of weights, beside the gradient that BigGAN's code writes out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.gan import GAN
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.registry import DISCRIMINATORS, GENERATORS, PENALTIES


def written_out(kernel):
    """2 (W W' * (1 - I)) W with W [outputs, everything else]; back in Keras's order."""
    w = np.reshape(kernel, (-1, kernel.shape[-1])).T.astype("float64")
    return np.reshape((2 * (w @ w.T * (1 - np.eye(len(w)))) @ w).T, kernel.shape)


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (3, 3, 2, 5), (1, 1, 3, 8)])
def test_gradient_is_that_of_the_code(shape):
    kernel = tf.Variable(np.random.default_rng(0).normal(size=shape).astype("float32"))
    part = PENALTIES.create("orthogonal")
    with tf.GradientTape() as tape:
        value = part.of(kernel)
    np.testing.assert_allclose(tape.gradient(value, kernel), written_out(kernel.numpy()), rtol=0, atol=2e-4)
    w = np.reshape(kernel, (-1, shape[-1]))
    gram = w.T @ w
    np.testing.assert_allclose(value, ((gram - np.diag(np.diag(gram))) ** 2).sum() / 2, rtol=1e-5)


def test_orthogonal_kernels_of_any_length_cost_nothing_and_others_do():
    part = PENALTIES.create("orthogonal")
    assert abs(float(part.of(tf.constant(np.diag([1.0, 2.0, 3.0]), tf.float32)))) < 1e-5
    assert float(part.of(tf.ones([2, 2]))) == pytest.approx(4)  # two entries of 2 beside the diagonal, squared, halved


def test_kernels_of_a_player_are_meant_and_no_embeddings_biases_or_norms():
    inputs = keras.Input((4,)), keras.Input((), dtype="int32")
    x = SpectralNormalization(keras.layers.Dense(3, name="dense"))(inputs[0])
    x = keras.layers.BatchNormalization()(x)
    x = x * SpectralNormalization(keras.layers.Embedding(5, 3, name="table"))(inputs[1])
    network = keras.Model(inputs, keras.layers.Dense(2, name="last")(x))
    kernels = [network.get_layer("last").kernel]
    kernels += [layer.kernel for layer in network._flatten_layers() if layer.name == "dense"]
    part = PENALTIES.create("orthogonal")
    np.testing.assert_allclose(part([network]), sum(float(part.of(kernel)) for kernel in kernels), rtol=1e-6)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_step_moves_that_player_s_weights_further_by_the_gradient(player):
    moved = {}
    for weight in (0.0, 3.0):
        keras.utils.set_random_seed(1)
        networks = (
            GENERATORS.create("mlp:width=6", image_size=8, latent_dim=5),
            DISCRIMINATORS.create("mlp:width=6", image_size=8),
        )
        for network in networks:  # as they start, kernels are too small to see it
            network.set_weights([10 * weight for weight in network.get_weights()])
        before = {name: network.get_weights() for name, network in zip(("generator", "discriminator"), networks)}
        game = GAN(*networks, "hinge", penalties=[f"orthogonal:weight={weight},player={player}"], share_fakes=False)
        game.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
        game.train_step(tf.zeros([4, 8, 8, 1]))
        moved[weight] = {name: getattr(game, name).get_weights() for name in before}
    seen = []
    for plain, regularized, start in zip(moved[0.0][player], moved[3.0][player], before[player]):
        if start.ndim > 1:
            expected = 0.03 * written_out(start)
            np.testing.assert_allclose(plain - regularized, expected, rtol=0, atol=1e-7 + 1e-3 * np.abs(expected).max())
            seen.append(np.abs(expected).max())
    assert max(seen) > 1e-4
    if player == "generator":
        for plain, regularized in zip(moved[0.0]["discriminator"], moved[3.0]["discriminator"]):
            np.testing.assert_array_equal(plain, regularized)


def test_mistakes_are_refused_and_the_config_is_kept():
    for spec, says in (
        ("orthogonal:weight=-1", "weight should be 0 or more, not -1"),
        ("orthogonal:player=critic", "player should be generator or discriminator, not critic"),
    ):
        with pytest.raises(UserError, match=says):
            PENALTIES.create(spec)
    part = PENALTIES.create("orthogonal:weight=0.5,player=discriminator")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part))
    assert (copy.weight, copy.player) == (0.5, "discriminator")
