"""The schemes of `--data=SCHEME:REST`. A new one is one new file in `keras_gans/data/sources/`."""

from keras_gans.registry import Registry

SCHEMES = Registry("data scheme", "keras_gans.data.sources")
"""Name -> function (rest of the spec, split, spec, text of --holdout) -> `Collection`."""
