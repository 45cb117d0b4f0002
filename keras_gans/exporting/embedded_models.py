"""`embedded:NAME`: phone models inside the package, for pictures without a training; what they are: embedded/README.md."""

import pathlib

from keras_gans.errors import UserError

_PREFIX = "embedded:"
_FOLDER = pathlib.Path(__file__).with_name("embedded")
MODELS = {  # name -> file, what it does
    "cartoon": ("cartoon_resizable_float16.tflite", "photographs as Japanese woodblock prints"),
    "enlarge4": ("enlarge4_resizable_float16.tflite", "pictures of unknown damage, four times as large"),
    "style": ("any_resizable_style_transfer_float16.tflite", "photographs in the style of a painting (--style=PICTURE)"),
}


def located(model):
    """Returns where a phone model lies, `pathlib.Path`.

    Args:
        model: a path, or `embedded:NAME`, a key of `MODELS`.

    Raises:
        UserError: an unknown name behind `embedded:`.
    """
    if not str(model).startswith(_PREFIX):
        return pathlib.Path(model)
    name = str(model).removeprefix(_PREFIX)
    if name not in MODELS:
        raise UserError(f"--model={model}: the package has {', '.join(_PREFIX + known for known in sorted(MODELS))}")
    return _FOLDER / MODELS[name][0]


def folder(models):
    """Returns the folder that is meant by `models`, a path or `embedded`: the package's own; `pathlib.Path`."""
    return _FOLDER if str(models) == _PREFIX.rstrip(":") else pathlib.Path(models)
