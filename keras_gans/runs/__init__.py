"""Runs from the first step to the report."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
