"""Degradations of several files; the others are in `keras_gans.data.degradations`, which these import."""
