"""`embedded:NAME`: data inside the package, for first runs and tests without a network."""

import functools
import gzip
import hashlib
import importlib.resources

import numpy as np
from PIL import Image

from keras_gans.data import holdout
from keras_gans.data import images as image_forms
from keras_gans.data.collection import Collection
from keras_gans.data.schemes import SCHEMES
from keras_gans.errors import UserError
from keras_gans.registry import nearest

FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@functools.cache
def _fashion():
    """Returns (images uint8 [10000, 28, 28], labels uint8 [10000], SHA-256) of the Fashion-MNIST test set."""
    folder = importlib.resources.files("keras_gans.data") / "embedded"
    # The idx format: a header of 4 big-endian int32 (images) or 2 (labels), then the bytes.
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
    fingerprint = hashlib.sha256(images + labels).hexdigest()
    return (
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28),
        np.frombuffer(labels, np.uint8, offset=8),
        fingerprint,
    )


class Fashion(Collection):
    """The 10,000 test images of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 8,000 to train on, 2,000 held out.

    28x28 grey. At image size 28 as they are, at 32 padded with black (-1), at any other size resized from the padded
    ones, as `keras_gans.data.images.fit` does.

    Args:
        split: "train", "holdout" or "all".
        spec: text of `--data`.
        held_out: not used: the split is the data set's own; None will do.
    """

    name, class_names = "fashion", FASHION_CLASSES

    def __init__(self, split, spec, held_out):
        images, labels, self.fingerprint = _fashion()
        rows = {"train": slice(0, 8000), "holdout": slice(8000, None), "all": slice(None)}[split]
        self.spec, self.split, self.images, self.labels = spec, split, images[rows], labels[rows]
        self.first, self.count = rows.start or 0, len(self.images)

    def read(self, index):
        return image_forms.encode_png(self.images[index][:, :, None]), int(self.labels[index])

    def where(self, index):
        return f"{self.spec}, image {self.first + index}"

    def source(self, image_size, channels, resize, crop, bad, load_size):
        from keras_gans.data.source import ArraySource

        if load_size is not None:
            return super().source(image_size, channels, resize, crop, bad, load_size)
        if image_size in (28, 32):
            images = np.pad(self.images, [(0, 0)] + 2 * [2 * ((image_size - 28) // 2,)])
        else:
            images = np.stack(
                [np.asarray(image_forms.fit(Image.fromarray(image), image_size, resize)) for image in self.images]
            )
        return ArraySource(self, np.repeat(images[..., None], channels or 1, axis=-1), self.labels)


class Points(Collection):
    """100,000 points from a mixture of round 2-D Gaussians, the textbook test for dropped modes.

    Args:
        modes: float32 [m, 2], the centres.
        std: standard deviation of a mode along each axis. A float, in units of the plane.
        split: "train", "holdout" or "all".
        spec: text of `--data`.
        held_out: not used: points are drawn; None will do.
    """

    total = 100_000

    def __init__(self, name, modes, std, split, spec, held_out):
        self.name, self.spec, self.modes, self.std = name, spec, modes, std
        names = [str(number) for number in range(self.total)]
        self.numbers = holdout.part(names, split, held_out if held_out == "none" else "every:10", spec)
        self.count = len(self.numbers)
        self.class_names = tuple(f"mode {i}" for i in range(len(modes)))
        self.fingerprint = hashlib.sha256(f"{name} {modes.tolist()} {std} {self.total}".encode()).hexdigest()

    def read(self, index):
        raise UserError(f"{self.spec} holds 2-D points, not images; there is nothing to read, check or pack")

    def where(self, index):
        return f"{self.spec}, point {self.numbers[index]}"

    def source(self, image_size, channels, resize, crop, bad, load_size):
        import tensorflow as tf

        from keras_gans.data.source import PointSource

        if load_size is not None:
            raise UserError(f"{self.spec} holds 2-D points, which have no size; leave out --load_size")
        # Constant seeds and TensorFlow's own stateless draws, which never change: the points are data, not noise.
        labels = tf.random.stateless_uniform([self.total], [8, 0], 0, len(self.modes), tf.int32, alg="philox")
        noise = tf.random.stateless_normal([self.total, 2], [8, 1], alg="philox")
        points = tf.gather(self.modes, labels) + self.std * noise
        return PointSource(self, points.numpy()[self.numbers], labels.numpy()[self.numbers], self.modes, self.std)


def ring8(split, spec, held_out):
    """8 Gaussians of std 0.01 on the circle of radius 1 (PacGAN, Lin et al. 2018, section 4.1: 2D-ring)."""
    angles = 2 * np.pi * np.arange(8) / 8
    return Points(
        "ring8", np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), 0.01, split, spec, held_out
    )


def grid25(split, spec, held_out):
    """25 Gaussians of std 0.05 at {-4, -2, 0, 2, 4}^2 (PacGAN, Lin et al. 2018, section 4.1: 2D-grid)."""
    axis = np.arange(-4, 5, 2, dtype=np.float32)
    return Points(
        "grid25", np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(25, 2), 0.05, split, spec, held_out
    )


EMBEDDED = {"fashion": Fashion, "ring8": ring8, "grid25": grid25}


@SCHEMES.register("embedded")
def embedded(name, split, spec, held_out):
    if name not in EMBEDDED:
        raise UserError(f"unknown embedded data {name!r}; known: {', '.join(EMBEDDED)}{nearest(name, EMBEDDED)}")
    return EMBEDDED[name](split, spec, held_out)
