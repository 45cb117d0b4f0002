"""The generator of a run as TFLite models of builtin operators, for phones and browsers."""

import pathlib
import re
import tempfile

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_gans import files
from keras_gans.errors import UserError
from keras_gans.exporting import archive, families, parity

_FLOOR = 60.0  # dB, the worst image against Keras


def export(run, out, name=None, height=None, width=None):
    """Writes `OUT/NAME_float32.tflite`, if it answers as Keras does.

    One image a call, by the signature `serving_default` with images in [0, 1]; its inputs are those of the run's family:
    see `phone` in `keras_gans.exporting.latents` and `translators`. A run that translates both ways has two models,
    `OUT/NAME_ab_float32.tflite` and `OUT/NAME_ba_float32.tflite`.

    Args:
        run: a `keras_gans.run.Run`.
        out: folder to write into.
        name: of the model; default: the name of the run folder.
        height, width: of the images that a translating model takes, in pixels; default: those of the run.

    Returns:
        `pathlib.Path` of the written file, the first of two.

    Raises:
        UserError: not a generator of images, the folder cannot be written, the generator needs an operator that is not
            built into TFLite, or the model's images have a PSNR below 60 dB against Keras; then nothing is written.
    """
    name = name or run.directory.resolve().name
    models = {}
    for ending, endpoint in families.of(run).phone(run, height, width).items():
        model = models[pathlib.Path(out) / f"{name}{ending}_float32.tflite"] = _convert(endpoint)
        _check(endpoint, model)
    for path, model in models.items():
        with files.whole(path) as temporary:
            temporary.write_bytes(model)
    return next(iter(models))


def _convert(endpoint):
    """Returns the bytes of the TFLite model."""
    with tempfile.TemporaryDirectory() as folder:
        archive.write([endpoint], folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[endpoint.name])
        try:
            return converter.convert()
        except Exception as error:  # ConverterError is private, and the converter raises plain ones too
            missing = re.search(r"(?:Select|Custom) ops: (.*)", str(error))
            reason = f"its operators {missing[1]} are not built into TFLite" if missing else str(error).splitlines()[0]
            raise UserError(f"the generator cannot become a TFLite model: {reason}") from error


@parity.exact_float32()
def _check(endpoint, model):
    """Compares the model with Keras, image by image.

    Raises:
        UserError: the PSNR of an image is below the floor.
    """
    inputs, outputs = endpoint.examples()
    expected = outputs["images"]
    call = Interpreter(model_content=model).get_signature_runner(endpoint.name)
    rows = range(len(expected))
    images = [call(**{name: value[row : row + 1] for name, value in inputs.items()})["images"] for row in rows]
    decibels = parity.psnr(np.concatenate(images), expected)
    if not decibels >= _FLOOR:  # NaN too
        raise UserError(
            f"the TFLite model's images differ from Keras (PSNR {decibels:.1f} dB, at least {_FLOOR:.0f} is "
            "right), so it was not written: report this with the run's run.json"
        )
