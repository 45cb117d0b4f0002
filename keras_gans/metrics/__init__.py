"""Scores of generated images and the features they are measured on.

`evaluate` and `Evaluator` are the way in; the formulas are plain functions on arrays in the other modules.
"""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__, evaluate="evaluator")
