"""Differentiable augmentation of what the discriminator sees, and its controller."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
