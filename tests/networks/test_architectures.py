"""Each architecture against its paper's or authors' numbers: parameters by hand, outputs by a second implementation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.began import BEGANAutoencoder, BEGANGenerator
from keras_gans.networks.cgan import CGANDiscriminator, CGANGenerator, ConditionalDCGANDiscriminator
from keras_gans.networks.deepfill import SNPatchGAN
from keras_gans.networks.mlp import MLPDiscriminator, MLPGenerator, maxout
from keras_gans.networks.points import PointsAutoencoder, PointsDiscriminator, PointsGenerator
from keras_gans.networks.r3gan import GroupedConv2D, R3GANDiscriminator, R3GANGenerator, Resample
from keras_gans.networks.resnet import down_block, up_block
from keras_gans.networks.sagan import SAGANDiscriminator, SAGANGenerator
from keras_gans.networks.sngan import SNGANDiscriminator, SNGANGenerator
from keras_gans.networks.wgan_gp import WGANGPCritic, WGANGPGenerator
from keras_gans.registry import DISCRIMINATORS


def trainable(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(inputs, outputs, size=3):
    return size * size * inputs * outputs + outputs


def up(inputs, outputs, norm=2):
    """Parameters of a generator's residual block: two norms, two 3x3 convolutions, a 1x1 shortcut."""
    return norm * inputs + norm * outputs + conv(inputs, outputs) + conv(outputs, outputs) + conv(inputs, outputs, 1)


def down(inputs, hidden, outputs, shortcut=True):
    return conv(inputs, hidden) + conv(hidden, outputs) + shortcut * conv(inputs, outputs, 1)


def test_original_gan_has_the_parameters_of_mnist_yaml():
    assert trainable(MLPGenerator(28)) == dense(100, 1200) + dense(1200, 1200) + dense(1200, 784)
    assert trainable(MLPDiscriminator(28)) == dense(784, 240 * 5) + dense(240, 240 * 5) + dense(240, 1)


def test_cgan_has_the_paper_s_layers():
    assert trainable(CGANGenerator(28)) == dense(100, 200) + dense(10, 1000) + dense(1200, 1200) + dense(1200, 784)
    assert trainable(CGANDiscriminator(28)) == (
        dense(784, 240 * 5) + dense(10, 50 * 5) + dense(240 + 50, 240 * 4) + dense(240, 1)
    )


def test_points():
    assert trainable(PointsGenerator()) == dense(2, 128) + dense(128, 128) + dense(128, 2)
    assert trainable(PointsDiscriminator()) == dense(2, 128) + dense(128, 128) + dense(128, 1)
    half = dense(2, 128) + dense(128, 128)
    assert trainable(PointsAutoencoder()) == half + dense(128, 1) + dense(1, 128) + dense(128, 128) + dense(128, 2)


def test_began_at_the_paper_s_64_pixels():
    """n = 128, h = 64; carpedm20/BEGAN-tensorflow `models.py` with its defaults."""
    decoder = dense(64, 8 * 8 * 128) + 8 * conv(128, 128) + conv(128, 3)
    assert trainable(BEGANGenerator(64, 3)) == decoder
    widths = [128, 256, 384, 512]
    encoder = conv(3, 128) + dense(8 * 8 * 512, 64)
    encoder += sum(conv(before, here) + conv(here, here) for before, here in zip([128, *widths], widths))
    encoder += sum(conv(here, here) for here in widths[:-1])
    assert trainable(BEGANAutoencoder(64, 3)) == encoder + decoder


def test_sngan_on_cifar():
    generator = dense(128, 4 * 4 * 256) + 3 * up(256, 256) + 2 * 256 + conv(256, 3)
    assert trainable(SNGANGenerator(32, 3)) == generator == 4_276_739
    critic = down(3, 128, 128) + down(128, 128, 128) + 2 * down(128, 128, 128, shortcut=False) + 128
    assert trainable(SNGANDiscriminator(32, 3)) == critic
    # Ten classes: scale and offset per class in six of the seven norms; one embedding.
    assert trainable(SNGANGenerator(32, 3, num_classes=10)) == generator + 9 * 6 * 2 * 256
    assert trainable(SNGANDiscriminator(32, 3, num_classes=10)) == critic + 10 * 128


def test_sngan_and_sagan_on_128_pixels():
    """At width 16; the papers' is 64."""

    def attention(channels):
        return 2 * channels * channels // 8 + 2 * channels * channels // 2 + 1

    widths = [256, 256, 128, 64, 32, 16]
    generator = dense(128, 16 * 256) + sum(map(up, widths, widths[1:])) + 2 * 16 + conv(16, 3)
    assert trainable(SNGANGenerator(128, 3, width=16)) == generator
    assert trainable(SAGANGenerator(128, 3, width=16)) == generator + attention(64)  # at 32 pixels

    widths = [16, 32, 64, 128, 256]
    ends = down(3, 16, 16) + down(256, 256, 256, shortcut=False) + dense(256, 1)
    between = sum(down(a, a, b) for a, b in zip(widths, widths[1:]))
    assert trainable(SNGANDiscriminator(128, 3, width=16)) == ends + between
    between = sum(down(a, b, b) for a, b in zip(widths, widths[1:]))
    assert trainable(SAGANDiscriminator(128, 3, width=16)) == ends + between + attention(32)  # at 32 pixels


def test_wgan_gp():
    assert trainable(WGANGPGenerator(32, 3)) == dense(128, 16 * 128) + 3 * up(128, 128) + 2 * 128 + conv(128, 3)
    critic = down(3, 128, 128) + down(128, 128, 128) + 2 * down(128, 128, 128, shortcut=False) + dense(128, 1)
    assert trainable(WGANGPCritic(32, 3)) == critic
    assert trainable(WGANGPCritic(32, 3, norm="layer")) == critic + 3 * 2 * 2 * 128
    widths = [512, 512, 256, 128, 64]  # `gan_64x64.py`: no bias in a block's first convolution
    generator = dense(128, 16 * 512) + sum(up(a, b) - b for a, b in zip(widths, widths[1:])) + 2 * 64 + conv(64, 3)
    assert trainable(WGANGPGenerator(64, 3)) == generator
    widths = [64, 128, 256, 512, 512]
    critic = conv(3, 64) + sum(down(a, a, b) - a + 4 * a for a, b in zip(widths, widths[1:])) + dense(16 * 512, 1)
    assert trainable(WGANGPCritic(64, 3)) == critic


def test_r3gan_has_as_many_parameters_as_the_authors_code():
    """Counted from `R3GAN/Networks.py` with `train.py`'s presets CIFAR10 and FFHQ-64."""
    assert trainable(R3GANGenerator(32, 3)) == 20_732_160
    assert trainable(R3GANDiscriminator(32, 3)) == 20_683_776
    assert trainable(R3GANGenerator(64, 3)) == 22_429_824


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_batch_norm_can_be_seen_from_outside(name):
    """What a recipe looks for when it refuses batch norm under a gradient penalty."""
    keywords = {"num_classes": 3} if name in ("cgan", "cdcgan", "acgan", "biggan") else {}
    keywords |= {"pretrained": False} if name == "projected" else {}  # the package with its features may be missing
    network = DISCRIMINATORS.create(name, width=16, **keywords)
    found = any(isinstance(layer, keras.layers.BatchNormalization) for layer in network._flatten_layers())
    assert found == (name in ("dcgan", "cdcgan", "acgan", "srgan", "vgg_style", "projected", "fastgan"))


def test_maxout_takes_the_largest_piece_of_each_unit():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, maxout(inputs, 2, 4, 0.5, "maxout"))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    affine = x @ kernel + bias  # columns: 4 pieces of the first unit, 4 of the second
    np.testing.assert_allclose(model(x), np.stack([affine[:, :4].max(1), affine[:, 4:].max(1)], 1), rtol=1e-6)
    assert np.abs(kernel).max() <= 0.5


def test_labels_reach_the_discriminator_as_one_map_per_class():
    network = ConditionalDCGANDiscriminator(8, 1, num_classes=3, width=4)
    joined = next(layer for layer in network.layers if isinstance(layer, keras.layers.Concatenate))
    inner = keras.Model(network.inputs, joined.output)
    image = np.full((2, 8, 8, 1), 0.5, "float32")
    seen = inner([image, np.array([2, 0], "int32")])
    np.testing.assert_array_equal(seen[0], np.broadcast_to([0.5, 0, 0, 1], (8, 8, 4)))
    np.testing.assert_array_equal(seen[1], np.broadcast_to([0.5, 1, 0, 0], (8, 8, 4)))


def blocks(build, shape):
    """A model of one residual block with plain convolutions and no norm."""
    inputs = keras.Input(shape)

    def layer(filters, kernel_size, gain, name, use_bias=True):
        return keras.layers.Conv2D(filters, kernel_size, padding="same", use_bias=use_bias, name=name)

    return keras.Model(inputs, build(inputs, 5, conv=layer, norm=lambda x, name: x, name="block"))


def shaken(model):
    random = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(random.normal(scale=0.3, size=variable.shape))
    return model


def test_blocks_are_the_papers_though_the_shortcut_is_computed_the_cheap_way():
    """The shortcut in the papers' order: double, then 1x1; 1x1, then average."""
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    relu = tf.nn.relu

    model = shaken(blocks(up_block, (6, 6, 4)))
    conv_0, conv_1, shortcut = (model.get_layer(f"block_{part}") for part in ("conv_0", "conv_1", "shortcut"))
    double = keras.layers.UpSampling2D(2)
    expected = conv_1(relu(conv_0(double(relu(x))))) + shortcut(double(x))
    np.testing.assert_allclose(model(x), expected, atol=1e-5)

    model = shaken(blocks(down_block, (6, 6, 4)))
    conv_0, conv_1, shortcut = (model.get_layer(f"block_{part}") for part in ("conv_0", "conv_1", "shortcut"))
    assert conv_0.filters == 4 and conv_1.filters == 5

    def halve(x):
        return ops.average_pool(x, 2)

    np.testing.assert_allclose(model(x), halve(conv_1(relu(conv_0(relu(x))))) + halve(shortcut(x)), atol=1e-5)


def test_projection_is_the_inner_product_with_the_normalised_embedding():
    network = SNGANDiscriminator(32, 1, num_classes=3, width=4)
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
    features = keras.Model(network.inputs, network.get_layer("logits").input)
    labels = np.array([2, 1], "int32")
    h = np.asarray(features([image, labels]))
    kernel, table = (np.asarray(network.get_layer(name).layer.weights[0]) for name in ("logits", "embedding"))
    kernel, table = (matrix / np.linalg.svd(matrix)[1][0] for matrix in (kernel, table))
    expected = h @ kernel + (h * table[labels]).sum(1, keepdims=True)
    np.testing.assert_allclose(network([image, labels]), expected, rtol=1e-3)


@pytest.mark.parametrize("architecture", [SNGANDiscriminator, SAGANDiscriminator, SAGANGenerator])
def test_every_kernel_is_spectrally_normalised(architecture):
    network = architecture(width=8)
    free = [
        layer.name
        for layer in network.layers
        if layer.trainable_variables and not isinstance(layer, (SpectralNormalization, keras.layers.BatchNormalization))
    ]
    assert free in ([], ["attention"])  # which normalises its own


def test_residual_blocks_of_r3gan_start_as_the_identity():
    """The last convolution starts at zero, and the first two at the authors' gain."""
    keras.utils.set_random_seed(0)
    network = R3GANGenerator(8, width=64, blocks=3)
    block = keras.Model(network.get_layer("basis").output, network.get_layer("up_8").input)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 64)).astype("float32")
    np.testing.assert_array_equal(block(x), x)
    gain = np.sqrt(2 / 1.04) * (2 * 3) ** -0.25  # six blocks in all
    np.testing.assert_allclose(np.std(network.get_layer("block_4_0_expand").kernel), gain / np.sqrt(64), rtol=0.05)
    np.testing.assert_allclose(np.std(network.get_layer("block_4_0_grouped").kernel), gain / np.sqrt(9 * 16), rtol=0.05)


@pytest.mark.parity
def test_grouped_convolution_against_pytorch():
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    layer = GroupedConv2D(12, 3, padding="same", groups=3)
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 6)).astype("float32")
    layer.build(x.shape)
    layer.bias.assign(np.arange(12))
    kernel, bias = (torch.tensor(np.asarray(weight)) for weight in layer.weights)
    expected = torch.nn.functional.conv2d(
        torch.tensor(x).permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=1, groups=3
    )
    np.testing.assert_allclose(layer(x), expected.permute(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize("up", [True, False])
def test_resampling_of_r3gan_against_pytorch(up):
    """The authors' reference resampler: [1, 2, 1] convolved with [1, 1], as a strided convolution with padding 1."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    taps = np.convolve([1, 2, 1], [1, 1])
    kernel = torch.tensor(np.outer(taps, taps) / taps.sum() ** 2, dtype=torch.float32)[None, None]
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype("float32")
    planes = torch.tensor(x).permute(0, 3, 1, 2)
    if up:
        expected = torch.nn.functional.conv_transpose2d(planes, 4 * kernel, stride=2, padding=1)
    else:
        expected = torch.nn.functional.conv2d(planes, kernel, stride=2, padding=1)
    np.testing.assert_allclose(Resample(up=up)(x), expected.permute(0, 2, 3, 1), atol=1e-6)


def test_sn_patchgan_wants_images_that_can_be_halved_six_times():
    """Below, its last kernel would see a map of one pixel, whose gradient in bfloat16 TensorFlow does not compute."""
    assert SNPatchGAN(width=2, image_size=64)(np.zeros((1, 64, 64, 4), "float32")).shape == (1, 1, 1, 8)
    with pytest.raises(ValueError, match="images of 64 pixels or more, not 63"):
        SNPatchGAN(width=2, image_size=63)
