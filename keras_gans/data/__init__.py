"""From `--data=...` to batches: sources, decoding, packing and the data doctor.

images = data.open("embedded:fashion", batch_size=64, image_size=32)  # a tf.data.Dataset for `fit`

source = data.open_source("embedded:fashion", image_size=32)
for images in data.batches(source, batch_size=64, seed=0):  # float32 [64, 32, 32, 1] in [-1, 1], without end
    ...
"""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(
    __name__,
    __path__,
    open="fitting",
    open_source="opening",
    open_collection="opening",
    batches="pipeline",
    SCHEMES="schemes",
    DEGRADATIONS="degradations",
)
