"""The layers whose convolutions train faster on a CPU: the same answers in training as outside."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.padding import PaddedConv2D, PaddedConv2DTranspose
from keras_gans.layers.spectral_normalization import SpectralNormalization


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


LAYERS = {
    "winograd": (PaddedConv2D(128, 3, bias_initializer="random_normal"), (16, 18, 128)),
    "winograd, valid": (PaddedConv2D(128, 3, pad=0, activation="relu"), (18, 17, 128)),
    "winograd, same": (Conv2D(128, 3, padding="same", activation="relu", bias_initializer="random_normal"), (16, 17, 128)),
    "winograd, normalised": (SpectralNormalization(Conv2D(128, 3, padding="same")), (16, 17, 128)),
    "halving": (PaddedConv2D(8, 3, 2, bias_initializer="random_normal"), (9, 12, 5)),
    "4x4": (PaddedConv2D(8, 4, 2), (8, 12, 5)),
    "few filters": (PaddedConv2D(3, 7, pad=3, bias_initializer="random_normal"), (8, 12, 16)),
    "few channels": (PaddedConv2D(16, 7, pad=0), (12, 12, 3)),
    "doubling": (PaddedConv2DTranspose(8, bias_initializer="random_normal"), (9, 12, 5)),
    "another kernel": (PaddedConv2D(8, 5, 2, pad=2), (9, 12, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_answer_the_same_in_training(name):
    """With sides known, so that the faster way is taken, and without; in graphs and compiled by XLA."""
    layer, shape = LAYERS[name]
    inputs = normal(2, *shape)
    model = keras.Sequential([layer])  # passes on whether it trains, to a layer inside another one too
    expected = model(inputs, training=False).numpy()
    train = tf.function(lambda inputs: model(inputs, training=True))
    for known in ([None, *shape], [None, None, None, shape[-1]]):
        outputs = train.get_concrete_function(tf.TensorSpec(known))(inputs)
        np.testing.assert_allclose(outputs, expected, atol=5e-5)
    np.testing.assert_allclose(tf.function(train, jit_compile=True)(inputs), expected, atol=5e-5)


@pytest.mark.parametrize(
    "name, operation",
    [
        ("winograd", "GatherV2"),
        ("winograd, same", "GatherV2"),
        ("winograd, normalised", "GatherV2"),
        ("few filters", "DepthToSpace"),
    ],
)
def test_the_faster_way_is_for_training(name, operation):
    layer, shape = LAYERS[name]
    for training in (False, True):
        graph = (
            tf.function(lambda inputs, training=training: keras.Sequential([layer])(inputs, training=training))
            .get_concrete_function(tf.TensorSpec([2, *shape]))
            .graph
        )
        assert any(node.type == operation for node in graph.get_operations()) == training


def test_float16_takes_no_winograd():
    layer = PaddedConv2D(128, 3, dtype="mixed_float16")
    inputs = normal(1, 16, 16, 128)
    np.testing.assert_array_equal(layer(inputs, training=True), layer(inputs, training=False))
    assert isinstance(layer, keras.layers.Conv2D)
