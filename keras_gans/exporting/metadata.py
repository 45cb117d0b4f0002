"""What a `.tflite` file says about itself: JSON inside the file, which needs neither TensorFlow nor LiteRT to be read.

As TFLite's own associated files do, it lies in a ZIP archive behind the model; interpreters do not look there, and
`unzip -p FILE.tflite metadata.json` shows it.
"""

import io
import json
import pathlib
import zipfile

from keras_gans import files
from keras_gans.files import check_unpacked

_LARGEST = 2**24  # bytes of all that lies behind a model
NAME, LABELS = "metadata.json", "labels.txt"


def added(model, contents, labels=()):
    """Returns the bytes of a model with metadata behind it.

    Args:
        model: bytes.
        contents: dict for JSON.
        labels: names of the classes that an input counts, in order.
    """
    file = io.BytesIO(model)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, files.to_json(contents, indent=2))
        if labels:
            archive.writestr(LABELS, "".join(f"{label}\n" for label in labels))
    return file.getvalue()


def read(path):
    """Returns the metadata of a model file, or None of one that has none or cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(archive, _LARGEST)
            return json.loads(archive.read(NAME))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError):
        return None


def predictor(path):
    """Returns where NAME_style_predict_VARIANT lies, `pathlib.Path`, of a NAME_style_transfer_VARIANT; of others, the path."""
    path = pathlib.Path(path)
    return path.with_name("_style_predict".join(path.name.rsplit("_style_transfer", 1)))
