# %% [markdown]
# # 5. Trust your scores
#
# A score answers a question, and every score has a question that it does not answer. Here you give scores *known* faults: too few
# pictures, blur, missing classes, copies of the training set. No training, about two minutes on two CPU cores.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # smaller sets: how this page is tested

import numpy as np
from PIL import Image, ImageFilter

import keras_gans as kg
from keras_gans import grids

# %%
train = kg.data.open_source("embedded:fashion", image_size=32)
held_out = kg.data.open_source("embedded:fashion", image_size=32, split="holdout")


def arrays(source):
    images, labels = zip(*source.in_order().as_numpy_iterator())
    return np.stack(images), np.array(labels)


(images, labels), (real, real_labels) = arrays(train), arrays(held_out)
print(images.shape, real.shape)


def scores(fake, metrics=("kid", "precision_recall"), reference=real, **options):
    """Returns the scores of generated against real pictures as a dict, name -> record."""
    found = kg.metrics.evaluate(reference, fake, metrics=metrics, features="fashion", **options)
    return {record["name"]: record for record in found}


def show(images, columns=12, scale=2):
    sheet = Image.fromarray(grids.grid(images, columns).squeeze())
    return sheet.resize([scale * side for side in sheet.size], Image.Resampling.NEAREST)


# %% [markdown]
# ## What a score is
#
# Both sets pass through a fixed network, here `fashion`, a small classifier in the package. The score compares the two clouds of
# features. It is worth something only together with its protocol, which comes with it:

# %%
first = scores(images[:2000])["kd_fashion"]
print(f"{first['value']:.4f} +- {first['standard_error']:.4f}")
for key in ("extractor", "weights_sha256", "resize", "quantization", "count_real", "count_fake", "kernel", "subset_size"):
    print(f"  {key}: {first['protocol'].get(key)}")

# %% [markdown]
# Only the Inception network of 2015 gives an `fid` and a `kid`. On other features they are called `fd_NAME` and `kd_NAME`, and
# are not comparable with anybody's FID.
#
# ## Real against real: how the score depends on the number of pictures
#
# Here both sides are real, so the right answer is 0. The Fréchet distance (FID's formula) fits a Gaussian to each side, and with
# few pictures it is far from 0. The kernel distance (KID's) is unbiased: it scatters around 0.

# %%
counts = [100, 400] if SHORT else [100, 200, 400, 800, 1600]
random = np.random.default_rng(0)
bias = {}
print("pictures   Fréchet distance   kernel distance (mean and spread of 5 draws)")
for count in counts:
    drawn = []
    for _ in range(2 if SHORT else 5):
        one = images[random.choice(len(images), count, replace=False)]
        other = real[random.choice(len(real), count, replace=False)]
        found = scores(one, metrics=("fid", "kid"), reference=other)
        drawn.append([found["fd_fashion"]["value"], found["kd_fashion"]["value"]])
    frechet, kernel = np.transpose(drawn)
    bias[count] = frechet.mean()
    print(f"{count:8}   {frechet.mean():8.2f} +- {frechet.std():5.2f}   {kernel.mean():+.4f} +- {kernel.std():.4f}")
assert bias[counts[0]] > 2 * bias[counts[-1]] > 0

# %% [markdown]
# So a Fréchet distance of 100 pictures cannot be compared with one of 1,600: most of it is the number of pictures. Use as many
# as others used, and say how many. With few pictures, take the kernel distance and read its standard error.
#
# ## Seeds
#
# A second training with another seed gives another score. A difference that is smaller than the spread over seeds is none. The
# standard error of a score does *not* contain that: it is of these pictures alone. Three trainings cost three times as much:
#
#     keras-gans sweep --recipe=quickstart --seed=0,1,2 --run_dir=runs/seeds
#
# prints the mean and the spread. The recipe's own header says `0.048 +- 0.005` for three seeds.
#
# ## Known faults
#
# Four sets of "generated" pictures with a fault each. All are made of training pictures, the score compares with the held-out
# ones.

# %%
count = 500 if SHORT else 2000
base = images[:count]
shoes = np.isin(labels, (5, 7, 9))  # sandals, sneakers, ankle boots


def blurred(image):
    return np.asarray(Image.fromarray(image[..., 0]).filter(ImageFilter.GaussianBlur(1)))[..., None]


noise = np.random.default_rng(1).normal(0, 25, base.shape)
faults = {
    "real": base,
    "blurred": np.stack([blurred(image) for image in base]),
    "noisy": np.uint8(np.clip(base + noise, 0, 255)),
    "no shoes": images[~shoes][:count],
    "one picture each": np.repeat(images[[int(np.argmax(labels == label)) for label in range(10)]], count // 10, axis=0),
}
table = {name: scores(fake, reference=real[:count]) for name, fake in faults.items()}
print(f"{'':18}kd_fashion         precision  recall")
for name, found in table.items():
    kernel = found["kd_fashion"]
    rest = [found[f"{score}_fashion"]["value"] for score in ("precision", "recall")]
    print(f"{name:18}{kernel['value']:7.3f} +- {kernel['standard_error']:.3f}   {rest[0]:8.2f}  {rest[1]:6.2f}")

# %%
show(np.concatenate([faults[name][np.linspace(0, count - 1, 12).astype(int)] for name in faults]))

# %% [markdown]
# Every fault raises the distance. *What* is wrong, precision and recall say: precision is the share of generated pictures that lie
# among the real ones (quality), recall the share of real pictures that lie among the generated ones (variety). Sets without shoes, or
# with one picture of each kind, keep their precision and lose recall.

# %%
value = lambda name, score: table[name][f"{score}_fashion"]["value"]
assert all(value(name, "kd") > value("real", "kd") + 0.01 for name in faults if name != "real")
assert value("no shoes", "precision") > 0.6 and value("no shoes", "recall") < value("real", "recall") - 0.1
assert value("one picture each", "recall") < 0.2

# %% [markdown]
# ## What no score of this kind sees: learned by heart
#
# The row `real` *is* the training set, and its scores are perfect. A generator that has stored the training pictures would get the
# same. So look for the nearest training picture of each sample. What counts is the comparison: held-out pictures are as far from
# the training set as honest samples would be.

# %%
from keras_gans.metrics.nearest import Space, neighbours

space = Space("fashion")
copies = np.uint8(np.clip(base[:50] + np.random.default_rng(2).normal(0, 4, base[:50].shape), 0, 255))
medians = {}
for name, queries in {"held out": real[:50], "copies with a little noise": copies}.items():
    numbers, distances = neighbours(queries, train, space, count=1)
    medians[name] = float(np.median(distances))
    print(f"{name}: median distance to the nearest of {train.count} training pictures {medians[name]:.2f}")
assert medians["copies with a little noise"] < 0.5 * medians["held out"]

# %% [markdown]
# Above: held-out pictures, below: the nearest training picture of each. (For a run: `keras-gans sample --run=runs/NAME
# --nearest=fashion --out=nearest.png`.)

# %%
numbers, _ = neighbours(real[:12], train, space, count=1)
show(np.concatenate([real[:12], images[numbers[:, 0]]]))

# %% [markdown]
# ## A list to go through
#
# 1. Are the reference pictures held out? Is their number stated, and that of the generated ones?
# 2. Which features? A discriminator that was trained on these features (Projected GAN) makes the score biased; the tools say so.
# 3. Kernel distance with its standard error, and the spread over seeds.
# 4. Precision and recall, or density and coverage.
# 5. Nearest neighbours, against those of held-out pictures.
# 6. And look at a hundred pictures, not at the best ten.
