"""Ships a generator from a notebook: `kg.export.saved_model(game, "models/shirts")`, `kg.export.tflite(...)`,
`kg.export.onnx(...)`.

What is given may be a run folder, a `Trained`, a game, or any `keras.Model` that makes images. The work is done in
`keras_gans.exporting`.
"""

import os

from keras_gans.errors import UserError
from keras_gans.exporting import onnx as onnx_models
from keras_gans.exporting import saved_model as saved_models
from keras_gans.exporting import tflite as phones
from keras_gans.games.game import Game
from keras_gans.trained.trained import Trained


def saved_model(model_or_trained, path, **options):
    """Writes the next version of a model for TensorFlow Serving, if it answers as Keras does.

    Args:
        model_or_trained: a `Trained`; the path of a run folder; a game, of which the averaged generators count; or a
            `keras.Model`, latents [n, d] (and labels) or images [n, h, w, c] -> images, in [-1, 1].
        path: folder of the model; a folder with the version's number is made in it.
        **options: `max_pixels`, `license`, see `keras_gans.exporting.saved_model.export`.

    Returns:
        `pathlib.Path` of the version's folder.

    Raises:
        UserError: nothing of the kind, or as of `keras_gans.exporting.saved_model.export`.
    """
    return saved_models.export(_trained(model_or_trained), path, **options)


def tflite(model_or_trained, path, variants=("float32",), data=None, **options):
    """Writes `PATH/NAME_<variant>.tflite`, a model for phones, for each variant that is near enough to Keras.

    Args:
        model_or_trained: as of `saved_model`.
        path: folder to write into.
        variants: of "float32", "float16", "dynamic", "int8", see `keras_gans.exporting.tflite.FLOORS`. Default float32.
        data: pictures to measure on, by name, such as `folder:PATH`: for what takes images and knows no data of its own.
        **options: `name`, `keep`, `height`, `width`, `resizable`, `mobile_gpu`, see
            `keras_gans.exporting.tflite.export_variants`.

    Returns:
        A list of `pathlib.Path`.

    Raises:
        UserError: nothing of the kind, or as of `keras_gans.exporting.tflite.export_variants`.
    """
    variants = (variants,) if isinstance(variants, str) else variants
    trained = _trained(model_or_trained)
    trained.pictures = data or trained.pictures
    made = phones.export_variants(trained, path, variants=variants, **options)
    return [model.path for model in made]


def onnx(model_or_trained, path, name=None):
    """Writes `PATH/NAME.onnx` if it answers as Keras does; needs the extra `onnx`.

    Args:
        model_or_trained: as of `saved_model`.
        path: folder to write into.
        name: of the model; default: that of what is given.

    Returns:
        A list of `pathlib.Path`.

    Raises:
        UserError: nothing of the kind, or as of `keras_gans.exporting.onnx.export`.
    """
    return [path for path, _ in onnx_models.export(_trained(model_or_trained), path, name)]


def _trained(given):
    """Returns a `Trained` of what is given."""
    if isinstance(given, Trained):
        return given
    if isinstance(given, (str, os.PathLike)):
        return Trained.open(given)
    if isinstance(given, Game):
        return Trained.playing(given)
    try:
        return Trained.of(given)
    except (AttributeError, ValueError) as error:
        raise UserError(
            f"{type(given).__name__} cannot be exported: {error}; give a game, a run folder, a Trained or a keras.Model "
            "that has been called"
        ) from error
