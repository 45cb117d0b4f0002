import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import data
from keras_gans.data import images as image_forms
from keras_gans.data.collection import Collection
from keras_gans.data.source import ArraySource, numbers
from keras_gans.errors import UserError


@pytest.fixture
def source():
    """37 images of 4x6 whose first pixel is their number; label = number % 3."""
    collection = Collection()
    collection.spec, collection.name, collection.class_names = "test:", "test", ("a", "b", "c")
    pixels = np.random.default_rng(0).integers(0, 256, [37, 4, 6, 1], np.uint8)
    pixels[:, 0, 0, 0] = np.arange(37)
    return ArraySource(collection, pixels, np.arange(37) % 3)


def take(dataset, count):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def first_pixels(stream, count):
    return [int(image[0, 0, 0]) for image, _ in take(stream, count)]


def test_stream_is_a_permutation_in_every_epoch_and_another_one_each_time(source):
    seen = np.reshape(first_pixels(source.stream(seed=5), 37 * 4), [4, 37])
    np.testing.assert_array_equal(np.sort(seen, axis=1), np.tile(np.arange(37), [4, 1]))
    assert len({tuple(epoch) for epoch in seen}) == 4
    assert tuple(seen[0]) != tuple(first_pixels(source.stream(seed=6), 37))


@pytest.mark.parametrize("start", [1, 36, 37, 38, 100, 255, 256])
def test_stream_from_start_continues_the_stream(source, start):
    everything = take(source.stream(seed=5), start + 5)
    resumed = take(source.stream(5, start), 5)
    for (image, label), (wanted, wanted_label) in zip(resumed, everything[start:], strict=True):
        np.testing.assert_array_equal(image, wanted)
        assert label == wanted_label


def test_stream_does_not_depend_on_the_global_seed(source):
    tf.random.set_seed(1)
    one = first_pixels(source.stream(5), 50)
    tf.random.set_seed(2)
    assert first_pixels(source.stream(5), 50) == one


def test_orders_are_uniform():
    # 4000 epochs of 5 elements: 120 orders, each expected 33.3 times; chi-square with 119 degrees of freedom.
    orders = np.reshape(next(iter(numbers(5, 0, 0, 20000)))[0], [4000, 5]) @ 5 ** np.arange(5)
    _, counts = np.unique(orders, return_counts=True)
    assert len(counts) == 120
    chi2 = np.sum((counts - 4000 / 120) ** 2) / (4000 / 120)
    assert 74 < chi2 < 177  # the 0.0005 and 0.9995 quantiles


def test_in_order_is_the_stored_order(source):
    assert first_pixels(source.in_order(), 99) == list(range(37))
    assert [label for _, label in take(source.in_order(), 99)] == [n % 3 for n in range(37)]
    assert source.in_order().cardinality() == 37


def test_batches_are_the_stream_in_the_models_range(source):
    images, labels = zip(*take(data.batches(source, 8, seed=3, labels=True), 6), strict=True)
    wanted_images, wanted_labels = zip(*take(source.stream(3), 48), strict=True)
    np.testing.assert_array_equal(np.concatenate(images), np.stack(wanted_images) / np.float32(127.5) - 1)
    np.testing.assert_array_equal(np.concatenate(labels), wanted_labels)
    assert images[0].dtype == np.float32 and labels[0].dtype == np.int32
    assert data.batches(source, 8, seed=3).element_spec == tf.TensorSpec([8, 4, 6, 1], tf.float32)


@pytest.mark.parametrize("flip", [False, True])
def test_batches_resume_at_any_image(source, flip):
    everything = np.concatenate(take(data.batches(source, 5, 3, flip=flip), 30))
    for start in (5, 37, 61, 74):
        np.testing.assert_array_equal(
            take(data.batches(source, 7, 3, start=start, flip=flip), 1)[0], everything[start : start + 7]
        )


def test_workers_share_the_global_batch(source):
    whole = take(data.batches(source, 6, 3, start=35, flip=True), 3)
    parts = [take(data.batches(source, 6, 3, start=35, flip=True, worker=(w, 3)), 3) for w in range(3)]
    for step in range(3):
        for replica, part in enumerate(parts):
            np.testing.assert_array_equal(part[step], whole[step][replica::3])
    with pytest.raises(UserError, match="batch_size=7 cannot be shared by 3 replicas"):
        data.batches(source, 7, 3, worker=(0, 3))


def test_replicas_of_a_worker_get_their_rows_in_turn(source):
    whole = take(data.batches(source, 12, 3), 2)
    turns = take(data.batches(source, 12, 3, worker=(1, 2), replicas=2).rebatch(3), 4)
    for step in range(2):
        for own in range(2):
            np.testing.assert_array_equal(turns[2 * step + own], whole[step][2 + own :: 4])
    # Of each of two turns, which have the even and the odd rows, a replica gets the same ones as of one.
    both = take(data.batches(source, 12, 3, worker=(1, 3), turns=2), 1)[0]
    for turn in range(2):
        np.testing.assert_array_equal(both[turn::2], whole[0][turn::2][1::3])


def test_flip_mirrors_half_of_the_images_anew_each_epoch(source):
    plain = np.concatenate(take(data.batches(source, 37, 3), 40))
    flipped = np.concatenate(take(data.batches(source, 37, 3, flip=True), 40))
    mirrored = np.any(plain != flipped, axis=(1, 2, 3))
    np.testing.assert_array_equal(flipped[mirrored], plain[mirrored][:, :, ::-1])
    assert 0.43 < mirrored.mean() < 0.57  # 1480 coins: 5 standard deviations
    agreement = (mirrored.reshape(40, 37)[0::2] == mirrored.reshape(40, 37)[1::2]).mean()
    assert 0.41 < agreement < 0.59  # 740 coins


def test_dequantized_levels_fill_the_range_and_do_not_depend_on_workers(source):
    """x / 128 - 1 + U[0, 1/128), as SNGAN's and WGAN-GP's code."""
    plain = take(data.batches(source, 8, seed=1), 20)
    spread = take(data.batches(source, 8, seed=1, dequantize=True), 20)
    excess = np.array([two - ((one + 1) * 127.5 / 128 - 1) for one, two in zip(plain, spread)]) * 128
    assert excess.min() > -1e-4 and excess.max() < 1 + 1e-4
    assert abs(excess.mean() - 0.5) < 0.03 and abs(excess.std() - 12**-0.5) < 0.01  # 3,840 draws
    assert len(np.unique(excess.round(4))) > 3000
    halves = [take(data.batches(source, 8, seed=1, dequantize=True, worker=(index, 2)), 2) for index in (0, 1)]
    for batch, *parts in zip(spread, *halves):
        for index, part in enumerate(parts):
            np.testing.assert_array_equal(part, batch[index::2])
    np.testing.assert_array_equal(take(data.batches(source, 8, seed=1, start=16, dequantize=True), 1)[0], spread[2])
    points = data.open_source("embedded:ring8", image_size=32)
    with pytest.raises(UserError, match="--dequantize is for single images"):
        data.batches(points, 8, seed=1, dequantize=True)


def test_rotation_turns_by_quarters_and_changes_nothing_else(source):
    square = ArraySource(source, np.random.default_rng(1).integers(0, 256, [37, 5, 5, 2], np.uint8), np.zeros(37, int))
    plain = np.concatenate(take(data.batches(square, 37, 3), 40))
    turned = np.concatenate(take(data.batches(square, 37, 3, rotate=True), 40))
    equal = [np.all(turned == np.rot90(plain, quarters, axes=(1, 2)), axis=(1, 2, 3)) for quarters in range(4)]
    np.testing.assert_array_equal(np.sum(equal, axis=0), 1)
    assert np.abs(np.mean(equal, axis=1) - 0.25).max() < 0.057  # 1480 draws: 5 standard deviations
    both = np.concatenate(take(data.batches(square, 37, 3, flip=True, rotate=True), 40))
    flipped = np.concatenate(take(data.batches(square, 37, 3, flip=True), 40))
    quarters = np.argmax(equal, axis=0)
    for image, mirrored, quarter in zip(both, flipped, quarters, strict=True):
        np.testing.assert_array_equal(image, np.rot90(mirrored, quarter))
    resumed = take(data.batches(square, 7, 3, start=61, flip=True, rotate=True), 1)[0]
    np.testing.assert_array_equal(resumed, both[61:68])
    fixed = next(iter(square.in_order().batch(37)))[0]
    np.testing.assert_array_equal(square.elements(square.fixed(tf.range(37)), True, True)[0], fixed)


def test_range_conversion_round_trips_and_clamps():
    every = np.arange(256, dtype=np.uint8)
    model = image_forms.to_model(every)
    assert (model.min(), model.max(), model.dtype) == (-1, 1, np.float32)
    np.testing.assert_array_equal(image_forms.to_uint8(model), every)
    tensor = image_forms.to_model(tf.constant(every))
    np.testing.assert_allclose(tensor, model, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(image_forms.to_uint8(tensor), every)
    odd = np.array([-7, -1.001, -1, -0.0001, 0, 0.0001, 0.999, 1.1, 9], np.float32)
    wanted = np.clip(np.floor(odd.astype(np.float64) * 127.5 + 128), 0, 255)
    np.testing.assert_array_equal(image_forms.to_uint8(odd), wanted)
    np.testing.assert_array_equal(image_forms.to_uint8(tf.constant(odd)), wanted)
