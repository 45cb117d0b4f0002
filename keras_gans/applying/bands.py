"""Networks with instance norms over large pictures: the statistics of the whole picture in the memory of a band.

The graph is cut at its normalizations. The first stage leads from the picture to the first normalization; each
normalization begins a stage of its own, which leads to the next ones and takes the whole picture's mean and variance as
given. A stage goes over the picture in horizontal bands of full width, so that every border of the picture is a border
of its bands, with as many more rows above and below as the stage's convolutions reach.

What a later stage reads is kept in float32 in temporary files, by rows: the inputs of the normalizations, and what
passes by one (the input of a residual block). A file goes when its last reader is done. So nothing is computed twice but
the rows between bands, and memory does not grow with the picture, apart from its 8-bit pixels. The 64 channels that a
ResNet generator has at full size take 6.1 GB of disk for 24 megapixels.
"""

import dataclasses
import math
import os
import pathlib
import shutil
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.applying.reach import reach
from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.layers.instance_normalization import InstanceNormalization

_LEAST_PROBE, _LARGEST_PROBE = 32, 4096  # rows of the picture with which a network's reach is measured

_SHARED = "the network calls a layer more than once; it cannot be cut into bands"


def has_norms(network):
    """Whether a functional network takes statistics of the picture it sees."""
    return any(isinstance(operation, InstanceNormalization) for operation in network.operations)


@dataclasses.dataclass(eq=False)
class _Map:
    """A spatial tensor that one stage makes and later ones read."""

    tensor: keras.KerasTensor
    norm: InstanceNormalization = None  # which wants its statistics
    last: int = -1  # stage that reads it
    rows: int = 0  # for each unit of rows of the picture
    columns: int = 0  # for each unit of columns


@dataclasses.dataclass(eq=False)
class _Stage:
    """The operations from one normalization to the next."""

    norm: InstanceNormalization = None
    reads: list = dataclasses.field(default_factory=list)  # maps; the norm's input comes first
    makes: list = dataclasses.field(default_factory=list)  # maps
    conditions: list = dataclasses.field(default_factory=list)  # indices of conditions that the model reads
    norm_conditions: list = dataclasses.field(default_factory=list)  # and that the norm reads
    model: keras.Model = None
    halo: int = 0  # units of rows that a band needs above and below
    compute: object = None


class Bands:
    """A network with instance norms, for pictures of any size.

    Args:
        network: functional keras.Model, [n, h, w, c] (and conditions) -> [n, h * scale, w * scale, c'] in [-1, 1], whose
            `InstanceNormalization`s are layers of the graph itself.
        multiple: the sides of its inputs are multiples of it.
        training: whether dropout and batch statistics are on.

    Raises:
        ValueError: a network that is no such graph, or that mixes the whole picture elsewhere than in these layers.
    """

    def __init__(self, network, multiple=1, training=False):
        self._multiple, self._training = multiple, training
        self._inputs = network.inputs
        self._maps = {}
        self._stages = _cut(network, self._maps)
        self._picture, self._result = self._maps[id(network.inputs[0])], self._maps[id(network.outputs[0])]
        self._measure()
        for stage in self._stages:
            stage.compute = self._compile(stage)

    def __call__(self, image, area, conditions=(), seed=(0, 0), report=lambda fraction: None):
        """Takes a picture through the network.

        Args:
            image: uint8 [h, w, c], sides multiples of `multiple`.
            area: pixels of the picture that a band has, halo included, as far as its reach allows.
            conditions: arrays [1, ...], the network's other inputs.
            seed: int32 [2], of the noise in training; each band has the same.
            report: called with the fraction done.

        Returns:
            uint8 [h * scale, w * scale, c'].

        Raises:
            UserError: not enough room for temporary files.
        """
        units, across = (side // self._multiple for side in image.shape[:2])
        room = self._room(units, across)
        folder = pathlib.Path(tempfile.gettempdir())
        if room > shutil.disk_usage(folder).free:
            raise UserError(f"a picture of {image.shape[1]}x{image.shape[0]} needs {room / 1e9:.1f} GB for temporary files "
                            f"in {folder}, which has not that much room; set TMPDIR to a folder that has")
        result = self._result
        made = np.empty((result.rows * units, result.columns * across, result.tensor.shape[-1]), np.uint8)
        band = max(1, area // (self._multiple * image.shape[1]))  # units of rows
        with tempfile.TemporaryDirectory(prefix="keras-gans-", dir=folder) as temporary:
            store = _Store(temporary, across, image, self._picture, made, result)
            for number, stage in enumerate(self._stages):
                for done in self._pass(stage, store, units, band, conditions, seed):
                    report((number + done) / len(self._stages))
                for read in {*stage.reads}:
                    if read.last == number:
                        store.forget(read)
        return made

    def _pass(self, stage, store, units, band, conditions, seed):
        """Takes the picture through one stage; yields the fraction done."""
        whole = min(units, band)
        step = max(1, whole - 2 * stage.halo)
        height = min(units, step + 2 * stage.halo)
        moments = [_Moments() if target.norm else None for target in stage.makes]
        statistics = store.statistics.get(stage.reads[0], ()) if stage.norm else ()
        for first in range(0, units, step):
            count = min(step, units - first)
            top = min(max(first - stage.halo, 0), units - height)  # all bands have one height: one compiled function
            windows = [store.read(read, top, height) for read in stage.reads]
            outputs, taken = stage.compute(windows, list(conditions), statistics, first - top, count, seed)
            for target, rows, moment, own in zip(stage.makes, outputs, moments, taken):
                store.append(target, rows.numpy())
                if moment:
                    moment.add(rows.shape[1] * rows.shape[2], *own)
            yield (first + count) / units
        for target, moment in zip(stage.makes, moments):
            if moment:
                store.statistics[target] = moment.statistics()

    def _compile(self, stage):
        """Returns the function of a band: (windows, conditions, statistics, first unit to keep, units to keep, seed)."""
        def spec(shape):
            return tf.TensorSpec(shape, tf.float32)

        channels = stage.norm and stage.reads[0].tensor.shape[-1]

        @tf.function(input_signature=[
            [spec((1, None, None, read.tensor.shape[-1])) for read in stage.reads],
            [spec((1, *condition.shape[1:])) for condition in self._inputs[1:]],
            (spec((1, 1, 1, channels)),) * 2 if stage.norm else (),
            tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.int32), tf.TensorSpec((2,), tf.int32)])
        def compute(windows, conditions, statistics, first, count, seed):
            with randomness.scope(seed):
                outputs = _run(stage, windows, conditions, statistics or None, self._training)
            kept = [output[:, first * target.rows : (first + count) * target.rows]
                    for target, output in zip(stage.makes, outputs)]
            taken = [target.norm.statistics(rows) if target.norm else () for target, rows in zip(stage.makes, kept)]
            return kept, taken

        return compute

    def _measure(self):
        """Finds out sizes and halos with a small random picture."""
        units = max(4, 2 * math.ceil(_LEAST_PROBE / self._multiple / 2))
        while not self._fits(units):
            units *= 2
            if units * self._multiple > _LARGEST_PROBE:
                raise ValueError("the network mixes the whole picture, not in its instance norms alone")

    def _fits(self, units):
        """Measures with a picture of so many units of rows; whether that was enough."""
        rng = np.random.default_rng(0)
        across = max(2, math.ceil(16 / self._multiple))
        shape = (1, units * self._multiple, across * self._multiple, self._picture.tensor.shape[-1])
        values = {self._picture: rng.uniform(-1, 1, shape).astype(np.float32)}
        conditions = [rng.uniform(0, 1, (1, *condition.shape[1:])).astype(np.float32) for condition in self._inputs[1:]]
        self._size(self._picture, values, units, across)
        for stage in self._stages:
            def function(windows):
                return _run(stage, windows, conditions, statistics, self._training)

            windows = [values[read] for read in stage.reads]
            statistics = stage.norm and stage.norm.statistics(windows[0])
            for target, output in zip(stage.makes, function(windows)):
                values[target] = np.asarray(output)
                self._size(target, values, units, across)
            rows = reach(function, windows)
            stage.halo = max(math.ceil(count / target.rows) for count, target in zip(rows, stage.makes))
            if stage.halo >= units // 2:
                return False
        return True

    def _size(self, target, values, units, across):
        height, width = values[target].shape[1:3]
        if height % units or width % across:
            raise ValueError(f"{target.tensor.name} has {height}x{width} pixels for {units}x{across} times {self._multiple}")
        target.rows, target.columns = height // units, width // across

    def _room(self, units, across):
        """Returns the most bytes that files take at a time."""
        held, most = 0, 0
        for number, stage in enumerate(self._stages):
            sizes = {one: 4 * one.rows * units * one.columns * across * one.tensor.shape[-1]
                     for one in {*stage.reads, *stage.makes} - {self._picture, self._result}}
            held += sum(size for one, size in sizes.items() if one in stage.makes)
            most = max(most, held)
            held -= sum(size for one, size in sizes.items() if one in stage.reads and one.last == number)
        return most


def _cut(network, maps):
    """Returns the stages of a network; fills `maps`, from id(tensor)."""
    stages = [_Stage()]
    made = {id(tensor): 0 for tensor in network.inputs}  # stage
    later = [{}]  # for each stage: what it reads of earlier ones, by id, without its norm's inputs
    conditions = {id(tensor): index for index, tensor in enumerate(network.inputs[1:])}
    picture = maps[id(network.inputs[0])] = _Map(network.inputs[0])
    for operation in network.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        inputs, outputs = keras.tree.flatten(operation.input), keras.tree.flatten(operation.output)
        if not all(id(tensor) in made for tensor in inputs):
            raise ValueError(_SHARED)
        if isinstance(operation, InstanceNormalization):
            if inputs[0] is picture.tensor:
                raise ValueError("the network normalizes the picture itself; bands begin behind an operation")
            if any(id(tensor) not in conditions for tensor in inputs[1:]):
                raise ValueError(f"{operation.name} takes something else than the network's own inputs beside its map")
            number = len(stages)
            stages.append(_Stage(operation))
            later.append({})
            own = maps.setdefault(id(inputs[0]), _Map(inputs[0]))
            own.norm, own.last = operation, max(own.last, number)
            stages[number].reads.append(own)
            stages[number].norm_conditions = [conditions[id(tensor)] for tensor in inputs[1:]]
        else:
            number = max(made[id(tensor)] for tensor in inputs)
            later[number] |= {id(tensor): tensor for tensor in inputs if made[id(tensor)] < number
                              or tensor is picture.tensor or id(tensor) in conditions}
        made |= {id(tensor): number for tensor in outputs}
    for number, (stage, read) in enumerate(zip(stages, later)):
        stage.conditions = [conditions[key] for key in read if key in conditions]
        for key, tensor in read.items():
            if key not in conditions:
                one = maps.setdefault(key, _Map(tensor))
                one.last = max(one.last, number)
                stage.reads.append(one)
    if id(network.outputs[0]) not in made:
        raise ValueError(_SHARED)
    maps.setdefault(id(network.outputs[0]), _Map(network.outputs[0]))
    for key, one in maps.items():
        if one is not picture:
            stages[made[key]].makes.append(one)
    for stage in stages:
        begin = [stage.norm.output] if stage.norm else []
        begin += [one.tensor for one in stage.reads[len(begin):]] + [network.inputs[1 + index] for index in stage.conditions]
        # A model whose output is its input is none: it gets an operation.
        end = [keras.layers.Identity()(one.tensor) if any(one.tensor is tensor for tensor in begin) else one.tensor
               for one in stage.makes]
        stage.model = keras.Model(begin, end)
    return stages


def _run(stage, windows, conditions, statistics, training):
    """Returns what a stage makes of windows of what it reads."""
    windows = [tf.convert_to_tensor(window) for window in windows]
    conditions = [tf.convert_to_tensor(condition) for condition in conditions]
    if stage.norm:
        windows[0] = stage.norm(windows[0], *(conditions[index] for index in stage.norm_conditions), statistics=statistics)
    outputs = stage.model(windows + [conditions[index] for index in stage.conditions], training=training)
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


class _Store:
    """The maps of one picture: files, and at both ends its 8-bit pixels."""

    def __init__(self, folder, across, image, picture, made, result):
        self._folder, self._across = pathlib.Path(folder), across
        self._image, self._picture = image, picture
        self._made, self._result, self._done = made, result, 0
        self._files = {}
        self.statistics = {}

    def read(self, one, top, height):
        """Returns float32 [1, rows, columns, channels] of `height` units from unit `top` on."""
        first, count = top * one.rows, height * one.rows
        if one is self._picture:
            return images.to_model(self._image[None, first : first + count])
        columns, channels = one.columns * self._across, one.tensor.shape[-1]
        row = columns * channels
        rows = np.fromfile(self._files[one], np.float32, count * row, offset=4 * first * row)
        return rows.reshape(1, count, columns, channels)

    def append(self, one, rows):
        """Writes the next rows [1, rows, columns, channels]."""
        if one is self._result:
            self._made[self._done : self._done + rows.shape[1]] = images.to_uint8(rows[0])
            self._done += rows.shape[1]
            return
        path = self._files.setdefault(one, self._folder / f"{id(one)}.float32")
        try:
            with open(path, "ab", buffering=0) as file:
                view = memoryview(rows).cast("B")
                while view:
                    view = view[file.write(view) :]
        except OSError as error:
            raise UserError(f"cannot write temporary files in {self._folder.parent}: {error.strerror}; set TMPDIR to a "
                            "folder with more room") from error

    def forget(self, one):
        if one is not self._picture:
            os.remove(self._files.pop(one))


class _Moments:
    """Mean and variance of a map from those of its bands, in float64 (Chan, Golub and LeVeque 1983)."""

    def __init__(self):
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, count, mean, variance):
        mean, variance = np.asarray(mean, np.float64), np.asarray(variance, np.float64)
        total, apart = self.count + count, mean - self.mean
        self.mean = self.mean + apart * (count / total)
        self.squares = self.squares + variance * count + apart**2 * (self.count * count / total)
        self.count = total

    def statistics(self):
        return tuple(np.asarray(value, np.float32) for value in (self.mean, self.squares / self.count))
