"""Whole steps of BigGAN beside the same steps in PyTorch; see test_whole_steps.py."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import whole_step

from keras_gans.games.gan import GAN
from keras_gans.networks.biggan import BigGANDiscriminator, BigGANGenerator

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
import torch_biggan as theirs  # noqa: E402
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.parity
STRENGTH = 0.003  # of the orthogonal regularization


def _names():
    """Layer/weight of ours -> the parameter of theirs, at 32 pixels; attention stands behind the second block of both."""
    names = {"shared/embeddings": ("shared.weight", (0, 1)), "attention/gamma": "blocks.1.1.gamma"}
    names |= {"embedding/embeddings": ("embed.weight", (0, 1)), "embedding/u": "embed.v", "embedding/v": "embed.u0"}
    spectral = {"project": "linear", "logits": "linear", "to_image": "output_layer.2"}
    for name in ("theta", "phi", "g", "o"):
        spectral[name] = f"blocks.1.1.{name}"
    for blocks in (("block_8", "block_16", "block_32"), ("block_0_16", "block_1_8", "block_2_8", "block_3_8")):
        for index, block in enumerate(blocks):
            for ours, other in (("conv_0", "conv1"), ("conv_1", "conv2"), ("shortcut", "conv_sc")):
                spectral[f"{block}_{ours}"] = f"blocks.{index}.0.{other}"
            for ours, other in (("norm_0", "bn1"), ("norm_1", "bn2")):
                for statistic, stored in (("moving_mean", "stored_mean"), ("moving_variance", "stored_var")):
                    names[f"{block}_{ours}/{statistic}"] = f"blocks.{index}.0.{other}.{stored}"
                for part in ("gain", "bias"):
                    spectral[f"{block}_{ours}_{part}"] = f"blocks.{index}.0.{other}.{part}"
                    table = f"blocks.{index}.0.{other}.{part}.weight"
                    names[f"{block}_{ours}_{part}/embeddings"] = (table, (0, 1))
    for ours, other in spectral.items():
        names |= {f"{ours}/{weight}": f"{other}.{place}" for weight, place in SPECTRAL.items()}
    own = {"gamma": "gain", "beta": "bias", "moving_mean": "stored_mean", "moving_variance": "stored_var"}
    return names | {f"norm/{weight}": f"output_layer.0.{place}" for weight, place in own.items()}


SPECTRAL = {"kernel": "weight", "bias": "bias", "u": "u0", "v": "v"}


class BigGANStep(whole_step.Second):
    """`train_fns.py`: turns of D on fresh data, latents and classes, then G's on latents and classes of its own."""

    names = _names()
    turns, orthogonal = 1, False

    def tied(self, network):
        for weight, tensor, axes in super().tied(network):
            yield weight, tensor[0] if weight.path.endswith(("/u", "/v")) and tensor.ndim == 2 else tensor, axes

    def step(self, real, labels, draws):
        for turn in range(self.turns):
            rows = slice(turn, None, self.turns)
            drawn = draws.integers.pop(0)
            theirs.iterate(self.generator)
            fake = self.generator(draws.latents.pop(0), drawn).detach()
            theirs.iterate(self.discriminator)
            d_loss = F.relu(1 - self.discriminator(real[rows], labels[rows])).mean()
            d_loss = d_loss + F.relu(1 + self.discriminator(fake, drawn)).mean()
            self.descend("discriminator", d_loss)
        drawn = draws.integers.pop(0)
        theirs.iterate(self.generator)
        g_loss = -self.discriminator(self.generator(draws.latents.pop(0), drawn), drawn).mean()
        self.descend("generator", g_loss + self.regularization())
        self.average("ema", 0.5 ** (4 / 8))
        return {"discriminator_loss": d_loss, "generator_loss": g_loss}

    def regularization(self):
        if not self.orthogonal:
            return 0.0
        matrices = [
            parameter.flatten(1)
            for name, parameter in self.generator.named_parameters()
            if parameter.ndim > 1 and name != "shared.weight"
        ]
        grams = [matrix @ matrix.T for matrix in matrices]
        return STRENGTH / 2 * sum(((gram - torch.diag(gram.diag())) ** 2).sum() for gram in grams)


def play(of_g, of_d, turns, penalties=()):
    keras.utils.set_random_seed(1)
    generator = BigGANGenerator(channels=1, num_classes=3, width=2, **theirs.ours(of_g))
    discriminator = BigGANDiscriminator(channels=1, num_classes=3, width=2, **theirs.ours(of_d))
    numbers = np.random.default_rng(1)
    for network in (generator, discriminator):
        for weight in network.trainable_weights:
            # Kernels of a size that a step of SGD does not overthrow, and no weight that stands at 0 or 1.
            noise = numbers.normal(0, 0.2, weight.shape) if np.ptp(weight) == 0 else 0.0
            weight.assign((20 if len(weight.shape) > 1 else 1) * weight + noise)
    game = GAN(
        *(generator, discriminator, "hinge"),
        penalties=penalties,
        n_critic=turns,
        share_fakes=False,
        draw_labels=True,
        ema_kimg=0.008,
        ema_rampup=10.0,
        seed=1,
    )
    game.compile(generator_optimizer=keras.optimizers.SGD(0.01), discriminator_optimizer=keras.optimizers.SGD(0.002))
    rates = {"generator": 0.01, "discriminator": 0.002}
    modules = {
        "generator": theirs.Generator(channels=1, rows_first=True, **of_g),
        "discriminator": theirs.Discriminator(channels=1, **of_d),
    }
    second = BigGANStep(game, modules, rates)
    second.turns, second.orthogonal = turns, bool(penalties)
    batches = []
    for _ in range(2):
        images = tf.constant(numbers.uniform(-1, 1, (4 * turns, 32, 32, 1)), tf.float32)
        batches.append((images, tf.constant(numbers.integers(0, 3, 4 * turns), tf.int32)))
    return whole_step.compare(game, second, batches, floor=1e-2)


def test_cifar():
    """Two discriminator turns a step, each norm with tables of the classes."""
    assert play({"latent": 4}, {}, turns=2) < 1e-4


def test_imagenet():
    """Hierarchical latents, shared embedding, attention in both players, orthogonal regularization of the generator."""
    of_g, of_d = {"latent": 8, **theirs.IMAGENET}, {"attention": 8}
    assert play(of_g, of_d, turns=1, penalties=[f"orthogonal:weight={STRENGTH}"]) < 1e-4
