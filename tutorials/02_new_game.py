# %% [markdown]
# # 2. A new objective and a new game, in a file of your own
#
# A GAN paper changes the *objective*, the *networks*, or *who plays and when*. Here you add one of the first kind and one of the
# last, in a file beside your data, without touching the package: a loss with an exponent, and the game of Sinha et al. 2020,
# "Top-k Training of GANs", whose generator learns from its best fakes only. On two CPU cores it takes about two minutes.

# %%
import os
import pathlib
import shlex
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # a few steps only: how this page is tested

import numpy as np
from PIL import Image

# %% [markdown]
# ## The file
#
# A loss has formulas for the logits of real and of generated pictures, per example. Its constructor's arguments are what a
# flag can set: `--loss=power:exponent=1.5`.
#
# A game is a class on top of `GAN`. The step of `GAN` is the discriminator's turn and the generator's turn; the paper changes the
# second, so that is the method to write anew. `PLAYER_loss` and `PLAYER_gradient_norm` are what each turn reports.

# %%
pathlib.Path("my_parts.py").write_text('''\
"""A loss with an exponent, and top-k training."""

import keras
import tensorflow as tf

from keras_gans.games import GAN
from keras_gans.losses import AdversarialLoss
from keras_gans.registry import GAMES, LOSSES


@LOSSES.register("power")
@keras.saving.register_keras_serializable("mine")
class Power(AdversarialLoss):
    """|1 - D(x)|^p + |D(G(z))|^p against |1 - D(G(z))|^p; p = 2 is twice the least-squares GAN.

    Args:
        exponent: p, above 0. Default 2.
    """

    def __init__(self, exponent=2.0):
        if exponent <= 0:
            raise ValueError(f"exponent should be above 0, not {exponent}")
        self.exponent = float(exponent)

    def real_values(self, real):
        return tf.abs(1 - real) ** self.exponent

    def fake_values(self, fake):
        return tf.abs(fake) ** self.exponent

    def generator_values(self, real, fake):
        return tf.abs(1 - fake) ** self.exponent

    def get_config(self):
        return {"exponent": self.exponent}


@GAMES.register("top_k")
@keras.saving.register_keras_serializable("mine")
class TopK(GAN):
    """The generator's turn counts the fakes that the discriminator likes best (Sinha et al. 2020, algorithm 1).

    Args:
        keep: their share of the batch, 0 to 1. Default 0.75. (In the paper it falls from 1 to 0.5.)
        others: see `GAN`.
    """

    def __init__(self, generator, discriminator, loss, *, keep=0.75, **others):
        super().__init__(generator, discriminator, loss, **others)
        self.keep = keep

    def generator_turn(self, real, fake, labels, seed, tape):
        with tape:
            logits = self.discriminate(fake, labels, seed)  # [batch, 1]
            loss = self.adversarial_loss.generator(None, logits)  # [batch]
            count = tf.maximum(1, tf.cast(self.keep * tf.cast(tf.size(loss), tf.float32), tf.int32))
            best = tf.math.top_k(tf.reduce_mean(logits, axis=1), count).indices
            loss = tf.gather(loss, best)  # [count]
            objective = self.objective(loss, self.generator_optimizer)
        norm = self.descend(objective, tape, "generator")
        return {"generator_loss": tf.reduce_mean(loss), "generator_gradient_norm": norm}
''')


def sh(command):
    """Runs a command as in a shell, and prints what it says."""
    words = shlex.split(command)
    if words[0] == "keras-gans":
        words = [sys.executable, "-m", "keras_gans", *words[1:]]
    done = subprocess.run(words, capture_output=True, text=True)
    print(f"$ {command}\n{done.stdout}")
    if done.returncode:
        raise RuntimeError(done.stderr)


sh("keras-gans parts --plugin=my_parts.py --show=top_k")

# %% [markdown]
# ## Is it right?
#
# Before it trains: the loss against the formula, by number. And a test of meaning, which fails where real and fake are mixed
# up: logits that are right cost less than the same logits exchanged.

# %%
sys.path.insert(0, ".")
import my_parts

real, fake = np.float32([[0.9], [1.5], [-0.2]]), np.float32([[0.1], [-0.4], [0.8]])
loss = my_parts.Power(exponent=1.5)
np.testing.assert_allclose(loss.discriminator(real, fake), (np.abs(1 - real) ** 1.5 + np.abs(fake) ** 1.5)[:, 0], rtol=1e-6)
np.testing.assert_allclose(loss.generator(None, fake), (np.abs(1 - fake) ** 1.5)[:, 0], rtol=1e-6)

one, zero = np.ones((1, 1)), np.zeros((1, 1))
(right,), (wrong,) = loss.discriminator(one, zero).numpy(), loss.discriminator(zero, one).numpy()
print(f"right {right}, exchanged {wrong}")
assert right < wrong

# %% [markdown]
# And the game: where the generator makes the same pictures whatever `keep` is, `keep=1` must be `GAN` itself, to the bit.

# %%
import keras

import keras_gans as kg


def after_two_steps(game_class, **arguments):
    keras.utils.set_random_seed(0)
    networks = kg.networks.DCGANGenerator(width=4), kg.networks.DCGANDiscriminator(width=4)
    game = game_class(*networks, loss="hinge", ema_kimg=0, **arguments)
    game.compile("adam")
    game.fit(kg.data.open("embedded:fashion", batch_size=16), steps_per_epoch=2, verbose=0)
    return game.predict(game.draw_latent(4, seed=0), verbose=0)


plain = after_two_steps(kg.games.GAN)
np.testing.assert_array_equal(after_two_steps(my_parts.TopK, keep=1), plain)
changed = np.abs(after_two_steps(my_parts.TopK, keep=0.5) - plain).max()
print(f"keep=1: the same; keep=0.5 differs by {changed:.4f}")
assert changed > 0

# %% [markdown]
# ## Train it
#
# `--plugin` names the file; after that its parts are like those of the package. A misspelt argument is answered with the known
# ones. Everything else of `quickstart` stays: networks, data, scores, exports.

# %%
kimg = 0.32 if SHORT else 80
sh(
    "keras-gans train --recipe=quickstart --plugin=my_parts.py --game=top_k:keep=0.75 --loss=power:exponent=1.5 "
    f"--kimg={kimg} --score_kimg={kimg} --sample_kimg={kimg} --checkpoint_kimg={kimg} --score_count={200 if SHORT else 2000} "
    "--export=none --run_dir=runs/mine"
)
*_, sheet = sorted(pathlib.Path("runs/mine/samples").glob("*.png"))
Image.open(sheet, formats=["PNG"])

# %% [markdown]
# The run's record has the file's name and SHA-256, and the score says how it was made:

# %%
import json

record = json.loads(pathlib.Path("runs/mine/run.json").read_text())
print(record["plugins"])
(score,) = record["finished"]["scores"]
print(json.dumps(score, indent=1)[:600])
assert score["name"] == "kd_fashion" and score["value"] < (30 if SHORT else 2)

# %% [markdown]
# Without the file, nobody can open the run by accident: a plug-in is a program, and it runs only when you name it.

# %%
done = subprocess.run(
    [sys.executable, "-m", "keras_gans", "sample", "--run=runs/mine", "--out=no.png"], capture_output=True, text=True
)
print(done.returncode, done.stderr.strip().splitlines()[-1])
assert done.returncode == 2 and "my_parts.py" in done.stderr and not pathlib.Path("no.png").exists()

# %% [markdown]
# ## Into the package
#
# If it is to stay: the loss goes into `keras_gans/losses/`, the game into `keras_gans/games/`, the checks above into a test, the
# flags into a recipe. `docs/plugins.md` has a game of three players; CONTRIBUTING.md says what else a recipe needs.
