"""Pixel norm and minibatch standard deviation against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.progressive import MinibatchStd, PixelNorm

IMAGES = np.random.default_rng(0).normal(size=[8, 3, 2, 5]).astype("float32")


def test_pixel_norm():
    expected = IMAGES / np.sqrt(np.mean(np.square(IMAGES), axis=-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(PixelNorm()(IMAGES), expected, rtol=1e-5)
    np.testing.assert_allclose(np.square(PixelNorm()(IMAGES)).mean(axis=-1), np.ones([8, 3, 2]), rtol=1e-5)
    assert np.all(PixelNorm()(np.zeros([1, 2, 2, 4])) == 0)


def test_pixel_norm_in_half_precision_keeps_epsilon():
    outputs = PixelNorm(dtype="mixed_float16")(np.zeros([1, 2, 2, 4]))  # 1e-8 is 0 in float16: 0 / 0
    assert outputs.dtype == "float16" and np.all(outputs == 0)


@pytest.mark.parametrize("group_size, members", [(4, [[0, 2, 4, 6], [1, 3, 5, 7]]), (2, None), (16, [range(8)])])
def test_minibatch_std(group_size, members):
    members = members or [[i, i + 4] for i in range(4)]
    outputs = MinibatchStd(group_size)(IMAGES).numpy()
    np.testing.assert_array_equal(outputs[..., :5], IMAGES)
    for group in members:
        deviation = np.sqrt(IMAGES[list(group)].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(outputs[list(group)][..., 5], np.full([len(group), 3, 2], deviation), rtol=1e-5)


def test_equal_images_have_no_deviation_and_no_nan():
    images = tf.ones([4, 2, 2, 3])
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = MinibatchStd()(images)
    np.testing.assert_allclose(outputs[..., 3], np.full([4, 2, 2], 1e-4), rtol=1e-4)
    assert np.all(np.isfinite(tape.gradient(outputs, images)))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_free_batch_under_jit(policy):
    layer = MinibatchStd(dtype=policy)
    expected = MinibatchStd()(IMAGES)
    signature = [tf.TensorSpec([None, 3, 2, 5])]
    outputs = tf.function(lambda x: layer(x), jit_compile=True, input_signature=signature)(tf.constant(IMAGES))
    assert outputs.dtype == layer.compute_dtype
    np.testing.assert_allclose(tf.cast(outputs, "float32"), expected, rtol=1e-5 if policy == "float32" else 0.01)


def test_saves_and_loads(tmp_path):
    inputs = keras.Input([3, 2, 5])
    model = keras.Model(inputs, MinibatchStd(2, epsilon=1e-6)(PixelNorm(1e-7)(inputs)))
    assert model.output_shape == (None, 3, 2, 6)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy(IMAGES), model(IMAGES))


def test_senseless_groups_are_refused():
    with pytest.raises(ValueError, match="group_size should be 2 or more"):
        MinibatchStd(1)


@pytest.mark.parametrize("batch, group", [(1, 1), (3, 3), (5, 1), (6, 3), (8, 4), (9, 3), (14, 2)])
def test_groups_are_the_largest_that_divide_the_batch(batch, group):
    images = np.random.default_rng(0).normal(size=[batch, 2, 2, 3]).astype(np.float32)
    layer = MinibatchStd(4)
    free = tf.function(layer, input_signature=[tf.TensorSpec([None, 2, 2, 3])])
    for outputs in (layer(images), free(images)):
        channel = np.asarray(outputs)[:, 0, 0, 3]
        parts = images.reshape(group, -1, 12)
        expected = np.sqrt(parts.var(axis=0) + 1e-8).mean(axis=-1)  # one number for each group
        np.testing.assert_allclose(channel, np.tile(expected, group), rtol=1e-5)
