"""Layers that Keras lacks or gets wrong."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__, behind=("addons",))
