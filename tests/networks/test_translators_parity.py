"""The image-to-image networks against PyTorch modules of the same weights, layer by layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.networks.patchgan import PatchGAN
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.networks.rrdb import RRDBNet
from keras_gans.networks.unet import UNet

torch = pytest.importorskip("torch", reason="the parity extra is not installed")

import torch_translators as reference  # noqa: E402

pytestmark = pytest.mark.parity
NORMS = {"batch": torch.nn.BatchNorm2d, "instance": torch.nn.InstanceNorm2d}
TRACED = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.BatchNormalization, InstanceNormalization)


def randomise(network, gain=1.0):
    """Gives every weight a random value that keeps activations near `gain`; statistics and gammas stay positive."""
    random = np.random.default_rng(3)
    for weight in network.weights:
        if len(weight.shape) == 4:
            weight.assign(random.normal(scale=gain * np.prod(weight.shape[:3]) ** -0.5, size=weight.shape))
        elif weight.name in ("gamma", "moving_variance"):
            weight.assign(random.uniform(0.5, 1.5, size=weight.shape))
        else:
            weight.assign(random.normal(scale=0.1, size=weight.shape))


def images(*shape):
    return np.random.default_rng(4).uniform(-1, 1, size=shape).astype("float32")


def compare(network, module, inputs, training=False, gain=1.0, tolerance=1e-4):
    """Checks every convolution, every norm and the output of `network` against `module`."""
    randomise(network, gain)
    reference.copy_weights(network, module)
    layers = [layer for layer in network.layers if isinstance(layer, TRACED)]
    tracer = keras.Model(network.input, [layer.output for layer in layers] + [network.output])
    ours = tracer(inputs, training=training)
    theirs = reference.trace(module.train(training), inputs)
    names = [layer.name for layer in layers] + ["output"]
    for name, one, other in zip(names, ours, theirs, strict=True):
        assert one.shape == other.shape, name
        assert np.abs(one - other).max() <= tolerance, name
        assert np.abs(other).max() > 0.01, name


@pytest.mark.parametrize("training", [False, True], ids=["moving statistics", "batch statistics"])
@pytest.mark.parametrize("norm", NORMS)
def test_unet(norm, training):
    network = UNet(depth=6, width=4, norm=norm, dropout=0)
    compare(network, reference.UNet(6, 4, NORMS[norm]), images(2, 64, 128, 3), training)


def test_unet_256_at_full_width():
    compare(UNet(image_size=256), reference.UNet(), images(1, 256, 256, 3))


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_resnet(norm, antialias):
    network = ResNetGenerator(blocks=3, width=8, norm=norm, antialias=antialias)
    compare(network, reference.resnet(8, 3, NORMS[norm], antialias), images(2, 32, 48, 3))


@pytest.mark.parametrize("antialias", [False, True])
def test_resnet_9_at_full_width(antialias):
    compare(ResNetGenerator(antialias=antialias), reference.resnet(antialias=antialias), images(1, 64, 64, 3))


def test_features_of_cut():
    """Outputs 0, 4, 8, 12, 16 of the original's `nn.Sequential`."""
    network = ResNetGenerator(blocks=9, width=4, antialias=True)
    module = reference.resnet(4, 9, antialias=True)
    randomise(network)
    reference.copy_weights(network, module)
    inputs = images(1, 32, 40, 3)
    *features, output = network.features()(inputs)
    for index, feature in zip((0, 4, 8, 12, 16), features, strict=True):
        with torch.no_grad():
            expected = reference.pixels(module[: index + 1](reference.planes(inputs)))
        np.testing.assert_allclose(feature, expected, atol=1e-4)
    np.testing.assert_array_equal(output, network(inputs))


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", [(32, 48), (37, 46)], ids=["even", "odd"])
def test_patchgan(norm, antialias, layers, size):
    network = PatchGAN(layers=layers, width=4, norm=norm, antialias=antialias)
    compare(network, reference.patchgan(layers, 4, NORMS[norm], antialias), images(2, *size, 3))


@pytest.mark.parametrize("antialias", [False, True])
def test_patchgan_70_at_full_width(antialias):
    compare(
        PatchGAN(channels=6, antialias=antialias),
        reference.patchgan(antialias=antialias, channels=6),
        images(1, 128, 128, 6),
    )


class SignedRange(torch.nn.Module):
    """A network for pixels in [0, 1], used with pixels in [-1, 1]."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return 2 * self.network((x + 1) / 2) - 1


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_rrdb(scale):
    network = RRDBNet(scale=scale, blocks=2, width=8, growth=4)
    compare(network, SignedRange(reference.RRDBNet(scale, 2, 8, 4)), images(2, 16, 24, 3))


def test_rrdb_of_23_blocks_at_full_width():
    """345 convolutions behind one another, which round by processor: to 2e-4."""
    compare(RRDBNet(), SignedRange(reference.RRDBNet()), images(1, 16, 16, 3), gain=0.7, tolerance=2e-4)


@pytest.mark.parametrize(
    "build, module",
    [
        (lambda: UNet(depth=3, width=4, norm="instance"), lambda: reference.UNet(3, 4, torch.nn.InstanceNorm2d)),
        (lambda: ResNetGenerator(blocks=1, width=32), lambda: reference.resnet(32, 1)),  # wide enough for Winograd's way
        (lambda: ResNetGenerator(blocks=1, width=4, antialias=True), lambda: reference.resnet(4, 1, antialias=True)),
        (lambda: PatchGAN(layers=2, width=4), lambda: reference.patchgan(2, 4)),
        (lambda: RRDBNet(scale=2, blocks=1, width=4, growth=2), lambda: SignedRange(reference.RRDBNet(2, 1, 4, 2))),
    ],
    ids=["unet", "resnet", "resnet antialias", "patchgan", "rrdb"],
)
def test_gradients(build, module):
    """In training: outputs, and the gradients of their squares' sum for each weight, relative to its largest.

    Biases in front of an instance norm have none but rounding noise, far below their kernel's.
    """
    network, module = build(), module()
    randomise(network)
    reference.copy_weights(network, module)
    inputs = images(1, 64, 64, 3)
    with tf.GradientTape() as tape:
        outputs = network(inputs, training=True)
        value = tf.reduce_sum(tf.square(outputs))
    ours = tape.gradient(value, network.trainable_variables)
    expected = module(reference.planes(inputs))
    np.testing.assert_allclose(outputs, reference.pixels(expected), atol=1e-4)
    expected.square().sum().backward()
    for variable, one, other in zip(network.trainable_variables, ours, module.parameters(), strict=True):
        other = other.grad.numpy()
        other = other.transpose(2, 3, 1, 0) if other.ndim == 4 else other
        if np.abs(other).max() > 1e-3:
            np.testing.assert_allclose(
                one / np.abs(other).max(), other / np.abs(other).max(), atol=1e-3, err_msg=variable.path
            )
            largest = np.abs(other).max()
        else:
            assert variable.name == "bias"
            assert np.abs(one).max() < 1e-4 * largest
