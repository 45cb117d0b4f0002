"""Our layers against the numbers and files of tensorflow-addons (written by tools/tfa_golden.py)."""

import pathlib

import keras
import numpy as np
import pytest
from keras import layers

from keras_gans.errors import UserError
from keras_gans.games.gan import GAN
from keras_gans.layers import addons
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.losses.adversarial import Wasserstein

GOLDEN = pathlib.Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "layers.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def answers():
    with np.load(GOLDEN / "generator.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize(
    "name, layer",
    [
        ("instance", InstanceNormalization(epsilon=1e-3, affine=True)),
        ("instance_epsilon", InstanceNormalization(affine=True)),
        ("instance_plain", InstanceNormalization(epsilon=1e-3)),
        ("group", layers.GroupNormalization(3)),
        ("group_epsilon", layers.GroupNormalization(2, epsilon=1e-5)),
    ],
)
def test_normalization_equals_addons(golden, name, layer):
    layer.build(golden[f"{name}/inputs"].shape)
    for weight in layer.weights:
        weight.assign(golden[f"{name}/{weight.name}"])
    np.testing.assert_allclose(layer(golden[f"{name}/inputs"]), golden[f"{name}/outputs"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name, inner", [("dense", layers.Dense(5)), ("conv", layers.Conv2D(6, 3, strides=2))])
def test_spectral_normalization_equals_addons(golden, name, inner):
    layer = SpectralNormalization(inner, power_iterations=100)
    layer.build(golden[f"{name}/inputs"].shape)
    kernel, normalised = golden[f"{name}/kernel"], golden[f"{name}/normalised"]
    inner.kernel.assign(kernel)
    layer.power_iteration()
    np.testing.assert_allclose(layer.sigma(), np.vdot(kernel, kernel) / np.vdot(kernel, normalised), rtol=1e-4)
    np.testing.assert_allclose(kernel / layer.sigma(), normalised, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer(golden[f"{name}/inputs"]), golden[f"{name}/outputs"], rtol=1e-4, atol=1e-5)


def test_moving_average_of_the_game_equals_addons():
    with np.load(GOLDEN / "average.npz", allow_pickle=False) as file:
        weights, averages = file["weights"], file["averages"]
    generator = keras.Sequential([keras.Input([1]), layers.Dense(4, use_bias=False)])
    discriminator = keras.Sequential([keras.Input([4]), layers.Dense(1)])
    generator.set_weights([weights[:1]])
    kimg = 2 * np.log(0.5) / np.log(0.9) / 1000  # the half-life at which a batch of 2 keeps 0.9
    gan = GAN(generator, discriminator, Wasserstein(), ema_kimg=kimg, ema_rampup=1e9)
    gan.compile(keras.optimizers.SGD(), keras.optimizers.SGD())
    logs = {f"{player}_{what}": 0.0 for player in ("discriminator", "generator") for what in ("loss", "gradient_norm")}
    for step, average in enumerate(averages):
        generator.set_weights([weights[step + 1 : step + 2]])
        gan.finish_step(logs, 2)
        np.testing.assert_allclose(gan.ema.get_weights()[0][0], average, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_model_file_loads_and_answers_the_same(answers, suffix, tmp_path):
    model = addons.load_model(GOLDEN / f"generator{suffix}")
    np.testing.assert_allclose(model(answers["images"]), answers["outputs"], atol=1e-5)
    assert np.std(answers["outputs"]) > 0.1
    ours = [layer for layer in model.layers if type(layer) is InstanceNormalization]
    assert [(layer.affine, layer.epsilon) for layer in ours] == [(True, 1e-3), (False, 1e-5)]

    model.save(tmp_path / "model.keras")  # from here on it is a file of Keras 3
    copy = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy(answers["images"]), model(answers["images"]))


def test_weights_of_a_file_load_into_a_network_of_our_layers(answers, tmp_path):
    source = addons.load_model(GOLDEN / "generator.h5")
    inputs = keras.Input([None, None, 3])
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.Activation("relu")(InstanceNormalization(epsilon=1e-3, affine=True)(x))
    wrapped = addons.SpectralNormalization(layers.Conv2D(4, 3, padding="same"))
    x = layers.LeakyReLU(0.2)(layers.GroupNormalization(2)(wrapped(x)))
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False)(x)
    model = keras.Model(inputs, layers.Activation("tanh")(InstanceNormalization()(x)))
    model.load_weights(GOLDEN / "generator.h5")
    np.testing.assert_allclose(model(answers["images"]), answers["outputs"], atol=1e-5)
    np.testing.assert_array_equal(wrapped.u, source.layers[4].u)
    assert abs(np.linalg.norm(wrapped.u) - 1) < 1e-5


def test_settings_that_our_layer_lacks_are_refused():
    config = {"name": "norm", "trainable": True, "dtype": "float32", "epsilon": 1e-3, "scale": True}
    with pytest.raises(ValueError, match="layer 'norm'.*axis=1"):
        addons.InstanceNormalization.from_config(config | {"axis": 1, "center": True})
    with pytest.raises(ValueError, match="layer 'norm'.*center=False"):
        addons.InstanceNormalization.from_config(config | {"axis": -1, "center": False})


def test_lambda_layers_are_refused(tmp_path):
    model = keras.Sequential([keras.Input([2]), layers.Lambda(lambda x: x + 1)])
    for name in ("model.h5", "model.keras"):
        model.save(tmp_path / name)
        with pytest.raises(UserError, match="[Ll]ambda") as raised:
            addons.load_model(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_unknown_layers_are_named_and_can_be_given(tmp_path):
    class Padding(layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    model = keras.Sequential([keras.Input([2]), Padding()])
    for name in ("model.h5", "model.keras"):
        model.save(tmp_path / name)
        with pytest.raises(UserError, match="Padding"):
            addons.load_model(tmp_path / name)
        loaded = addons.load_model(tmp_path / name, {"Padding": Padding})
        np.testing.assert_array_equal(loaded(np.ones([1, 2])), [[2, 2]])


@pytest.mark.parametrize("name", ["missing.h5", "."])
def test_what_is_no_model_file_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="expected a .h5, .hdf5 or .keras file"):
        addons.load_model(tmp_path / name)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_damaged_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes((GOLDEN / f"generator{suffix}").read_bytes()[:2000])
    with pytest.raises(UserError, match=f"damaged{suffix}: .") as raised:
        addons.load_model(path)
    assert "\n" not in str(raised.value)
