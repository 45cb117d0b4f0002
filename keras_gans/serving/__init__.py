"""Generators in production: a client of TensorFlow Serving, and a small local server that speaks the same API.

`keras_gans.serving.client.Client` talks to both; `keras_gans.serving.local` is for trying and for tests.
"""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
