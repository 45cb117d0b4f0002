"""The generator of a run as a TFLite model of builtin operators, for phones and browsers."""

import pathlib
import re
import tempfile

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_gans import files
from keras_gans.errors import UserError
from keras_gans.exporting import archive, parity

_FLOOR = 60.0  # dB, the worst image against Keras


def export(run, out, name=None):
    """Writes `OUT/NAME_float32.tflite`, if it answers as Keras does.

    One image a call, by the signature `serving_default` (d is the width of the latent; `label` exists for conditional
    runs only): latent float32 [1, d], label int32 [1] -> images float32 [1, h, w, c] in [0, 1].

    Args:
        run: a `keras_gans.run.Run`.
        out: folder to write into.
        name: of the model; default: the name of the run folder.

    Returns:
        `pathlib.Path` of the written file.

    Raises:
        UserError: not a generator of images, the folder cannot be written, the generator needs an operator that is not
            built into TFLite, or the model's images have a PSNR below 60 dB against Keras; then nothing is written.
    """
    parity.refuse_other_than_images(run)
    path = pathlib.Path(out) / f"{name or run.directory.resolve().name}_float32.tflite"
    model = _convert(run)
    _check(run, model)
    with files.whole(path) as temporary:
        temporary.write_bytes(model)
    return path


def _convert(run):
    """Returns the bytes of the TFLite model."""

    def images(latent, label=None):
        inputs = latent if label is None else [latent, label]
        return {"images": (run.generator(inputs, training=False) + 1) / 2}

    signature = [tf.TensorSpec([1, *run.generator.inputs[0].shape[1:]], tf.float32, name="latent")]
    if run.num_classes:
        signature.append(tf.TensorSpec([1], tf.int32, name="label"))
    endpoint = keras.export.ExportArchive()
    endpoint.add_endpoint("serving_default", images, signature)
    with tempfile.TemporaryDirectory() as folder:
        archive.write(endpoint, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        try:
            return converter.convert()
        except Exception as error:  # ConverterError is private, and the converter raises plain ones too
            missing = re.search(r"(?:Select|Custom) ops: (.*)", str(error))
            reason = f"its operators {missing[1]} are not built into TFLite" if missing else str(error).splitlines()[0]
            raise UserError(f"the generator cannot become a TFLite model: {reason}") from error


@parity.exact_float32()
def _check(run, model):
    """Compares the model with Keras, image by image.

    Raises:
        UserError: the PSNR of an image is below the floor.
    """
    inputs, expected = parity.reference(run)
    call = Interpreter(model_content=model).get_signature_runner("serving_default")
    rows = range(len(expected))
    images = [call(**{name: value[row : row + 1] for name, value in inputs.items()})["images"] for row in rows]
    decibels = parity.psnr(np.concatenate(images), (expected + 1) / 2)
    if not decibels >= _FLOOR:  # NaN too
        raise UserError(
            f"the TFLite model's images differ from Keras (PSNR {decibels:.1f} dB, at least {_FLOOR:.0f} is "
            "right), so it was not written: report this with the run's run.json"
        )
