"""Exports the generator of a run as the next version of a SavedModel, for TF Serving.

    python export/saved_model.py --run=runs/quickstart --out=models/quickstart

writes models/quickstart/1/ (then 2/, 3/, ...) after comparing it with Keras; what differs is not written. Signatures,
shapes and ranges are in the README.md that it writes there.
"""

import sys

from keras_gans.cli import main


def define(flags):
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string("out", None, "folder of the model; the version is written into it", required=True)
    flags.integer(
        "max_pixels",
        None,
        "most pixels of one answer: of the result made of a file, or of all images drawn by one "
        "request; larger requests are refused. Default: 2 million, or 64 million for drawn images",
        1,
    )
    flags.string("license", None, "what the model card says about who may use the model for what, such as Apache-2.0")
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    from keras_gans.trained.trained import Trained

    opened = Trained.open(flags.run, flags.checkpoint)
    from keras_gans.exporting import saved_model

    print(f"wrote {saved_model.export(opened, flags.out, flags.max_pixels, flags.license)}")


if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/saved_model.py"))
