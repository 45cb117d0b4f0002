"""Trained networks at work: pictures, folders, animations and videos of any size."""

__all__ = ["Translator"]


def __getattr__(name):  # lazy: what reads and writes pictures serves programs without TensorFlow too
    if name == "Translator":
        from keras_gans.using.translator import Translator

        return Translator
    raise AttributeError(f"module 'keras_gans.using' has no attribute {name!r}")
