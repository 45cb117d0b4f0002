"""Nearest neighbours of samples in the data: has the generator learned images by heart?"""

import itertools

import numpy as np
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.features.base import FeatureExtractor
from keras_gans.metrics.manifold import squared_distances
from keras_gans.progress import progress
from keras_gans.registry import EXTRACTORS

_BATCH, _BATCH_BYTES = 256, 2**26  # images at a time, at most
_LARGEST = 64  # pixels at which pixels are compared


class Space:
    """Where distances between images are measured.

    Args:
        name: `pixels`: the root of the mean squared difference, in grey levels of 0 to 255, of images averaged down to
            64 pixels if they are larger; or a feature extractor such as `fashion` or `efficientnet_lite0`: the Euclidean
            distance of its features.

    Raises:
        UserError: neither, or an extractor without its weights.
    """

    def __init__(self, name):
        self._extract = None
        self.protocol = {
            "extractor": "pixels",
            "distance": "root mean squared difference in grey levels, 0 to 255",
            "resize": f"averaged down to {_LARGEST} pixels where larger",
        }
        if name != "pixels":
            self._extract = EXTRACTORS.create(name)
            if not isinstance(self._extract, FeatureExtractor):
                raise UserError(
                    f"{name} measures pairs, and neighbours need features; take pixels, fashion or efficientnet_lite0"
                )
            self.protocol = self._extract.protocol() | {"distance": "Euclidean"}

    def __call__(self, images):
        """Turns uint8 [n, h, w, c] into points, float [n, dims], whose Euclidean distances are meant."""
        if self._extract is not None:
            return self._extract(images)
        if max(images.shape[1:3]) > _LARGEST:
            images = tf.image.resize(images, [_LARGEST, _LARGEST], "area").numpy()
        return images.reshape(len(images), -1).astype(np.float64) / np.sqrt(images[0].size)


def neighbours(images, source, space, count=4):
    """Finds the nearest images of a source; it passes by once, in bounded memory. Mirror images are not looked for.

    Args:
        images: uint8 [n, h, w, c].
        source: `keras_gans.data.Source` of images of that size.
        space: `Space`.
        count: neighbours of each image, or as many as there are images in the source.

    Returns:
        The neighbours' numbers in stored order, int [n, count], nearest first, and their distances, float64 [n, count].
    """
    points = space(images)
    best, numbers = np.empty((len(images), 0)), np.empty((len(images), 0), int)
    size = int(np.clip(_BATCH_BYTES // images[0].size, 1, _BATCH))
    stored = source.in_order().batch(size).as_numpy_iterator()
    with progress("searching", source.count) as bar:
        for batch, _ in stored:
            distances = squared_distances(points, space(batch), points.mean(0))
            best = np.concatenate([best, distances], 1)
            numbers = np.concatenate([numbers, np.tile(bar.done + np.arange(len(batch)), (len(images), 1))], 1)
            order = np.argsort(best, axis=1, kind="stable")[:, :count]
            best, numbers = np.take_along_axis(best, order, 1), np.take_along_axis(numbers, order, 1)
            bar.advance(len(batch))
    return numbers, np.sqrt(best)


def first_images(source, count):
    """Returns at most `count` images of a source in stored order, uint8 [n, h, w, c]."""
    return np.stack([image for image, _ in itertools.islice(source.in_order().as_numpy_iterator(), count)])


def images_at(source, numbers):
    """Returns images of a source by their numbers in stored order, uint8 [n, h, w, c]."""
    return source.elements(source.fixed(tf.constant(numbers, tf.int32)))[0].numpy()
