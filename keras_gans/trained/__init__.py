"""What a run is on disk, how flags become objects, and the trained generator that all other tools use."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
