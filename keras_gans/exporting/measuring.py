"""What a TFLite model weighs, how long it takes, and how far it is from Keras."""

import dataclasses
import os
import pathlib
import re
import statistics
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from keras_gans.exporting import flatbuffer, parity
from keras_gans.metrics import paired

THREADS = (1, 2, 4)
_SECONDS, _RUNS = 1.0, (3, 50)  # of one timing: as long as this, but so many runs at least and at most

# "GPU ML operations support" of the TensorFlow Lite guide, section GPU delegates (the documentation of LiteRT repeats it).
GPU_OPERATORS = frozenset(
    """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXP FULLY_CONNECTED LOGICAL_AND LOGISTIC LSTM MAX_POOL_2D
    MAXIMUM MINIMUM MUL PAD PRELU RELU RELU6 RESHAPE RESIZE_BILINEAR SOFTMAX STRIDED_SLICE SUB TRANSPOSE_CONV
""".split()
)


@dataclasses.dataclass
class Measured:
    """Of one model.

    Attributes:
        bytes: size of the model. An integer.
        runtime: the oldest version of TensorFlow Lite that has its operators, such as "2.5.0".
        psnr: in dB against Keras, of the worst image.
        ssim: against Keras, the mean; None for images of less than 11 pixels a side.
        images: how many were compared. An integer.
        milliseconds: dict, threads -> the median time of a call.
        operators: sorted names of the operators.
    """

    bytes: int
    runtime: str
    psnr: float
    ssim: float | None
    images: int
    milliseconds: dict
    operators: list


def measure(model, endpoint, inputs, outputs):
    """Compares a model with Keras, image by image, and times it.

    Args:
        model: bytes.
        endpoint: the `Endpoint` that it was made of.
        inputs: dict of arrays [n, ...].
        outputs: dict of arrays [n, ...], what Keras answers.

    Returns:
        A `Measured`.
    """
    count = len(next(iter(inputs.values())))
    rows = [{name: value[row : row + 1] for name, value in inputs.items()} for row in range(count)]
    interpreter = Interpreter(model_content=model)
    operators = sorted({operator["op_name"] for operator in interpreter._get_ops_details()} - {"DELEGATE"})
    call = interpreter.get_signature_runner(endpoint.name)
    made = [call(**row) for row in rows]
    expected = endpoint.shown(outputs)
    images = endpoint.shown({name: np.concatenate([one[name] for one in made]) for name in outputs})
    ssim = None
    if min(images.shape[1:3]) >= 11:
        ssim = float(np.mean([paired.ssim(255.0 * one, 255.0 * other) for one, other in zip(expected, images)]))
    threads = [count for count in THREADS if count <= (os.cpu_count() or 1)]
    return Measured(
        len(model),
        flatbuffer.runtime(flatbuffer.parts(model)),
        parity.psnr(images, expected),
        ssim,
        len(images),
        {count: milliseconds(model, endpoint.name, rows[0], count) for count in threads},
        operators,
    )


def milliseconds(model, signature, inputs, threads):
    """Returns the median time of a call with so many threads."""
    call = Interpreter(model_content=model, num_threads=threads).get_signature_runner(signature)
    call(**inputs)
    times, least, most = [], *_RUNS
    while len(times) < least or (sum(times) < _SECONDS and len(times) < most):
        start = time.perf_counter()
        call(**inputs)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def processor():
    """Returns the name of this machine's processor and how many cores it has."""
    try:
        name = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    except (OSError, TypeError):
        name = "unknown processor"
    return f"{name}, {os.cpu_count()} cores"
