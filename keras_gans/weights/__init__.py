"""Files as weights: readers for PyTorch, pickles of StyleGAN, safetensors; bounded, executing nothing."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
