"""Whole steps of StyleGAN2-ADA, ProGAN and StyleGAN, beside the same steps written in PyTorch; see test_whole_steps.py."""

import math

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
import whole_step

from keras_gans.trained import recipes

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.parity
ROOT = math.sqrt(2)


def built(size=8, **flags):
    """A game with plain SGD whose biases and strengths of noise are not zero any more."""
    keras.utils.set_random_seed(1)
    game = recipes.build_game(
        run_cases.recipe(**{"optimizer": "sgd", "learning_rate": 0.01, "latent_dim": 5, "batch_size": 8} | flags),
        (size, size, 3),
        0,
    )
    game.ema_rampup = 0.5
    numbers = np.random.default_rng(2)
    for network in (game.generator, game.discriminator):
        for weight in network.trainable_weights:
            if np.ptp(weight) == 0:
                weight.assign(weight + numbers.normal(0, 0.3, weight.shape))
    return game


def images(seed, size=8, count=8):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, (count, size, size, 3)), tf.float32)


class Equalized(nn.Module):
    """A convolution or dense layer whose weights are scaled by He's constant where they act."""

    def __init__(self, outputs, inputs, kernel=0, gain=1.0, lr=1.0, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, *[kernel] * (2 if kernel else 0)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.lr = gain * lr / math.sqrt(inputs * max(kernel, 1) ** 2), lr

    def forward(self, x, weight=None, **kwargs):
        weight = self.weight * self.scale if weight is None else weight
        x = F.linear(x, weight) if weight.ndim == 2 else F.conv2d(x, weight, **kwargs)
        return x if self.bias is None else x + (self.bias * self.lr).reshape(1, -1, *[1] * (x.ndim - 2))


def filtered(x, taps=(1, 3, 3, 1), up=1, down=1, pad=(0, 0)):
    """`upfirdn2d`: zeros between, zeros around, the filter, every `down`-th pixel."""
    n, c, h, w = x.shape
    if up > 1:
        x = F.pad(x.reshape(n, c, h, 1, w, 1), (0, up - 1, 0, 0, 0, up - 1)).reshape(n, c, h * up, w * up)
    taps = torch.tensor(taps, dtype=x.dtype) / sum(taps) * up
    x = F.pad(x, (*pad, *pad))
    return F.conv2d(x, (taps[:, None] * taps).expand(c, 1, -1, -1), groups=c)[:, :, ::down, ::down]


def lrelu(x, gain=ROOT):
    return gain * F.leaky_relu(x, 0.2)


def deviations(x, group=4):
    """Appends the mean deviation over groups of images."""
    y = x.reshape(group, -1, *x.shape[1:])
    y = ((y - y.mean(0)).square().mean(0) + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, y.repeat(group).reshape(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])], 1)


def flat(x):
    """Positions before channels, as the weights of a Keras network have it."""
    return x.permute(0, 2, 3, 1).flatten(1)


def second_moment(x):
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Noise(nn.Module):
    def __init__(self, size, strengths=()):
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(strengths))
        self.register_buffer("constant", torch.zeros(size, size, 1))

    def forward(self, x, draws):
        strength = self.strength.reshape(1, -1, 1, 1)
        return x + strength * draws.normal()


# --- StyleGAN2 ------------------------------------------------------------------------------------------------------


class Modulated(nn.Module):
    """`SynthesisLayer` and `ToRGBLayer` of `training/networks.py`: a kernel of its own for each image."""

    def __init__(self, outputs, inputs, w_dim, kernel=3, up=False, size=None):
        super().__init__()
        self.conv = Equalized(outputs, inputs, kernel)
        self.style = Equalized(inputs, w_dim)
        self.noise = Noise(size) if size else None
        self.up = up

    def forward(self, x, w, draws):
        style, weight = self.style(w), self.conv.weight
        if self.noise is None:
            return self.kernels(x, weight[None] * (style * self.conv.scale)[:, None, :, None, None]) + self.bias()
        weight = weight[None] * style[:, None, :, None, None]
        weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        return lrelu(self.noise(self.kernels(x, weight), draws) + self.bias())

    def bias(self):
        return self.conv.bias.reshape(1, -1, 1, 1)

    def kernels(self, x, weights):
        """Each image with its own kernel."""
        if self.up:
            return torch.cat(
                [
                    filtered(F.conv_transpose2d(one[None], kernel.transpose(0, 1), stride=2), pad=(1, 1)) * 4
                    for one, kernel in zip(x, weights)
                ]
            )
        pad = weights.shape[-1] // 2
        return torch.cat([F.conv2d(one[None], kernel, padding=pad) for one, kernel in zip(x, weights)])


class StyleGAN2Generator(nn.Module):
    def __init__(self, latent_dim=5, w_dim=4, width=4):
        super().__init__()
        self.dense_0 = Equalized(w_dim, latent_dim, lr=0.01)
        self.dense_1 = Equalized(w_dim, w_dim, lr=0.01)
        self.start = nn.Parameter(torch.zeros(width, 4, 4))
        self.register_buffer("average", torch.zeros(w_dim))
        self.conv1_4 = Modulated(width, width, w_dim, size=4)
        self.conv0_up_8 = Modulated(width, width, w_dim, size=8, up=True)
        self.conv1_8 = Modulated(width, width, w_dim, size=8)
        self.to_image_4 = Modulated(3, width, w_dim, kernel=1)
        self.to_image_8 = Modulated(3, width, w_dim, kernel=1)

    def mapping(self, z):
        return lrelu(self.dense_1(lrelu(self.dense_0(second_moment(z)))))

    def forward(self, styles, draws):
        w = styles.unbind(1)
        x = self.conv1_4(self.start[None].repeat(len(styles), 1, 1, 1), w[0], draws)
        image = self.to_image_4(x, w[1], draws)
        x = self.conv1_8(self.conv0_up_8(x, w[1], draws), w[2], draws)
        return filtered(image, up=2, pad=(2, 1)) + self.to_image_8(x, w[3], draws)


class StyleGAN2Discriminator(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.from_image_8, self.skip_8 = Equalized(width, 3, 1), Equalized(width, width, 1, bias=False)
        self.conv0_8, self.conv1_down_8 = Equalized(width, width, 3), Equalized(width, width, 3)
        self.conv_4 = Equalized(width, width + 1, 3)
        self.dense, self.score = Equalized(width, 16 * width), Equalized(1, width)

    def forward(self, x):
        x = lrelu(self.from_image_8(x))
        skip = self.skip_8(filtered(x, down=2, pad=(1, 1))) * math.sqrt(0.5)
        x = filtered(lrelu(self.conv0_8(x, padding=1)), pad=(2, 2))
        x = lrelu(self.conv1_down_8(x, stride=2), ROOT * math.sqrt(0.5)) + skip
        x = lrelu(self.conv_4(deviations(x), padding=1))
        return self.score(lrelu(self.dense(flat(x))))


class StyleGAN2Step(whole_step.Second):
    """`training/loss.py` and `training_loop.py`: ADA, R1 every second step, path lengths every third, mixed styles.

    What our game does once where that code does it twice, as its recipe says: one batch of fakes for both players, and
    one step along the gradient of the loss and what regularizes it.
    """

    layers = ("conv1_4", "conv0_up_8", "conv1_8", "to_image_4", "to_image_8")
    names = {
        "styles/average": "average",
        "constant/image": ("start", (2, 0, 1)),
        **{f"{layer}/kernel": f"{layer}.conv.weight" for layer in layers},
        **{f"{layer}_bias": f"{layer}.conv" for layer in layers},
        **{f"{layer}_style": f"{layer}.style" for layer in layers},
        **{f"{layer}_noise": f"{layer}.noise" for layer in layers},
    }
    discriminators = ("from_image_8", "conv0_8", "conv1_down_8", "conv_4", "dense")
    names |= {f"{layer}_bias": layer for layer in discriminators}
    steps, path_average, p, signs = 0, 0.0, 0.7, ()

    def styles(self, count, draws):
        first, second = (self.generator.mapping(z) for z in draws.normal().chunk(2, 1))
        del draws.uniforms[0]
        change, mixes = 1 + draws.integers.pop(0), draws.uniforms.pop(0) < 0.9
        chosen = torch.arange(4) < (change if mixes else 4)
        return torch.where(chosen[:, None], first[:, None], second[:, None]), first

    def augmented(self, images, draws):
        """Mirrored, then a contrast, each with probability p."""
        uniforms, normals = draws.uniforms.pop(0), draws.normal()
        mirrored = (uniforms[:, 0] >= 0.5) & (uniforms[:, 1] < self.p)
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        contrast = torch.where(uniforms[:, 2] < self.p, 2 ** (0.5 * normals[:, 0]), 1.0)
        return images * contrast[:, None, None, None]

    def step(self, real, draws):
        styles, w = self.styles(8, draws)
        with torch.no_grad():
            self.generator.average.copy_(w.mean(0).lerp(self.generator.average, 0.995))
        fake = self.generator(styles, draws)
        real_logits = self.discriminator(self.augmented(real, draws))
        d_loss = F.softplus(-real_logits).mean()
        d_loss = d_loss + F.softplus(self.discriminator(self.augmented(fake.detach(), draws))).mean()
        penalty = torch.zeros(())
        if self.steps % 2 == 0:
            image = real.clone().requires_grad_(True)
            logits = self.discriminator(self.augmented(image, draws))
            (slope,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
            penalty = 2 * (slope.square().sum((1, 2, 3)) * (3.0 / 2)).mean()
        self.descend("discriminator", d_loss + penalty)
        self.signs += (real_logits.sign().mean(),)
        logs = {}
        if len(self.signs) == 2:
            r = sum(self.signs) / 2
            self.p = max(self.p + float((r.detach() - 0.6).sign()) * 8 * 2 / 50, 0)
            self.signs, logs["real_sign"] = (), r

        path = torch.zeros(())
        if self.steps % 3 == 0:
            w, _ = self.styles(4, draws)
            image = self.generator(w, draws)
            noise = draws.normal() / math.sqrt(8 * 8)
            (slope,) = torch.autograd.grad((image * noise).sum(), w, create_graph=True)
            lengths = slope.square().sum(2).mean(1).sqrt()
            average = self.path_average + 0.01 * (lengths.mean() - self.path_average)
            self.path_average = float(average.detach())
            path = 3 * 2.0 * (lengths - average).square().mean()
        g_loss = F.softplus(-self.discriminator(self.augmented(fake, draws))).mean()
        self.descend("generator", g_loss + path)
        self.average("ema", 0.5 ** (8 / min(16, 8 * (self.steps + 1) * 0.5)))
        self.steps += 1
        return logs | {
            "discriminator_loss": d_loss,
            "penalty": penalty,
            "generator_loss": g_loss,
            "path_length_loss": path,
            "path_length": self.path_average,
            "augment_p": self.p,
        }


def test_stylegan2():
    """Four steps: both lazy terms, none, R1, path lengths; p moves after the second and the fourth."""
    game = built(
        game="stylegan2:path_length_interval=3",
        generator="stylegan2:channel_base=32,channel_max=4,w_dim=4,mapping_layers=2",
        discriminator="stylegan2:channel_base=32,channel_max=4",
        loss="non_saturating",
        penalty=["r1:weight=3,interval=2"],
        augment="ada:pipe=xflip+contrast,p=0.7,interval=2,ada_kimg=0.05",
        ema_kimg=0.016,
    )
    rates = {"discriminator": 0.01 * 2 / 3, "generator": 0.01 * 3 / 4}  # lazy regularization: k / (k + 1)
    second = StyleGAN2Step(game, {"generator": StyleGAN2Generator(), "discriminator": StyleGAN2Discriminator()}, rates)
    assert whole_step.compare(game, second, [images(seed) for seed in range(4)]) < 1e-4


# --- ProGAN and StyleGAN, while 8x8 fades in ------------------------------------------------------------------------


def pixel_norm(x):
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def doubled(x):
    return F.interpolate(x, scale_factor=2)


class GrowingPart(nn.Module):
    """The fade of 8x8 over 4x4; `alpha` belongs to it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("alpha", torch.zeros(()))

    def faded(self, old, new):
        return old.lerp(new, self.alpha)


class ProGANGenerator(GrowingPart):
    """`G_paper`; `fused_scale`'s doubled kernel is a 3x3 convolution of repeated pixels."""

    def __init__(self, latent_dim=5, width=4):
        super().__init__()
        self.project = Equalized(16 * width, latent_dim, gain=ROOT / 4, bias=False)
        self.project_bias = nn.Parameter(torch.zeros(width))
        self.conv1_4, self.conv0_up_8, self.conv1_8 = (Equalized(width, width, 3, gain=ROOT) for _ in range(3))
        self.to_image_4, self.to_image_8 = (Equalized(3, width, 1) for _ in range(2))

    def forward(self, z):
        x = self.project(pixel_norm(z)).reshape(len(z), 4, 4, -1).permute(0, 3, 1, 2)
        x = pixel_norm(lrelu(x + self.project_bias.reshape(1, -1, 1, 1), 1))
        x = pixel_norm(lrelu(self.conv1_4(x, padding=1), 1))
        y = pixel_norm(lrelu(self.conv0_up_8(doubled(x), padding=1), 1))
        y = pixel_norm(lrelu(self.conv1_8(y, padding=1), 1))
        return self.faded(doubled(self.to_image_4(x)), self.to_image_8(y))


class GrowingDiscriminator(GrowingPart):
    """`D_paper` and `D_basic`, which blurs before it halves."""

    def __init__(self, blurs, width=4):
        super().__init__()
        self.blurs = blurs
        self.from_image_4, self.from_image_8 = (Equalized(width, 3, 1, gain=ROOT) for _ in range(2))
        self.conv0_8, self.conv1_down_8 = (Equalized(width, width, 3, gain=ROOT) for _ in range(2))
        self.conv0_4 = Equalized(width, width + 1, 3, gain=ROOT)
        self.dense, self.score = Equalized(width, 16 * width, gain=ROOT), Equalized(1, width)

    def forward(self, image):
        x = lrelu(self.conv0_8(lrelu(self.from_image_8(image), 1), padding=1), 1)
        x = filtered(x, (1, 2, 1), pad=(1, 1)) if self.blurs else x
        x = lrelu(F.avg_pool2d(self.conv1_down_8(x, padding=1), 2), 1)
        x = self.faded(lrelu(self.from_image_4(F.avg_pool2d(image, 2)), 1), x)
        x = lrelu(self.conv0_4(deviations(x), padding=1), 1)
        return self.score(lrelu(self.dense(flat(x)), 1))


class StyleGANGenerator(GrowingPart):
    """`G_mapping` and `G_synthesis`: noise, bias, LeakyReLU, instance norm, style."""

    layers = ("constant_4", "conv1_4", "conv0_up_8", "conv1_8")

    def __init__(self, latent_dim=5, w_dim=4, width=4):
        super().__init__()
        self.dense_0 = Equalized(w_dim, latent_dim, gain=ROOT, lr=0.01)
        self.dense_1 = Equalized(w_dim, w_dim, gain=ROOT, lr=0.01)
        self.register_buffer("average", torch.zeros(w_dim))
        self.start = nn.Parameter(torch.zeros(width, 4, 4))
        self.conv1_4, self.conv0_up_8, self.conv1_8 = (Equalized(width, width, 3, gain=ROOT, bias=False) for _ in range(3))
        self.to_image_4, self.to_image_8 = (Equalized(3, width, 1) for _ in range(2))
        for layer in self.layers:
            self.add_module(f"{layer}_style", Equalized(2 * width, w_dim))
            self.add_module(f"{layer}_noise", Noise(4 if layer.endswith("4") else 8, width))
            self.register_parameter(f"{layer}_bias", nn.Parameter(torch.zeros(width)))

    def mapping(self, z):
        return lrelu(self.dense_1(lrelu(self.dense_0(pixel_norm(z)), 1)), 1)

    def styled(self, layer, x, w, draws):
        x = getattr(self, f"{layer}_noise")(x, draws) + getattr(self, f"{layer}_bias").reshape(1, -1, 1, 1)
        x = lrelu(x, 1)
        x = x - x.mean((2, 3), keepdim=True)
        x = x * (x.square().mean((2, 3), keepdim=True) + 1e-8).rsqrt()
        scale, offset = getattr(self, f"{layer}_style")(w)[:, :, None, None].chunk(2, 1)
        return x * (scale + 1) + offset

    def forward(self, styles, draws):
        w = styles.unbind(1)
        x = self.styled("constant_4", self.start[None].repeat(len(styles), 1, 1, 1), w[0], draws)
        x = self.styled("conv1_4", self.conv1_4(x, padding=1), w[1], draws)
        y = filtered(self.conv0_up_8(doubled(x), padding=1), (1, 2, 1), pad=(1, 1))
        y = self.styled("conv0_up_8", y, w[2], draws)
        y = self.styled("conv1_8", self.conv1_8(y, padding=1), w[3], draws)
        return self.faded(doubled(self.to_image_4(x)), self.to_image_8(y))


class FadingStep(whole_step.Second):
    """One turn of each player on reals that fade with the networks; alpha grows by 8 images in 16."""

    names = {"fade_8/alpha": "alpha", "project_bias/bias": "project_bias", "styles/average": "average"}
    names |= {"constant/image": ("start", (2, 0, 1))}
    names |= {f"{layer}_bias/bias": f"{layer}_bias" for layer in StyleGANGenerator.layers}
    steps = 0

    def losses(self, real, fake, draws):
        """Returns the discriminator's loss and its penalty."""
        raise NotImplementedError

    def fakes(self, draws):
        return self.generator(draws.latents[0])

    def step(self, real, draws):
        alpha = self.steps / 2
        for part in (self.generator, self.discriminator):
            part.alpha.fill_(alpha)
        real = alpha * real + (1 - alpha) * doubled(F.avg_pool2d(real, 2))
        fake = self.fakes(draws)
        d_loss, penalty = self.losses(real, fake.detach(), draws)
        self.descend("discriminator", d_loss + penalty)
        g_loss = self.of_generator(self.discriminator(fake))
        self.descend("generator", g_loss)
        self.steps += 1
        self.average("ema", 0.5 ** (8 / min(16, 8 * self.steps * 0.5)))
        return {"discriminator_loss": d_loss, "penalty": penalty, "generator_loss": g_loss, "alpha": alpha}

    def slopes(self, images):
        images = images.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self.discriminator(images).sum(), images, create_graph=True)
        return slope.square().sum((1, 2, 3))


class ProGANStep(FadingStep):
    """`D_wgangp_acgan` and `G_wgan_acgan` without labels: lambda 10, drift 0.001."""

    def losses(self, real, fake, draws):
        logits = self.discriminator(real)
        slopes = self.slopes(real + draws.uniforms.pop(0) * (fake - real))
        penalty = 10 * (slopes.sqrt() - 1).square().mean() + 0.001 * logits.square().mean()
        return self.discriminator(fake).mean() - logits.mean(), penalty

    def of_generator(self, logits):
        return -logits.mean()


class StyleGANStep(FadingStep):
    """`D_logistic_simplegp` with gamma 10 and `G_logistic_nonsaturating`; mixed styles, the average w."""

    def fakes(self, draws):
        first, second = (self.generator.mapping(z) for z in draws.normal().chunk(2, 1))
        del draws.uniforms[0]
        change, mixes = 1 + draws.integers.pop(0), draws.uniforms.pop(0) < 0.9
        chosen = torch.arange(4) < (change if mixes else 4)
        with torch.no_grad():
            self.generator.average.copy_(first.mean(0).lerp(self.generator.average, 0.995))
        return self.generator(torch.where(chosen[:, None], first[:, None], second[:, None]), draws)

    def losses(self, real, fake, draws):
        loss = F.softplus(-self.discriminator(real)).mean() + F.softplus(self.discriminator(fake)).mean()
        return loss, 10 / 2 * self.slopes(real).mean()

    def of_generator(self, logits):
        return F.softplus(-logits).mean()


SIZES = "channel_base=32,channel_max=4"


def test_progan():
    """Two steps, with alpha 0 and 0.5."""
    game = built(
        game="progan:start=4,fade_kimg=0.016,stable_kimg=0+1",
        generator=f"progan:{SIZES}",
        discriminator=f"progan:{SIZES}",
        loss="wasserstein",
        penalty=["wgan_gp:weight=10", "drift:weight=0.001"],
        ema_kimg=0.016,
    )
    second = ProGANStep(game, {"generator": ProGANGenerator(), "discriminator": GrowingDiscriminator(False)}, 0.01)
    assert whole_step.compare(game, second, [images(seed) for seed in range(2)]) < 1e-4


def test_stylegan():
    """Two steps, with alpha 0 and 0.5."""
    game = built(
        game="stylegan:start=4,fade_kimg=0.016,stable_kimg=0+1",
        generator=f"stylegan:{SIZES},w_dim=4,mapping_layers=2",
        discriminator=f"stylegan:{SIZES}",
        loss="non_saturating",
        penalty=["r1:weight=10"],
        ema_kimg=0.016,
    )
    second = StyleGANStep(game, {"generator": StyleGANGenerator(), "discriminator": GrowingDiscriminator(True)}, 0.01)
    assert whole_step.compare(game, second, [images(seed) for seed in range(2)]) < 1e-4
