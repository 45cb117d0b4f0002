"""Serves exported models on this machine, for trying them; use TensorFlow Serving in production.

    python export/serve.py --models=models

answers TensorFlow Serving's REST and gRPC API for every SavedModel models/NAME/VERSION/ that export/saved_model.py has
written. New versions are loaded when they appear, and take over once they are warm; a file models/models.config may name
other versions than the latest, and labels. The page at http://127.0.0.1:8501/ runs the models/*.tflite files in the
browser (after `npm ci` in export/web). GET /healthz answers 200 when a model is ready. Ctrl-C or SIGTERM ends it when the
requests that run are answered.

Needs keras-gans[serving].
"""

import sys

from keras_gans.cli import main
from keras_gans.cli.serve import define, run

__all__ = ["define", "run"]

if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/serve.py"))
