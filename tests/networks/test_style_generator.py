"""Style-based generators: styles, truncation, noise modes, and what is refused; initial variances."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.game import moving_average
from keras_gans.layers.equalized import EqualizedConv2D, EqualizedDense
from keras_gans.layers.modulated_convolution import ModulatedConv2D
from keras_gans.networks.stylegan import StyleGANGenerator
from keras_gans.networks.stylegan2 import StyleGAN2Generator
from keras_gans.registry import DISCRIMINATORS, GENERATORS

SMALL = {
    "image_size": 16,
    "channels": 1,
    "latent_dim": 6,
    "w_dim": 5,
    "channel_base": 64,
    "channel_max": 8,
    "mapping_layers": 2,
}
LATENT = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)


@pytest.fixture(scope="module", params=[StyleGANGenerator, StyleGAN2Generator], ids=["stylegan", "stylegan2"])
def generator(request):
    keras.utils.set_random_seed(0)
    network = request.param(**SMALL)
    for layer in network.synthesis.layers:
        if layer.name.endswith("_noise"):
            layer.strength.assign(tf.ones_like(layer.strength))
    network.average_w.assign(np.arange(5.0))
    return network


def test_truncation_by_hand(generator):
    w = np.asarray(generator.mapping(LATENT))
    assert generator.layers_w == 6 and w.shape == (3, 5)
    np.testing.assert_array_equal(generator.styles(LATENT), np.repeat(w[:, None], 6, 1))
    halfway = np.arange(5.0) + 0.5 * (w - np.arange(5.0))
    np.testing.assert_allclose(generator.styles(LATENT, truncation=0.5), np.repeat(halfway[:, None], 6, 1), rtol=1e-5)
    np.testing.assert_allclose(generator.styles(LATENT, truncation=tf.constant(0.0))[2, 4], np.arange(5.0), atol=1e-6)
    some = np.asarray(generator.styles(LATENT, truncation=0.5, cutoff=2))
    np.testing.assert_allclose(some[:, :2], np.repeat(halfway[:, None], 2, 1), rtol=1e-5)
    np.testing.assert_array_equal(some[:, 2:], np.repeat(w[:, None], 4, 1))


def test_every_style_matters_and_the_parts_make_the_whole(generator):
    styles = np.array(generator.styles(LATENT))
    images = np.asarray(generator.synthesize(styles))
    np.testing.assert_allclose(images, generator(LATENT), atol=1e-6)
    for index in range(generator.layers_w):
        other = styles.copy()
        other[:, index] += 1
        assert np.abs(generator.synthesize(other) - images).max() > 1e-4, index


def test_noise_modes(generator):
    styles = generator.styles(LATENT)
    constant, none, one, again, two = (
        np.asarray(generator.synthesize(styles, noise=mode, seed=seed))
        for mode, seed in (("constant", None), ("none", None), ("random", 1), ("random", 1), ("random", 2))
    )
    np.testing.assert_array_equal(one, again)
    for left, right in ((constant, none), (constant, one), (none, one), (one, two)):
        assert np.abs(left - right).max() > 1e-3


def test_average_is_copied_with_the_rest(generator):
    np.testing.assert_array_equal(moving_average(generator, "ema").average_w, generator.average_w)


def test_what_is_wrong_is_said_in_one_line(generator):
    styles = generator.styles(LATENT)
    for wrong, message in (
        (lambda: generator(LATENT[:, :3]), r"takes latents \[n, 6\], not \[3, 3\]"),
        (lambda: generator.styles(LATENT[:, :3]), r"takes latents \[n, 6\], not \[3, 3\]"),
        (lambda: generator.styles(LATENT, truncation=2.5), "truncation must be from -2 to 2, not 2.5"),
        (lambda: generator.styles(LATENT, truncation=float("nan")), "truncation must be from -2 to 2, not nan"),
        (lambda: generator.styles(LATENT, cutoff=7), "cutoff must be from 0 to 6 layers, not 7"),
        (lambda: generator.styles(LATENT, label=np.zeros(3, np.int32)), "takes no label"),
        (lambda: generator.synthesize(styles[:, :3]), r"takes styles \[n, 6, 5\], not \[3, 3, 5\]"),
        (lambda: generator.synthesize(styles, noise="random"), "noise=random needs a seed"),
    ):
        with pytest.raises(UserError, match=message) as error:
            wrong()
        assert "\n" not in str(error.value)
    name = "stylegan2" if isinstance(generator, StyleGAN2Generator) else "stylegan"
    with pytest.raises(UserError, match="image_size must be a power of two from 8 to 1024, not 48$"):
        GENERATORS.create(name, image_size=48)


@pytest.mark.parametrize("name", ["progan", "stylegan", "stylegan2"])
def test_variance_of_every_layer_at_the_start(name):
    """Each layer gives the square of its gain for inputs from N(0, 1), apart from what as few random weights vary."""
    keras.utils.set_random_seed(0)
    sizes = {"image_size": 8, "channel_base": 256, "channel_max": 32}
    checked = 0
    for network in (GENERATORS.create(name, **sizes), DISCRIMINATORS.create(name, **sizes)):
        for layer in network._flatten_layers():
            if isinstance(layer, (EqualizedDense, EqualizedConv2D)) and getattr(layer, "resample", None) is None:
                kernel = layer.raw_kernel
                shape = (64,) if isinstance(layer, EqualizedDense) else (4, 16, 16)
                outputs = layer(tf.random.normal([*shape, kernel.shape[-2]]))
                outputs = outputs - layer.bias if layer.use_bias else outputs
            elif isinstance(layer, ModulatedConv2D) and not layer.up:
                kernel = layer.kernel
                outputs = layer([tf.random.normal([4, 16, 16, kernel.shape[2]]), tf.ones([4, kernel.shape[2]])])
            else:
                continue
            outputs = outputs[:, 1:-1, 1:-1] if len(outputs.shape) == 4 else outputs
            weights = np.prod(kernel.shape)
            tolerance = 0.1 + 5 * np.sqrt(2 / weights) + 5 * np.sqrt(2 / np.prod(outputs.shape[:-1]) / kernel.shape[-1])
            assert abs(float(tf.reduce_mean(outputs**2)) / layer.gain**2 - 1) < tolerance, layer.name
            checked += 1
    assert checked > 10
