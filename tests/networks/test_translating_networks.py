"""The image-to-image networks: published sizes, receptive fields, what they take and refuse."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.layers.inpainting import SmoothFill
from keras_gans.networks.animegan import AnimeGANGenerator
from keras_gans.networks.cartoongan import CartoonGANDiscriminator, CartoonGANGenerator
from keras_gans.networks.dncnn import DnCNN
from keras_gans.networks.gated import GatedInpainter
from keras_gans.networks.multiscale import MultiScaleDiscriminator
from keras_gans.networks.patchgan import PatchGAN
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.networks.rrdb import RRDBNet
from keras_gans.networks.spade import SPADEGenerator
from keras_gans.networks.srgan import SRGANDiscriminator
from keras_gans.networks.srresnet import SRResNet
from keras_gans.networks.srvgg import SRVGGNet
from keras_gans.networks.unet import UNet
from keras_gans.registry import DISCRIMINATORS, GENERATORS


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, size=shape).astype("float32")


def trainable(network):
    return sum(math.prod(weight.shape) for weight in network.trainable_weights)


SMALL = {
    "unet": lambda: UNet(depth=4, width=2),
    "resnet": lambda: ResNetGenerator(width=2, blocks=1),
    "resnet deep": lambda: ResNetGenerator(width=1, blocks=1, halvings=3),
    "resnet antialias": lambda: ResNetGenerator(width=2, blocks=1, antialias=True),
    "srresnet x1": lambda: SRResNet(width=2, blocks=1, scale=1),
    "srresnet x4": lambda: SRResNet(width=2, blocks=1, scale=4),
    "rrdb x1": lambda: RRDBNet(width=2, growth=2, blocks=1, scale=1),
    "rrdb x2": lambda: RRDBNet(width=2, growth=2, blocks=1, scale=2),
    "rrdb x4": lambda: RRDBNet(width=2, growth=2, blocks=1, scale=4),
    "srvgg x1": lambda: SRVGGNet(width=2, depth=1, scale=1),
    "srvgg x3": lambda: SRVGGNet(width=2, depth=1, scale=3),
    "dncnn": lambda: DnCNN(width=2, depth=3),
    "cartoongan": lambda: CartoonGANGenerator(width=2, blocks=1),
    "animegan": lambda: AnimeGANGenerator(width=2),
    "animegan lite": lambda: AnimeGANGenerator(width=2, lite=True),
    "gated": lambda: GatedInpainter(width=2),
    "gated smooth": lambda: GatedInpainter(width=2, smooth=True),
}
every = pytest.mark.parametrize("name", SMALL)


@pytest.mark.parametrize(
    "build, count",
    [
        (lambda: UNet(image_size=256), 54_413_955),
        (lambda: UNet(image_size=128), 41_828_995),
        (lambda: ResNetGenerator(), 11_378_179),
        (lambda: ResNetGenerator(blocks=6), 7_837_699),
        (lambda: PatchGAN(channels=6, norm="batch"), 2_768_705),
        (lambda: PatchGAN(), 2_764_737),
        (lambda: RRDBNet(blocks=23), 16_697_987),
        (lambda: SRVGGNet(), 621_424),
        (lambda: MultiScaleDiscriminator(channels=39), 5_603_202),
        (lambda: SPADEGenerator(9, width=8, doublings=7), 4_475_727),
        (lambda: MultiScaleDiscriminator(channels=187, spectral=True), 5_904_514),
        (lambda: CartoonGANGenerator(), 11_129_667),
        (lambda: AnimeGANGenerator(), 2_143_552),
        (lambda: AnimeGANGenerator(lite=True), 698_240),
        (lambda: CartoonGANDiscriminator(norm="layer", spectral=True), 1_128_800),
    ],
    ids="unet_256 unet_128 resnet_9 resnet_6 pix2pix's_D CycleGAN's_D RRDB SRVGG pix2pixHD's_D SPADE SPADE's_D CartoonGAN AnimeGANv2 lite its_D".split(),
)
def test_parameters_are_as_many_as_the_originals(build, count):
    """54.414 M, 41.829 M, 11.378 M, 7.838 M, 2.769 M, 2.765 M and 16.698 M as the originals' scripts print them; the others
    counted from `Transformer.py`, `generator.py` (8.17 MB, says its README), `generator_lite.py` and `discriminator.py`."""
    assert trainable(build()) == count


@every
def test_any_size(name):
    """Rectangles, each side any multiple, called with shapes known and unknown."""
    network = SMALL[name]()
    free = tf.function(network, input_signature=[tf.TensorSpec([None, None, None, network.input_channels])])
    for height, width in ((64, 96), (16, 32)):
        inputs = images(1, height, width, network.input_channels)
        outputs = network(inputs)
        assert outputs.shape == (1, height * network.scale, width * network.scale, network.channels)
        np.testing.assert_allclose(free(inputs), outputs, atol=1e-5)


@every
def test_another_multiple_is_refused_in_one_line(name):
    network = SMALL[name]()
    if network.multiple == 1:
        assert network(images(1, 33, 31, network.input_channels)).shape[1] == 33 * network.scale
        return
    with pytest.raises(UserError, match=f"^[^\n]*multiples of {network.multiple} pixels, not 64 x 65[^\n]*$"):
        network(images(1, 64, 65, network.input_channels))


@pytest.mark.parametrize(
    "spec, message",
    [
        ("unet:image_size=255", "not 255 and None"),
        ("unet:depth=1", "depth at least 2"),
        ("unet:norm=layer", "not layer"),
        ("resnet:norm=group", "not group"),
        ("resnet:init=he", "not he"),
        ("rrdb:scale=3", "not 3"),
        ("srresnet:scale=3", "not 3"),
        ("srresnet:activation=relu", "not relu"),
        ("srvgg:scale=0", "not 0 and 16"),
        ("srvgg:input_channels=1", "1 channels cannot become 3"),
        ("multi_style:widths=4-8", "five numbers such as 32-32-32-8-4, not 4-8"),
        ("dncnn:depth=1", "not 1"),
        ("srvgg:init=xavier", "pytorch or he, not .xavier."),
        ("spade", "give --labels with 1 to 256 labels, not 0"),
        ("spade:labels=3,doublings=4", "5, 6 or 7, not 4"),
        ("spade:labels=3,norm=layer", "not .layer."),
        ("dncnn:input_channels=4", "not 4"),
        ("gated:input_channels=3", "must be 4"),
    ],
)
def test_what_generators_refuse(spec, message):
    with pytest.raises(UserError, match=f"^[^\n]*{message}[^\n]*$"):
        GENERATORS.create(spec)


@pytest.mark.parametrize(
    "spec, message",
    [("patchgan:layers=-1", "not -1"), ("patchgan:norm=layer", "not layer"), ("srgan:image_size=8", "not 8")],
)
def test_what_discriminators_refuse(spec, message):
    with pytest.raises(UserError, match=f"^[^\n]*{message}[^\n]*$"):
        DISCRIMINATORS.create(spec)


# === PatchGAN ===


@pytest.mark.parametrize("layers, field", [(0, 1), (1, 16), (2, 34), (3, 70)])
def test_receptive_field(layers, field):
    """The support of one logit's gradient, with a norm that does not look at the picture."""
    network = PatchGAN(layers=layers, width=4, norm="batch")
    inputs = tf.constant(images(1, 128, 128, 3))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        logits = network(inputs, training=False)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, inputs)[0]).sum(-1) > 0
    assert (seen.any(0).sum(), seen.any(1).sum()) == (field, field)
    assert seen.sum() == field**2


@pytest.mark.parametrize(
    "layers, antialias, side",
    [(0, False, 256), (1, False, 126), (2, False, 62), (3, False, 30), (4, False, 14), (3, True, 30)],
)
def test_a_map_of_logits(layers, antialias, side):
    network = PatchGAN(layers=layers, width=1, antialias=antialias)
    assert network(images(1, 256, 256, 3)).shape == (1, side, side, 1)


# === U-Net ===


@pytest.mark.parametrize("image_size, depth", [(256, 8), (128, 7), (96, 5), (20, 2)])
def test_depth_goes_by_the_image_size(image_size, depth):
    network = UNet(image_size=image_size, width=1)
    assert network.multiple == 2**depth
    assert [layer.name for layer in network.layers if layer.name.startswith("down_norm")] == [
        f"down_norm_{level}" for level in range(1, depth - 1)
    ]  # neither the outermost nor the innermost


@pytest.mark.parametrize("image_size, levels", [(256, {4, 5, 6}), (128, {4, 5}), (32, set())])
def test_dropout_in_the_widest_blocks(image_size, levels):
    network = UNet(image_size=image_size, width=2)
    found = [layer for layer in network.layers if layer.name.startswith("dropout_")]
    assert {layer.name for layer in found} == {f"dropout_{level}" for level in levels}
    assert all(layer.output.shape[-1] == 8 * 2 and layer.rate == 0.5 for layer in found)


def test_dropout_is_the_noise():
    """Other noise for another seed in training, none otherwise."""
    network = UNet(depth=6, width=2, norm="instance")
    inputs = images(1, 64, 64, 3)
    drawn = []
    for seed in (1, 1, 2):
        with randomness.scope(randomness.fold(seed, "test")):
            drawn.append(network(inputs, training=True).numpy())
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 1e-4
    silent = UNet.from_config(network.get_config() | {"dropout": 0})
    silent.set_weights(network.get_weights())
    np.testing.assert_allclose(network(inputs), silent(inputs, training=True), atol=1e-6)


# === Initial weights ===


@pytest.mark.parametrize(
    "build",
    [lambda: UNet(depth=4, width=16), lambda: ResNetGenerator(width=16, blocks=2), lambda: PatchGAN(width=16)],
    ids=["unet", "resnet", "patchgan"],
)
def test_kernels_start_from_the_published_normal_distribution(build):
    kernels = [np.asarray(weight) for weight in build().weights if weight.name == "kernel"]
    for kernel in kernels:
        assert abs(kernel.std() - 0.02) < 0.02 * 4 / np.sqrt(2 * kernel.size)
        assert abs(kernel.mean()) < 0.02 * 4 / np.sqrt(kernel.size)
    starts = {tuple(kernel.ravel()[:4]) for kernel in kernels}
    assert len(starts) == len(kernels)


def test_kernels_of_cut():
    kernel = np.asarray(ResNetGenerator(width=16, blocks=1, init="xavier").get_layer("block_10_conv_1").kernel)
    expected = 0.02 * np.sqrt(2 / (9 * 64 + 9 * 64))
    assert abs(kernel.std() - expected) < expected * 4 / np.sqrt(2 * kernel.size)


def test_kernels_of_rrdb():
    network = RRDBNet(blocks=1)
    inner = np.asarray(network.get_layer("body_0_rdb2_conv3").kernel)
    expected = 0.1 * np.sqrt(2 / (9 * 128))
    assert abs(inner.std() - expected) < expected * 4 / np.sqrt(2 * inner.size)
    outer = np.asarray(network.get_layer("conv_hr").kernel)
    assert 0.99 < np.abs(outer).max() * np.sqrt(9 * 64) <= 1


# === ResNet ===


def test_features_share_the_weights_and_the_pass():
    network = ResNetGenerator(width=2, blocks=2, antialias=True)
    model = network.features([0, 4, 8, 12])
    inputs = images(1, 16, 24, 3)
    assert [tuple(output.shape) for output in model(inputs)] == [
        (1, 22, 30, 3),
        (1, 16, 24, 4),
        (1, 8, 12, 8),
        (1, 4, 6, 8),
        (1, 16, 24, 3),
    ]
    assert {weight.path for weight in model.weights} == {weight.path for weight in network.weights}
    with pytest.raises(ValueError, match=r"layers 0 to 24, not 25$"):
        network.features([0, 25])


# === Restoration ===


def test_gated_keeps_what_is_known():
    network = GatedInpainter(width=2)
    inputs = images(1, 16, 16, 4)
    inputs[..., 3] = -1
    inputs[:, 4:12, 4:12, 3] = 1
    outputs = network(inputs)
    missing = inputs[..., 3] > 0
    np.testing.assert_array_equal(outputs[~missing], inputs[~missing][:, :3])
    assert np.abs(outputs[missing] - inputs[missing][:, :3]).min() > 1e-6


def test_gated_starts_from_the_smooth_fill():
    """At the first step that is its answer; afterwards it is corrected by what the network makes of fill and mask."""
    network = GatedInpainter(width=2, smooth=True)
    inputs = images(1, 32, 48, 4)
    inputs[..., 3] = np.where(np.random.default_rng(1).random((1, 32, 48)) < 0.6, 1, -1)
    np.testing.assert_allclose(network(inputs), SmoothFill()(inputs), atol=1e-6)
    network.get_layer("conv_17").kernel.assign_add(images(3, 3, 1, 3))
    outputs, missing = np.asarray(network(inputs)), inputs[..., 3] > 0
    assert np.abs(outputs - SmoothFill()(inputs))[missing].mean() > 1e-3
    np.testing.assert_array_equal(outputs[~missing], inputs[~missing][:, :3])
    inputs[missing, :3] += 1  # of no account
    np.testing.assert_array_equal(network(inputs), outputs)


def test_gated_sees_across_holes():
    """A quarter of the size inside, dilations up to 16: well over a hundred pixels each way."""
    network = GatedInpainter(width=2)
    inputs = tf.constant(np.concatenate([images(1, 256, 256, 3), np.ones([1, 256, 256, 1], "float32")], -1))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        middle = tf.reduce_sum(network(inputs)[0, 128, 128])
    seen = np.abs(tape.gradient(middle, inputs)[0, :, :, :3]).sum(-1) > 0
    assert seen.any(0).sum() > 240


def test_dncnn_finds_the_noise():
    """Without a last convolution nothing is found, and the picture stays."""
    network = DnCNN(width=4, depth=3)
    network.get_layer("conv_2").kernel.assign(tf.zeros([3, 3, 4, 3]))
    inputs = images(1, 8, 8, 3)
    np.testing.assert_array_equal(network(inputs), inputs)
    network.get_layer("conv_2").bias.assign([0.5, 0.25, 0])
    np.testing.assert_allclose(network(inputs), inputs - [0.5, 0.25, 0], atol=1e-6)


def test_srgan_discriminator_ends_at_a_sixteenth():
    network = SRGANDiscriminator(width=2)
    assert network.get_layer("dense").kernel.shape == (6 * 6 * 16, 32)
    assert [layer.strides[0] for layer in network.layers if isinstance(layer, keras.layers.Conv2D)] == [1, 2] * 4


def test_srresnet_is_the_papers():
    network = SRResNet()
    prelus = [layer for layer in network.layers if isinstance(layer, keras.layers.PReLU)]
    assert len(prelus) == 1 + 16 + 2
    assert all(layer.alpha.shape[:2] == (1, 1) and np.all(np.asarray(layer.alpha) == 0.25) for layer in prelus)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 2 * 16 + 1


@pytest.mark.parametrize("init, least, most", [("pytorch", 1e-8, 1e-5), ("he", 0.3, 3)])
def test_srvgg_keeps_what_it_sees_or_begins_as_pytorch_does(init, least, most):
    """How much two pictures still differ behind the last PReLU, beside how much they differ before."""
    keras.utils.set_random_seed(0)
    network = SRVGGNet(width=32, depth=16, init=init)
    inside = keras.Model(network.input, network.get_layer("prelu_16").output)
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    one, two = np.asarray(inside(pictures))
    ratio = np.std(one - two) / np.std((pictures[0] - pictures[1]) / 2)
    assert least < ratio < most, ratio
