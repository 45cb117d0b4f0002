"""Who plays and when: `keras.Model` subclasses that own `train_step`."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
