"""`python -m keras_gans VERB ...`, the same as `keras-gans VERB ...`."""

import sys

from keras_gans.cli import main

sys.exit(main(command=None))
