"""Trained networks at work: pictures, folders, animations and videos of any size."""

from keras_gans.applying.translator import Translator

__all__ = ["Translator"]
