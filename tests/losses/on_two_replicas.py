"""Run by test_replicas.py in a process of its own: logical devices must be made before TensorFlow is first used."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.registry import LOSSES, PENALTIES


def relativistic_average_takes_the_means_of_the_global_batch(strategy):
    loss = LOSSES.create("relativistic_average")
    real, fake = np.random.default_rng(1).normal(size=(2, 4, 1)).astype("float32")

    def step(real, fake):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            values = loss.generator(real, fake)
            total = tf.reduce_mean(values) / tf.distribute.get_replica_context().num_replicas_in_sync
        return values, tape.gradient(total, fake)

    for ours, expected in zip(on_both(strategy, step, real, fake), step(tf.constant(real), tf.constant(fake))):
        np.testing.assert_allclose(ours, expected, rtol=1e-5)


def dragan_takes_the_deviation_of_the_global_batch(strategy):
    real = np.random.default_rng(1).normal(size=(4, 2, 2, 1)).astype("float32")
    real[2:] *= 10  # the halves differ
    dragan = PENALTIES.create("dragan")
    seed = tf.constant([1, 2])

    def step(real):
        return [dragan(lambda x: tf.reduce_sum(tf.square(x), axis=(1, 2, 3)), real, real, seed=seed)]

    np.testing.assert_allclose(on_both(strategy, step, real)[0], step(tf.constant(real))[0], rtol=1e-5)


def weights_are_clipped_on_every_replica(strategy):
    clip = PENALTIES.create("weight_clipping")
    with strategy.scope():
        dense = keras.layers.Dense(2)
        dense.build([None, 3])
        dense.kernel.assign(np.ones([3, 2]))
        strategy.run(tf.function(lambda: clip(dense.trainable_variables)))
    for local in strategy.experimental_local_results(dense.kernel.value):
        np.testing.assert_allclose(local, np.full([3, 2], 0.01))


def power_iteration_moves_the_vectors_of_every_replica(strategy):
    with strategy.scope():
        layer = SpectralNormalization(keras.layers.Dense(5))
        layer.build([None, 7])
        # Singular values of 8, 4, 2, ...: whatever the random start, 30 halvings end at the first.
        left, _, right = np.linalg.svd(np.random.default_rng(0).normal(size=[7, 5]), full_matrices=False)
        layer.layer.kernel.assign(left * 2.0 ** np.arange(3, -2, -1) @ right)
        for _ in range(30):
            strategy.run(tf.function(layer.power_iteration))
    for variable, vector in ((layer.u, right[0]), (layer.v, left[:, 0])):
        for local in strategy.experimental_local_results(variable.value):
            np.testing.assert_allclose(np.abs(local), np.abs(vector), atol=1e-5)


def on_both(strategy, step, *arrays):
    """Runs `step` with every other row of each array on one replica, the rest on the other; joins the results."""
    halves = [[tf.constant(array[index::2]) for index in (0, 1)] for array in arrays]
    inputs = [
        strategy.experimental_distribute_values_from_function(lambda c, pair=pair: pair[c.replica_id_in_sync_group])
        for pair in halves
    ]
    results = strategy.run(tf.function(step), args=inputs)
    results = [tf.stack(strategy.experimental_local_results(result), 1) for result in results]
    return [tf.reshape(both, [-1, *both.shape[2:]]) for both in results]


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    relativistic_average_takes_the_means_of_the_global_batch(strategy)
    dragan_takes_the_deviation_of_the_global_batch(strategy)
    weights_are_clipped_on_every_replica(strategy)
    power_iteration_moves_the_vectors_of_every_replica(strategy)


if __name__ == "__main__":
    main()
