"""Sources: numbered images in shuffled or stored order, without iterator state to save."""

import concurrent.futures
import os
import typing

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import images as image_forms

CHUNK_BYTES = 2**24  # of pictures fetched at once where a dataset yields them one by one


class Positions(typing.NamedTuple):
    """Positions of a sequence: which image stands there, and all that is random about it.

    Attributes:
        index: int32 [n], numbers of images.
        coin: bool [n], fair: mirror it?
        turns: int32 [n], 0 to 3: quarters to turn it by.
        place: float32 [n, 2], U[0, 1): where the window lies along the height and the width; 1/2 is the centre.
        seed: int32 [n, 2], the seed of what happens to the image alone (its degradation).
    """

    index: tf.Tensor
    coin: tf.Tensor
    turns: tf.Tensor
    place: tf.Tensor
    seed: tf.Tensor


def numbers(count, seed, start, size):
    """Returns the endless shuffled sequence of 0..count-1, `size` positions at a time.

    The sequence is one permutation after another, each drawn from the seed and the number of its epoch alone, so that
    any position is found at once. (`tf.random.experimental.index_shuffle` would find it in O(1), but 4000 epochs of 10
    elements came in 256 orders only; a sort of Philox draws takes less than a second for a million.)

    Args:
        count: elements in an epoch.
        seed: the run's seed, an int or int32 [2].
        start: the first position.
        size: how many positions to an element.

    Returns:
        A `tf.data.Dataset` of `Positions`.
    """

    def epoch(number):
        key = randomness.fold(randomness.fold(seed, "epoch"), number)
        order = tf.random.experimental.stateless_shuffle(tf.range(count), randomness.fold(key, "order"), alg="philox")
        coins = tf.random.stateless_uniform([count], randomness.fold(key, "coins"), alg="philox") < 0.5
        turns = tf.random.stateless_uniform(
            [count], randomness.fold(key, "turns"), minval=0, maxval=4, dtype=tf.int32, alg="philox"
        )
        places = tf.random.stateless_uniform([count, 2], randomness.fold(key, "places"), alg="philox")
        seeds = tf.random.stateless_uniform(
            [count, 2], randomness.fold(key, "seeds"), maxval=2**31 - 1, dtype=tf.int32, alg="philox"
        )
        skip = tf.where(number == start // count, start % count, 0)
        return Positions(order[skip:], coins[skip:], turns[skip:], places[skip:], seeds[skip:])

    return tf.data.Dataset.counter(start // count).map(epoch).rebatch(size)


def mirror(images, coins):
    """Mirrors the images [n, h, w, c] left to right whose coin (bool [n]) says so."""
    return tf.where(coins[:, None, None, None], tf.reverse(images, axis=[2]), images)


def turn(images, quarters):
    """Turns square images [n, h, h, c] by `quarters`, int32 [n] from 0 to 3, of a circle against the clock."""
    turned = tf.where((quarters >= 2)[:, None, None, None], tf.reverse(images, axis=[1, 2]), images)
    once = tf.reverse(tf.transpose(turned, [0, 2, 1, 3]), axis=[1])
    return tf.where((quarters % 2 == 1)[:, None, None, None], once, turned)


def stable(dataset):
    """Sets the options of every pipeline here: same order always, no autotune, no sharding by file or by row."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False  # it stalls at the end of every epoch
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


class Source:
    """Numbered images with labels. Subclasses say how to `fetch` them, or what stands in their place.

    Args:
        collection: `Collection`, of which it takes what it is called.
        count: number of elements.
        image_shape: (height, width, channels).
        class_names: tuple of names. Default: those of the collection.

    Attributes:
        spec: what the user wrote ("folder:photos").
        name: short name for titles and file names.
        fingerprint: SHA-256 (hex) of what the source is made of; another value means other data.
        split: "train", "holdout" or "all" of it.
        kind: "images": elements are (image, label); "paired": (input, image), aligned; "unpaired": (image of the domain
            A, image of the domain B).
        count: number of elements.
        image_shape: (height, width, channels) of what a generator makes: an image, or the second of a pair; (2,) for
            points.
        input_shape: (height, width, channels) of what a translating generator takes, the first of a pair; None where
            there are no pairs.
        class_names: tuple of names in label order; () where there are no labels.
        labels: `keras_gans.data.label_maps.Labels` where the first of a pair is a label map, uint8 indices (and 255 where
            there is an edge between instances); else None.
        num_classes: len(class_names).
        class_counts: images of each class, a tuple; () where there are no labels, or nobody has counted.
        why_no_classes: why there are none, for messages; "" where nothing hints at any.
        notes: sentences about what was understood of the data.
        holdout: text of `--holdout`.
        inventory: see `Collection`.
        left: images of the collection that this split does not hold.
    """

    kind = "images"
    input_shape = labels = None
    class_counts = ()
    dtype = tf.uint8

    def __init__(self, collection, count, image_shape, class_names=None):
        self.spec, self.name, self.fingerprint = collection.spec, collection.name, collection.fingerprint
        self.split, self.holdout, self.inventory = collection.split, collection.holdout, collection.inventory
        self.notes, self.why_no_classes = tuple(collection.notes), collection.why_no_classes
        self.left = collection.left
        self.class_names = tuple(collection.class_names if class_names is None else class_names)
        self.num_classes = len(self.class_names)
        self.count, self.image_shape = count, tuple(image_shape)

    def tell(self, classes):
        """Takes over what was found out about the labels, `keras_gans.data.classes.Settled`; returns the source."""
        self.class_counts, self.why_no_classes = classes.counts, self.why_no_classes or classes.why_none
        self.notes += classes.notes
        return self

    def understood(self):
        """Yields sentences about what the data were taken for."""
        yield from self.notes
        if self.class_counts:
            counts = [f"{name} ({count:,})" for name, count in zip(self.class_names, self.class_counts)]
            more = f", ... {counts[-1]}" if len(counts) > 20 else ""
            yield f"{len(counts)} classes: {', '.join(counts if len(counts) <= 20 else counts[:10])}{more}"
        unit = "images" if self.kind == "images" else "pairs" if self.kind == "paired" else "elements"
        if self.split == "train" and self.left:
            yield f"{self.count:,} {unit} train, {self.left:,} are held out (--holdout={self.holdout})"
        elif self.split == "train":
            yield f"{self.count:,} {unit} train"

    def fetch(self, index, place):
        """Returns images uint8 [n, h, w, c] and labels int32 [n] by number; traced into the pipeline's graph.

        Args:
            index: int32 [n] tensor, each from 0 to count - 1.
            place: float32 [n, 2] as in `Positions`, for pictures that are larger than `image_shape`.
        """
        raise NotImplementedError

    def elements(self, positions, flip=False, rotate=False):
        """Returns what stands at `Positions`: (images, labels), or (inputs, images) of pairs.

        Args:
            positions: an element of `positions` or `fixed`.
            flip: mirror those whose coin says so.
            rotate: turn them as their `turns` say.
        """
        images, labels = self.fetch(positions.index, positions.place)
        images = mirror(images, positions.coin) if flip else images
        return turn(images, positions.turns) if rotate else images, labels

    def positions(self, seed, start, size):
        """Returns the endless shuffled sequence, `size` positions at a time; see `numbers`."""
        return numbers(self.count, seed, start, size)

    def fixed(self, index):
        """Returns the positions of images by number where nothing is random: centre windows, seeds by number."""
        return Positions(
            index,
            tf.zeros_like(index, tf.bool),
            tf.zeros_like(index),
            tf.fill([tf.size(index), 2], 0.5),
            tf.stack([index, tf.zeros_like(index)], axis=1),
        )

    def to_model(self, images):
        """Turns stored elements into what the networks see: float32 [-1, 1]."""
        return image_forms.to_model(images)

    def stream(self, seed, start=0):
        """Returns the endless shuffled sequence, one (image, label) or (input, image) at a time.

        Element k of `stream(seed)` is element 0 of `stream(seed, k)`: to resume, give the number of images seen.

        Args:
            seed: int.
            start: the first position.

        Returns:
            An infinite `tf.data.Dataset` of (uint8 [h, w, c], int32 []), of pairs (uint8 [h, w, c], uint8 [h, w, c]).
        """
        return self._one_by_one(self.positions(seed, start, self._chunk).map(self.elements))

    def in_order(self):
        """Returns a finite `tf.data.Dataset` of what `stream` yields, in stored order.

        Windows are cut from the centre, and what is random of an image depends on its number alone.
        """
        chunks = tf.data.Dataset.range(self.count, output_type=tf.int32).batch(self._chunk)
        return self._one_by_one(chunks.map(lambda index: self.elements(self.fixed(index)))).apply(
            tf.data.experimental.assert_cardinality(self.count)
        )

    @property
    def _chunk(self):
        pixels = np.prod(self.image_shape) + np.prod(self.input_shape or 0)
        return int(np.clip(CHUNK_BYTES // pixels, 1, 256))

    def _one_by_one(self, chunks):
        return stable(chunks.unbatch().prefetch(self._chunk))


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

    def fetch(self, index, place):
        return tf.gather(self._images, index), tf.gather(self._labels, index)


class PictureSource(Source):
    """Pictures of different sizes that lie decoded in memory; each time a window of `image_shape` is cut out.

    Args:
        collection: where spec, name and fingerprint come from.
        pictures: list of uint8 [H, W, c] arrays, none smaller than `image_shape`.
        labels: int [count].
        image_shape: (h, w, c).
        class_names: names in label order.
    """

    def __init__(self, collection, pictures, labels, image_shape, class_names):
        super().__init__(collection, len(labels), image_shape, class_names)
        self._pictures, self._labels = pictures, labels

    def _read(self, number, place):
        """Returns (window, label) of a picture by number."""
        return image_forms.window(self._pictures[number], place, self.image_shape), self._labels[number]

    def _all(self, numbers, places):
        return list(map(self._read, numbers, places))

    def fetch(self, index, place):
        def cut(index, place):
            windows, labels = zip(*self._all(index.tolist(), place), strict=True)
            return np.stack(windows), np.array(labels, np.int32)

        images, labels = tf.numpy_function(cut, [index, place], (tf.uint8, tf.int32), stateful=False)
        count = index.shape[0]
        return tf.ensure_shape(images, [count, *self.image_shape]), tf.ensure_shape(labels, [count])


class FileSource(PictureSource):
    """Pictures that are decoded as they are needed.

    Args:
        collection: the encoded images.
        numbers: int [count], the numbers of the readable ones in the collection.
        labels: int32 [count].
        load: function of a number in the collection -> (uint8 [H, W, c], anything); called from several threads.
        image_shape: (h, w, c).
        class_names: names in label order.
    """

    def __init__(self, collection, numbers, labels, load, image_shape, class_names):
        Source.__init__(self, collection, len(numbers), image_shape, class_names)
        self._numbers, self._labels, self._load = numbers, labels, load
        self._threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    def _read(self, number, place):
        picture, _ = self._load(self._numbers[number].item())
        # A copy, so that the rest of a large picture is let go.
        return image_forms.window(picture, place, self.image_shape).copy(), self._labels[number]

    def _all(self, numbers, places):
        return list(self._threads.map(self._read, numbers, places))


class PointSource(ArraySource):
    """2-D points, already what the networks see; drawn from a mixture of round Gaussians.

    Args:
        collection: see `ArraySource`.
        points: float32 [n, 2].
        labels: int [n], or None.
        modes: float32 [m, 2].
        std: a float.

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
