"""Exports the generator of a run as the next version of a SavedModel, for TF Serving.

    python export/saved_model.py --run=runs/quickstart --out=models/quickstart

writes models/quickstart/1/ (then 2/, 3/, ...) after comparing it with Keras; what differs is not written. Signatures,
shapes and ranges are in the README.md that it writes there.
"""

import sys

from keras_gans.cli import main
from keras_gans.cli.export import define_saved_model as define
from keras_gans.cli.export import run_saved_model as run

__all__ = ["define", "run"]

if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/saved_model.py"))
