"""Feature extractors for scores and perceptual networks for losses, by name."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
