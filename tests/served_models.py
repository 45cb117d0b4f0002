"""Small SavedModels with the signatures of exported generators, and servers of them."""

import contextlib
import os
import pathlib
import time

import numpy as np
import tensorflow as tf

from keras_gans.exporting import picture_files
from keras_gans.serving.local import server
from keras_gans.serving.local.limits import Limits

LIMITS = Limits(body=2**21, pixels=300 * 300, count=16, seconds=20, workers=2, queue=16)


class Model(tf.Module):
    """Multiplies float images by `gain`; turns picture files into their negatives; draws grey images."""

    def __init__(self, gain):
        super().__init__()
        self.gain = tf.Variable(float(gain))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "images")])
    def scale(self, images):
        return {"generated": images * self.gain}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def translate(self, image_bytes):
        def negative(file):
            return tf.io.encode_png(255 - picture_files.decode(file, 3, 2**21))

        return {"images_bytes": tf.map_fn(negative, image_bytes)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64, "seed"), tf.TensorSpec([], tf.int32, "count")])
    def sample(self, seed, count):
        grey = tf.random.stateless_uniform([count, 1, 1, 1], tf.stack([seed, 0]), 0, 256, tf.int32)
        images = tf.cast(tf.broadcast_to(grey, [count, 4, 4, 1]), tf.uint8)
        return {"images_bytes": tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.string)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, "steps")])
    def slow(self, steps):
        """Multiplies matrices: about a millisecond a step."""
        start = tf.eye(200) * self.gain
        made = tf.while_loop(lambda i, x: i < steps, lambda i, x: (i + 1, tf.linalg.matmul(x, start)), [0, start])[1]
        return {"sum": tf.reduce_sum(made), "steps": steps}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "a"), tf.TensorSpec([None], tf.string, "name")])
    def two(self, a, name):
        return {"double": 2 * a, "named": name}


def write(folder, gain=1.0, settled=True):
    """Writes a version folder.

    Args:
        folder: FOLDER/MODEL/VERSION.
        gain: of `serving_default`.
        settled: whether it counts as written some time ago.
    """
    model = Model(gain)
    signatures = {
        "serving_default": model.scale,
        "translate": model.translate,
        "sample_png": model.sample,
        "slow": model.slow,
        "two": model.two,
    }
    tf.saved_model.save(model, str(folder), signatures=signatures)
    if settled:
        settle(folder)
    return pathlib.Path(folder)


def settle(folder):
    """Waits until the local server takes a folder for whole; the time of the change of an inode cannot be set back."""
    newest = max(os.stat(path).st_ctime for path in [folder, *pathlib.Path(folder).rglob("*")])
    time.sleep(max(0, newest + 2.1 - time.time()))


@contextlib.contextmanager
def serving(folder, limits=LIMITS, site=None):
    """Serves a folder in a thread; gives the `Server`."""
    made = server.Server(folder, limits, rest_port=0, grpc_port=0, site=site, log=lambda line: None)
    with server.running(made):
        yield made


def wait_until(condition, seconds=60):
    """Waits for a condition, a function."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pictures():
    """Two pictures of different sizes, uint8 [h, w, 3]."""
    random = np.random.default_rng(0)
    return [random.integers(0, 256, size, np.uint8) for size in [(12, 20, 3), (7, 5, 3)]]
