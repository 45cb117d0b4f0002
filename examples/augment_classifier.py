"""What a classifier gains or loses when synthetic images join its training set.

    keras-gans synthesize --run=runs/cgan --per_class=500 --format=tfrecord --out=made
    python examples/augment_classifier.py --synthetic='tfrecord:made/*.tfrecord'

trains a small convolutional classifier on few real images per class and on all of them, each with and without the
synthetic set, and on the synthetic set alone, and tests it on held-out real images. Every training has the same number
of steps, half of them on the synthetic images where there are both; each seed draws other real images and other first
weights; the gain is taken seed by seed. Takes about three minutes on two CPU cores.

Read the rows with few images with care: the generator has learned from all real images and their labels, which the
classifier beside it has not seen. The last two rows give both the same images: that is what the generator adds.
"""

import math
import sys

from keras_gans.cli import main
from keras_gans.errors import UserError


def define(flags):
    flags.string(
        "synthetic", None, "the synthetic set, as of keras-gans synthesize: tfrecord:GLOB or folder:PATH", required=True
    )
    flags.string(
        "real",
        "embedded:fashion",
        "real images of the same classes, like --data of train.py; the classifier is tested on their held-out part",
    )
    flags.integer("real_per_class", 50, "real images per class where they are few", 1)
    flags.integer("image_size", 32, "height and width in pixels", 8)
    flags.integer("steps", 600, "of 64 images, of every training", 1)
    flags.integer("seeds", 3, "trainings per row", 2)


def run(flags):
    from keras_gans import data
    from keras_gans.progress import progress

    real = data.open_source(flags.real, flags.image_size)
    channels = real.image_shape[-1]
    test = data.open_source(flags.real, flags.image_size, channels, split="holdout")
    synthetic = data.open_source(flags.synthetic, flags.image_size, channels, split="all")
    if not real.num_classes or real.class_names != synthetic.class_names:
        raise UserError(
            f"--real has the classes {_said(real)} and --synthetic {_said(synthetic)}; give sets with the "
            "same labels (keras-gans synthesize --format=tfrecord keeps those of its run)"
        )
    classes = real.num_classes
    real, test, synthetic = map(_arrays, (real, test, synthetic))
    rows = {}
    with progress("training classifiers", 5 * flags.seeds, "classifiers") as bar:
        for seed in range(flags.seeds):
            few = _few(*real, flags.real_per_class, seed)
            for name, parts in {
                f"{len(few[1])} real": [few],
                f"{len(few[1])} real + {len(synthetic[1])} synthetic": [few, synthetic],
                f"{len(synthetic[1])} synthetic": [synthetic],
                f"{len(real[1])} real": [real],
                f"{len(real[1])} real + {len(synthetic[1])} synthetic": [real, synthetic],
            }.items():
                rows.setdefault(name, []).append(_accuracy(parts, test, classes, flags.steps, seed))
                bar.advance()
    print("\n".join(_table(rows, len(test[1]))))


def _said(source):
    return ", ".join(source.class_names) or "none"


def _arrays(source):
    """Returns all images, uint8 [n, h, w, c], and labels, int [n], of a source."""
    import numpy as np

    images, labels = zip(*source.in_order().as_numpy_iterator())
    return np.stack(images), np.array(labels)


def _few(images, labels, per_class, seed):
    """Draws `per_class` images of every class, or all of a class that has fewer."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(labels))
    rows = np.concatenate([order[labels[order] == label][:per_class] for label in np.unique(labels)])
    return images[rows], labels[rows]


def _accuracy(parts, test, classes, steps, seed):
    """Trains on sets that have equal shares of the training, however large each is; returns the accuracy."""
    import numpy as np

    from keras_gans.metrics.classification import classification_accuracy

    largest = max(len(labels) for _, labels in parts)
    random = np.random.default_rng(seed)  # sets are often sorted by class, and the last repetition may be a part
    rows = [np.resize(random.permutation(len(labels)), largest) for _, labels in parts]
    images, labels = (np.concatenate([part[side][chosen] for part, chosen in zip(parts, rows)]) for side in (0, 1))
    epochs = max(1, round(steps / math.ceil(len(labels) / 64)))
    return classification_accuracy(images, labels, *test, classes, epochs, seed)


def _table(rows, tested):
    import numpy as np

    yield f"accuracy on {tested} held-out images, mean +- standard deviation over seeds"
    for name, found in rows.items():
        line = f"{name:<32}{100 * np.mean(found):6.2f} +- {100 * np.std(found, ddof=1):.2f} %"
        before = rows.get(name.partition(" +")[0])
        if " + " in name:
            gain = 100 * np.subtract(found, before)
            line += f"   gain {gain.mean():+.2f} +- {gain.std(ddof=1):.2f}"
        yield line


if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python examples/augment_classifier.py"))
