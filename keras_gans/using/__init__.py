"""Trained networks at work: pictures, folders, animations and videos of any size."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
