"""Standardization against NumPy."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.layers.standardization import Standardization

RANDOM = np.random.default_rng(0)
BATCHES = RANDOM.normal([5.0, -1.0, 0.0], [2.0, 0.1, 10.0], (40, 4, 3)).astype("float32")


def test_batches_count_alike_and_an_example_stands_alone():
    layer = Standardization(epsilon=1e-6)
    np.testing.assert_allclose(layer(BATCHES[0]), BATCHES[0], rtol=1e-4)  # nothing seen yet
    for batch in BATCHES:
        layer(batch, training=True)
    mean = BATCHES.mean((0, 1))
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.variance, BATCHES.var((0, 1)), rtol=0.1)  # each batch about the mean so far
    expected = (BATCHES[3] - mean) / np.sqrt(np.asarray(layer.variance) + 1e-6)
    np.testing.assert_allclose(layer(BATCHES[3]), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(layer(BATCHES[3][:1]), expected[:1], rtol=1e-3, atol=1e-4)


def test_the_first_batch_is_standard_at_once_and_training_is_what_is_tested():
    layer = Standardization(epsilon=1e-6)
    made = layer(BATCHES[0], training=True)
    np.testing.assert_allclose(np.mean(made, 0), np.zeros(3), atol=1e-4)
    np.testing.assert_allclose(np.std(made, 0), np.ones(3), atol=1e-3)
    np.testing.assert_allclose(layer(BATCHES[0]), made, rtol=1e-5, atol=1e-6)


def test_no_gradient_through_the_statistics_and_a_round_trip(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Standardization(epsilon=0.5)(inputs))
    given = tf.constant(BATCHES[0])
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(model(given, training=True)[:1])
    gradient = tape.gradient(total, given)
    scale = 1 / np.sqrt(np.asarray(model.layers[1].variance) + 0.5)
    np.testing.assert_allclose(gradient, np.concatenate([scale[None], np.zeros((3, 3))]), rtol=1e-5)
    assert not model.trainable_weights
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(given), model(given))
