"""What style transfer offers: styles as vectors that are computed once, and pictures in a style."""

import dataclasses

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from keras_gans.data import images as image_forms
from keras_gans.data.holdout import NothingHeldOut
from keras_gans.errors import UserError
from keras_gans.exporting import phone_layers, picture_files, specimens
from keras_gans.exporting.endpoint import Endpoint
from keras_gans.using import Translator
from keras_gans.using.stylizer import Stylizer

SUMMARY = "A network that draws pictures in a style"
MOST_PIXELS = 2**20  # of a picture; `keras_gans.using.Stylizer` takes larger ones to pieces
SIDE, STYLE_SIDE = 384, 256  # of the phone's pictures, the contract of Magenta's pair; of styles, also elsewhere
_FLOAT_LIMIT, _STYLE_LIMIT, _GREY_LIMIT = 1e-5, 1e-4, 1
_EXAMPLES, _CALIBRATION = 8, 32  # pictures that TFLite models are compared with, and calibrated on


def endpoints(run, max_pixels=MOST_PIXELS):
    """Returns the signatures of a SavedModel.

    Of a run of any style (adain, arbitrary_style; d is the length of its style vector):

    - `serving_default`: images float32 [n, h, w, 3] in [-1, 1], style float32 [n, d] -> generated, as many of that size;
    - `encode_style`: style_bytes string [k], picture files -> style float32 [k, d], to be blended as vectors are;
    - `stylize`: content_bytes string [n] and style_bytes string [k], picture files of any sizes, alpha float32 [a] in
      [0, 1] -> images_bytes string [n], PNG files of the contents' sizes, in sRGB: what `keras-gans stylize` makes of content i,
      style[i mod k] and alpha[i mod a].

    Of a run of N numbered styles (multi_style):

    - `serving_default`: images as above, weights float32 [n, N] -> generated;
    - `stylize`: content_bytes string [n], weights float32 [k, N], which are made to sum to one, and alpha as above ->
      images_bytes string [n].

    Args:
        run: a `keras_gans.trained.Trained`.
        max_pixels: most pixels of a picture file.
    """
    return list(_Run(run, max_pixels).endpoints())


def most_pixels(run):
    """Returns the default of `max_pixels`."""
    return MOST_PIXELS


def limits(run, max_pixels):
    """Returns what the model card says about limits, a list of sentences."""
    about = run.record["data"]
    return [
        f"It has learned from `{about['spec']}` at {about['image_shape'][0]} pixels: strokes are about as many pixels wide in "
        "pictures of any size, and what it makes of other pictures or styles is not measured.",
        f"Picture files have at most {max_pixels} pixels; larger ones are refused. Memory grows with the pixels.",
        picture_files.PROMISE,
    ]


def phone(run, height=None, width=None, resizable=False, mobile_gpu=False):
    """Returns the TFLite models; images are RGB in [0, 1].

    Of a run of any style two, the contract of Magenta's pair, by which a style is computed once for all frames:

    - `style_predict`: images float32 [1, 256, 256, 3] -> style float32 [1, 1, 1, d];
    - `style_transfer`: images float32 [1, 384, 384, 3], style float32 [1, 1, 1, d] -> images float32 [1, 384, 384, 3].

    Of a run of N numbered styles one: images float32 [1, 384, 384, 3], weights float32 [1, N] -> images.

    Args and results: see `keras_gans.exporting.families`; the default of `height` and `width` is 384 here.

    Raises:
        UserError: sides that the network does not take, or data that are not there.
    """
    return _Run(run).phone(height or SIDE, width or SIDE, resizable, mobile_gpu)


def onnx(run):
    """Returns the ONNX models.

    Of a run of any style two: `style_predict`, images float32 [n, h, w, 3] in [-1, 1] -> style float32 [n, d], and
    `style_transfer`, which is `serving_default`, see `endpoints`. Of a run of N numbered styles the latter alone.
    """
    return _Run(run).onnx()


class _Run:
    """The networks of a run."""

    def __init__(self, run, max_pixels=MOST_PIXELS):
        self.run, self.most_pixels, self.network = run, max_pixels, run.generator
        self.encoder, self.transfer = self.network.style, self.network.transfer_network()
        self.style_dim = self.transfer.inputs[1].shape[-1]
        self.chosen = "weights" if self.encoder is None else "style"

    def endpoints(self):
        n, sides = self.style_dim, f"h and w multiples of {self.network.multiple}, at least {self.network.smallest}"
        style = (
            f"float32 [n, {n}], a share of each style; they sum to one"
            if self.encoder is None
            else (f"float32 [n, {n}], from encode_style; styles are blended by blending these")
        )
        yield Endpoint(
            "serving_default",
            self._serve,
            {
                "images": (tf.TensorSpec([None, None, None, 3]), f"float32 [n, h, w, 3] in [-1, 1], {sides}"),
                self.chosen: (tf.TensorSpec([None, n]), style),
            },
            {"generated": "float32 [n, h, w, 3] in [-1, 1]"},
            self._examples,
            _FLOAT_LIMIT,
        )
        files = f"{picture_files.FORMATS} files of any sizes, at most {self.most_pixels} pixels each"
        if self.encoder is not None:
            yield Endpoint(
                "encode_style",
                lambda style_bytes: {"style": self._encode_files(style_bytes)},
                {"style_bytes": (tf.TensorSpec([None], tf.string), f"string [k], {files}")},
                {"style": f"float32 [k, {n}]"},
                self._style_examples,
                _STYLE_LIMIT,
            )
            given = (tf.TensorSpec([None], tf.string), "string [k], such files; content i is drawn in style[i mod k]")
        else:
            given = (
                tf.TensorSpec([None, n]),
                f"float32 [k, {n}], shares of the styles, 0 or more; content i takes row i mod k",
            )
        yield Endpoint(
            "stylize",
            self._stylize,
            {
                "content_bytes": (
                    tf.TensorSpec([None], tf.string),
                    f"string [n], {files}; turned upright, in sRGB, over white",
                ),
                "style_bytes" if self.encoder is not None else "weights": given,
                "alpha": (
                    tf.TensorSpec([None]),
                    "float32 [a], strength, from 0 (the content) to 1; content i takes alpha[i mod a]",
                ),
            },
            {"images_bytes": "string [n], PNG files of the contents' sizes, in sRGB"},
            self._file_examples,
            _GREY_LIMIT,
        )

    def onnx(self):
        transfer = dataclasses.replace(
            next(self.endpoints()), function=lambda images, chosen: {"generated": self._draw(images, chosen)}
        )
        if self.encoder is None:
            return {"": transfer}

        def examples():
            images = image_forms.to_model(np.stack([specimens.drawn(STYLE_SIDE, STYLE_SIDE, 3, seed) for seed in range(2)]))
            return {"images": images}, {"style": np.asarray(self.encoder(images, training=False))}

        predict = Endpoint(
            "style_predict",
            lambda images: {"style": self.encoder(images, training=False)},
            {"images": (tf.TensorSpec([None, None, None, 3]), "float32 [n, h, w, 3] in [-1, 1]")},
            {"style": f"float32 [n, {self.style_dim}]"},
            examples,
            _STYLE_LIMIT,
        )
        return {"_style_predict": predict, "_style_transfer": transfer}

    def phone(self, height, width, resizable, mobile_gpu):
        multiple, least = self.network.multiple, max(self.network.smallest, picture_files.LEAST_SIDE)
        if height % multiple or width % multiple or min(height, width) < least:
            raise UserError(
                f"--height={height} --width={width}: the network takes sides of at least {least} pixels that are "
                f"multiples of {multiple}"
            )
        network = phone_layers.rewritten(self.transfer, mobile_gpu)
        sides, said = ((None, None), "h, w") if resizable else ((height, width), f"{height}, {width}")
        free = f", h and w multiples of {multiple}, at least {least}" if resizable else ""
        shape = [1, self.style_dim] if self.encoder is None else [1, 1, 1, self.style_dim]
        meaning = "shares of the styles, which sum to one" if self.encoder is None else "from style_predict"

        def draw(images, style):
            made = network([2 * images - 1, tf.reshape(style, [1, self.style_dim])], training=False)
            return {"images": tf.clip_by_value((made + 1) / 2, 0, 1)}

        def given(held_out, count):
            contents = self._pictures(0, (width, height), held_out, count)
            for content, style in zip(contents, self._styles(held_out, count)):
                yield {"images": content, self.chosen: style.reshape(shape)}

        def examples():
            rows = list(given(True, _EXAMPLES))
            values = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            return values, {"images": np.concatenate([self._drawn(*row.values()) for row in rows])}

        transfer = Endpoint(
            "serving_default",
            draw,
            {
                "images": (tf.TensorSpec([1, *sides, 3]), f"float32 [1, {said}, 3] in [0, 1]{free}"),
                self.chosen: (tf.TensorSpec(shape), f"float32 {shape}, {meaning}"),
            },
            {"images": f"float32 [1, {said}, 3] in [0, 1]"},
            examples,
            0,
            lambda: given(False, _CALIBRATION),
            {"multiple": multiple, "scale": 1},
        )
        return (
            {"": transfer}
            if self.encoder is None
            else {"_style_predict": self._predict(mobile_gpu), "_style_transfer": transfer}
        )

    def _predict(self, mobile_gpu):
        """Returns `style_predict`; it is judged by the pictures in the styles that it answers with."""
        network, shape = phone_layers.rewritten(self.encoder, mobile_gpu), [1, 1, 1, self.style_dim]

        def given(held_out, count):
            for style in self._pictures(1, (STYLE_SIDE, STYLE_SIDE), held_out, count):
                yield {"images": style}

        def shown(outputs):
            contents = self._pictures(0, (STYLE_SIDE, STYLE_SIDE), True, len(outputs["style"]))
            return np.concatenate([self._drawn(*both) for both in zip(contents, outputs["style"])])

        def examples():
            values = np.concatenate([row["images"] for row in given(True, _EXAMPLES)])
            return {"images": values}, {"style": np.stack([self._encoded(value).reshape(shape[1:]) for value in values])}

        return Endpoint(
            "serving_default",
            lambda images: {"style": tf.reshape(network(2 * images - 1, training=False), shape)},
            {
                "images": (
                    tf.TensorSpec([1, STYLE_SIDE, STYLE_SIDE, 3]),
                    f"float32 [1, {STYLE_SIDE}, {STYLE_SIDE}, 3] in [0, 1]",
                )
            },
            {"style": f"float32 {shape}, for style_transfer"},
            examples,
            0,
            lambda: given(False, _CALIBRATION),
            shown=shown,
        )

    def _pictures(self, side, size, held_out, count):
        """Yields pictures of one side of the run's data, float32 [1, h, w, 3] in [0, 1], in turn, of a (width, height).

        Data without sides, as a user may name for an imported run, are contents and styles alike.
        """
        try:
            try:
                found = self.run.collection("holdout" if held_out else "train")
            except NothingHeldOut:
                found = self.run.collection("all")
            folder = found.sides[side] if found.sides else found
        except UserError as error:
            raise UserError(
                f"TFLite models are measured on the data of {self.run.directory}, which are not there: {error}"
            ) from error
        for turn in range(count):
            picture = image_forms.upright(folder.read(turn % folder.count)[0], 3)
            yield np.asarray(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), np.float32)[None] / 255

    def _styles(self, held_out, count):
        """Yields styles float32 [style_dim]: of paintings, or each numbered one in turn."""
        if self.encoder is None:
            for turn in range(count):
                yield np.eye(self.style_dim, dtype=np.float32)[turn % self.style_dim]
            return
        for picture in self._pictures(1, (STYLE_SIDE, STYLE_SIDE), held_out, count):
            yield self._encoded(picture[0])

    def _encoded(self, picture):
        """Returns the style of a picture float32 [h, w, 3] in [0, 1]."""
        return np.asarray(self.encoder(2 * picture[None] - 1, training=False))[0]

    def _drawn(self, images, style):
        """Returns what Keras draws, in [0, 1]."""
        made = self.transfer([2 * images - 1, style.reshape(1, self.style_dim)], training=False)
        return np.clip((np.asarray(made) + 1) / 2, 0, 1)

    def _draw(self, images, style):
        return tf.clip_by_value(self.transfer([images, style], training=False), -1, 1)

    def _serve(self, images, chosen):
        sides = tf.shape(images)[1:3]
        fits = tf.debugging.Assert(
            tf.reduce_all(sides % self.network.multiple == 0) & (tf.reduce_min(sides) >= self.network.smallest),
            [
                f"images: height and width must be multiples of {self.network.multiple}, at least {self.network.smallest}, not",
                sides,
            ],
        )
        count, styles_given = tf.shape(images)[0], tf.shape(chosen)[0]
        each = tf.debugging.Assert(
            count == styles_given, [f"{self.chosen}: a row for each image is wanted,", count, "not", styles_given]
        )
        with tf.control_dependencies([fits, each]):
            return {"generated": self._draw(tf.identity(images), chosen)}

    def _encode(self, pixels):
        """Returns the style [style_dim] of uint8 [h, w, 3]."""
        return self.encoder(image_forms.to_model(pixels[None]), training=False)[0]

    def _encode_files(self, files):
        def encode(file):
            return self._encode(picture_files.fitted(picture_files.decode(file, 3, self.most_pixels), STYLE_SIDE))

        return tf.map_fn(encode, files, fn_output_signature=tf.TensorSpec([self.style_dim]), parallel_iterations=1)

    def _stylize(self, content_bytes, given, alpha):
        check = tf.debugging.Assert
        right = [
            check((tf.size(given) > 0) & (tf.size(alpha) > 0), ["at least one style and one alpha are wanted"]),
            check(tf.reduce_all((alpha >= 0) & (alpha <= 1)), ["alpha must be from 0 to 1, not", alpha]),
        ]
        if self.encoder is None:
            shares = tf.reduce_all(given >= 0) & tf.reduce_all(tf.reduce_sum(given, -1) > 0)
            right.append(check(shares, ["weights must be 0 or more, at least one of a row above 0, not", given]))
        with tf.control_dependencies(right):
            given = tf.identity(given)
        chosen = given / tf.reduce_sum(given, -1, keepdims=True) if self.encoder is None else self._encode_files(given)

        def draw(number):
            file, style = content_bytes[number], chosen[number % tf.shape(chosen)[0]]
            return self._file(file, style, alpha[number % tf.size(alpha)])

        # One after the other: the memory is that of one picture.
        made = tf.map_fn(draw, tf.range(tf.size(content_bytes)), fn_output_signature=tf.string, parallel_iterations=1)
        return {"images_bytes": made}

    def _file(self, file, style, alpha):
        """Draws one picture file, as `keras_gans.using.stylizer.Stylizer` does in one piece."""
        image = picture_files.decode(file, 3, self.most_pixels)
        if self.encoder is not None:
            style = tf.cond(alpha < 1, lambda: alpha * style + (1 - alpha) * self._own(image), lambda: style)
        whole = picture_files.padded(image, self.network.multiple)
        height, width = tf.unstack(tf.shape(image)[:2])
        made = image_forms.to_uint8(self._draw(image_forms.to_model(whole[None]), style[None])[0])[:height, :width]
        if self.encoder is None:
            pixels = alpha * tf.cast(made, tf.float32) + (1 - alpha) * tf.cast(image, tf.float32)
            made = tf.cast(tf.round(pixels), tf.uint8)
        return tf.io.encode_png(made)

    def _own(self, image):
        """Returns the style that a picture has already."""
        small = tf.reduce_min(tf.shape(image)[:2]) < self.network.smallest
        return self._encode(tf.cond(small, lambda: picture_files.fitted(image, STYLE_SIDE), lambda: image))

    def _examples(self):
        height, width = (
            -(-side // self.network.multiple) * self.network.multiple for side in self.run.record["data"]["input_shape"][:2]
        )
        images = image_forms.to_model(np.stack([specimens.drawn(height, width, 3, seed) for seed in range(2)]))
        if self.encoder is None:
            style = np.eye(2, self.style_dim, dtype=np.float32) if self.style_dim > 1 else np.ones([2, 1], np.float32)
        else:
            style = np.stack([self._encoded((image + 1) / 2) for image in images[::-1]])
        return {"images": images, self.chosen: style}, {"generated": np.asarray(self._draw(images, style))}

    def _style_examples(self):
        pictures = [specimens.drawn(*sides, 3, seed) for seed, sides in enumerate([(STYLE_SIDE, 300), (280, STYLE_SIDE)])]
        return (
            {"style_bytes": _files(pictures)},
            {"style": np.stack([np.asarray(self._encode(tf.constant(picture))) for picture in pictures])},
        )

    def _file_examples(self):
        contents = [specimens.drawn(*size, 3, seed) for seed, size in enumerate([(50, 35), (16, 64)])]
        alpha = np.array([1.0, 0.25], np.float32)
        if self.encoder is None:
            chosen = np.array([self.style_dim - 1])
            given = {"weights": 2 * np.eye(self.style_dim, dtype=np.float32)[chosen]}
        else:
            chosen = [specimens.drawn(STYLE_SIDE, 270, 3, 2)]
            given = {"style_bytes": _files(chosen)}
        translator = Translator(self.transfer)
        made = [
            Stylizer(translator, self.network, chosen, alpha=float(strength), style_size=STYLE_SIDE)(content)
            for content, strength in zip(contents, alpha)
        ]
        return {"content_bytes": _files(contents)} | given | {"alpha": alpha}, {"images_bytes": made}


def _files(pictures):
    return np.array([image_forms.encode_png(picture) for picture in pictures], object)
