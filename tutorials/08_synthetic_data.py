# %% [markdown]
# # 8. Synthetic data for a classifier
#
# Do generated pictures help a classifier that has few real ones? It is measured easily, and it is measured wrongly as easily: the
# generator must not have seen more labels than the classifier beside it. Here both get the same labelled pictures.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # a few steps only: how this page is tested

import keras
import numpy as np
from PIL import Image

import keras_gans as kg
from keras_gans import grids
from keras_gans.metrics.classification import classification_accuracy

# %% [markdown]
# ## The pictures
#
# 100 labelled pictures of each of ten kinds of clothes; 2,000 held-out ones for the test.


# %%
def arrays(split):
    source = kg.data.open_source("embedded:fashion", image_size=32, split=split)
    images, labels = zip(*source.in_order().as_numpy_iterator())
    return np.stack(images), np.array(labels, np.int32), source.class_names


images, labels, names = arrays("train")
test, test_labels, _ = arrays("holdout")
per_class = 20 if SHORT else 100
chosen = np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in range(10)])
images, labels = images[chosen], labels[chosen]
print(images.shape, ", ".join(names))

# %% [markdown]
# ## A generator that takes labels
#
# Here are DCGANs that take labels (Mirza and Osindero 2014): one-hot behind the latent in the generator, as constant maps behind the
# picture in the discriminator. (`projection` and `biggan` are stronger and slower.) With 1,000 pictures the game needs augmentation
# (tutorial 4).

# %%
keras.utils.set_random_seed(0)
width = 8 if SHORT else 32
game = kg.games.GAN(
    kg.networks.ConditionalDCGANGenerator(num_classes=10, width=width),
    kg.networks.ConditionalDCGANDiscriminator(num_classes=10, width=width),
    loss="non_saturating",
    augment="diffaugment:policy=translation+cutout",
    ema_kimg=2,
)
game.compile("adam:beta_1=0.5")
game.fit(images, labels, batch_size=50, epochs=1 if SHORT else 60, verbose=0)
print(int(game.step), "steps")


# %%
def synthesize(count, seed):
    """Returns `count` pictures uint8 with labels, each class as often as another."""
    wanted = np.arange(count, dtype=np.int32) % 10
    made = game.predict([game.draw_latent(count, seed=seed), wanted], verbose=0)
    return np.uint8(np.clip(127.5 * made + 128, 0, 255)), wanted


made, wanted = synthesize(100, seed=0)
sheet = Image.fromarray(grids.grid(made, 10).squeeze())
sheet.resize([2 * side for side in sheet.size], Image.Resampling.NEAREST)

# %% [markdown]
# A column is a class. The command for a run is `keras-gans synthesize --run=runs/NAME --per_class=100 --out=synthetic`, which
# writes folders or TFRecords with labels.
#
# ## The measurement
#
# Four trainings of the same small classifier with the *same number of steps*, each with three seeds: on the real pictures, on
# generated ones alone, on both, and on the real ones with the classifier's own augmentation, which costs nothing and is what a
# generator has to beat.

# %%
synthetic, synthetic_labels = synthesize(400 if SHORT else 4000, seed=1)
steps = 10 if SHORT else 300
classes = 10


def shifted(images, seed):
    """Moves each picture by up to 3 pixels and mirrors half of them."""
    random = np.random.default_rng(seed)
    moved = [np.roll(image, random.integers(-3, 4, 2), (0, 1)) for image in images]
    return np.stack([image[:, ::-1] if random.random() < 0.5 else image for image in moved])


def balanced(parts, size, seed):
    """Repeats each part to `size` pictures, so that all weigh the same."""
    random = np.random.default_rng(seed)
    rows = [np.resize(random.permutation(len(labels)), size) for _, labels in parts]
    return [np.concatenate([part[side][row] for part, row in zip(parts, rows)]) for side in (0, 1)]


real_part, made_part = (images, labels), (synthetic, synthetic_labels)
size = len(synthetic_labels)
rows = {"real": [real_part], "synthetic": [made_part], "real + synthetic": [real_part, made_part], "real, shifted": None}
accuracy = {}
for name, parts in rows.items():
    found = []
    for seed in range(2 if SHORT else 3):
        if parts is None:
            x, y = balanced([real_part], size, seed)
            x = shifted(x, seed)
        else:
            x, y = balanced(parts, size // len(parts), seed)
        epochs = max(1, round(steps * 64 / len(y)))
        found.append(100 * classification_accuracy(x, y, test, test_labels, classes, epochs, seed))
    accuracy[name] = found
    gain = np.subtract(found, accuracy["real"])
    print(
        f"{name:18}{np.mean(found):6.2f} +- {np.std(found, ddof=1):.2f} %   gain {gain.mean():+.2f} +- {gain.std(ddof=1):.2f}"
    )

# %% [markdown]
# Read the gain against its spread over seeds; a gain below it is none. A generator knows nothing about clothes that the labelled
# pictures do not say, so do not expect wonders. It helps where it adds what simple augmentation does not: many unlabelled
# pictures that it has learned from too, privacy, or classes that are rare.
#
# The classifier that learned from generated pictures alone says how good they are, in the only way that counts here
# (Ravuri and Vinyals 2019: the classification accuracy score, `--metrics=classification_accuracy`).

# %%
assert len(x) == size and all(0 <= value <= 100 for found in accuracy.values() for value in found)
assert min(accuracy["real"]) > (12 if SHORT else 65)
if not SHORT:
    assert np.mean(accuracy["synthetic"]) > 40  # guessing gives 10

# %% [markdown]
# `examples/augment_classifier.py` of the repository does the same for any run and its data, with few and with all real pictures.
