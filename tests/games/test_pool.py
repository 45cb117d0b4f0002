"""The pool of earlier fakes against the original's loop, and over checkpoints."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.games.pool import ImagePool


class Loop:
    """What the original does, image by image, with the pool's own draws."""

    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images, seed):
        draws = randomness.uniform(seed, [len(images), 2]).numpy()
        answers = []
        for image, (place, coin) in zip(images, draws):
            if len(self.images) < self.size:
                self.images.append(image)
                answers.append(image)
            elif coin > 0.5:
                slot = int(place * self.size)
                answers.append(self.images[slot])
                self.images[slot] = image
            else:
                answers.append(image)
        return np.array(answers)


def numbered(start, count):
    """Images 2x2x1, each full of its own number."""
    return np.broadcast_to(np.arange(start, start + count, dtype="float32")[:, None, None, None], (count, 2, 2, 1))


def compiled(pool, jit=False):
    return tf.function(pool.query, jit_compile=jit, autograph=False)


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("jit", [False, True], ids=["", "jit"])
def test_answers_are_those_of_the_loop(batch, jit):
    """Batches of 7 with a pool of 5: it fills up within a batch, and images of one batch swap with one another."""
    pool, loop = ImagePool(5, (2, 2, 1)), Loop(5)
    query = compiled(pool, jit)
    for step in range(20):
        images, seed = numbered(step * batch, batch), randomness.fold(3, step)
        np.testing.assert_array_equal(query(tf.constant(images), seed), loop.query(images, seed))
    np.testing.assert_array_equal(pool.images, loop.images)


def test_half_of_the_images_are_swapped_and_every_place_alike():
    pool = ImagePool(50, (1, 1, 1))
    query = compiled(pool)
    sent, back = [], []
    for step in range(40):
        images = np.arange(100 * step, 100 * (step + 1), dtype="float32").reshape(100, 1, 1, 1)
        sent.append(images.ravel())
        back.append(query(tf.constant(images), randomness.fold(0, step)).numpy().ravel())
    sent, back = np.concatenate(sent), np.concatenate(back)
    np.testing.assert_array_equal(back[:50], sent[:50])  # while there is room
    swapped = (back != sent)[50:]
    assert abs(swapped.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(swapped))
    # Nobody is handed back from the pool twice, and how long an image stays is geometric: 1 of 50 places a swap.
    from_pool = back[50:][swapped]
    assert len(set(from_pool)) == len(from_pool)
    age = (sent[50:] - back[50:])[swapped][1000:] / 2  # in swaps
    assert abs(age.mean() - 50) < 4 * 50 / np.sqrt(len(age))


def test_no_pool_hands_back_everything():
    images = tf.constant(numbered(0, 3))
    np.testing.assert_array_equal(ImagePool(0, (2, 2, 1)).query(images, randomness.fold(0, 0)), images)
    with pytest.raises(ValueError, match="size must be 0 or more, not -1"):
        ImagePool(-1, (2, 2, 1))


def test_what_is_kept_is_saved(tmp_path):
    def holder():
        images = keras.Input((2, 2, 1))
        model = keras.Model(images, images)
        model.pool = ImagePool(3, (2, 2, 1))
        return model

    one, other = holder(), holder()
    for step in range(4):
        one.pool.query(tf.constant(numbered(step, 1)), randomness.fold(0, step))
    one.save_weights(tmp_path / "pool.weights.h5")
    other.load_weights(tmp_path / "pool.weights.h5")
    for step in range(4, 12):
        images, seed = tf.constant(numbered(step, 1)), randomness.fold(0, step)
        np.testing.assert_array_equal(one.pool.query(images, seed), other.pool.query(images, seed))
    np.testing.assert_array_equal(one.pool.images, other.pool.images)
