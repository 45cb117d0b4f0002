"""What generators of photographs from label maps offer: maps of indices, and picture files of any size."""

import dataclasses

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.data import images as image_forms
from keras_gans.data.holdout import NothingHeldOut
from keras_gans.errors import UserError
from keras_gans.exporting import phone_layers, picture_files, translators
from keras_gans.exporting.endpoint import Endpoint
from keras_gans.using import Translator

SUMMARY = "A generator of photographs from label maps"
_FLOAT_LIMIT, _GREY_LIMIT = 1e-5, 1
_EXAMPLES, _CALIBRATION = 8, 32  # maps that TFLite models are compared with, and calibrated on

most_pixels = translators.most_pixels


def endpoints(run, max_pixels=None):
    """Returns the signatures of a SavedModel.

    - `serving_default`: labels uint8 [n, h, w, 1], indices -> generated float32 [n, h, w, c] in [-1, 1];
    - `translate`: image_bytes string [n], files of label maps of any sizes -> images_bytes string [n], PNG files: what
      `keras-gans translate` makes of maps that fit in one piece.

    Where a run has learned with the edges of instances, the borders between labels stand for them.

    Args:
        run: a `keras_gans.trained.Trained`.
        max_pixels: most pixels of a picture file; default: `most_pixels`.
    """
    return _Painter(run, max_pixels).endpoints()


def limits(run, max_pixels):
    """Returns what the model card says about limits, a list of sentences."""
    return [*translators.limits(run, max_pixels), f"Label maps: {_Painter(run).meaning}."]


def phone(run, height=None, width=None, resizable=False, mobile_gpu=False):
    """Returns the TFLite model: labels uint8 [1, h, w, 1] -> images float32 [1, h, w, c] in [0, 1].

    For mobile GPUs labels are float32, whose operators these have. An index beyond the labels is none of them: the models
    do not refuse it.

    Args and results: see `keras_gans.exporting.families`.

    Raises:
        UserError: sides that the network does not take, or data that are not there.
    """
    return {"": _Painter(run).phone(height, width, resizable, mobile_gpu)}


def onnx(run):
    """Returns the ONNX model: `serving_default`, see `endpoints`, which refuses nothing."""
    painter = _Painter(run)

    def paint(labels):
        return {"generated": painter.network(painter._whole(painter._numbered(labels)), training=False)}

    return {"": dataclasses.replace(painter.endpoints()[0], function=paint)}


class _Painter:
    """The generator of a run."""

    def __init__(self, run, max_pixels=None):
        self.run, self.network, self.labels = run, run.generator, run.labels
        self.multiple, self.made = self.network.multiple, self.network.outputs[0].shape[-1]
        self.edges = self.network.inputs[0].shape[-1] == 2
        self.sides = run.record["data"]["input_shape"][:2]
        self.most_pixels = max_pixels or most_pixels(run)
        last = self.labels.count - 1 - (self.labels.dont_care is not None)
        self.meaning = f"indices from 0 to {last}"
        if self.labels.dont_care is not None:
            self.meaning += f", and {self.labels.dont_care} for what has no label"

    def endpoints(self):
        sides = f", h and w multiples of {self.multiple}" if self.multiple > 1 else ""
        files = "in the colours of its palette" if self.labels.colors else f"8-bit grey whose levels are {self.meaning}"
        return [
            Endpoint(
                "serving_default",
                self._serve,
                {"labels": (tf.TensorSpec([None, None, None, 1], tf.uint8), f"uint8 [n, h, w, 1], {self.meaning}{sides}")},
                {"generated": f"float32 [n, h, w, {self.made}] in [-1, 1]"},
                self._examples,
                _FLOAT_LIMIT,
            ),
            Endpoint(
                "translate",
                self._files,
                {"image_bytes": (tf.TensorSpec([None], tf.string), f"string [n], PNG files, {files}")},
                {"images_bytes": "string [n], PNG files of the same sizes, in sRGB"},
                self._file_examples,
                _GREY_LIMIT,
            ),
        ]

    def phone(self, height, width, resizable, mobile_gpu):
        height, width = height or self.sides[0], width or self.sides[1]
        if height % self.multiple or width % self.multiple:
            raise UserError(
                f"--height={height} --width={width}: the network takes sides that are multiples of {self.multiple}"
            )
        network = phone_layers.rewritten(self.network, mobile_gpu)
        sides = (None, None) if resizable else (height, width)
        said = "h, w" if resizable else f"{height}, {width}"
        free = f", h and w multiples of {self.multiple}" if resizable else ""
        dtype = tf.float32 if mobile_gpu else tf.uint8
        last = self.labels.count - 1
        none = f", {last} for what has no label" if self.labels.dont_care is not None else ""

        def paint(labels):
            index = tf.cast(labels, tf.float32)
            made = network(tf.concat([index, _borders(index)], -1) if self.edges else index, training=False)
            return {"images": tf.clip_by_value((made + 1) / 2, 0, 1)}

        def given(split, count):
            """Yields inputs made of the run's label maps."""
            for labels in self._maps(split, count, (width, height)):
                yield {"labels": labels[None].astype(dtype.as_numpy_dtype)}

        def examples():
            maps = np.concatenate([row["labels"] for row in given("holdout", _EXAMPLES)])
            made = [np.asarray(self.network(self._whole(one[None]), training=False)) for one in maps]
            return {"labels": maps}, {"images": np.clip((np.concatenate(made) + 1) / 2, 0, 1)}

        return Endpoint(
            "serving_default",
            paint,
            {
                "labels": (
                    tf.TensorSpec([1, *sides, 1], dtype),
                    f"{dtype.name} [1, {said}, 1], indices 0 to {last}{none}{free}",
                )
            },
            {"images": f"float32 [1, {said}, {self.made}] in [0, 1]"},
            examples,
            0,
            lambda: given("train", _CALIBRATION),
            {"multiple": self.multiple, "labels": list(self.labels.names) or self.labels.count},
        )

    def _maps(self, split, count, size):
        """Yields the first label maps of the run's data, uint8 [h, w, 1], of a (width, height)."""
        try:
            try:
                source = self.run.source(split)
            except NothingHeldOut:  # as where there are too few
                source = self.run.source("train")
        except UserError as error:
            raise UserError(
                f"TFLite models are measured on the data of {self.run.directory}, which are not there: {error}"
            ) from error
        for maps, _ in source.in_order().take(count).as_numpy_iterator():
            yield np.asarray(Image.fromarray(maps[..., 0]).resize(size, Image.Resampling.NEAREST))[..., None]

    def _whole(self, labels):
        """Returns what the network takes of uint8 labels [n, h, w, 1] as they are read: float32 in [-1, 1]."""
        index = tf.cast(labels, tf.float32)
        maps = index / 127.5 - 1
        return tf.concat([maps, 2 * _borders(index) - 1], -1) if self.edges else maps

    def _checked(self, labels):
        """Returns uint8 indices of files as they are read, of which none is beyond the labels."""
        values = tf.cast(labels, tf.int32)
        if self.labels.dont_care is None:
            known = values < self.labels.count
        else:
            known = (values < self.labels.count - 1) | (values == self.labels.dont_care)
        fits = tf.debugging.Assert(tf.reduce_all(known), [f"labels: there are {self.meaning}, not", tf.reduce_max(values)])
        with tf.control_dependencies([fits]):
            return self._numbered(labels)

    def _numbered(self, labels):
        """Returns uint8 indices of files as they are read."""
        if self.labels.dont_care is None:
            return tf.identity(labels)
        return tf.where(tf.equal(labels, self.labels.dont_care), tf.constant(self.labels.count - 1, tf.uint8), labels)

    def _serve(self, labels):
        sides = tf.shape(labels)[1:3]
        fits = tf.debugging.Assert(
            tf.reduce_all(sides % self.multiple == 0),
            [f"labels: height and width must be multiples of {self.multiple}, not", sides],
        )
        with tf.control_dependencies([fits]):
            return {"generated": self.run.translate(self._whole(self._checked(labels)))}

    def _files(self, image_bytes):
        # One after the other: the memory is that of one picture.
        made = tf.map_fn(self._file, image_bytes, fn_output_signature=tf.string, parallel_iterations=1)
        return {"images_bytes": made}

    def _file(self, image):
        """Paints one file, as `keras_gans.using.Translator` does in one piece."""
        if self.labels.colors:
            labels = self._of_colors(picture_files.decode(image, 3, self.most_pixels))
        else:
            labels = self._checked(picture_files.decode(image, 1, self.most_pixels))
        height, width = tf.unstack(tf.shape(labels)[:2])
        maps = self._whole(labels[None])[0]  # edges before it is padded, as the verb has them
        inputs = picture_files.padded(image_forms.to_uint8(maps), self.multiple)
        made = image_forms.to_uint8(self.run.translate(image_forms.to_model(inputs[None]))[0])
        return tf.io.encode_png(made[:height, :width])

    def _of_colors(self, pixels):
        """Returns the labels uint8 [h, w, 1] of colours uint8 [h, w, 3]."""
        codes = sorted((red << 16 | green << 8 | blue, index) for index, (red, green, blue) in enumerate(self.labels.colors))
        known, indices = (tf.constant(part, tf.int32) for part in zip(*codes))
        levels = tf.cast(pixels, tf.int32)
        asked = levels[..., 0] * 65536 + levels[..., 1] * 256 + levels[..., 2]
        place = tf.minimum(tf.searchsorted(known, tf.reshape(asked, [-1])), len(codes) - 1)
        place = tf.reshape(place, tf.shape(asked))
        fits = tf.debugging.Assert(
            tf.reduce_all(tf.gather(known, place) == asked), ["a label map has colours that are not in the palette"]
        )
        with tf.control_dependencies([fits]):
            return tf.cast(tf.gather(indices, place), tf.uint8)[..., None]

    def _examples(self):
        height, width = (-(-side // self.multiple) * self.multiple for side in self.sides)
        labels = np.stack([self._drawn(height, width, seed) for seed in range(2)])
        made = np.concatenate([self.run.translate(self._whole(self._numbered(one[None]))) for one in labels])
        return {"labels": labels}, {"generated": made}

    def _file_examples(self):
        maps = [self._drawn(*size, seed) for seed, size in enumerate([(50, 35), (32, 64)])]
        files = [image_forms.encode_png(self.labels.paint(one) if self.labels.colors else one) for one in maps]
        translate = Translator.of(self.run)
        made = [translate(self.labels.inputs(file, self.edges)) for file in files]
        return {"image_bytes": np.array(files, object)}, {"images_bytes": made}

    def _drawn(self, height, width, seed):
        """Draws a label map uint8 [h, w, 1] with the indices of files."""
        last = self.labels.count - (self.labels.dont_care is not None)
        coarse = np.random.default_rng(seed).integers(0, last, [5, 7], np.uint8)
        if self.labels.dont_care is not None:
            coarse[0, 0] = self.labels.dont_care
        return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST))[..., None]


def _borders(index):
    """Returns where indices float32 [n, h, w, 1] differ from one beside, above or below them: 1 there, else 0."""
    across = tf.minimum(tf.math.squared_difference(index[:, :, 1:], index[:, :, :-1]), 1)
    down = tf.minimum(tf.math.squared_difference(index[:, 1:], index[:, :-1]), 1)
    found = tf.zeros_like(index)
    for rows, columns, differs in (
        ([0, 0], [1, 0], across),
        ([0, 0], [0, 1], across),
        ([1, 0], [0, 0], down),
        ([0, 1], [0, 0], down),
    ):
        found = tf.maximum(found, tf.pad(differs, [[0, 0], rows, columns, [0, 0]]))
    return found
