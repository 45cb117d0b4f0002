"""Networks with instance norms over large pictures: the statistics of the whole picture in the memory of a band.

The network is cut into stages at its norms (`keras_gans.using.stages`). A stage goes over the picture in horizontal
bands of full width, so that only true borders of the picture are borders of its bands, with as many more rows above and
below as the stage's convolutions reach; on its way it gathers the statistics that the next norms take as given.

What a later stage reads is kept in float32 in temporary files, by rows: the inputs of the norms, and what passes by
one (the input of a residual block). A file goes when its last reader is done. So nothing is computed twice but the rows
between bands, and memory does not grow with the picture, apart from its 8-bit pixels. The price is room on the disk:
a ResNet generator with 64 channels at full size takes up to 9.2 GB for 24 megapixels.
"""

import contextlib
import math
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.using.reach import reach
from keras_gans.using.stages import cut

_LEAST_PROBE, _LARGEST_PROBE = 32, 4096  # rows of the picture with which a network's reach is measured


class Bands:
    """A network with instance norms, for pictures of any size.

    Args:
        network: functional keras.Model, [n, h, w, c] (and conditions) -> [n, h * scale, w * scale, c'] in [-1, 1],
            whose `InstanceNormalization`s are layers of the graph itself.
        multiple: the sides of its inputs are multiples of it. Default 1.
        training: whether dropout and batch statistics are on. Default False.

    Raises:
        ValueError: a network that is no such graph, or that mixes the whole picture elsewhere than in these layers.
    """

    def __init__(self, network, multiple=1, training=False):
        self._multiple, self._training = multiple, training
        self._conditions = [(1, *condition.shape[1:]) for condition in network.inputs[1:]]
        self._stages, self._picture, self._result = cut(network)
        self._measure()
        self._compute = [self._compile(stage) for stage in self._stages]

    def __call__(self, image, area, conditions=(), seed=(0, 0), report=lambda fraction: None):
        """Takes a picture through the network.

        Args:
            image: uint8 [h, w, c], sides multiples of `multiple`.
            area: pixels of the picture that a band has, halo included, as far as the halo allows.
            conditions: arrays float [1, ...], the network's other inputs.
            seed: int32 [2], of the noise in training; each band has the same.
            report: called with the fraction done.

        Returns:
            uint8 [h * scale, w * scale, c'].

        Raises:
            UserError: not enough room for temporary files.
        """
        units, across = (side // self._multiple for side in image.shape[:2])
        room, folder = self._room(units, across), tempfile.gettempdir()
        if room > shutil.disk_usage(folder).free:
            raise UserError(
                f"a picture of {image.shape[1]}x{image.shape[0]} needs {room / 1e9:.1f} GB for temporary "
                f"files in {folder}, which has less; set TMPDIR to a folder with more room"
            )
        band = max(1, area // (self._multiple * image.shape[1]))
        shape = self._result.rows * units, self._result.columns * across, self._result.tensor.shape[-1]
        made = np.empty(shape, np.uint8)
        with _Store(folder, across, self._picture, image, self._result, made) as store:
            for number, stage in enumerate(self._stages):
                for done in self._pass(number, store, units, band, conditions, seed):
                    report((number + done) / len(self._stages))
                for one in {*stage.reads} - {self._picture}:
                    if one.last == number:
                        store.forget(one)
        return made

    def _pass(self, number, store, units, band, conditions, seed):
        """Takes the picture through one stage, `band` times `multiple` rows at a time; yields the fraction done."""
        stage = self._stages[number]
        step = max(1, min(units, band) - 2 * stage.halo)
        height = min(units, step + 2 * stage.halo)  # of all bands alike
        statistics = store.statistics[stage.reads[0]].result() if stage.norm else ()
        store.statistics |= {one: _Moments() for one in stage.makes if one.norm}
        for first in range(0, units, step):
            count = min(step, units - first)
            top = min(max(first - stage.halo, 0), units - height)
            windows = [store.read(one, top, height) for one in stage.reads]
            made, moments = self._compute[number](windows, list(conditions), statistics, first - top, count, seed)
            for one, rows, own in zip(stage.makes, made, moments):
                store.append(one, rows.numpy())
                if one.norm:
                    store.statistics[one].add(rows.shape[1] * rows.shape[2], *own)
            yield (first + count) / units

    def _compile(self, stage):
        """Returns the function of a band; it is traced once for bands of all sizes.

        (windows, conditions, statistics, first unit of rows to keep, units to keep, seed)
        -> rows of the maps that the stage makes, and (mean, variance) of those that a norm wants to know.
        """

        def spec(shape):
            return tf.TensorSpec(shape, tf.float32)

        statistics = [spec((1, 1, 1, stage.reads[0].tensor.shape[-1]))] * 2 if stage.norm else []

        @tf.function(
            input_signature=[
                [spec((1, None, None, one.tensor.shape[-1])) for one in stage.reads],
                [spec(shape) for shape in self._conditions],
                tuple(statistics),
                tf.TensorSpec((), tf.int32),
                tf.TensorSpec((), tf.int32),
                tf.TensorSpec((2,), tf.int32),
            ]
        )
        def compute(windows, conditions, statistics, first, count, seed):
            with randomness.scope(seed):
                outputs = stage.run(windows, conditions, statistics or None, self._training)
            kept = [output[:, first * one.rows : (first + count) * one.rows] for one, output in zip(stage.makes, outputs)]
            return kept, [one.norm.statistics(rows) if one.norm else () for one, rows in zip(stage.makes, kept)]

        return compute

    def _measure(self):
        """Finds out sizes and halos with small random pictures."""
        units = max(4, 2 * math.ceil(_LEAST_PROBE / self._multiple / 2))
        while not self._probe(units):
            units *= 2
            if units * self._multiple > _LARGEST_PROBE:
                raise ValueError("the network mixes the whole picture, and not in its instance norms alone")

    def _probe(self, units):
        """Measures with a picture of so many times `multiple` rows; returns whether it was large enough."""
        rng = np.random.default_rng(0)
        across = max(2, math.ceil(16 / self._multiple))
        shape = 1, units * self._multiple, across * self._multiple, self._picture.tensor.shape[-1]
        values = {self._picture: rng.uniform(-1, 1, shape).astype(np.float32)}
        conditions = [rng.uniform(0, 1, shape).astype(np.float32) for shape in self._conditions]
        for stage in self._stages:
            windows = [values[one] for one in stage.reads]
            statistics = stage.norm and stage.norm.statistics(windows[0])

            def function(windows, stage=stage, statistics=statistics):
                return [output.numpy() for output in stage.run(windows, conditions, statistics, self._training)]

            values |= zip(stage.makes, function(windows))
            for one in {*stage.reads, *stage.makes}:
                height, width = values[one].shape[1:3]
                if height % units or width % across:
                    raise ValueError(
                        f"the network makes {height}x{width} of {shape[1]}x{shape[2]} pixels; sides should be in proportion"
                    )
                one.rows, one.columns = height // units, width // across
            rows = reach(function, windows)
            stage.halo = max(math.ceil(count / one.rows) for count, one in zip(rows, stage.makes))
            if stage.halo >= units // 2:
                return False
        return True

    def _room(self, units, across):
        """Returns the most bytes that files take at a time."""
        held = most = 0
        for number, stage in enumerate(self._stages):

            def size(maps):
                return sum(
                    4 * one.rows * units * one.columns * across * one.tensor.shape[-1]
                    for one in {*maps} - {self._picture, self._result}
                )

            held += size(stage.makes)
            most = max(most, held)
            held -= size(one for one in stage.reads if one.last == number)
        return most


class _Store:
    """The maps of one picture: files without names, which vanish with the process, and at both ends 8-bit pixels."""

    def __init__(self, folder, across, picture, image, result, made):
        self.made, self.statistics = made, {}
        self._folder, self._across, self._files = folder, across, {}
        self._picture, self._image = picture, image
        self._result, self._done = result, 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for file in self._files.values():
            with contextlib.suppress(OSError):  # a full disk, of which append has spoken
                file.close()

    def read(self, one, top, height):
        """Returns float32 [1, rows, columns, channels] of `height` units from unit `top` on."""
        first, count = top * one.rows, height * one.rows
        if one is self._picture:
            return images.to_model(self._image[None, first : first + count])
        shape = 1, count, one.columns * self._across, one.tensor.shape[-1]
        rows, file = np.empty(shape, np.float32), self._files[one]
        file.seek(first * rows.nbytes // count)
        file.readinto(memoryview(rows).cast("B"))
        return rows

    def append(self, one, rows):
        """Adds the next rows [1, rows, columns, channels]."""
        if one is self._result:
            self.made[self._done : self._done + rows.shape[1]] = images.to_uint8(rows[0])
            self._done += rows.shape[1]
            return
        try:
            if one not in self._files:
                self._files[one] = tempfile.TemporaryFile(dir=self._folder)
            self._files[one].write(memoryview(rows).cast("B"))
            self._files[one].flush()
        except OSError as error:
            raise UserError(
                f"cannot write temporary files in {self._folder}: {error.strerror}; set TMPDIR to a folder with more room"
            ) from error

    def forget(self, one):
        self._files.pop(one).close()


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

    def result(self):
        return tuple(np.asarray(value, np.float32) for value in (self.mean, self.squares / self.count))
