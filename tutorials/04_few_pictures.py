# %% [markdown]
# # 4. Train on 100 pictures
#
# With few pictures a discriminator learns them by heart. It then refuses everything else, and the generator gets no hint what to
# do better. *Differentiable augmentation* changes every picture that the discriminator sees, real and generated alike, so that
# there are never only 100. Here you train three times on the same 100 pictures: without, with DiffAugment, and with the adaptive
# augmentation of StyleGAN2-ADA. On two CPU cores it takes about seven minutes.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # a few steps only: how this page is tested

import keras
import numpy as np
from PIL import Image

import keras_gans as kg
from keras_gans import grids

# %% [markdown]
# ## 100 pictures in a folder
#
# Ten of each kind of clothes. Yours would be a folder of PNG or JPEG files. Look at them first: `keras-gans doctor` finds broken
# and doubled files.

# %%
source = kg.data.open_source("embedded:fashion", image_size=32)
images, labels = (np.stack(part) for part in zip(*source.in_order().take(2000).as_numpy_iterator()))
few = np.concatenate([images[labels == label][:10] for label in range(10)])
for number, image in enumerate(few):
    grids.write_png(f"pictures/{number:03}.png", image)


def show(images, columns=20, scale=2):
    if images.dtype != np.uint8:
        images = np.uint8(np.clip(127.5 * images + 128, 0, 255))
    sheet = Image.fromarray(grids.grid(images, columns).squeeze())
    return sheet.resize([scale * side for side in sheet.size], Image.Resampling.NEAREST)


show(few)

# %%
from keras_gans.cli import main

assert main(["doctor", "--data=folder:pictures", "--image_size=32"]) == 0

# %% [markdown]
# ## What the augmentations do
#
# Both are differentiable: the generator learns through them. What it makes is *not* augmented, as the discriminator sees real and
# generated pictures changed in the same ways (Zhao et al. 2020; Karras et al. 2020). A change that happens always can still leak into
# what is made: DiffAugment's squares (`cutout`) do in so short a training, so the games below do without them. ADA changes a picture
# with a probability `p` only, and raises `p` when the discriminator is too sure of the real ones.

# %%
import tensorflow as tf

some = tf.constant(few[5::10][:10] / 127.5 - 1, tf.float32)
diffaugment = kg.registry.AUGMENTS.create("diffaugment")
show(np.concatenate([some, *(diffaugment(some, seed=[0, turn]) for turn in range(3))]), columns=10)

# %% [markdown]
# ## Three trainings
#
# The same networks, seed and number of steps. The score is the kernel distance to the 2,000 held-out pictures, not to the 100: a
# generator that only repeats the 100 does not get far.

# %%
held_out = kg.data.open("embedded:fashion", split="holdout", batch_size=100)
hundred = kg.data.open("folder:pictures", batch_size=32, image_size=32, channels=1, split="all")
names = ["none", "diffaugment:policy=color+translation", "ada:ada_kimg=20"]
rounds, steps = (1, 8) if SHORT else (3, 600)
games, history = {}, {}
for name in names:
    keras.utils.set_random_seed(0)
    game = kg.games.GAN(
        kg.networks.DCGANGenerator(width=8 if SHORT else 32),
        kg.networks.DCGANDiscriminator(width=8 if SHORT else 32, norm="none"),
        loss="non_saturating",
        penalties=["r1:weight=0.1"],
        augment=None if name == "none" else name,
        ema_kimg=2,
    )
    game.compile("adam:beta_1=0.5", metrics=["kid", "precision_recall"], features="fashion")
    fit = game.fit(hundred.repeat(), epochs=rounds, steps_per_epoch=steps, validation_data=held_out, verbose=0)
    games[name], history[name] = game, fit.history
    print(f"{name:36} kd_fashion " + "  ".join(f"{score:.3f}" for score in fit.history["val_kd_fashion"]), flush=True)

# %% [markdown]
# ## How sure the discriminator is
#
# The mean logit of real minus that of generated pictures, at the end. A large gap means that it tells them apart by heart.

# %%
gap = {name: logs["real_logits"][-1] - logs["fake_logits"][-1] for name, logs in history.items()}
for name in names:
    print(f"{name:36} gap {gap[name]:6.2f}")
print(f"ADA's probability p at the end: {history[names[2]]['augment_p'][-1]:.3f}")

# %% [markdown]
# ## Look, and look for copies
#
# Two rows of samples from each training: none, DiffAugment, ADA.

# %%
made = {name: game.predict(game.draw_latent(200, seed=3), verbose=0) for name, game in games.items()}
show(np.concatenate([pictures[:40] for pictures in made.values()]))

# %% [markdown]
# The nearest of the 100 pictures for each sample. Held-out pictures show how far away honest ones are.

# %%
from keras_gans.metrics.nearest import Space, neighbours

space = Space("fashion")
all_hundred = kg.data.open_source("folder:pictures", image_size=32, channels=1, split="all")
unseen = np.stack([image for image, _ in held_out.source.in_order().take(200).as_numpy_iterator()])
_, distances = neighbours(unseen, all_hundred, space, count=1)
print(f"{'held out':16} {np.median(distances):.2f}")
for name, pictures in made.items():
    pictures = np.uint8(np.clip(127.5 * pictures + 128, 0, 255))
    _, distances = neighbours(pictures, all_hundred, space, count=1)
    print(f"{name:36} {np.median(distances):.2f}")

# %%
best = {name: min(logs["val_kd_fashion"]) for name, logs in history.items()}
last = {name: logs["val_kd_fashion"][-1] for name, logs in history.items()}
for name in names:
    print(f"{name:36} best {best[name]:.3f}, last {last[name]:.3f}")
assert all(np.isfinite(list(last.values())))
assert not np.array_equal(made["none"], made[names[1]])
if not SHORT:
    assert last[names[1]] < last["none"] and gap[names[1]] < gap["none"]

# %% [markdown]
# ## Larger pictures, in colour
#
# The recipes for few pictures are the same idea with other networks: `stylegan2_emoji` (StyleGAN2-ADA, 64x64), `fastgan`, and
# `projected_sprites`, whose discriminator stands on a network that has seen a million photographs and so needs the fewest
# pictures. Their headers say what they cost; on a CPU an hour is the least.
#
#     pip install 'keras_gans[efficientnet]'
#     keras-gans train --recipe=projected_sprites --data=folder:PICTURES --run_dir=runs/mine
#
# And start from a run on similar pictures where you have one: `--init_from=runs/other --freeze_discriminator=2`.
