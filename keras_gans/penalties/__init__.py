"""What a discriminator must not do: penalties on its gradients and constraints on its weights."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
