"""A `.tflite` model that makes images of images, for pictures of any size; needs LiteRT, not TensorFlow."""

import math
import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

from keras_gans.data import images as image_forms
from keras_gans.errors import UserError
from keras_gans.exporting import metadata
from keras_gans.exporting.embedded_models import located
from keras_gans.using import tiles

_SIGNATURE = "serving_default"
_STYLES = ("style", "weights")  # inputs
_LEAST_SIDE = 16  # pixels, of a model that takes any size


class Filter:
    """Takes pictures through a model that `export/tflite.py` has written.

    A model of one size sees a larger picture in tiles that overlap and fade into one another, and a smaller one padded by
    its reflection; so does one that takes any size where a picture has more than `tile` x `tile` pixels. Each tile
    has its own
    statistics: where a network has instance norms, "resize" is what keeps a picture together.

    Args:
        path: of the `.tflite` file, or `embedded:NAME` for one inside the package, see `embedded_models.MODELS`.
        chosen: the styles of a model that draws in a style: paths of pictures for NAME_style_transfer_VARIANT, whose
            NAME_style_predict_VARIANT lies beside it, or numbers; several are blended in equal shares.
        fit: "tiles", or "resize": the picture is brought to the model's size and the result back to the picture's.
        tile: side in pixels of the largest square that goes through a model that takes any size at once. Default 1024.
        threads: of the CPU; default: as many as LiteRT takes, one.

    Attributes:
        takes_mask: whether a picture needs a mask.

    Raises:
        UserError: not a model, not of images, not square where tiles are wanted, or styles that it does not take.
    """

    def __init__(self, path, chosen=(), fit="tiles", tile=1024, threads=None):
        file = located(path)
        about = metadata.read(file) or {}
        self._call = _runner(file, threads)
        inputs, outputs = self._call.get_input_details(), self._call.get_output_details()
        if not set(inputs) <= {"images", "mask", *_STYLES} or "images" not in inputs or list(outputs) != ["images"]:
            raise UserError(
                f"--model={path} makes {', '.join(outputs)} of {', '.join(inputs)}; a filter makes images of images"
            )
        self._style = {
            name: _style(path, file, name, inputs[name]["shape"], chosen, threads) for name in _STYLES if name in inputs
        }
        if chosen and not self._style:
            raise UserError(f"--style: {path} has one style of its own; leave the flag out")
        self.takes_mask = "mask" in inputs
        _, height, width, self._colors = inputs["images"]["shape_signature"].tolist()
        self._channels = int(outputs["images"]["shape"][-1])
        self._size = None if height < 0 else (height, width)
        self._multiple, self._scale = (about.get(name, 1) for name in ("multiple", "scale"))
        self._fit = fit
        if fit == "resize" and not self._size:
            raise UserError(f"--fit=resize: {path} takes pictures of any size; leave it out")
        if fit == "tiles" and height != width:
            raise UserError(f"--fit=tiles: {path} takes {width}x{height} pixels, and tiles are square; take --fit=resize")
        self._window = height if self._size else max(2, tile // self._multiple) * self._multiple

    def __call__(self, image, mask=None, report=lambda fraction: None):
        """Filters one picture.

        Args:
            image: uint8 [h, w, 3].
            mask: uint8 [h, w], white where pixels are missing, for a model that takes masks.
            report: called with the fraction done.

        Returns:
            uint8 [h * scale, w * scale, 1 or 3].
        """
        if self._colors == 1:
            image = np.asarray(Image.fromarray(image).convert("L"))[..., None]
        missing = None if mask is None else mask[..., None] >= 128
        inputs = image if missing is None else np.concatenate([image, missing * np.uint8(255)], -1)
        made = (self._resized if self._fit == "resize" else self._tiled)(inputs, report)
        return made if missing is None else np.where(missing, made, image)

    def _tiled(self, inputs, report):
        height, width = inputs.shape[:2]
        if self._size:
            wanted = [max(side, self._window) for side in (height, width)]
        else:
            wanted = [math.ceil(max(side, _LEAST_SIDE) / self._multiple) * self._multiple for side in (height, width)]
        inputs = np.pad(inputs, [(0, want - side) for want, side in zip(wanted, (height, width))] + [(0, 0)], "reflect")
        window, multiple = self._window, self._multiple
        if self._size:
            multiple = 1  # a window may lie anywhere
        elif wanted[0] * wanted[1] <= window**2:
            window = max(wanted)
        made = tiles.blend(self._model_range, inputs, window, multiple, self._scale, self._channels, report)
        return made[: height * self._scale, : width * self._scale]

    def _resized(self, inputs, report):
        height, width = inputs.shape[:2]
        made = self._run(_resize(inputs, *self._size))
        report(1.0)
        return _resize(np.round(255 * made).astype(np.uint8), height * self._scale, width * self._scale)

    def _model_range(self, inputs, number):
        return 2 * self._run(inputs) - 1

    def _run(self, inputs):
        """Returns float32 [h, w, c] in [0, 1] of uint8 [h, w, c]."""
        inputs = inputs[None].astype(np.float32) / 255
        mask = {"mask": inputs[..., self._colors :]} if self.takes_mask else {}
        return self._call(images=inputs[..., : self._colors], **mask, **self._style)["images"][0]


def _runner(path, threads):
    """Returns a function that calls a model.

    Raises:
        UserError: there is no such file, or it is none.
    """
    if not pathlib.Path(path).is_file():
        raise UserError(f"--model={path} is not there; name a file that keras-gans export --format=tflite has written")
    try:
        return Interpreter(model_path=str(path), num_threads=threads).get_signature_runner(_SIGNATURE)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--model={path} is no TFLite model with the signature {_SIGNATURE}; name a file that "
            f"export/tflite.py has written ({str(error).splitlines()[0]})"
        ) from error


def _style(path, file, name, shape, chosen, threads):
    """Returns the value of the input "style" or "weights", float32; `path` is what the user calls `file`."""
    if not chosen:
        raise UserError(
            f"--style is missing: {path} draws in a style; "
            + ("name a picture" if name == "style" else f"take a number from 0 to {shape[-1] - 1}")
        )
    if name == "weights":
        wrong = next((word for word in chosen if not word.isdecimal() or int(word) >= shape[-1]), None)
        if wrong is not None:
            raise UserError(f"--style={wrong}: {path} has numbered styles; take 0 to {shape[-1] - 1}")
        return np.mean(np.eye(shape[-1], dtype=np.float32)[[int(word) for word in chosen]], axis=0, keepdims=True)
    predictor = metadata.predictor(file)
    if predictor == file or not predictor.exists():
        raise UserError(
            f"--model={path} is one of a pair, and {predictor.name} is not beside it; keep the names that "
            "export/tflite.py has given"
        )
    predict = _runner(predictor, threads)
    _, height, width, _ = predict.get_input_details()["images"]["shape"]
    vectors = []
    for picture in chosen:
        try:
            pixels = ImageOps.fit(image_forms.upright(picture, 3), (width, height), Image.Resampling.LANCZOS)
        except image_forms.BadImage as error:
            raise UserError(f"--style={picture} is {error}") from error
        vectors.append(predict(images=np.asarray(pixels, np.float32)[None] / 255)["style"])
    return np.mean(vectors, axis=0)


def _resize(pixels, height, width):
    """Resizes uint8 [h, w, c]; a mask, the last of 2 or 4 channels, stays black and white."""
    channels = pixels.shape[-1]
    filters = [Image.Resampling.LANCZOS] * channels
    if channels in (2, 4):
        filters[-1] = Image.Resampling.NEAREST
    layers = [Image.fromarray(pixels[..., index]).resize((width, height), kind) for index, kind in enumerate(filters)]
    return np.stack([np.asarray(layer) for layer in layers], -1)
