# %% [markdown]
# # 0. The families, in the order of the textbooks
#
# Each family with its formula and *the line of this package that is it*. The lines are read out of the installed package when this
# page is made, so they cannot be out of date; beside each, the formula in NumPy says the same number. On two CPU cores it takes
# about two minutes.
#
# In the formulas D is the discriminator's logit, σ the logistic function, x a real picture, G(z) a generated one.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # a few steps only: how this page is tested

import inspect
import textwrap

import keras
import numpy as np
from PIL import Image, ImageDraw

import keras_gans as kg

random = np.random.default_rng(0)
real, fake = random.normal(1, 1, (2, 5, 1)).astype(np.float32)  # logits of five pictures of each kind


def code(part):
    """Prints the source of a part, without its docstring."""
    text = textwrap.dedent(inspect.getsource(part))
    if part.__doc__:
        before, _, rest = text.partition('"""')
        text = before.rstrip() + rest.partition('"""')[2]
    print(text.rstrip())


def line(part, words):
    """Prints the one line of a part's source that holds `words`."""
    (found,) = [text.strip() for text in inspect.getsource(part).splitlines() if words in text]
    print(found)


def same(ours, formula, tolerance=1e-5):
    """Compares with the formula; prints the first number of both."""
    ours, formula = np.asarray(ours), np.asarray(formula)
    np.testing.assert_allclose(ours, formula, rtol=tolerance, atol=tolerance)
    print(f"ours {ours.flat[0]:.6f}, formula {formula.flat[0]:.6f}")


def sigma(x):
    return 1 / (1 + np.exp(-x))


# %% [markdown]
# ## GAN (Goodfellow et al. 2014)
#
#     D:  -log σ(D(x)) - log(1 - σ(D(G(z))))
#     G:   log(1 - σ(D(G(z))))       minimax
#     G:  -log σ(D(G(z)))            non-saturating, which everybody trains with

# %%
minimax, non_saturating = kg.losses.Minimax, kg.losses.NonSaturating
for part in (minimax.real_values, minimax.fake_values, minimax.generator_values, non_saturating.generator_values):
    code(part)
same(minimax().discriminator(real, fake), (-np.log(sigma(real)) - np.log(1 - sigma(fake)))[:, 0])
same(minimax().generator(None, fake), np.log(1 - sigma(fake))[:, 0])
same(non_saturating().generator(None, fake), -np.log(sigma(fake))[:, 0])

# %% [markdown]
# Where both kinds of pictures are the same, the best discriminator says 1/2 to everything, D(x) = 0, and its loss is log 4:

# %%
same(minimax().discriminator(np.zeros((1, 1)), np.zeros((1, 1))), [np.log(4)])

# %% [markdown]
# The game itself is the same for most families: the discriminator's turn, then the generator's.

# %%
line(kg.games.GAN.discriminator_turn, "self.adversarial_loss.discriminator(")
line(kg.games.GAN.generator_turn, "self.adversarial_loss.generator(")

# %% [markdown]
# ## DCGAN (Radford et al. 2016)
#
# The same objective; the networks are convolutions of stride 2 with batch norm, weights start at N(0, 0.02²), Adam has
# β₁ = 0.5.

# %%
generator, discriminator = kg.networks.DCGANGenerator(), kg.networks.DCGANDiscriminator()
for layer in [*generator.layers, *discriminator.layers]:
    if "Conv" in type(layer).__name__ or "Dense" in type(layer).__name__:
        print(f"{type(layer).__name__:16} {layer.name:12} -> {layer.output.shape[1:]}")
kernel = generator.get_layer("up_16").kernel
print(f"deviation of a kernel: {np.std(kernel):.4f}")
assert abs(np.std(kernel) - 0.02) < 1e-3

# %% [markdown]
# ## WGAN (Arjovsky et al. 2017) and WGAN-GP (Gulrajani et al. 2017)
#
#     D:  D(G(z)) - D(x)            G:  -D(G(z))
#     WGAN:     every weight of D into [-0.01, 0.01]
#     WGAN-GP:  + λ (‖∇D(x̂)‖ - 1)²,   x̂ = x + α (G(z) - x),   α ~ U[0, 1) for each example

# %%
wasserstein = kg.losses.Wasserstein
for part in (wasserstein.real_values, wasserstein.fake_values, wasserstein.generator_values):
    code(part)
same(wasserstein().discriminator(real, fake), (fake - real)[:, 0])
line(kg.penalties.WeightClipping.__call__, "assign")

# %%
from keras_gans.penalties import gradient

line(gradient._SlopePenalty.__call__, "alpha * (end - start)")
line(gradient._SlopePenalty.__call__, "excess = ")
slope = np.float32([[3.0], [-4.0]])  # a critic whose gradient is known: D(x) = x · slope, its norm is 5
critic = lambda images: images @ slope
points = random.normal(size=(4, 2)).astype(np.float32)
same(kg.penalties.WGANGP()(critic, points, points + 1, seed=[0, 0]), np.full(4, (5 - 1) ** 2))

# %% [markdown]
# ## LSGAN (Mao et al. 2017)
#
#     D:  (D(x) - b)²/2 + (D(G(z)) - a)²/2          G:  (D(G(z)) - c)²/2          a, b, c = 0, 1, 1

# %%
least_squares = kg.losses.LeastSquares
for part in (least_squares.real_values, least_squares.fake_values, least_squares.generator_values):
    code(part)
same(least_squares().discriminator(real, fake), ((real - 1) ** 2 / 2 + fake**2 / 2)[:, 0])
same(least_squares().generator(None, fake), ((fake - 1) ** 2 / 2)[:, 0])

# %% [markdown]
# ## DRAGAN (Kodali et al. 2017)
#
# GAN's loss, and WGAN-GP's penalty around the real pictures: x̂ = x + α · 0.5 · std(x) · U[0, 1).

# %%
code(kg.penalties.DRAGAN.ends)
start, end = kg.penalties.DRAGAN().ends(points, None, seed=[0, 1])
moved = np.asarray(end - start) / (0.5 * points.std())
print(f"the noise lies between {moved.min():.2f} and {moved.max():.2f}")
assert moved.min() >= 0 and moved.max() <= 1

# %% [markdown]
# ## BEGAN (Berthelot et al. 2017)
#
# D is an autoencoder; L(v) = mean |v - D(v)|.
#
#     D:  L(x) - k L(G(z))          G:  L(G(z))          k ← clip(k + λ (γ L(x) - L(G(z))), 0, 1)

# %%
from keras_gans.games import began

code(began.BoundaryEquilibrium.discriminator_values)
code(began.BoundaryEquilibrium.generator_values)
line(kg.games.BEGAN.finish_step, "balance = ")
line(kg.games.BEGAN.finish_step, "self.k.assign")
same(began.BoundaryEquilibrium(0.3).discriminator(real, fake), (real - 0.3 * fake)[:, 0])

# %% [markdown]
# ## ProGAN (Karras et al. 2018)
#
# The networks grow; a new resolution fades in, in the networks and in the real pictures. Pixel norm, the deviation over a
# group of pictures as one more channel, and weights that are scaled where they are used:
#
#     (1 - α) old + α new          x / √(mean x² + 10⁻⁸)          W · √2 / √(inputs), W ~ N(0, 1)

# %%
code(kg.layers.Fade.call)
code(kg.layers.PixelNorm.call)
line(kg.layers.EqualizedDense.kernel.fget, "return")
values = random.normal(size=(2, 3, 3, 8)).astype(np.float32)
same(kg.layers.PixelNorm()(values), values / np.sqrt((values**2).mean(-1, keepdims=True) + 1e-8))
fade = kg.layers.Fade()
fade.build([values.shape] * 2)
fade.alpha.assign(0.25)
same(fade([values, -values]), 0.75 * values - 0.25 * values)

# %% [markdown]
# ## StyleGAN (Karras et al. 2019) and StyleGAN2 (2020)
#
#     style:          x (scale + 1) + offset, after instance norm
#     truncation:     w̄ + ψ (w - w̄)
#     demodulation:   w''ᵢⱼₖ = sᵢ wᵢⱼₖ / √(Σ (sᵢ wᵢⱼₖ)² + 10⁻⁸)

# %%
code(kg.layers.StyleModulation.call)
line(kg.layers.Styles.call, "truncated = ")
from keras_gans.layers import modulated_convolution as modulated

line(modulated.modulated_convolution, "squares = ")
line(modulated.modulated_convolution, "scales = ")
style = random.normal(size=(2, 16)).astype(np.float32)
same(kg.layers.StyleModulation()([values, style]), values * (style[:, None, None, :8] + 1) + style[:, None, None, 8:])
kernel, scales = random.normal(size=(1, 1, 8, 4)).astype(np.float32), style[:, :8]
weights = scales[:, :, None] * kernel[0, 0]
weights /= np.sqrt((weights**2).sum(1, keepdims=True) + 1e-8)
same(modulated.modulated_convolution(values, kernel, scales), np.einsum("bhwi,bio->bhwo", values, weights), 1e-4)

# %% [markdown]
# ## Translation: pix2pix (Isola et al. 2017), CycleGAN (Zhu et al. 2017), CUT (Park et al. 2020)
#
#     pix2pix:   adversarial + 100 · mean |y - G(x)|
#     CycleGAN:  adversarial + 10 · (mean |a - F(G(a))| + mean |b - G(F(b))|)
#     CUT:       adversarial + cross entropy of finding each patch's place, on cosines / 0.07

# %%
code(kg.losses.L1.distances)
line(kg.games.CycleGAN.generators_losses, '"cycle_a"')
line(kg.games.CycleGAN.generators_losses, '"cycle_b"')
images, others = random.uniform(-1, 1, (2, 3, 4, 4, 3)).astype(np.float32)
same(kg.losses.L1()(images, others), np.abs(images - others).mean((1, 2, 3)))

# %%
from keras_gans.losses.patch_nce import patch_nce

line(patch_nce, "logits = ")
line(patch_nce, "losses = ")
queries, keys = random.normal(size=(2, 1, 6, 8)).astype(np.float32)
unit = lambda vectors: vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
cosines = unit(queries[0]) @ unit(keys[0]).T / 0.07
same(patch_nce(queries, keys), [(np.log(np.exp(cosines).sum(1)) - np.diag(cosines)).mean()], 1e-4)

# %% [markdown]
# ## Style transfer: Gatys et al. 2016, AdaIN (Huang and Belongie 2017)
#
#     Gram matrix:  Fᵀ F / positions
#     AdaIN:        σ(style) (x - μ(x)) / √(var(x) + 10⁻⁵) + μ(style)

# %%
from keras_gans.losses import style as style_losses

line(style_losses.gram, "return")
rows = values.reshape(2, 9, 8)
same(style_losses.gram(values), np.einsum("bpi,bpj->bij", rows, rows) / 9, 1e-4)

code(kg.layers.AdaptiveInstanceNormalization.call)
other = random.normal(2, 3, (2, 5, 5, 8)).astype(np.float32)
from keras_gans.layers.adaptive_instance_normalization import style_statistics

ours = kg.layers.AdaptiveInstanceNormalization()(values, style_statistics(other))
mean, variance = values.mean((1, 2), keepdims=True), values.var((1, 2), keepdims=True)
whitened = (values - mean) / np.sqrt(variance + 1e-5)
same(ours, other.std((1, 2), keepdims=True) * whitened + other.mean((1, 2), keepdims=True), 1e-4)

# %% [markdown]
# ## The objectives at work
#
# Eight clusters on a ring: where a generator drops one, it is seen at once. The same small networks with five objectives; grey are
# the real points, red the generated ones. (Few steps and no search for settings: a picture of how they move, not a ranking.)

# %%
FAMILIES = {
    "GAN": dict(loss="non_saturating"),
    "WGAN-GP": dict(loss="wasserstein", penalties=["wgan_gp:weight=0.1"], n_critic=5),
    "LSGAN": dict(loss="least_squares"),
    "DRAGAN": dict(loss="non_saturating", penalties=["dragan:weight=1"]),
    "R3GAN": dict(loss="relativistic_paired", penalties=["r1:weight=0.1", "r2:weight=0.1"]),
}
steps = 20 if SHORT else 2000
modes = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], 1)


def drawn(points, side=180, reach=1.6):
    """Draws points over the ring's eight modes."""
    picture = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(picture)
    for x, y, radius, color in [(*mode, 6, "#bbbbbb") for mode in modes] + [(*point, 1, "#c02020") for point in points]:
        x, y = (side / 2 * (1 + value / reach) for value in (x, -y))
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color)
    return picture


panels, found = [], {}
for name, arguments in FAMILIES.items():
    keras.utils.set_random_seed(1)
    game = kg.games.GAN(kg.networks.PointsGenerator(), kg.networks.PointsDiscriminator(), ema_kimg=5, **arguments)
    game.compile("adam:learning_rate=1e-3,beta_1=0.5,beta_2=0.9")
    batch = 128 * arguments.get("n_critic", 1)
    ring = kg.data.open("embedded:ring8", batch_size=batch)
    game.fit(ring.repeat(), steps_per_epoch=steps, epochs=1, verbose=0)
    points = game.predict(game.draw_latent(1000, seed=0), verbose=0)
    nearest = np.linalg.norm(points[:, None] - modes, axis=2)
    close = nearest.min(1) < 0.1
    found[name] = len(set(nearest[close].argmin(1)))
    print(f"{name:8} {found[name]} of 8 modes, {100 * close.mean():.0f} % of the points within 0.1 of one", flush=True)
    panels.append(drawn(points[:500]))
assert np.isfinite(points).all() and (SHORT or max(found.values()) == 8)
sheet = Image.new("RGB", (180 * len(panels), 180))
for index, panel in enumerate(panels):
    sheet.paste(panel, (180 * index, 0))
sheet

# %% [markdown]
# From left to right in the order of the list. Every family is a recipe: `keras-gans recipes` lists them, `keras-gans train
# --recipe=NAME` trains it, and the recipe's header names the paper, what differs from it, and how it was checked.
