"""Networks that grow: what a fade begins and ends with, and that the whole network agrees with its resolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks.progan import ProGANDiscriminator, ProGANGenerator
from keras_gans.networks.stylegan import StyleGANDiscriminator, StyleGANGenerator

SMALL = {"image_size": 16, "channels": 2, "channel_base": 64, "channel_max": 8}


@pytest.fixture(scope="module", params=["progan", "stylegan"])
def pair(request):
    """What grows of a generator, its inputs, and the discriminator, with weights off their initial values."""
    keras.utils.set_random_seed(0)
    if request.param == "progan":
        generator, discriminator = ProGANGenerator(latent_dim=6, **SMALL), ProGANDiscriminator(**SMALL)
        inputs = tf.random.normal([4, 6])
    else:
        generator, discriminator = (
            StyleGANGenerator(w_dim=5, latent_dim=6, **SMALL).synthesis,
            StyleGANDiscriminator(**SMALL),
        )
        inputs = tf.random.normal([4, generator.inputs[0].shape[1], 5])
    random = np.random.default_rng(0)
    for variable in generator.trainable_variables + discriminator.trainable_variables:
        variable.assign_add(random.normal(scale=0.1, size=variable.shape))
    return generator, inputs, discriminator


def enlarged(images, factor=2):
    return np.repeat(np.repeat(images, factor, 1), factor, 2)


def halved(images):
    return tf.nn.avg_pool2d(images, 2, 2, "VALID")


def fade(network, size, alpha):
    network.get_layer(f"fade_{size}").alpha.assign(alpha)


def test_generator_at_alpha_0_1_and_between(pair):
    generator, inputs, _ = pair
    small = generator.at(8)(inputs)
    fade(generator, 16, 0.0)
    begin = np.asarray(generator.at(16)(inputs))
    np.testing.assert_array_equal(begin, enlarged(small))
    fade(generator, 16, 1.0)
    end = np.asarray(generator.at(16)(inputs))
    x = generator.get_layer("to_image_16")  # the bigger network alone
    alone = keras.Model(generator.inputs, x.output)(inputs)
    np.testing.assert_array_equal(end, alone)
    assert np.abs(end - begin).max() > 0.1
    fade(generator, 16, 0.25)
    np.testing.assert_allclose(generator.at(16)(inputs), 0.75 * begin + 0.25 * end, atol=1e-5)


def test_discriminator_at_alpha_0_1_and_between(pair):
    *_, discriminator = pair
    images = tf.random.stateless_uniform([4, 16, 16, 2], [1, 2], -1, 1)
    fade(discriminator, 8, 1.0)
    fade(discriminator, 16, 0.0)
    np.testing.assert_allclose(discriminator.at(16)(images), discriminator.at(8)(halved(images)), atol=1e-5)
    fade(discriminator, 16, 1.0)
    end = discriminator.at(16)(images)
    before = np.asarray(discriminator.get_layer("from_image_8").raw_kernel)
    discriminator.get_layer("from_image_8").raw_kernel.assign(before + 1)  # the smaller one's entrance: closed
    np.testing.assert_array_equal(discriminator.at(16)(images), end)
    fade(discriminator, 16, 0.5)
    assert np.abs(discriminator.at(16)(images) - end).max() > 1e-3
    discriminator.get_layer("from_image_8").raw_kernel.assign(before)


@pytest.mark.parametrize("size, alpha", [(4, 1.0), (8, 0.0), (8, 0.5), (8, 1.0), (16, 0.25), (16, 1.0)])
def test_whole_network_is_the_one_that_has_grown(pair, size, alpha):
    """Whatever its resolution, it makes and takes images of the full size."""
    generator, inputs, discriminator = pair
    images = tf.random.stateless_uniform([4, 16, 16, 2], [1, 2], -1, 1)
    small = images
    for _ in range({4: 2, 8: 1, 16: 0}[size]):
        small = halved(small)
    for network in (generator, discriminator):
        network.grow(size, alpha)
    np.testing.assert_allclose(generator(inputs), enlarged(generator.at(size)(inputs), 16 // size), atol=1e-5)
    np.testing.assert_allclose(discriminator(images), discriminator.at(size)(small), atol=1e-4)


def test_a_resolution_has_only_the_layers_that_it_needs(pair):
    generator, _, discriminator = pair
    for network in (generator, discriminator):
        counts = [len(network.at(size).trainable_variables) for size in (4, 8, 16)]
        assert counts == sorted(counts) and len(set(counts)) == 3
        assert counts[-1] < len(network.trainable_variables)  # not the images at 4 pixels
        known = {id(variable) for variable in network.variables}
        assert all(id(variable) in known for variable in network.at(8).variables)
