"""What generators of images from images offer: float tensors, and picture files of any size."""

import dataclasses

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.data import images as image_forms
from keras_gans.data.holdout import NothingHeldOut
from keras_gans.errors import UserError
from keras_gans.exporting import phone_layers, picture_files, specimens
from keras_gans.exporting.endpoint import Endpoint
from keras_gans.using import Translator

SUMMARY = "A generator of images from images"
MOST_PIXELS = 2**21  # of a result: Full HD; a ResNet generator takes about 4 GB for it
VGA = 640 * 480  # pixels of a picture that is taken in any case; SRResNet x4 takes 6 GB for it
_FLOAT_LIMIT, _GREY_LIMIT = 1e-5, 1
_EXAMPLES, _CALIBRATION = 8, 32  # pictures that TFLite models are compared with, and calibrated on


def endpoints(run, max_pixels=None):
    """Returns the signatures of a SavedModel.

    - `serving_default`: images float32 [n, h, w, c] in [-1, 1] -> generated float32 [n, h * scale, w * scale, c'] in
      [-1, 1];
    - `translate`: image_bytes string [n], picture files of any sizes -> images_bytes string [n], PNG files of these sizes
      times the network's scale: what `keras-gans translate` makes of pictures that fit in one piece;
    - `serving_ba` and `translate_ba`, the same in the other direction, of runs that have learned both;
    - `restore` in place of `translate`, where the network fills holes: image_bytes string [n], mask_bytes string [n] (white
      where the picture is missing).

    A network that is random when it is used (pix2pix's dropout) answers each image by itself, always with the same noise.

    Args:
        run: a `keras_gans.trained.Trained`.
        max_pixels: most pixels of a picture file; default: `most_pixels`.
    """
    return [endpoint for direction in run.generators for endpoint in _Direction(run, direction, max_pixels).endpoints()]


def most_pixels(run):
    """Returns the default of `max_pixels`: pictures whose results are of Full HD, and of VGA where they are enlarged."""
    return max(MOST_PIXELS // _scale(run.generator) ** 2, VGA)


def limits(run, max_pixels):
    """Returns what the model card says about limits, a list of sentences."""
    data = run.record["data"]
    height, width = data["input_shape"][:2]
    scale = _scale(run.generator)
    sentences = [
        f"It has learned from {data.get('count', 'the')} examples of `{data['spec']}` at {height}x{width} pixels: what it "
        "makes of other pictures, or of other sizes, is not measured.",
        f"Picture files have at most {max_pixels} pixels; larger ones are refused. Memory grows with the pixels"
        f"{f' of the result, which is {scale} times as high and wide' if scale > 1 else ''}.",
        picture_files.PROMISE,
    ]
    if run.random_at_test:
        sentences.append(
            "Dropout stays on, as published: its noise is the same for every picture. The TFLite models have none."
        )
    return sentences


def phone(run, height=None, width=None, resizable=False, mobile_gpu=False):
    """Returns the TFLite models, by direction where there are two.

    images float32 [1, h, w, c] in [0, 1] (and mask float32 [1, h, w, 1], 1 where the picture is missing, else 0) -> images
    float32 [1, h * scale, w * scale, c'] in [0, 1]. TFLite has no random operators: dropout is off.

    Args and results: see `keras_gans.exporting.families`.

    Raises:
        UserError: sides that the network does not take, or data that are not there.
    """
    both = len(run.generators) > 1
    return {
        f"_{direction}" if both else "": _Direction(run, direction).phone(height, width, resizable, mobile_gpu)
        for direction in run.generators
    }


def onnx(run):
    """Returns the ONNX models, by direction where there are two: `serving_default`, see `endpoints`, without dropout."""
    both = len(run.generators) > 1
    return {f"_{direction}" if both else "": _Direction(run, direction).onnx() for direction in run.generators}


def _scale(network):
    """Returns how many times as high and wide a result is."""
    return getattr(network, "scale", 1)


class _Direction:
    """A generator of a run, one way."""

    def __init__(self, run, direction, max_pixels=None):
        self.run, self.direction = run, direction
        self.network = run.generators[direction]
        self.channels, self.made = self.network.inputs[0].shape[-1], self.network.outputs[0].shape[-1]
        self.multiple, self.scale = getattr(self.network, "multiple", 1), _scale(self.network)
        self.takes_mask = self.channels in (2, 4)
        self.sides = run.record["data"]["input_shape" if direction == "ab" else "image_shape"][:2]
        self.most_pixels = max_pixels or most_pixels(run)
        self.ending = "" if direction == "ab" else f"_{direction}"

    def endpoints(self):
        files, name = ("image_bytes", "mask_bytes")[: 1 + self.takes_mask], "restore" if self.takes_mask else "translate"
        sides = f", h and w multiples of {self.multiple}" if self.multiple > 1 else ""
        last = "; the last channel is 1 where pixels are missing (of colour 0), else -1" if self.takes_mask else ""
        meanings = {
            "image_bytes": f"string [n], {picture_files.FORMATS} files of any sizes, at most {self.most_pixels} pixels each; "
            "turned upright, in sRGB, over white",
            "mask_bytes": "string [n], such files of the same sizes: white where the picture is missing, else black",
        }
        return [
            Endpoint(
                f"serving{self.ending or '_default'}",
                self._serve,
                {
                    "images": (
                        tf.TensorSpec([None, None, None, self.channels]),
                        f"float32 [n, h, w, {self.channels}] in [-1, 1]{sides}{last}",
                    )
                },
                {"generated": f"float32 [n, {self._sides()}, {self.made}] in [-1, 1]"},
                self._examples,
                _FLOAT_LIMIT,
            ),
            Endpoint(
                f"{name}{self.ending}",
                self._files,
                {key: (tf.TensorSpec([None], tf.string), meanings[key]) for key in files},
                {
                    "images_bytes": f"string [n], PNG files, {self.scale} times as high and wide, in sRGB"
                    if self.scale > 1
                    else "string [n], PNG files of the same sizes, in sRGB"
                },
                self._file_examples,
                _GREY_LIMIT,
            ),
        ]

    def onnx(self):
        def examples():
            images = self._examples()[0]["images"]
            return {"images": images}, {"generated": np.asarray(self.network(images, training=False))}

        return dataclasses.replace(
            self.endpoints()[0],
            function=lambda images: {"generated": self.network(images, training=False)},
            examples=examples,
        )

    def phone(self, height, width, resizable, mobile_gpu):
        height, width = height or self.sides[0], width or self.sides[1]
        if height % self.multiple or width % self.multiple or min(height, width) < picture_files.LEAST_SIDE:
            raise UserError(
                f"--height={height} --width={width}: the network takes sides of at least {picture_files.LEAST_SIDE} pixels that "
                f"are multiples of {self.multiple}"
            )
        network, colors = phone_layers.rewritten(self.network, mobile_gpu), self.channels - self.takes_mask
        sides = (None, None) if resizable else (height, width)
        said = "h, w" if resizable else f"{height}, {width}"
        free = f", h and w multiples of {self.multiple}, at least {picture_files.LEAST_SIDE}" if resizable else ""
        inputs = {"images": (tf.TensorSpec([1, *sides, colors]), f"float32 [1, {said}, {colors}] in [0, 1]{free}")}
        if self.takes_mask:
            inputs["mask"] = (
                tf.TensorSpec([1, *sides, 1]),
                f"float32 [1, {said}, 1], 1 where the picture is missing, else 0",
            )

        def translate(images, mask=None):
            if mask is not None:
                images = tf.concat([images * (1 - mask) + 0.5 * mask, mask], -1)
            made = network(2 * images - 1, training=False)
            return {"images": tf.clip_by_value((made + 1) / 2, 0, 1)}

        def given(split, count):
            """Yields inputs made of the run's pictures."""
            for picture in self._pictures(split, count, (width, height)):
                picture = picture[None].astype(np.float32) / 255
                mask = {"mask": np.round(picture[..., colors:])} if self.takes_mask else {}
                yield {"images": picture[..., :colors]} | mask

        def examples():
            rows = list(given("holdout", _EXAMPLES))
            made = [np.asarray(self.network(self._whole(**row), training=False)) for row in rows]
            values = {name: np.concatenate([row[name] for row in rows]) for name in inputs}
            return values, {"images": np.clip((np.concatenate(made) + 1) / 2, 0, 1)}

        size = self._sides() if resizable else f"{height * self.scale}, {width * self.scale}"
        return Endpoint(
            "serving_default",
            translate,
            inputs,
            {"images": f"float32 [1, {size}, {self.made}] in [0, 1]"},
            examples,
            0,
            lambda: given("train", _CALIBRATION),
            {"multiple": self.multiple, "scale": self.scale},
        )

    def _whole(self, images, mask=None):
        """Returns what the network takes: a picture in [-1, 1], whose holes are 0, and its mask."""
        if mask is None:
            return 2 * images - 1
        return np.concatenate([(2 * images - 1) * (1 - mask), 2 * mask - 1], -1)

    def _pictures(self, split, count, size):
        """Yields the first inputs of the run's data, uint8 [h, w, c], of a (width, height)."""
        try:
            try:
                source = self.run.source(split)
            except NothingHeldOut:  # as where there are too few pictures
                source = self.run.source("train")
        except UserError as error:
            raise UserError(
                f"TFLite models are measured on the data of {self.run.directory}, which are not there: {error}"
            ) from error
        index = 0 if self.direction == "ab" else 1
        for example in source.in_order().take(count).as_numpy_iterator():
            picture = example[index]
            if picture.shape[1::-1] != size:
                layers = [Image.fromarray(layer).resize(size) for layer in np.moveaxis(picture, -1, 0)]
                picture = np.stack(layers, -1)
            yield picture

    def _sides(self):
        return f"{self.scale} h, {self.scale} w" if self.scale > 1 else "h, w"

    def _translate(self, images):
        """Translates images float32 [n, h, w, c]; those of a batch do not depend on one another."""
        if not self.run.random_at_test:
            return self.run.translate(images, self.direction)
        return tf.map_fn(
            lambda image: self.run.translate(image[None], self.direction)[0],
            images,
            fn_output_signature=tf.TensorSpec([None, None, self.made]),
            parallel_iterations=1,
        )

    def _serve(self, images):
        sides = tf.shape(images)[1:3]
        fits = tf.debugging.Assert(
            tf.reduce_all(sides % self.multiple == 0),
            [f"images: height and width must be multiples of {self.multiple}, not", sides],
        )
        with tf.control_dependencies([fits]):
            return {"generated": self._translate(tf.identity(images))}

    def _files(self, image_bytes, mask_bytes=None):
        files = [image_bytes] if mask_bytes is None else [image_bytes, mask_bytes]
        # One after the other: the memory is that of one picture.
        made = tf.map_fn(lambda files: self._file(*files), files, fn_output_signature=tf.string, parallel_iterations=1)
        return {"images_bytes": made}

    def _file(self, image, mask=None):
        """Translates one picture file, as `keras_gans.using.Translator` does in one piece."""
        image = picture_files.decode(image, self.channels - self.takes_mask, self.most_pixels)
        inputs = image
        if mask is not None:
            mask = picture_files.decode(mask, 1, self.most_pixels)
            sizes = tf.shape(image)[:2], tf.shape(mask)[:2]
            same = tf.debugging.Assert(
                tf.reduce_all(sizes[0] == sizes[1]), ["a mask must have the size of its picture,", sizes[0], "not", sizes[1]]
            )
            with tf.control_dependencies([same]):
                missing = mask >= 128
            inputs = tf.concat(
                [
                    tf.where(missing, tf.constant(127, tf.uint8), image),
                    tf.where(missing, tf.constant(255, tf.uint8), tf.constant(0, tf.uint8)),
                ],
                -1,
            )
        height, width = tf.unstack(tf.shape(image)[:2])
        inputs = picture_files.padded(inputs, self.multiple)
        made = image_forms.to_uint8(self._translate(image_forms.to_model(inputs[None]))[0])
        made = made[: height * self.scale, : width * self.scale]
        return tf.io.encode_png(made if mask is None else tf.where(missing, made, image))

    def _examples(self):
        height, width = (-(-side // self.multiple) * self.multiple for side in self.sides)
        images = image_forms.to_model(np.stack([self._picture(height, width, seed) for seed in range(2)]))
        return {"images": images}, {
            "generated": np.concatenate([self.run.translate(image[None], self.direction) for image in images])
        }

    def _file_examples(self):
        pictures = [self._picture(*size, seed) for seed, size in enumerate([(50, 35), (16, 64)])]
        colors = self.channels - self.takes_mask
        given = {"image_bytes": [image_forms.encode_png(picture[..., :colors]) for picture in pictures]}
        masks = [None] * len(pictures)
        if self.takes_mask:
            masks = [picture[..., -1] for picture in pictures]
            given["mask_bytes"] = [image_forms.encode_png(mask[..., None]) for mask in masks]
        translate = Translator.of(self.run, self.direction)
        made = [translate(picture[..., :colors], mask) for picture, mask in zip(pictures, masks)]
        return {name: np.array(files, object) for name, files in given.items()}, {"images_bytes": made}

    def _picture(self, height, width, seed):
        """Draws a picture uint8 [h, w, c]; a mask channel has a hole."""
        picture = specimens.drawn(height, width, self.channels, seed)
        if self.takes_mask:
            missing = picture[..., -1:] >= 128
            picture = np.concatenate([np.where(missing, np.uint8(127), picture[..., :-1]), missing * np.uint8(255)], -1)
        return picture
