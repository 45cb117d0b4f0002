"""Exports the generator of a run as a TFLite model of builtin operators, for phones and browsers.

    python export/tflite.py --run=runs/quickstart --out=models

writes models/quickstart_float32.tflite after comparing it with Keras; what differs is not written. Its signature
serving_default takes latent float32 [1, d] (and label int32 [1] if the run has labels) and gives images float32
[1, h, w, c] in [0, 1].
"""

import sys

from keras_gans.cli import main


def define(flags):
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string("out", None, "folder to write into", required=True)
    flags.string("name", None, "of the model; default: the name of the run folder")
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    from keras_gans.run import Run

    opened = Run.open(flags.run, flags.checkpoint)
    from keras_gans.exporting import tflite

    print(f"wrote {tflite.export(opened, flags.out, flags.name)}")


if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/tflite.py"))
