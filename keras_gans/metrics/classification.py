"""Classification accuracy score: a classifier learns from generated images and is tested on real ones (Ravuri and
Vinyals 2019)."""

import keras
import numpy as np

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.metrics.records import QUANTIZATION
from keras_gans.metrics.scores import GeneratorScore, Result
from keras_gans.registry import SCORES

WIDTHS = (32, 64, 128)


def build_classifier(image_shape, classes):
    """Returns the small convolutional classifier of the score: images, 0 to 255 -> logits [n, classes]."""
    images = keras.Input(image_shape)
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)  # inside, so that the set stays uint8 in memory
    for width in WIDTHS:
        x = keras.layers.Conv2D(width, 3, 2, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)  # a few hundred steps must settle it
        x = keras.layers.ReLU()(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(images, keras.layers.Dense(classes)(x))


def train_classifier(images, labels, classes, epochs=10, seed=0):
    """Trains the classifier with Adam(1e-3), batches of 64.

    Args:
        images: uint8 [n, h, w, c].
        labels: int [n].
        classes: how many there are.
        epochs: passes over the images.
        seed: of the weights and the shuffling.

    Returns:
        A compiled `keras.Model` with the metric `accuracy`.
    """
    with randomness.undisturbed(seed):
        model = build_classifier(images.shape[1:], classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    order = np.random.default_rng(seed)
    for _ in range(epochs):
        rows = order.permutation(len(images))
        model.fit(images[rows], labels[rows], batch_size=64, verbose=0, shuffle=False)
    return model


def classification_accuracy(images, labels, real_images, real_labels, classes, epochs=10, seed=0):
    """Returns the share of real images that a classifier trained on `images` (uint8) with `labels` gets right."""
    model = train_classifier(images, labels, classes, epochs, seed)
    return model.evaluate(real_images, real_labels, batch_size=256, verbose=0, return_dict=True)["accuracy"]


@SCORES.register("classification_accuracy")
class ClassificationAccuracy(GeneratorScore):
    """`classification_accuracy`, 0 to 1, of a class-conditional run; higher is better.

    Args:
        epochs: of the classifier; default 10.
    """

    def __init__(self, epochs=10):
        self.epochs = epochs

    def __call__(self, run, real, features, count, seed):
        if not run.num_classes:
            raise UserError(
                f"classification_accuracy needs a run with labels; {run.directory} was trained without --conditional"
            )
        labels = np.arange(count) % run.num_classes
        images = np.concatenate(list(run.generate(count, seed, labels)))
        if real.num_classes != run.num_classes:
            raise UserError(
                f"classification_accuracy needs real images of the run's {run.num_classes} classes; "
                f"{real.spec} has {real.num_classes}"
            )
        pairs = zip(*real.in_order().batch(256).as_numpy_iterator())
        real_images, real_labels = (np.concatenate(parts) for parts in pairs)
        accuracy = classification_accuracy(images, labels, real_images, real_labels, run.num_classes, self.epochs, seed)
        protocol = {
            "extractor": None,
            "weights_sha256": None,
            "resize": None,
            "quantization": QUANTIZATION,
            "classifier": f"stride-2 convolutions {WIDTHS}, dense, Adam(1e-3), batch 64",
            "epochs": self.epochs,
            "count_fake": count,
            "count_real": real.count,
            "seed": seed,
        }
        error = np.sqrt(accuracy * (1 - accuracy) / real.count)
        return [Result("classification_accuracy", accuracy, True, error, None, protocol)]
