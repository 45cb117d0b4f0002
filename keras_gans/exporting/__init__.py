"""Ships a trained generator: SavedModel, TFLite, parity checks."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
