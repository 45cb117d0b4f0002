"""What every feature extractor has in common: uint8 images in, float32 features out, in batches of one fixed size."""

import numpy as np
import tensorflow as tf

from keras_gans.errors import UserError


class FeatureExtractor:
    """Turns images into features and, where the network has a classifier, into class probabilities.

    A subclass sets the attributes below and implements `network`.

    Attributes:
        name: the name in the registry; scores are named after it (`fd_fashion`).
        dims: features per image.
        classes: classes of the classifier head, 0 without one.
        logits: whether there is a classifier head.
        weights_file: the name of the weights' file.
        weights_sha256: its SHA-256, hex.
        resize: the filter and the size that images are resized to, in words.
        quantization: what is rounded to 8 bits on the way, in words.

    Args:
        batch_size: images in one call of the network. A smaller last batch is padded, never retraced. Default 64.
    """

    name = None
    dims = None
    classes = 0
    weights_file = None
    weights_sha256 = None
    resize = None
    quantization = "uint8 images"

    def __init__(self, batch_size=64):
        self.batch_size = batch_size
        self._compiled = None

    @property
    def logits(self):
        return self.classes > 0

    def protocol(self):
        """Returns what a score's record says about the extractor, as a dict for JSON."""
        return {
            "extractor": self.name,
            "weights": self.weights_file,
            "weights_sha256": self.weights_sha256,
            "dims": self.dims,
            "resize": self.resize,
            "quantization": self.quantization,
        }

    def prepare(self, images):
        """What happens to a batch outside the graph: uint8 [n, h, w, 3] -> [n, h', w', 3], uint8 or float32."""
        return images

    def network(self, images):
        """The graph: [n, h, w, 3] from `prepare` -> features [n, dims] and logits [n, classes] (or None)."""
        raise NotImplementedError

    def extract(self, images):
        """Computes features and probabilities in one pass.

        Args:
            images: uint8 [n, h, w, 1 or 3], 0 to 255, any n and any size.

        Returns:
            Features, float32 [n, dims], and class probabilities, float32 [n, classes] (None without a classifier).

        Raises:
            UserError: `images` is no such batch.
        """
        features, probabilities = in_batches(self._run, self.batch_size, three_channels(images))
        return features, probabilities if self.logits else None

    def __call__(self, images):
        """Returns the features alone, float32 [n, dims]; see `extract`."""
        return self.extract(images)[0]

    def probabilities(self, images):
        """Returns the class probabilities alone, float32 [n, classes]; see `extract`.

        Raises:
            UserError: the extractor has no classifier.
        """
        if not self.logits:
            raise UserError(f"{self.name} has no classes; take an extractor with a classifier, such as inception2015")
        return self.extract(images)[1]

    def _run(self, images):
        images = self.prepare(images)
        if self._compiled is None:
            signature = tf.TensorSpec([self.batch_size, None, None, 3], images.dtype)
            self._compiled = tf.function(self._features_and_probabilities, input_signature=[signature])
        return self._compiled(images)

    def _features_and_probabilities(self, images):
        features, logits = self.network(images)
        return features, tf.zeros([self.batch_size, 0]) if logits is None else tf.nn.softmax(logits)


def in_batches(function, batch_size, *arrays):
    """Runs `function` on batches of exactly `batch_size` rows; the last one is padded with zeros.

    Args:
        function: takes a batch of each of `arrays`, returns tensors whose first axis is the batch.
        batch_size: rows in a batch.
        *arrays: [n, ...] each, with the same n.

    Returns:
        A list of NumPy arrays [n, ...], one for each tensor that `function` returns.
    """
    count, pieces = len(arrays[0]), []
    for start in range(0, max(count, 1), batch_size):
        batch = [array[start : start + batch_size] for array in arrays]
        rows = len(batch[0])
        padded = [np.pad(array, [(0, batch_size - rows)] + [(0, 0)] * (array.ndim - 1)) for array in batch]
        pieces.append([output.numpy()[:rows] for output in function(*padded)])
    return [np.concatenate(outputs) for outputs in zip(*pieces, strict=True)]


def three_channels(images):
    """Returns a batch of uint8 images with 3 channels; grey is repeated.

    Raises:
        UserError: not uint8 [n, h, w, 1 or 3].
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UserError(
            f"features need uint8 images of shape [count, height, width, 1 or 3], not {images.dtype} {list(images.shape)}"
        )
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def luma(images):
    """Colour -> grey by ITU-R 601, as Pillow's "L" but not rounded: uint8 [n, h, w, 3] -> float32 [n, h, w, 1]."""
    return tf.tensordot(tf.cast(images, tf.float32), (0.299, 0.587, 0.114), 1)[..., None]


def resize(images, height, width):
    """Antialiased bicubic resize, clipped to 0-255, not rounded: [n, h, w, c] -> float32 [n, height, width, c]."""
    resized = tf.image.resize(images, [height, width], "bicubic", antialias=True)
    return tf.clip_by_value(resized, 0.0, 255.0)


def resize_in_words(height, width):
    """What `resize` does, for the protocol."""
    return f"{height}x{width}, bicubic, antialiased (tf.image.resize)"
