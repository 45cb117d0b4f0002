"""Sources: numbered images in shuffled or stored order, without iterator state to save."""

import concurrent.futures
import os

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import images as image_forms

CHUNK = 256  # images fetched at once where a dataset yields them one by one


def numbers(count, seed, start, size):
    """Returns the endless shuffled sequence of 0..count-1, `size` numbers at a time.

    The sequence is one permutation after another, each drawn from the seed and the number of its epoch alone, so that
    any position is found at once. (`tf.random.experimental.index_shuffle` would find it in O(1), but 4000 epochs of 10
    elements came in 256 orders only; a sort of Philox draws takes less than a second for a million.)

    Args:
        count: elements in an epoch.
        seed: int, the run's seed.
        start: the first position.
        size: how many numbers to an element.

    Returns:
        A `tf.data.Dataset` of (element numbers int32 [size], coins bool [size]): one fair coin for each position.
    """

    def epoch(number):
        key = randomness.fold(randomness.fold(seed, "epoch"), number)
        order = tf.random.experimental.stateless_shuffle(tf.range(count), randomness.fold(key, "order"), alg="philox")
        coins = tf.random.stateless_uniform([count], randomness.fold(key, "coins"), alg="philox") < 0.5
        skip = tf.where(number == start // count, start % count, 0)
        return order[skip:], coins[skip:]

    return tf.data.Dataset.counter(start // count).map(epoch).rebatch(size)


def stable(dataset):
    """Sets the options of every pipeline here: same order always, no autotune, no sharding by file or by row."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False  # it stalls at the end of every epoch
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


class Source:
    """Numbered images with labels. Subclasses say how to `fetch` them.

    Attributes:
        spec: what the user wrote ("folder:photos").
        name: short name for titles and file names.
        fingerprint: SHA-256 (hex) of what the source is made of; another value means other data.
        split: "train", "holdout" or "all" of it.
        count: number of images.
        image_shape: (height, width, channels) of an image; (2,) for points.
        class_names: tuple of names in label order; () where there are no labels.
        num_classes: len(class_names).
    """

    dtype = tf.uint8

    def __init__(self, collection, count, image_shape, class_names=None):
        self.spec, self.name, self.fingerprint = collection.spec, collection.name, collection.fingerprint
        self.split = collection.split
        self.class_names = tuple(collection.class_names if class_names is None else class_names)
        self.num_classes = len(self.class_names)
        self.count, self.image_shape = count, tuple(image_shape)

    def fetch(self, indices):
        """Returns images uint8 [n, h, w, c] and labels int32 [n] by number; traced into the pipeline's graph.

        Args:
            indices: int32 [n] tensor, each from 0 to count - 1.
        """
        raise NotImplementedError

    def to_model(self, images):
        """Turns stored elements into what the networks see: float32 [-1, 1]."""
        return image_forms.to_model(images)

    def stream(self, seed, start=0):
        """Returns the endless shuffled sequence, one (image, label) at a time.

        Element k of `stream(seed)` is element 0 of `stream(seed, k)`: to resume, give the number of images seen.

        Args:
            seed: int.
            start: the first position.

        Returns:
            An infinite `tf.data.Dataset` of (uint8 [h, w, c], int32 []).
        """
        return self._one_by_one(numbers(self.count, seed, start, CHUNK).map(lambda indices, _: self.fetch(indices)))

    def in_order(self):
        """Returns a finite `tf.data.Dataset` of (uint8 [h, w, c], int32 []) in stored order."""
        chunks = tf.data.Dataset.range(self.count, output_type=tf.int32).batch(CHUNK).map(self.fetch)
        return self._one_by_one(chunks).apply(tf.data.experimental.assert_cardinality(self.count))

    def _one_by_one(self, chunks):
        return stable(chunks.unbatch().prefetch(CHUNK))


class ArraySource(Source):
    """Images that lie decoded in memory.

    Args:
        collection: where spec, name, fingerprint and class names come from.
        images: NumPy array [count, h, w, c], uint8.
        labels: int [count].
        class_names: names in label order; default: the collection's.
    """

    def __init__(self, collection, images, labels, class_names=None):
        super().__init__(collection, len(images), images.shape[1:], class_names)
        with tf.device("CPU:0"):
            self._images = tf.constant(images, self.dtype)
            self._labels = tf.constant(labels, tf.int32)

    def fetch(self, indices):
        return tf.gather(self._images, indices), tf.gather(self._labels, indices)


class FileSource(Source):
    """Images that are decoded as they are needed.

    Args:
        collection: the encoded images.
        numbers: int [count], the numbers of the readable ones in the collection.
        load: function of a number in the collection -> (uint8 [h, w, c], label); called from several threads.
        image_shape: (h, w, c).
        class_names: names in label order.
    """

    def __init__(self, collection, numbers, load, image_shape, class_names):
        super().__init__(collection, len(numbers), image_shape, class_names)
        self._numbers, self._load = numbers, load
        self._threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    def fetch(self, indices):
        def load(indices):
            loaded = list(self._threads.map(self._load, self._numbers[indices].tolist()))
            return np.stack([image for image, _ in loaded]), np.array([label for _, label in loaded], np.int32)

        images, labels = tf.numpy_function(load, [indices], (tf.uint8, tf.int32), stateful=False)
        count = indices.shape[0]
        return tf.ensure_shape(images, [count, *self.image_shape]), tf.ensure_shape(labels, [count])


class PointSource(ArraySource):
    """2-D points, already what the networks see; drawn from a mixture of round Gaussians.

    Attributes:
        modes: float32 [m, 2], the centres.
        std: the standard deviation of each mode along each axis.
    """

    dtype = tf.float32

    def __init__(self, collection, points, labels, modes, std):
        super().__init__(collection, points, labels)
        self.modes, self.std = modes, std

    def to_model(self, images):
        return images
