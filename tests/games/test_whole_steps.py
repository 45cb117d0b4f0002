"""Whole steps of the games that make images from noise, beside the same steps written in PyTorch.

The second implementations follow the papers and the published code, not ours: losses, penalties and schedules are written
out here once more. Networks are tiny, with every kind of layer that the recipe has.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import whole_step

from keras_gans.games.gan import GAN
from keras_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from keras_gans.registry import LOSSES

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
from torch import nn  # noqa: E402
from torch.nn.functional import leaky_relu, relu, softplus  # noqa: E402

pytestmark = pytest.mark.parity


def images(count=8, size=16, channels=1, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, (count, size, size, channels)), tf.float32)


def compiled(game, rate=0.1):
    game.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return game


class Generator(nn.Module):
    """DCGAN's at 16x16."""

    def __init__(self, latent_dim=4, width=8):
        super().__init__()
        self.project = nn.Linear(latent_dim, 16 * 2 * width, bias=False)
        self.norm_4, self.norm_8 = whole_step.BatchNorm2d(2 * width), whole_step.BatchNorm2d(width)
        self.up_8 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False)
        self.up_16 = nn.ConvTranspose2d(width, 1, 4, 2, 1, bias=False)

    def forward(self, z):
        x = self.project(z).reshape(len(z), 4, 4, -1).permute(0, 3, 1, 2)
        x = relu(self.norm_8(self.up_8(relu(self.norm_4(x)))))
        return torch.tanh(self.up_16(x))


class Discriminator(nn.Module):
    """DCGAN's at 16x16."""

    def __init__(self, width=8, norm="inner"):
        super().__init__()
        self.down_8 = nn.Conv2d(1, width, 4, 2, 1, bias=False)
        self.down_4 = nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False)
        self.norm_8 = whole_step.BatchNorm2d(width) if norm == "all" else nn.Identity()
        self.norm_4 = nn.Identity()
        if norm != "none":
            self.norm_4 = whole_step.BatchNorm2d(2 * width)
        self.score = nn.Conv2d(2 * width, 1, 4, bias=False)

    def forward(self, x):
        x = leaky_relu(self.norm_8(self.down_8(x)), 0.2)
        x = leaky_relu(self.norm_4(self.down_4(x)), 0.2)
        return self.score(x).flatten(1)


def of_dcgan(loss, norm="inner", width=8, **kwargs):
    """Our game with DCGAN's networks, and PyTorch's modules of the same shapes."""
    game = compiled(
        GAN(DCGANGenerator(16, 1, 4, width), DCGANDiscriminator(16, 1, width, norm=norm), LOSSES.create(loss), **kwargs)
    )
    return game, {"generator": Generator(width=width), "discriminator": Discriminator(width, norm)}


class DCGANStep(whole_step.Second):
    """D on a batch of reals and, apart from it, one of fakes; then G with the same latents and the moved D."""

    keep = None

    def step(self, real, draws):
        fake = self.generator(draws.latents[0])
        d_loss = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(fake.detach())).mean()
        self.descend("discriminator", d_loss)
        g_loss = softplus(-self.discriminator(fake)).mean()
        self.descend("generator", g_loss)
        self.average("ema", self.keep)
        return {"discriminator_loss": d_loss, "generator_loss": g_loss}


def test_dcgan():
    game, modules = of_dcgan("non_saturating", latent="uniform", ema_kimg=0.016, ema_rampup=10.0, seed=1)
    second = DCGANStep(game, modules, 0.1)
    second.keep = 0.5 ** (8 / 16)
    assert whole_step.compare(game, second, [images(seed=0), images(seed=1)]) < 1e-5


def test_dcgan_textbook():
    """Batch norm behind the discriminator's first layer too."""
    game, modules = of_dcgan("non_saturating", norm="all", ema_kimg=0.016, ema_rampup=10.0, seed=1)
    second = DCGANStep(game, modules, 0.1)
    second.keep = 0.5 ** (8 / 16)
    assert whole_step.compare(game, second, [images(seed=0), images(seed=1)]) < 1e-5
