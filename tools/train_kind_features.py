"""Trains a small classifier on a labelled folder, for scores of what is generated from it: `--score_features=keras:...`.

    python tools/train_kind_features.py --data=folder:SPRITES --image_size=64 --out=kinds.keras
    keras-gans evaluate --run=runs/projected_sprites --features=keras:path=kinds.keras,layer=features

The held-out images (--holdout, as in training) measure its accuracy, which is printed and written beside it (NAME.json)
with the data's fingerprint. Four convolutions, batch norm, mirror images; the seed fixes weights, order and mirroring. The file
has the weights rounded to float16, in the half of the bytes, and no optimizer.
Eleven minutes for 3,630 images of 64x64 on two CPU cores with much other work beside (2026-11-28).
"""

import argparse
import json
import pathlib
import zipfile

import keras
import numpy as np

from keras_gans.data.images import to_model
from keras_gans.data.opening import open_source
from keras_gans.files import whole, write_text


def read(source):
    """Returns all images of a source, float32 [n, h, w, c] in [-1, 1], and their labels."""
    images, labels = zip(*source.in_order().as_numpy_iterator())
    return np.asarray(to_model(np.stack(images))), np.array(labels)


def build(image_shape, classes):
    """Returns the network: images in [-1, 1] -> logits; its layer `features` has 128 numbers."""
    x = images = keras.Input(image_shape)
    x = keras.layers.RandomFlip("horizontal")(x)
    for block, width in enumerate((32, 48, 96, 128), start=1):
        if block > 1:
            x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(images, keras.layers.Dense(classes, name="logits")(features), name="kinds")


def rounded(model):
    """Returns the network, uncompiled, with its weights rounded to float16."""
    twin = build(model.input_shape[1:], model.output_shape[-1])
    twin.set_weights([weight.astype(np.float16).astype(np.float32) for weight in model.get_weights()])
    return twin


def pack(path):
    """Writes a .keras file anew, compressed, which Keras leaves out."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in parts.items():
            packed.writestr(name, part)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="labelled images, as of train.py")
    parser.add_argument("--holdout", default="0.1", help="as of train.py")
    parser.add_argument("--image_size", type=int, default=64)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a .keras file")
    flags = parser.parse_args(words)

    keras.utils.set_random_seed(flags.seed)
    train, held_out = (
        open_source(flags.data, flags.image_size, flags.channels, split, holdout=flags.holdout)
        for split in ("train", "holdout")
    )
    images, labels = read(train)
    test_images, test_labels = read(held_out)
    model = build(train.image_shape, len(train.class_names))
    steps = flags.epochs * -(-len(images) // 64)
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(3e-3, steps), weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images, labels, 64, flags.epochs, verbose=2)
    model = rounded(model)
    accuracy = float(np.mean(model.predict(test_images, verbose=0).argmax(1) == test_labels))
    with whole(flags.out) as temporary:
        model.save(temporary)
        pack(temporary)
    record = {
        "held_out_accuracy": accuracy,
        "most_frequent_kind": float(np.bincount(test_labels).max() / len(test_labels)),
        "images": [len(images), len(test_images)],
        "data": flags.data,
        "fingerprint": train.fingerprint,
        "holdout": flags.holdout,
        "epochs": flags.epochs,
        "seed": flags.seed,
        "made_by": f"tools/{pathlib.Path(__file__).name}",
        "keras": keras.__version__,
    }
    write_text(flags.out.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    print(f"accuracy {accuracy:.4f} on {len(test_images)} held-out images; wrote {flags.out}")


if __name__ == "__main__":
    main()
