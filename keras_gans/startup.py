"""Imports TensorFlow without its page of notices, so that what a command prints is its own; knows when a command began."""

import os
import re
import sys
import tempfile
import time

# oneDNN, instruction sets and the absence of a GPU; everything else is passed on.
_NOTICES = re.compile(
    r"^WARNING: All log messages before absl|^I0000|^\s*$|cuInit: UNKNOWN ERROR \(303\)|"
    r"To enable the following instructions|Could not find cuda drivers|oneDNN custom operations"
)

BEGAN = time.monotonic()
"""When this was imported, which is the first thing that a command does."""


def import_tensorflow():
    """Imports TensorFlow and finds its devices; of what that writes to stderr, only what matters is shown.

    Its oneDNN kernels are on, unless TF_ENABLE_ONEDNN_OPTS says otherwise: TensorFlow itself takes them on processors with
    AVX-512 VNNI and later alone, and on others a step takes up to twice as long without them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
        finally:
            os.dup2(before, 2)
            os.close(before)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines():
                if not _NOTICES.search(line):
                    print(line, file=sys.stderr)
