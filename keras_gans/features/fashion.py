"""`fashion`: a small classifier of Fashion-MNIST, whose features measure 32x32 grey pictures without a download."""

import json
import pathlib

import keras
import numpy as np

from keras_gans.data.images import to_model
from keras_gans.features.base import FeatureExtractor, luma, resize, resize_in_words
from keras_gans.registry import EXTRACTORS

WEIGHTS = pathlib.Path(__file__).parent / "weights" / "fashion.npz"


def build_classifier():
    """Returns the network: grey float32 [n, 32, 32, 1] in [-1, 1] -> features [n, 128] and logits [n, 10]."""
    x = images = keras.Input([32, 32, 1])
    for block, width in enumerate((32, 48, 96, 128), start=1):
        if block > 1:
            x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{block}")(x)
        x = keras.layers.BatchNormalization(name=f"norm{block}")(x)
        x = keras.layers.ReLU()(x)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    logits = keras.layers.Dense(10, name="logits")(features)
    return keras.Model(images, [features, logits], name="fashion_classifier")


@EXTRACTORS.register("fashion")
class FashionFeatures(FeatureExtractor):
    """128 features and 10 classes of a network trained on the 60,000 training images of Fashion-MNIST.

    Made by tools/train_fashion_features.py; its test accuracy stands in weights/fashion.json. Colours become luma;
    28x28 images are padded with black, as everywhere in this package; other sizes are resized.

    Args:
        batch_size: images in one call of the network. Default 256.
    """

    name = "fashion"
    dims = 128
    classes = 10
    weights_file = WEIGHTS.name
    resize = f"{resize_in_words(32, 32)}; 28x28 is padded instead"

    def __init__(self, batch_size=256):
        super().__init__(batch_size)
        self.weights_sha256 = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
        self.classifier = build_classifier()
        with np.load(WEIGHTS, allow_pickle=False) as arrays:
            for variable in self.classifier.weights:
                variable.assign(arrays[variable.path].astype(np.float32))

    def prepare(self, images):
        return np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)]) if images.shape[1:3] == (28, 28) else images

    def network(self, images):
        return self.classifier(to_model(resize(luma(images), 32, 32)), training=False)
