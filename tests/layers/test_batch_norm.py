"""Our batch norm's fused path against Keras's passes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.batch_norm import BatchNorm


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 0.05), ("mixed_float16", 0.01)])
def test_agrees_with_keras(dtype, tolerance):
    inputs = 3 + 2 * tf.random.stateless_normal([8, 4, 4, 6], [1, 2])
    ours = BatchNorm(dtype=dtype)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    ours.build(inputs.shape)
    theirs.build(inputs.shape)
    theirs.set_weights([np.asarray(weight) for weight in ours.weights])
    results = []
    for layer in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = tf.cast(layer(inputs, training=True), tf.float32)
            total = tf.reduce_sum(tf.sin(outputs))
        sources = [inputs, *(weight.value for weight in layer.trainable_variables)]
        results.append([outputs, *tape.gradient(total, sources), *layer.weights, layer(inputs, training=False)])
    for mine, reference in zip(*results):
        scale = np.abs(reference).max()
        np.testing.assert_allclose(np.asarray(mine, np.float32) / scale, np.asarray(reference) / scale, atol=tolerance)


def test_published_defaults_and_config_round_trip():
    layer = BatchNorm(name="norm")
    layer.build((None, 4, 4, 4096))
    gamma = np.asarray(layer.gamma)
    np.testing.assert_allclose([gamma.mean(), gamma.std()], [1, 0.02], atol=1e-3)
    again = BatchNorm.from_config(layer.get_config())
    assert (again.momentum, again.epsilon) == (0.9, 1e-5)


def test_frozen_layer_keeps_its_statistics():
    layer = BatchNorm(trainable=False)
    inputs = tf.random.stateless_normal([8, 4, 4, 6], [1, 2]) + 5
    layer(inputs, training=True)
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(6))
