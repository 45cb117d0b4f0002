"""Exports the generator of a run as TFLite models of builtin operators, for phones and browsers.

    python export/tflite.py --run=runs/quickstart --out=models

writes models/quickstart_float32.tflite, ..._float16, ..._dynamic and ..._int8 after comparing each with Keras on the run's
held-out data, and models/tflite_report.md with their sizes, times and differences. A variant whose PSNR is below its
floor (float32 60, float16 50, dynamic 35, int8 30 dB) is not written, unless --keep names it.

The signature is serving_default, with images float32 [1, h, w, c] in [0, 1]; metadata.json inside each file says what its
inputs are (unzip -p FILE.tflite metadata.json). export/on_device/ shows the calls on Android and iOS.
"""

import sys

from keras_gans.cli import main
from keras_gans.cli.export import define_tflite as define
from keras_gans.cli.export import run_tflite as run

__all__ = ["define", "run"]

if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/tflite.py"))
