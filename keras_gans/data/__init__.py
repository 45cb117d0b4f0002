"""From `--data=...` to batches: sources, decoding, packing and the data doctor.

source = data.open_source("embedded:fashion", image_size=32)
for images in data.batches(source, batch_size=64, seed=0):  # float32 [64, 32, 32, 1] in [-1, 1]
    ...
"""

import importlib

_HOMES = {
    "open_source": "opening",
    "open_collection": "opening",
    "SCHEMES": "opening",
    "Collection": "collection",
    "Source": "source",
    "batches": "pipeline",
    "DEGRADATIONS": "degradations",
}


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"keras_gans.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'keras_gans.data' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_HOMES])
