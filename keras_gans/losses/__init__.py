"""What each player wants, per example, on logits."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
