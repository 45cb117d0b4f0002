"""Images in memory, in folders and in datasets: whatever a notebook has, as scores take it."""

import functools
import hashlib
import os
import pathlib

import numpy as np
import tensorflow as tf

from keras_gans.data.images import to_uint8
from keras_gans.data.opening import open_source
from keras_gans.errors import UserError
from keras_gans.metrics.folders import FolderImages


class ArrayImages:
    """Images in memory, as a `Source` or `FolderImages` is to scores.

    Args:
        images: uint8, or float in [-1, 1]; [n, h, w, c].
        spec: what they are called in the protocol. Text. Default `array`.

    Attributes:
        images: uint8 [n, h, w, c].
        spec, count, image_shape, fingerprint: as of a `Source`.

    Raises:
        UserError: another shape or type, or floats beyond [-1, 1].
    """

    def __init__(self, images, spec="array"):
        self.images = as_uint8(images, spec)
        self.spec, self.count, self.image_shape = spec, len(self.images), self.images.shape[1:]

    @functools.cached_property
    def fingerprint(self):
        """SHA-256 (hex) of shape and pixels."""
        digest = hashlib.sha256(str(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images))
        return digest.hexdigest()

    def batches(self, count, seed=None, batch_size=64):
        """Yields uint8 [n, h, w, c] of `count` images, drawn with the seed, or the first in order for seed None."""
        order = np.arange(self.count) if seed is None else np.random.default_rng(seed).permutation(self.count)
        for start in range(0, min(count, self.count), batch_size):
            yield self.images[order[start : min(start + batch_size, count)]]


class ArrayPairs:
    """Inputs and targets in memory, as a `Source` of pairs is to scores.

    Args:
        inputs, targets: images as of `ArrayImages`, as many of each.
        spec: what they are called in the protocol. Text. Default `arrays`.

    Raises:
        UserError: different counts; see `ArrayImages`.
    """

    split = None

    def __init__(self, inputs, targets, spec="arrays"):
        if inputs is None or targets is None:
            raise UserError(f"{spec}: a game that translates is scored on pairs; give inputs and targets")
        a, b = ArrayImages(inputs, f"{spec}, inputs"), ArrayImages(targets, f"{spec}, targets")
        if a.count != b.count:
            raise UserError(f"{spec}: {a.count} inputs and {b.count} targets; give as many of each")
        self.spec = self.name = spec
        self.count, self.input_shape, self.image_shape = a.count, a.image_shape, b.image_shape
        self.fingerprint = hashlib.sha256(f"{a.fingerprint} {b.fingerprint}".encode()).hexdigest()
        self._sides = a.images, b.images

    def in_order(self):
        """Returns a finite `tf.data.Dataset` of (uint8 [h, w, ca], uint8 [h, w, cb])."""
        return tf.data.Dataset.from_tensor_slices(self._sides)


def as_uint8(images, what):
    """Returns images uint8 or float in [-1, 1], an array or a tensor, as a uint8 NumPy array [n, h, w, c]."""
    images = np.asarray(images)
    if images.ndim != 4:
        raise UserError(f"{what}: images should be [count, height, width, channels], not of shape {list(images.shape)}")
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise UserError(f"{what}: images should be uint8, or float in [-1, 1], not {images.dtype}")
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    if not (low >= -1.001 and high <= 1.001):
        raise UserError(
            f"{what}: float images should be in [-1, 1], and these go from {low:.4g} to {high:.4g}; give uint8, or bring "
            "them there"
        )
    return to_uint8(images)


def collect(x, y=None, steps=None):
    """Reads data as `fit` takes them into memory.

    Args:
        x: an array or tensor; or a `tf.data.Dataset` of batches, or of pairs of batches.
        y: of arrays, the second of each pair; else None.
        steps: batches of the dataset; default: all.

    Returns:
        (x, y) as NumPy arrays, images as uint8; y is None where there is none.

    Raises:
        UserError: an endless dataset without `steps`, an empty one, images of another type or range.
    """
    if not isinstance(x, tf.data.Dataset):
        return np.asarray(x), None if y is None else np.asarray(y)
    if steps is not None:
        x = x.take(steps)
    elif x.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UserError("the dataset has no end; say how much of it to take, as in dataset.take(100)")
    firsts, seconds = [], []
    for batch in x.as_numpy_iterator():
        first, *rest = batch if isinstance(batch, tuple) else (batch,)
        firsts.append(_small(first))
        seconds += [_small(part) for part in rest[:1]]
    if not firsts:
        raise UserError("the dataset is empty; give one with images")
    return np.concatenate(firsts), np.concatenate(seconds) if seconds else None


def _small(part):
    return as_uint8(part, "dataset") if part.ndim == 4 else part


def images_of(given, what):
    """Returns images in whatever form, as scores take them.

    Args:
        given: images uint8 or float in [-1, 1], an array or tensor [n, h, w, c]; a `tf.data.Dataset` of batches of them (of
            pairs, the first counts); the path of a folder, or `folder:PATH`; any other data by name, as `embedded:fashion`;
            a `Source` or `FolderImages`.
        what: "real" or "generated", for messages and the protocol.

    Returns:
        An `ArrayImages`, a `FolderImages` or a `Source`.

    Raises:
        UserError: nothing of the kind.
    """
    if isinstance(given, (str, os.PathLike)):
        text = os.fspath(given)
        if pathlib.Path(text).expanduser().is_dir():
            return FolderImages(f"folder:{text}")
        return FolderImages(text) if text.startswith("folder:") else open_source(text, split="all")
    if isinstance(given, tf.data.Dataset):
        return ArrayImages(collect(given)[0], f"{what} dataset")
    if isinstance(given, np.ndarray) or tf.is_tensor(given):
        return ArrayImages(given, f"{what} array")
    if hasattr(given, "spec"):  # a source already
        return given
    raise UserError(
        f"{what} images should be an array, a tf.data.Dataset, a folder or data by name such as embedded:fashion, not "
        f"{type(given).__name__}"
    )
