"""What the benchmarks of several workers share."""

import contextlib
import os
import socket

import h5py
import numpy as np
from PIL import Image

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}


def free_ports(count):
    """Returns ports of 127.0.0.1 that nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def weights(path):
    """Returns the arrays of a checkpoint, name -> values."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in arrays.items() if value.dtype.kind == "f"}


def write_noise(folder, seed, shape):
    """Writes pictures of noise, PNG files; shape: [count, h, w] or [count, h, w, 3]."""
    folder.mkdir(parents=True)
    for index, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)):
        Image.fromarray(pixels).save(folder / f"{index:02}.png")
