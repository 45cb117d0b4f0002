"""Whole steps of the games that make images from noise, beside the same steps written in PyTorch.

The second implementations follow the papers and the published code, not ours: losses, penalties and schedules are written
out here once more. Networks are tiny, with every kind of layer that the recipe has.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import whole_step

from keras_gans.curves import Clock
from keras_gans.games.gan import GAN
from keras_gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from keras_gans.optimizers import Following
from keras_gans.registry import LOSSES, PENALTIES

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


def of_dcgan(loss, norm="inner", width=8, rate=0.1, **kwargs):
    """Our game with DCGAN's networks, and PyTorch's modules of the same shapes.

    Without batch norm the discriminator's kernels are five times as large as at the start, so that its slopes matter.
    """
    game = GAN(DCGANGenerator(16, 1, 4, width), DCGANDiscriminator(16, 1, width, norm=norm), LOSSES.create(loss), **kwargs)
    if norm == "none":
        game.discriminator.set_weights([5 * weight for weight in game.discriminator.get_weights()])
    return compiled(game, rate), {"generator": Generator(width=width), "discriminator": Discriminator(width, norm)}


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


class LSGANStep(whole_step.Second):
    """Equation 9: halves of squares around 0 and 1."""

    def step(self, real, draws):
        fake = self.generator(draws.latents[0])
        d_loss = ((self.discriminator(real) - 1) ** 2).mean() / 2 + (self.discriminator(fake.detach()) ** 2).mean() / 2
        self.descend("discriminator", d_loss)
        g_loss = ((self.discriminator(fake) - 1) ** 2).mean() / 2
        self.descend("generator", g_loss)
        self.average("ema", 0.0)
        return {"discriminator_loss": d_loss, "generator_loss": g_loss}


def test_lsgan():
    game, modules = of_dcgan("least_squares:a=0,b=1,c=1", latent="uniform", ema_kimg=0.0, seed=1)
    assert whole_step.compare(game, LSGANStep(game, modules, 0.1), [images(seed=0), images(seed=1)]) < 1e-5


class WGANStep(whole_step.Second):
    """Algorithm 1, the weights clipped before each of two critic turns as in the authors' loop; fresh fakes for G."""

    limit = 0.05

    def step(self, real, draws):
        for turn in range(2):
            with torch.no_grad():
                for weight in self.discriminator.parameters():
                    weight.clamp_(-self.limit, self.limit)
            fake = self.generator(draws.latents[turn]).detach()
            d_loss = (
                -self.discriminator(real[turn::2]).mean() + self.discriminator(fake).mean()
            )  # batch norm sees reals first
            self.descend("discriminator", d_loss)
        g_loss = -self.discriminator(self.generator(draws.latents[2])).mean()
        self.descend("generator", g_loss)
        self.average("ema", 0.0)
        return {"discriminator_loss": d_loss, "generator_loss": g_loss}


def test_wgan():
    clipping = [PENALTIES.create("weight_clipping:limit=0.05")]
    game, modules = of_dcgan(
        "wasserstein", n_critic=2, penalties=clipping, share_fakes=False, ema_kimg=0.0, rate=0.02, seed=1
    )
    second = WGANStep(game, modules, 0.02)
    assert whole_step.compare(game, second, [images(16, seed=0), images(16, seed=1)]) < 1e-5


class PenalizedStep(whole_step.Second):
    """Two critic turns with a penalty of weight 10 on (|grad D| - 1)^2 between two batches, then G on the last fakes."""

    def between(self, real, fake, draws):
        raise NotImplementedError

    def losses(self, real_logits, fake_logits):
        raise NotImplementedError

    def step(self, real, draws):
        for turn in range(2):
            x, fake = real[turn::2], self.generator(draws.latents[turn])
            there = self.between(x, fake.detach(), draws).requires_grad_(True)
            (slope,) = torch.autograd.grad(self.discriminator(there).sum(), there, create_graph=True)
            penalty = 10 * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
            loss, _ = self.losses(self.discriminator(x), self.discriminator(fake.detach()))
            self.descend("discriminator", loss + penalty)
        _, g_loss = self.losses(None, self.discriminator(fake))
        self.descend("generator", g_loss)
        self.average("ema", 0.0)
        return {"discriminator_loss": loss, "penalty": penalty, "generator_loss": g_loss}


class WGANGPStep(PenalizedStep):
    """Gulrajani et al. 2017, algorithm 1."""

    def between(self, real, fake, draws):
        return real + draws.uniforms.pop(0) * (fake - real)  # alpha [n, 1, 1, 1]

    def losses(self, real_logits, fake_logits):
        return None if real_logits is None else fake_logits.mean() - real_logits.mean(), -fake_logits.mean()


class DRAGANStep(PenalizedStep):
    """The authors' notebook: positive noise of half the batch's deviation, then a point on the way there."""

    def between(self, real, fake, draws):
        noise, alpha = draws.uniforms.pop(0), draws.uniforms.pop(0)
        return real + alpha * (0.5 * real.std(correction=0) * noise)

    def losses(self, real_logits, fake_logits):
        of_real = 0 if real_logits is None else softplus(-real_logits).mean()
        return of_real + softplus(fake_logits).mean(), softplus(-fake_logits).mean()


@pytest.mark.parametrize(
    "step, loss, penalty",
    [(WGANGPStep, "wasserstein", "wgan_gp:weight=10"), (DRAGANStep, "non_saturating", "dragan:weight=10")],
    ids=["wgan_gp", "dragan"],
)
def test_penalties(step, loss, penalty):
    game, modules = of_dcgan(
        loss, norm="none", n_critic=2, penalties=[PENALTIES.create(penalty)], ema_kimg=0.0, rate=0.01, seed=1
    )
    second = step(game, modules, 0.01)
    assert whole_step.compare(game, second, [images(16, seed=0), images(16, seed=1)]) < 2e-5


class R3GANStep(whole_step.Second):
    """`Trainer.py` and `training_loop.py` of the authors: images of its own for each player, all of five schedules moving.

    The networks are DCGAN's without norm in D; R3GAN's own are compared in tests/networks.
    """

    seen = 0

    def now(self, base, final):
        """`cosine_decay_with_warmup`, over 32 images."""
        decay = 0.5 * (1 + np.cos(np.pi * min(self.seen / 32, 1)))
        return base + (1 - decay) * (final - base)

    def penalty(self, images):
        images = images.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self.discriminator(images).sum(), images, create_graph=True)
        return slope.square().sum((1, 2, 3))

    def step(self, real, draws):
        self.rates = dict.fromkeys(self.rates, self.now(0.1, 0.02))
        real, real_of_g = real[0::2], real[1::2]
        fake = self.generator(draws.latents[0]).detach()
        d_loss = softplus(self.discriminator(fake) - self.discriminator(real)).mean()
        penalty = (self.now(2.0, 0.2) / 2 * (self.penalty(real) + self.penalty(fake))).mean()
        self.descend("discriminator", d_loss + penalty)
        fake = self.generator(draws.latents[1])
        g_loss = softplus(self.discriminator(real_of_g) - self.discriminator(fake)).mean()
        self.descend("generator", g_loss)
        self.average("ema", 0.5 ** (8 / max(1000 * self.now(0, 0.05), 1e-8)))
        self.seen += 8
        return {"discriminator_loss": d_loss, "penalty": penalty, "generator_loss": g_loss}


def test_r3gan():
    """Three steps, the second and third after the schedules have moved."""
    clock = Clock(1, batch_size=8)
    weights = [PENALTIES.create(f"{name}:weight=cosine(2,0.2,until=0.032)", clock=clock) for name in ("r1", "r2")]
    game, modules = of_dcgan(
        "relativistic_paired",
        norm="none",
        penalties=weights,
        share_fakes=False,
        share_reals=False,
        ema_kimg=clock.curve("ema_kimg", "cosine(0,0.05,until=0.032)"),
        seed=1,
    )
    game.follow(clock)
    rate = Following(clock.curve("learning_rate", "cosine(0.1,0.02,until=0.032)"))
    game.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    second = R3GANStep(game, modules, 0.1)
    assert whole_step.compare(game, second, [images(16, seed=seed) for seed in range(3)]) < 2e-5
