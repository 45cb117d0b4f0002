"""Generators and discriminators by architecture; no training code in them."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
