"""Work over millions of pictures in shards, on Apache Beam: drawing, packing, examining, features for scores."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__)
