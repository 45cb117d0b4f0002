# %% [markdown]
# # 1. Your first GAN, with networks of your own
#
# You write two Keras models. This package lets them play against each other, scores what comes out, and ships it.
#
# You need `pip install keras-gans` and nothing else: the pictures are in the package. On two CPU cores it takes about five
# minutes.

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
# ## The pictures
#
# `embedded:fashion` are 10,000 pictures of clothes: 8,000 to train on, 2,000 that are held out. `kg.data.open` gives a
# `tf.data.Dataset` of batches, float32 in [-1, 1]. Of your own pictures it would be `kg.data.open("folder:PATH",
# image_size=32)`.

# %%
data = kg.data.open("embedded:fashion", batch_size=64)
held_out = kg.data.open("embedded:fashion", split="holdout", batch_size=64)
print(data.source.count, "pictures of shape", data.source.image_shape)


def show(images, columns=12, scale=2):
    """Shows images in [-1, 1], or uint8, as one picture."""
    if images.dtype != np.uint8:
        images = np.uint8(np.clip(127.5 * images + 128, 0, 255))
    sheet = Image.fromarray(grids.grid(images, columns).squeeze())
    return sheet.resize([scale * side for side in sheet.size], Image.Resampling.NEAREST)


show(next(iter(data)).numpy()[:24])

# %% [markdown]
# ## Two networks
#
# The generator makes a picture of 64 random numbers. It ends in `tanh`, as pictures are in [-1, 1]. The discriminator says
# with one number whether a picture looks real. It ends *without* a sigmoid: games speak logits.


# %%
def block(filters):
    return [
        keras.layers.Conv2DTranspose(filters, 4, 2, "same", use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
    ]


generator = keras.Sequential(
    [
        keras.Input([64]),
        keras.layers.Dense(4 * 4 * 128, use_bias=False),
        keras.layers.Reshape([4, 4, 128]),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        *block(64),  # 8x8
        *block(32),  # 16x16
        keras.layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh"),  # 32x32
    ],
    name="my_generator",
)
discriminator = keras.Sequential(
    [
        keras.Input([32, 32, 1]),
        *(
            layer
            for filters in (32, 64, 128)
            for layer in (keras.layers.Conv2D(filters, 4, 2, "same"), keras.layers.LeakyReLU(negative_slope=0.2))
        ),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ],
    name="my_discriminator",
)
print(f"{generator.count_params():,} and {discriminator.count_params():,} weights")

# %% [markdown]
# ## The game
#
# A game is a Keras model that knows who plays and what each player wants. What is text is looked up by name (`keras-gans
# parts` lists all names); an object of your own would do as well.
#
# GAN losses say little about the pictures. So `compile` takes scores. `kid` on the features `fashion`, a small classifier in
# the package, is called `kd_fashion`; 0 is what real pictures have.

# %%
keras.utils.set_random_seed(0)
game = kg.games.GAN(generator, discriminator, loss="non_saturating", penalties=["r1:weight=0.1"], ema_kimg=2)
game.compile("adam:learning_rate=4e-4,beta_1=0.5", metrics=["kid"], features="fashion")

untrained = game.evaluate(held_out, return_dict=True, verbose=0)
print(untrained)

# %% [markdown]
# ## fit
#
# `fit` is Keras's own: callbacks, `validation_data` and the history work as you know them.

# %%
epochs, steps = (1, 20) if SHORT else (10, None)
history = game.fit(
    data,
    epochs=epochs,
    steps_per_epoch=steps,
    validation_data=held_out,
    callbacks=[keras.callbacks.CSVLogger("log.csv"), keras.callbacks.TerminateOnNaN()],
    verbose=0,
)
for epoch, score in enumerate(history.history["val_kd_fashion"], 1):
    print(f"epoch {epoch:2}: kd_fashion {score:.3f}")

# %% [markdown]
# ## Look
#
# `predict` makes pictures with the moving average of the generator's weights, which is better than the weights themselves.
# The same seed gives the same pictures.

# %%
latents = game.draw_latent(48, seed=1)
made = game.predict(latents, verbose=0)
assert made.shape == (48, 32, 32, 1) and np.abs(made).max() <= 1
show(made)

# %% [markdown]
# From one latent to another:

# %%
ends = np.asarray(game.draw_latent(8, seed=2)).reshape(4, 2, 1, 64)
way = np.linspace(0, 1, 12).reshape(1, 12, 1)
show(game.predict((ends[:, 0] * (1 - way) + ends[:, 1] * way).reshape(-1, 64), verbose=0))

# %% [markdown]
# ## Keep it, go on with it
#
# `game.save` keeps both networks, their optimizers, the average and the step.

# %%
game.save("game.keras")
again = keras.saving.load_model("game.keras")
np.testing.assert_array_equal(again.predict(latents, verbose=0), made)
print("step", int(again.step), "of", f"{os.path.getsize('game.keras') / 1e6:.1f} MB")

# %% [markdown]
# ## Ship it
#
# A SavedModel for TensorFlow Serving and a model for phones. Both are compared with Keras before they are written.

# %%
served = kg.export.saved_model(game, "models/clothes", license="MIT")
(phone,) = kg.export.tflite(game, "models", name="clothes")
print(served, "and", phone, f"{phone.stat().st_size / 1e6:.2f} MB")

# %% [markdown]
# The phone's model in LiteRT, without Keras: latents in, pictures in [0, 1] out.

# %%
from ai_edge_litert.interpreter import Interpreter

runner = Interpreter(str(phone)).get_signature_runner()
(name,) = runner.get_input_details()
(answer,) = runner(**{name: np.asarray(latents[:1])}).values()
difference = np.abs(2 * answer - 1 - made[:1]).max()
print(f"largest difference from Keras: {difference:.1e}")
assert difference < 1e-4

# %%
score = history.history["val_kd_fashion"][-1]
print(f"kd_fashion {untrained['kd_fashion']:.2f} before, {score:.3f} after {int(game.step):,} steps")
assert np.isfinite(score) and (SHORT or score < 0.5)

# %% [markdown]
# ## Where to go from here
#
# - Other objectives: `loss="hinge"`, `penalties=["wgan_gp"]`, `augment="diffaugment"`; `keras-gans parts` lists them.
# - A run from the command line, with checkpoints and a report: `keras-gans train --recipe=quickstart`.
# - [A new objective and a new game](02_new_game.md) in a file of your own; [scores](05_scores.md) and what they are worth.
