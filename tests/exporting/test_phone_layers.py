"""Layers rewritten for phones against TensorFlow's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.exporting import phone_layers
from keras_gans.layers.conditional_instance_normalization import ConditionalInstanceNormalization
from keras_gans.layers.convolution import Conv2D, Conv2DTranspose
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.layers.padding import PaddedConv2DTranspose, ReflectionPadding2D


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (4, 4), (5, 5), (3, 4)])
def test_phases_are_a_transposed_convolution(size):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(2, 5, 7, 3)).astype(np.float32)
    kernel = random.normal(size=(*size, 4, 3)).astype(np.float32)
    full = tf.nn.conv2d_transpose(inputs, kernel, [2, 8 + size[0], 12 + size[1], 4], 2, "VALID")
    for before in {tuple((side - 2) // 2 for side in size), tuple(min(1, side - 2) for side in size)}:
        expected = full[:, before[0] : before[0] + 10, before[1] : before[1] + 14]
        made = phone_layers.transposed_by_phases(inputs, kernel, before)
        np.testing.assert_allclose(made, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mobile_gpu", [False, True])
def test_rewritten_network_answers_the_same(mobile_gpu):
    images = inside = keras.Input((None, None, 3))
    network = keras.Model(inside, ReflectionPadding2D(1)(inside))
    x = ReflectionPadding2D((2, 4))(keras.layers.UpSampling2D()(network(images)))
    x = Conv2D(4, 4, 2, "same")(x)
    x = InstanceNormalization(affine=True)(x)
    x = Conv2DTranspose(5, 4, 2, "same", activation="relu")(x)
    x = InstanceNormalization()(PaddedConv2DTranspose(4, 3, 2)(x))
    x = ConditionalInstanceNormalization(use_bias=True)(x, x[:, 0, 0])
    network = keras.Model(images, keras.layers.Conv2DTranspose(3, 3)(x))
    for weight in network.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    rewritten = phone_layers.rewritten(network, mobile_gpu)
    inputs = np.random.default_rng(2).normal(size=(1, 14, 22, 3)).astype(np.float32)
    expected = network(inputs)
    assert np.std(expected) > 1
    np.testing.assert_allclose(rewritten(inputs), expected, atol=2e-5 * np.abs(expected).max(), rtol=0)
    norms = [layer.two_stage for layer in rewritten.layers if isinstance(layer, InstanceNormalization)]
    assert norms == [mobile_gpu] * 3 and not any(layer in network.layers for layer in rewritten.layers[1:])
    kinds = {
        operation.type
        for operation in tf.function(rewritten)
        .get_concrete_function(tf.TensorSpec([1, None, None, 3]))
        .graph.get_operations()
    }
    assert "Conv2DBackpropInput" in kinds  # the last one has stride 1 and stays
    assert not kinds & {"MirrorPad", "ResizeNearestNeighbor"} and ("DepthToSpace" in kinds) != mobile_gpu
