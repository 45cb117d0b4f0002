"""Whole steps of SNGAN, SAGAN, the projection discriminator, AC-GAN and BEGAN, beside the same steps in PyTorch.

See test_whole_steps.py. Spectral norms are power iterations written out: u and v are compared too.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import whole_step

from keras_gans.games.acgan import ACGAN
from keras_gans.games.began import BEGAN
from keras_gans.games.gan import GAN
from keras_gans.registry import DISCRIMINATORS, GENERATORS

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.parity
CLASSES = 3


def batch(seed, count=4, size=32, labelled=False):
    numbers = np.random.default_rng(seed)
    images = tf.constant(numbers.uniform(-1, 1, (count, size, size, 1)), tf.float32)
    return (images, tf.constant(numbers.integers(0, CLASSES, count), tf.int32)) if labelled else images


def compiled(game, rate):
    game.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return game


def networks(generator, discriminator, seed=1, stronger=1.0, **kwargs):
    """Both networks, with biases and gammas that are all different; the discriminator's weights times `stronger`."""
    keras.utils.set_random_seed(seed)
    both = (
        GENERATORS.create(generator, image_size=32, channels=1, latent_dim=4, **kwargs),
        DISCRIMINATORS.create(discriminator, image_size=32, channels=1, **kwargs),
    )
    numbers = np.random.default_rng(seed)
    for network, factor in zip(both, (1.0, stronger)):
        for weight in network.trainable_weights:
            noise = numbers.normal(0, 0.2, weight.shape) if np.ptp(weight) == 0 else 0.0
            weight.assign(factor * (weight + noise))
    return both


# --- spectral normalization -----------------------------------------------------------------------------------------


class Spectral(nn.Module):
    """A kernel or table divided by u' W v (Miyato et al. 2018, algorithm 1); `iterate` moves u and v once."""

    def __init__(self, *shape, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u", torch.zeros(shape[0]))
        self.register_buffer("v", torch.zeros(int(np.prod(shape[1:]))))

    def matrix(self):
        """[outputs, everything else], in the order that Keras's kernels have it: rows and columns, then channels."""
        return self.weight.permute(0, 2, 3, 1).flatten(1) if self.weight.ndim == 4 else self.weight

    @torch.no_grad()
    def iterate(self):
        v = F.normalize(self.matrix().T @ self.u, dim=0)
        self.v.copy_(v)
        self.u.copy_(F.normalize(self.matrix() @ v, dim=0))

    def normalised(self):
        return self.weight / (self.u @ self.matrix() @ self.v)

    def forward(self, x):
        if self.weight.ndim == 2:
            return F.linear(x, self.normalised(), self.bias)
        return F.conv2d(x, self.normalised(), self.bias, padding=self.weight.shape[2] // 2)


class Table(Spectral):
    """An embedding, [classes, features]; its matrix lies the other way round, as that of Keras's kernels does."""

    def __init__(self, classes, features):
        super().__init__(classes, features, bias=False)
        self.register_buffer("u", torch.zeros(features))
        self.register_buffer("v", torch.zeros(classes))

    def matrix(self):
        return self.weight.T

    def normalised(self):
        return self.weight / (self.u @ self.matrix() @ self.v)

    def forward(self, labels):
        return self.normalised()[labels]


def iterate(module):
    for part in module.modules():
        if isinstance(part, Spectral):
            part.iterate()


class Conditional(whole_step.BatchNorm2d):
    """Batch norm with a scale and an offset for every class."""

    def __init__(self, channels, eps):
        super().__init__(channels, eps=eps, affine=False)
        self.gammas, self.betas = (nn.Parameter(torch.zeros(CLASSES, channels)) for _ in range(2))

    def forward(self, x, labels):
        gammas, betas = (table[labels][:, :, None, None] for table in (self.gammas, self.betas))
        return gammas * super().forward(x) + betas


class Attention(nn.Module):
    """`non_local.py`: an eighth of the channels to compare, half to carry, places of 2x2."""

    def __init__(self, channels):
        super().__init__()
        self.theta, self.phi = (Spectral(channels // 8, channels, 1, 1, bias=False) for _ in range(2))
        self.g = Spectral(channels // 2, channels, 1, 1, bias=False)
        self.o = Spectral(channels, channels // 2, 1, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        queries = self.theta(x).flatten(2).transpose(1, 2)
        keys, values = F.max_pool2d(self.phi(x), 2).flatten(2), F.max_pool2d(self.g(x), 2).flatten(2)
        shares = F.softmax(queries @ keys, dim=-1)
        mixed = (values @ shares.transpose(1, 2)).reshape(len(x), -1, *x.shape[2:])
        return x + self.gamma * self.o(mixed)


class ResNetGenerator(nn.Module):
    """`ResNetGenerator` at 32x32: three blocks that double."""

    def __init__(self, width, latent_dim=4, conv=None, attention=None, conditional=False, eps=2e-5):
        super().__init__()
        conv = conv or (lambda *shape: nn.Conv2d(shape[1], shape[0], shape[2], padding="same"))
        self.project = nn.Linear(latent_dim, 16 * width) if not attention else Spectral(16 * width, latent_dim)
        for size in (8, 16, 32):
            for index in (0, 1):
                norm = Conditional(width, eps) if conditional else whole_step.BatchNorm2d(width, eps=eps)
                self.add_module(f"block_{size}_norm_{index}", norm)
                self.add_module(f"block_{size}_conv_{index}", conv(width, width, 3, 3))
            self.add_module(f"block_{size}_shortcut", conv(width, width, 1, 1))
        self.norm, self.to_image = whole_step.BatchNorm2d(width, eps=eps), conv(1, width, 3, 3)
        self.attention, self.attended = Attention(width) if attention else None, attention

    def forward(self, z, labels=None):
        labels = () if labels is None else (labels,)
        parts = dict(self.named_children())
        x = self.project(z).reshape(len(z), 4, 4, -1).permute(0, 3, 1, 2)
        for size in (8, 16, 32):
            part = {name[len(f"block_{size}_") :]: layer for name, layer in parts.items() if f"block_{size}_" in name}
            y = F.interpolate(F.relu(part["norm_0"](x, *labels)), scale_factor=2)
            y = part["conv_1"](F.relu(part["norm_1"](part["conv_0"](y), *labels)))
            x = y + part["shortcut"](F.interpolate(x, scale_factor=2))
            if size == self.attended:
                x = self.attention(x)
        return torch.tanh(self.to_image(F.relu(self.norm(x))))


class ResNetDiscriminator(nn.Module):
    """`SNResNetProjectionDiscriminator` at 32x32: two blocks that halve, two that do not."""

    def __init__(self, width, attention=None, conditional=False, bias=False):
        super().__init__()
        for index, size in enumerate((16, 8, 8, 8)):
            inputs = width if index else 1
            self.add_module(f"block_{index}_{size}_conv_0", Spectral(width, inputs, 3, 3))
            self.add_module(f"block_{index}_{size}_conv_1", Spectral(width, width, 3, 3))
            if index < 2:
                self.add_module(f"block_{index}_{size}_shortcut", Spectral(width, inputs, 1, 1))
        self.attention, self.attended = Attention(width) if attention else None, attention
        self.logits = Spectral(1, width, bias=bias)
        self.embedding = Table(CLASSES, width) if conditional else None

    def forward(self, x, labels=None):
        parts = dict(self.named_children())
        for index, size in enumerate((16, 8, 8, 8)):
            block = f"block_{index}_{size}"
            y = parts[f"{block}_conv_1"](F.relu(parts[f"{block}_conv_0"](F.relu(x) if index else x)))
            x = F.avg_pool2d(parts[f"{block}_shortcut"](x) + y, 2) if index < 2 else x + y
            if self.attention and size == self.attended and index < 2:
                x = self.attention(x)
        features = F.relu(x).sum((2, 3))
        logits = self.logits(features)
        return logits if labels is None else logits + (self.embedding(labels) * features).sum(1, keepdim=True)


NAMES = {"embedding/embeddings": ("embedding.weight", (0, 1)), "attention/gamma": "attention.gamma"}
for name in ("theta", "phi", "g", "o"):
    NAMES |= {
        f"{name}/{ours}": f"attention.{name}.{theirs}" for ours, theirs in zip(("kernel", "u", "v"), ("weight", "u", "v"))
    }
for name in [f"block_{size}_norm_{index}" for size in (8, 16, 32) for index in (0, 1)]:
    NAMES |= {f"{name}/{table}": (f"{name}.{table}", (0, 1)) for table in ("gammas", "betas")}


class HingeStep(whole_step.Second):
    """Discriminator turns on the hinge loss, each after one power iteration, then the generator's with the last fakes."""

    names = NAMES
    turns, drawn = 1, False

    def step(self, real, *rest):
        labels, draws = rest if len(rest) == 2 else (None, rest[0])
        for turn in range(self.turns):
            rows = slice(turn, None, self.turns)
            of_real = of_fake = ()
            if labels is not None:
                of_real = (labels[rows],)
                of_fake = (draws.integers.pop(0),) if self.drawn else of_real
            iterate(self.generator)
            fake = self.generator(draws.latents[turn], *of_fake)
            iterate(self.discriminator)
            d_loss = F.relu(1 - self.discriminator(real[rows], *of_real)).mean()
            d_loss = d_loss + F.relu(1 + self.discriminator(fake.detach(), *of_fake)).mean()
            self.descend("discriminator", d_loss)
        g_loss = -self.discriminator(fake, *of_fake).mean()
        self.descend("generator", g_loss)
        self.average("ema", 0.5 ** (4 / 8))
        return {"discriminator_loss": d_loss, "generator_loss": g_loss}


AVERAGE = {"ema_kimg": 0.008, "ema_rampup": 10.0, "seed": 1}


def test_sngan():
    """Two discriminator turns a step."""
    game = compiled(GAN(*networks("sngan:width=8", "sngan:width=8", stronger=2.0), "hinge", n_critic=2, **AVERAGE), 0.02)
    second = HingeStep(game, {"generator": ResNetGenerator(8), "discriminator": ResNetDiscriminator(8)}, 0.02)
    second.turns = 2
    assert whole_step.compare(game, second, [batch(seed, 8) for seed in range(2)], floor=1e-2) < 1e-4


def test_projection():
    """Labels of fakes are drawn; two discriminator turns a step."""
    both = networks("sngan:width=8", "sngan:width=8", num_classes=CLASSES, stronger=2.0)
    game = compiled(GAN(*both, "hinge", n_critic=2, draw_labels=True, **AVERAGE), 0.02)
    modules = {"generator": ResNetGenerator(8, conditional=True), "discriminator": ResNetDiscriminator(8, conditional=True)}
    second = HingeStep(game, modules, 0.02)
    second.turns, second.drawn = 2, True
    assert whole_step.compare(game, second, [batch(seed, 8, labelled=True) for seed in range(2)], floor=1e-2) < 1e-4


def test_sagan():
    """Spectral norms and attention in both players, labels of fakes drawn, two learning rates."""
    both = networks("sagan:width=8", "sagan:width=8", num_classes=CLASSES)
    game = GAN(*both, "hinge", draw_labels=True, **AVERAGE)
    game.compile(generator_optimizer=keras.optimizers.SGD(0.01), discriminator_optimizer=keras.optimizers.SGD(0.04))
    modules = {
        "generator": ResNetGenerator(8, conv=Spectral, attention=16, conditional=True, eps=1e-5),
        "discriminator": ResNetDiscriminator(8, attention=16, conditional=True, bias=True),
    }
    second = HingeStep(game, modules, {"generator": 0.01, "discriminator": 0.04})
    second.drawn = True
    assert whole_step.compare(game, second, [batch(seed, 4, labelled=True) for seed in range(2)], floor=1e-2) < 1e-4


# --- AC-GAN ---------------------------------------------------------------------------------------------------------


class ACGANGenerator(nn.Module):
    """Table 2 of the paper at 32x32; 5x5 kernels that double, as TensorFlow's "same" has them."""

    def __init__(self, width, latent_dim=4):
        super().__init__()
        self.project = nn.Linear(latent_dim + CLASSES, 16 * 4 * width)
        for size, inputs, outputs in ((8, 4, 2), (16, 2, 1), (32, 1, None)):
            filters = outputs * width if outputs else 1
            self.add_module(f"up_{size}", nn.ConvTranspose2d(inputs * width, filters, 5, 2, 1, bias=not outputs))
        self.norm_8, self.norm_16 = whole_step.BatchNorm2d(2 * width), whole_step.BatchNorm2d(width)

    def forward(self, z, labels):
        x = F.relu(self.project(torch.cat([z, F.one_hot(labels, CLASSES)], 1)))
        x = x.reshape(len(z), 4, 4, -1).permute(0, 3, 1, 2)
        x = F.relu(self.norm_8(self.up_8(x)[:, :, :8, :8]))
        x = F.relu(self.norm_16(self.up_16(x)[:, :, :16, :16]))
        return torch.tanh(self.up_32(x)[:, :, :32, :32])


class ACGANDiscriminator(nn.Module):
    """Table 2: six 3x3 convolutions, without dropout here."""

    def __init__(self, width):
        super().__init__()
        for index in range(6):
            inputs = width << (index - 1) if index else 1
            self.add_module(f"conv_{index}", nn.Conv2d(inputs, width << index, 3, 2 - index % 2, bias=not index))
            if index:
                self.add_module(f"norm_{index}", whole_step.BatchNorm2d(width << index))
        self.logits, self.class_logits = nn.Linear(512 * width, 1), nn.Linear(512 * width, CLASSES)

    def forward(self, x):
        parts = dict(self.named_children())
        for index in range(6):
            # "same" with stride 2 and an even side: a pixel more at the end than at the start
            x = parts[f"conv_{index}"](F.pad(x, (index % 2, 1) * 2))
            x = F.leaky_relu(parts[f"norm_{index}"](x) if index else x, 0.2)
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self.logits(x), self.class_logits(x)


class ACGANStep(whole_step.Second):
    """L_C - L_S for G, L_S + L_C for D (section 3), with G's non-saturating side; labels of fakes are drawn."""

    def step(self, real, labels, draws):
        drawn = draws.integers[0]
        fake = self.generator(draws.latents[0], drawn)
        source, named = self.discriminator(real)
        fake_source, fake_named = self.discriminator(fake.detach())
        d_loss = F.softplus(-source).mean() + F.softplus(fake_source).mean()
        of_real, of_fake = F.cross_entropy(named, labels), F.cross_entropy(fake_named, drawn)
        self.descend("discriminator", d_loss + of_real + of_fake)
        source, named = self.discriminator(fake)
        g_loss = F.softplus(-source).mean()
        self.descend("generator", g_loss + F.cross_entropy(named, drawn))
        self.average("ema", 0.5 ** (4 / 8))
        return {
            "discriminator_loss": d_loss,
            "real_class_loss": of_real,
            "fake_class_loss": of_fake,
            "generator_loss": g_loss,
        }


def test_acgan():
    """At a rate of 0.1 the second step is chaotic: rounding that differs by processor moves weights by up to a quarter."""
    both = networks("acgan:width=4", "acgan:width=2,dropout=0", num_classes=CLASSES)
    game = compiled(ACGAN(*both, "non_saturating", draw_labels=True, **AVERAGE), 0.01)
    second = ACGANStep(game, {"generator": ACGANGenerator(4), "discriminator": ACGANDiscriminator(2)}, 0.01)
    assert whole_step.compare(game, second, [batch(seed, labelled=True) for seed in range(2)]) < 1e-4


# --- BEGAN ----------------------------------------------------------------------------------------------------------


class Decoder(nn.Module):
    """`GeneratorCNN`: two ELU convolutions at 8x8, 16x16 and 32x32."""

    def __init__(self, width, latent_dim):
        super().__init__()
        self.decoder_project = nn.Linear(latent_dim, 64 * width)
        self.stages = [f"decoder_{size}" for size in (8, 16, 32)]
        for name in self.stages:
            for index in (0, 1):
                self.add_module(f"{name}_{index}", nn.Conv2d(width, width, 3, padding=1))
        self.decoder_image = nn.Conv2d(width, 1, 3, padding=1)

    def decode(self, code):
        parts = dict(self.named_children())
        x = self.decoder_project(code).reshape(len(code), 8, 8, -1).permute(0, 3, 1, 2)
        for name in self.stages:
            x = F.interpolate(x, scale_factor=2) if name != self.stages[0] else x
            x = F.elu(parts[f"{name}_1"](F.elu(parts[f"{name}_0"](x))))
        return self.decoder_image(x)

    forward = decode


class Autoencoder(Decoder):
    """`DiscriminatorCNN`: n, 2n, 3n channels down to 8x8, the code, the decoder."""

    def __init__(self, width, code_dim):
        super().__init__(width, code_dim)
        self.encoder_image = nn.Conv2d(1, width, 3, padding=1)
        filters = width
        for stage, size in enumerate((32, 16, 8), start=1):
            for index in (0, 1):
                self.add_module(f"encoder_{size}_{index}", nn.Conv2d(filters, stage * width, 3, padding=1))
                filters = stage * width
            if size > 8:
                self.add_module(f"encoder_{size}_down", nn.Conv2d(filters, filters, 3, 2))
        self.code = nn.Linear(64 * filters, code_dim)

    def forward(self, image):
        parts, x = dict(self.named_children()), F.elu(self.encoder_image(image))
        for size in (32, 16, 8):
            x = F.elu(parts[f"encoder_{size}_1"](F.elu(parts[f"encoder_{size}_0"](x))))
            if size > 8:
                x = F.elu(parts[f"encoder_{size}_down"](F.pad(x, (0, 1, 0, 1))))
        return self.decode(self.code(x.permute(0, 2, 3, 1).flatten(1)))


class BEGANStep(whole_step.Second):
    """Section 3.4: L(x) - k L(G(z)), L(G(z)), then k; L1 as the code has it."""

    k, gamma, gain = 0.0, 0.9, 0.4

    def errors(self, images):
        return (self.discriminator(images) - images).abs().mean()

    def step(self, real, draws):
        fake = self.generator(draws.latents[0])
        of_real = self.errors(real)
        d_loss = of_real - self.k * self.errors(fake.detach())
        self.descend("discriminator", d_loss)
        g_loss = self.errors(fake)
        self.descend("generator", g_loss)
        balance = float((self.gamma * of_real - g_loss).detach())
        self.k = min(max(self.k + self.gain * balance, 0.0), 1.0)
        self.average("ema", 0.5 ** (4 / 8))
        return {
            "discriminator_loss": d_loss,
            "generator_loss": g_loss,
            "k": self.k,
            "real_error": of_real,
            "convergence": of_real + abs(balance),
        }


def test_began():
    """Three steps; k leaves zero after the second."""
    game = compiled(BEGAN(*networks("began:width=4", "began:width=4,code_dim=5"), gamma=0.9, lambda_k=0.4, **AVERAGE), 0.1)
    second = BEGANStep(game, {"generator": Decoder(4, 4), "discriminator": Autoencoder(4, 5)}, 0.1)
    assert whole_step.compare(game, second, [batch(seed) for seed in range(3)]) < 1e-4
    assert 0 < second.k < 1
