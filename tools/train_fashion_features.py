"""Trains the network behind the `fashion` features and writes keras_gans/features/weights/fashion.npz.

Needs the four original files of Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist):

    python tools/train_fashion_features.py --data=FOLDER

Takes about ten minutes on two CPU cores. The seed fixes the first weights, the order and the mirroring; other versions
or machines round differently.
"""

import argparse
import gzip
import hashlib
import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_gans.data.images import to_model
from keras_gans.features.fashion import WEIGHTS, build_classifier
from keras_gans.files import whole, write_text


def read(folder, split):
    """Returns the images of a split, uint8 [n, 32, 32, 1] (padded with black), and its labels, uint8 [n]."""
    with gzip.open(folder / f"{split}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(folder / f"{split}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)]), labels


def batches(images, labels, batch_size, epochs, seed):
    """Returns a dataset of shuffled batches, each image mirrored half the time."""
    count = len(images)

    def load(index):
        rows, mirrored = index[:, 0], index[:, 1]
        chosen = tf.gather(images, rows)
        chosen = tf.where(tf.cast(mirrored[:, None, None, None], tf.bool), chosen[:, :, ::-1], chosen)
        return to_model(chosen), tf.gather(labels, rows)

    def order():
        generator = np.random.default_rng(seed)
        for _ in range(epochs):
            rows = generator.permutation(count)[: count // batch_size * batch_size]
            yield from np.stack([rows, generator.integers(0, 2, len(rows))], 1).reshape(-1, batch_size, 2)

    indices = tf.data.Dataset.from_generator(order, output_signature=tf.TensorSpec([batch_size, 2], tf.int64))
    options = tf.data.Options()
    options.autotune.enabled = False  # it stalls the end of an epoch
    return indices.map(load).prefetch(8).with_options(options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the four idx.gz files")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()

    keras.utils.set_random_seed(flags.seed)
    tf.config.experimental.enable_op_determinism()
    images, labels = read(flags.data, "train")
    test_images, test_labels = read(flags.data, "t10k")

    batch_size = 128
    steps = len(images) // batch_size
    classifier = build_classifier()
    model = keras.Model(classifier.input, classifier.output[1])
    schedule = keras.optimizers.schedules.CosineDecay(0.0, flags.epochs * steps, warmup_target=3e-3, warmup_steps=steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=18,
    )
    model.fit(
        batches(images, labels, batch_size, flags.epochs, flags.seed), epochs=flags.epochs, steps_per_epoch=steps, verbose=2
    )

    halves = {variable.path: variable.numpy().astype(np.float16) for variable in classifier.weights}
    for variable in classifier.weights:
        variable.assign(halves[variable.path].astype(np.float32))
    logits = classifier.predict(to_model(test_images), batch_size=500, verbose=0)[1]
    accuracy = float(np.mean(logits.argmax(1) == test_labels))
    with whole(WEIGHTS) as temporary:
        np.savez_compressed(temporary, **halves)
    record = {
        "sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "test_accuracy": accuracy,
        "trained_on": "Fashion-MNIST, the 60,000 training images (MIT licence)",
        "tested_on": "its 10,000 test images, with these float16 weights",
        "epochs": flags.epochs,
        "seed": flags.seed,
        "made_by": f"tools/{pathlib.Path(__file__).name}",
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    write_text(WEIGHTS.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    print(f"test accuracy {accuracy:.4f}, {WEIGHTS.stat().st_size} bytes in {WEIGHTS}")


if __name__ == "__main__":
    main()
