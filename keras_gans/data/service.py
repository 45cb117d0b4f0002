"""`--data_service=grpc://HOST:PORT`: TFRecords are read, decoded and batched by the workers of a tf.data service.

The graph that is sent has TensorFlow's own operators only, so that any worker of a tf.data service runs it; that is why the
records must hold what `keras-gans pack --image_size` writes: PNG files of the training size. The order is the service's:
such a run is not the same when it is done again, and does not go on bit for bit.
"""

import re
import socket

import tensorflow as tf

from keras_gans.data.picture_files import open_image
from keras_gans.errors import UserError

CONNECTING = 20.0  # seconds
BUFFER = 10_000  # images among which a worker draws


def batches(source, collection, batch_size, seed, address, labels=False, flip=False):
    """Returns endless batches from a tf.data service.

    Every image comes once in each epoch (`ShardingPolicy.DYNAMIC`), if no worker fails; a worker that is ahead may begin the
    next epoch before another has ended the last.

    Args:
        source: the `Source`, which has looked at all images and whose kind and shape are served.
        collection: its `Records`.
        batch_size: images in a batch.
        seed: int, of the order of files and images in each worker.
        address: `grpc://host:port` of the dispatcher.
        labels: whether to yield (images, labels) in place of images.
        flip: mirror half of the images left to right.

    Returns:
        A `tf.data.Dataset` of float32 [batch_size, h, w, c] in [-1, 1], or with int32 [batch_size] labels.

    Raises:
        UserError: records that are no PNG files of the size, or a dispatcher that does not answer.
    """
    refuse_others(source, collection)
    connect(address)
    shape, channels = source.image_shape, source.image_shape[-1]
    paths, chosen = chosen_records(collection)

    def parse(record, _):
        features = tf.io.parse_single_example(
            record,
            {
                "image/encoded": tf.io.FixedLenFeature([], tf.string),
                "image/class/label": tf.io.FixedLenFeature([], tf.int64, 0),
            },
        )
        pixels = tf.ensure_shape(tf.io.decode_png(features["image/encoded"], channels), shape)
        pixels = tf.image.random_flip_left_right(pixels) if flip else pixels
        return pixels, tf.cast(features["image/class/label"], tf.int32)

    def of_file(path, marks):
        of_split = tf.data.Dataset.zip(tf.data.TFRecordDataset(path), tf.data.Dataset.from_tensor_slices(marks))
        return of_split.filter(lambda record, mark: mark)

    files = tf.data.Dataset.from_tensor_slices((paths, tf.ragged.constant(chosen, tf.bool)))
    images = files.shuffle(len(paths), seed).interleave(of_file, cycle_length=4).shuffle(BUFFER, seed)
    policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
    served = images.map(parse, num_parallel_calls=4).apply(tf.data.experimental.service.distribute(policy, address))

    def finish(pixels, label):
        images = source.to_model(pixels)
        return (images, label) if labels else images

    return served.repeat().batch(batch_size, drop_remainder=True).map(finish).prefetch(4)


def chosen_records(collection):
    """Returns the paths of the files of `Records`, and for each a list of bool: which of its records belong to the split."""
    chosen = [[] for _ in collection.paths]
    for file, record in collection.rows[:, :2].tolist():
        marks = chosen[file]
        marks += [False] * (record + 1 - len(marks))
        marks[record] = True
    return [str(path) for path in collection.paths], chosen


def refuse_others(source, collection):
    """Raises a `UserError` for records that a worker could not turn into the images of the source by itself."""
    height, width, channels = source.image_shape
    where = "--data_service serves what keras-gans pack --image_size has written"
    data, _ = collection.read(0)
    with open_image(data) as image:
        if (image.format, image.size, image.mode) != ("PNG", (width, height), "L" if channels == 1 else "RGB"):
            raise UserError(
                f"{where}: PNG files of {width}x{height} pixels with {channels} channels; {collection.where(0)} is "
                f"{image.format} of {image.size[0]}x{image.size[1]}, mode {image.mode}"
            )


def connect(address):
    """Raises a `UserError` where nobody listens at `grpc://host:port`."""
    found = re.fullmatch(r"grpc://(.+):(\d+)", address)
    if not found:
        raise UserError(f"--data_service={address}: expected grpc://HOST:PORT of a tf.data service's dispatcher")
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), CONNECTING).close()
    except OSError as error:
        raise UserError(
            f"--data_service={address} does not answer ({error.strerror or error}); start its dispatcher, or leave the flag out"
        ) from error
