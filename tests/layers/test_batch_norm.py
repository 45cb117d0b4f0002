"""Our batch norm's fused path against Keras's passes."""

import os
import sys

import helpers
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


TWO_REPLICAS = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_gans.layers.batch_norm import BatchNorm
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
rows = tf.random.stateless_normal([8, 4, 4, 3], [1, 2]) * tf.reshape(tf.range(1.0, 9.0), [8, 1, 1, 1])
for per_replica in (False, True):
    with strategy.scope():
        layer = BatchNorm(gamma_initializer="ones")
        layer.build(rows.shape)
    layer.per_replica = per_replica
    mine = strategy.experimental_distribute_values_from_function(lambda context: rows[4 * context.replica_id_in_sync_group :][:4])
    made = tf.function(lambda: strategy.run(lambda part: layer(part, training=True), args=(mine,)))()
    made = np.concatenate(strategy.experimental_local_results(made))
    for name, parts in {"whole": [rows], "halves": [rows[:4], rows[4:]]}.items():
        wanted = np.concatenate([(x - np.mean(x, (0, 1, 2))) / np.sqrt(np.var(x, (0, 1, 2)) + 1e-5) for x in parts])
        print(per_replica, name, np.abs(made - wanted).max() < 1e-5, np.abs(made - wanted).max() > 0.05)
"""


def test_statistics_of_the_whole_batch_or_of_each_replica():
    process = helpers.run([sys.executable, "-c", TWO_REPLICAS], env=os.environ | {"PYTHONPATH": str(helpers.ROOT)})
    said = [line for line in process.stdout.splitlines() if line.startswith(("True", "False"))]
    expected = ["False whole True False", "False halves False True", "True whole False True", "True halves True False"]
    assert said == expected, process.stderr
