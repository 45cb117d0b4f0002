"""Whole steps of the games on pairs beside the same steps written in PyTorch.

The second implementations follow the published code: BasicSR (ESRGAN, Real-ESRGAN), `JiahuiYu/generative_inpainting`, pix2pix and
DnCNN. Networks are tiny, with every kind of layer that the recipe has. Steps of CycleGAN and CUT: test_cyclegan.py,
test_cut.py.
"""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import whole_step

from keras_gans.games.game import power_iterate
from keras_gans.games.inpainting import Inpainting
from keras_gans.games.pix2pix import Pix2Pix
from keras_gans.games.restoration import Restoration, Supervised
from keras_gans.losses.reconstruction import L1, L2
from keras_gans.networks.deepfill import DeepFill, SNPatchGAN
from keras_gans.networks.dncnn import DnCNN
from keras_gans.networks.patchgan import PatchGAN
from keras_gans.networks.rrdb import RRDBNet
from keras_gans.networks.unet import UNet
from keras_gans.networks.unet_discriminator import UNetDiscriminator
from keras_gans.networks.vgg_style import VGGStyleDiscriminator
from keras_gans.registry import LOSSES

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.functional import leaky_relu, relu  # noqa: E402

pytestmark = pytest.mark.parity


def pair(seed=0, count=2, small=16, large=16, channels=(3, 3)):
    random = np.random.default_rng(seed)
    return tuple(
        tf.constant(random.uniform(-1, 1, (count, size, size, depth)), tf.float32)
        for size, depth in zip((small, large), channels)
    )


def play(game, rate=0.1, seed=3):
    """The game compiled with SGD, its weights of a size that makes full use of their range."""
    random = np.random.default_rng(seed)
    for weight in (weight for name in game.network_names() for weight in getattr(game, name).trainable_weights):
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
        else:
            weight.assign(np.asarray(weight) + random.normal(0, 0.1, weight.shape))
    for average, name in game.averages.items():
        getattr(game, average).set_weights(getattr(game, name).get_weights())
    game.compile(*(keras.optimizers.SGD(rate) for _ in game.players))
    return game


def bce(logits, target):
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


class Places(nn.Module):
    """Modules under the names of our layers."""

    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)


# === ESRGAN ===


class RRDB(Places):
    """RRDBNet of one block with one channel in each growth, for pixels in [-1, 1] outside and [0, 1] inside."""

    def __init__(self, width=4, growth=2):
        convolutions = {"conv_first": nn.Conv2d(3, width, 3, 1, 1), "conv_last": nn.Conv2d(width, 3, 3, 1, 1)}
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            convolutions[name] = nn.Conv2d(width, width, 3, 1, 1)
        for block in range(1, 4):
            for index in range(1, 6):
                made = growth if index < 5 else width
                convolutions[f"body_0_rdb{block}_conv{index}"] = nn.Conv2d(width + (index - 1) * growth, made, 3, 1, 1)
        super().__init__(**convolutions)

    def forward(self, x):
        first = x = self.conv_first((x + 1) / 2)
        for block in range(1, 4):
            seen = [x]
            for index in range(1, 6):
                y = getattr(self, f"body_0_rdb{block}_conv{index}")(torch.cat(seen, 1))
                seen.append(leaky_relu(y, 0.2) if index < 5 else y)
            x = x + 0.2 * seen[-1]
        x = first + self.conv_body(first + 0.2 * x)
        for up in (self.conv_up1, self.conv_up2):
            x = leaky_relu(up(functional.interpolate(x, scale_factor=2)), 0.2)
        return 2 * self.conv_last(leaky_relu(self.conv_hr(x), 0.2)) - 1


class JudgeOfCrops(Places):
    """`VGGStyleDiscriminator` at 32x32, for pixels in [-1, 1] outside and [0, 1] inside."""

    def __init__(self, w=4):
        layers, inputs = {}, 3
        for level in range(3):
            outputs = w << level
            for index, (size, stride) in enumerate(((3, 1), (4, 2))):
                first = level == index == 0
                layers[f"conv_{level}_{index}"] = nn.Conv2d(inputs, outputs, size, stride, 1, bias=first)
                if not first:
                    layers[f"norm_{level}_{index}"] = whole_step.BatchNorm2d(outputs, eps=1e-5)
                inputs = outputs
        super().__init__(**layers, dense=nn.Linear(16 * inputs, 100), logits=nn.Linear(100, 1))

    def forward(self, x):
        x = (x + 1) / 2
        for layer in list(self.children())[:-2]:
            x = layer(x)
            if isinstance(layer, nn.BatchNorm2d) or layer is self.conv_0_0:
                x = leaky_relu(x, 0.2)
        # Pixels before channels, as our dense layer has its inputs.
        return self.logits(leaky_relu(self.dense(x.permute(0, 2, 3, 1).flatten(1)), 0.2))


class ESRGANStep(whole_step.Second):
    """`ESRGANModel.optimize_parameters`: G first; D's means are constants; both losses halved; pixels in [0, 1].

    D sees the sides in our order, on which its moving statistics depend; nothing uses those.
    """

    def step(self, low, high, draws):
        output = self.generator(low)
        pixel = 1e-2 * ((output + 1) / 2 - (high + 1) / 2).abs().mean()
        fake, real = self.discriminator(output), self.discriminator(high).detach()
        adversarial = (bce(real - fake.mean(), 0.0) + bce(fake - real.mean(), 1.0)) / 2
        self.descend("generator", pixel + 5e-3 * adversarial)
        real, fake = self.discriminator(high), self.discriminator(output.detach())
        loss = 0.5 * bce(real - fake.detach().mean(), 1.0) + 0.5 * bce(fake - real.detach().mean(), 0.0)
        self.descend("discriminator", loss)
        self.average("ema", 0.999)
        return {"l1_loss": pixel, "generator_loss": adversarial, "discriminator_loss": loss}


def test_esrgan():
    half_life = 4 / 1000 * np.log(2) / -np.log(0.999)  # which is 0.999 a step of four images
    game = play(
        Restoration(
            RRDBNet(blocks=1, width=4, growth=2),
            VGGStyleDiscriminator(image_size=32, width=4),
            LOSSES.create("relativistic_average:scale=0.5,detach=true"),
            adversarial_weight=5e-3,
            generator_first=True,
            reconstructions=[L1(weight=5e-3)],
            ema_kimg=half_life,
        )
    )
    game.ema_rampup = 1e6
    second = ESRGANStep(game, {"generator": RRDB(), "discriminator": JudgeOfCrops()}, 0.1)
    assert whole_step.compare(game, second, [pair(seed, 4, 8, 32) for seed in (0, 1)]) < 1e-4


class RRDBStep(whole_step.Second):
    """`SRModel.optimize_parameters` with L1 on [0, 1]."""

    def step(self, low, high, draws):
        loss = ((self.generator(low) + 1) / 2 - (high + 1) / 2).abs().mean()
        self.descend("generator", loss)
        self.average("ema", 0.999)
        return {"l1_loss": loss, "generator_loss": loss}


def test_rrdb():
    half_life = 4 / 1000 * np.log(2) / -np.log(0.999)
    game = play(
        Supervised(RRDBNet(blocks=1, width=4, growth=2), reconstructions=[L1(weight=0.5)], ema_kimg=half_life), rate=0.01
    )
    game.ema_rampup = 1e6
    second = RRDBStep(game, {"generator": RRDB()}, 0.01)
    assert whole_step.compare(game, second, [pair(seed, 4, 8, 32) for seed in (0, 1)]) < 1e-4


# === DeepFill v2 ===


def same(x, size, stride, dilation=1):
    """Zeros around [n, c, h, w] as TensorFlow's "same" has them."""
    reach = dilation * (size - 1) + 1
    total = [max((-(-side // stride) - 1) * stride + reach - side, 0) for side in x.shape[2:]]
    (top, bottom), (left, right) = ((whole // 2, whole - whole // 2) for whole in total)
    return functional.pad(x, (left, right, top, bottom))


class Gated(nn.Conv2d):
    def __init__(self, inputs, outputs, size=3, stride=1, dilation=1, activation=functional.elu):
        super().__init__(inputs, 2 * outputs, size, stride, dilation=dilation)
        self.activation = activation

    def forward(self, x):
        x = super().forward(same(x, self.kernel_size[0], self.stride[0], self.dilation[0]))
        features, gates = x.chunk(2, 1)
        return self.activation(features) * torch.sigmoid(gates)


class Inpainter(nn.Module):
    """`build_inpaint_net`; `w` is half of the authors' cnum."""

    def __init__(self, w=2):
        super().__init__()

        def add(name, inputs, plan):
            for number, (outputs, size, stride, dilation) in plan:
                activation = relu if (name, number) == ("attention", 6) else functional.elu
                self.add_module(f"{name}_conv_{number}", Gated(inputs, outputs, size, stride, dilation, activation))
                inputs = outputs

        def down(*widths):
            return list(enumerate(zip(widths, (5, 3, 3, 3, 3, 3), (1, 2, 1, 2, 1, 1), 6 * (1,)), 1))

        dilated = [(7 + index, (4 * w, 3, 1, 2 << index)) for index in range(4)]
        up = [(11 + i, (outputs, 3, 1, 1)) for i, outputs in enumerate((4 * w, 4 * w, 2 * w, 2 * w, w, w // 2))]
        add("coarse", 5, [*down(w, 2 * w, 2 * w, 4 * w, 4 * w, 4 * w), *dilated, *up])
        add("dilated", 3, [*down(w, w, 2 * w, 2 * w, 4 * w, 4 * w), *dilated])
        add("attention", 3, down(w, w, 2 * w, 4 * w, 4 * w, 4 * w))
        add("attention", 4 * w, [(number, (4 * w, 3, 1, 1)) for number in (9, 10)])
        add("fine", 8 * w, up)
        for name in ("coarse", "fine"):
            self.add_module(f"{name}_conv_17", nn.Conv2d(w // 2, 3, 3, 1, 1))

    def run(self, name, x, numbers):
        for number in numbers:
            if number in (13, 15):
                x = functional.interpolate(x, scale_factor=2)
            x = getattr(self, f"{name}_conv_{number}")(x)
        return x

    def forward(self, images):
        picture, mask = images[:, :3], (images[:, 3:] + 1) / 2
        picture = picture * (1 - mask)
        coarse = torch.tanh(self.run("coarse", torch.cat([picture, torch.ones_like(mask), mask], 1), range(1, 18)))
        filled = coarse * mask + picture * (1 - mask)
        hallucinated = self.run("dilated", filled, range(1, 11))
        attended = self.run("attention", filled, range(1, 7))
        attended = self.run("attention", attention(attended, cornered(cornered(mask, 4), 2)), (9, 10))
        fine = torch.tanh(self.run("fine", torch.cat([hallucinated, attended], 1), range(11, 18)))
        return coarse, fine, fine * mask + picture * (1 - mask)


def cornered(x, rate):
    """Nearest neighbours with aligned corners, [n, c, h / rate, w / rate]."""
    rows, columns = (torch.floor(torch.arange(n // rate) * ((n - 1) / (n // rate - 1)) + 0.5).long() for n in x.shape[2:])
    return x[:, :, rows][..., columns]


def attention(x, missing):
    """`contextual_attention` with convolutions, image by image, as the authors have it; the mask is at half of x."""
    results = []
    for image, gap in zip(x.split(1), missing.split(1)):
        small = cornered(image, 2)
        height, width = small.shape[2:]
        count = height * width
        kernels = functional.unfold(small, 3, padding=1)[0].T.reshape(count, -1, 3, 3)
        known = (functional.unfold(gap, 3, padding=1)[0].mean(0) == 0).to(x.dtype)
        norms = kernels.square().sum((1, 2, 3), keepdim=True).clamp(min=1e-8).sqrt()
        scores = functional.conv2d(small, kernels / norms, padding=1)[0].reshape(count, count).T  # [patch, place] -> turned
        eye = torch.eye(3, dtype=x.dtype)[None, None]
        scores = functional.conv2d(scores[None, None], eye, padding=1)
        scores = scores.reshape(height, width, height, width).permute(1, 0, 3, 2).reshape(1, 1, count, count)
        scores = functional.conv2d(scores, eye, padding=1)
        scores = scores.reshape(width, height, width, height).permute(1, 0, 3, 2).reshape(count, count)
        weights = torch.softmax(10 * scores * known, 1) * known
        patches = functional.unfold(image, 4, padding=1, stride=2)[0].T.reshape(count, -1, 4, 4)
        weights = weights.T.reshape(1, count, height, width)
        results.append(functional.conv_transpose2d(weights, patches, stride=2, padding=1) / 4)
    return torch.cat(results)


class Spectral(nn.Module):
    """W / sigma(W), with u and v beside the convolution."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 5, 2)
        self.register_buffer("u", torch.zeros(outputs))
        self.register_buffer("v", torch.zeros(25 * inputs))

    def matrix(self):
        return self.convolution.weight.permute(2, 3, 1, 0).flatten(0, 2)

    def iterate(self):
        with torch.no_grad():
            self.v.copy_(functional.normalize(self.matrix() @ self.u, dim=0))
            self.u.copy_(functional.normalize(self.matrix().T @ self.v, dim=0))

    def forward(self, x):
        weight = self.convolution.weight / (self.v @ self.matrix() @ self.u)
        return functional.conv2d(same(x, 5, 2), weight, self.convolution.bias, 2)


class SNPatches(Places):
    def __init__(self, w=2):
        widths = [4, w, 2 * w, 4 * w, 4 * w, 4 * w, 4 * w]
        super().__init__(**{f"norm_{index}": Spectral(*sides) for index, sides in enumerate(itertools.pairwise(widths))})

    def forward(self, x):
        for layer in self.children():
            x = leaky_relu(layer(x), 0.2)
        return x.flatten(1)


class InpaintingStep(whole_step.Second):
    """`build_graph_with_losses` for D, with the power iteration of its call, then for G."""

    names = {f"conv_{index}": f"norm_{index}.convolution" for index in range(6)}

    def step(self, images, picture, draws):
        coarse, fine, complete = self.generator(images)
        mask = (images[:, 3:] + 1) / 2
        for layer in self.discriminator.children():
            layer.iterate()
        positive = self.discriminator(torch.cat([picture, mask], 1))
        negative = self.discriminator(torch.cat([complete.detach(), mask], 1))
        hinge = relu(1 - positive).mean() + relu(1 + negative).mean()
        self.descend("discriminator", 0.5 * hinge)
        terms = [(picture - prediction).abs().mean() for prediction in (coarse, fine)]
        adversarial = -self.discriminator(torch.cat([complete, mask], 1)).mean()
        self.descend("generator", adversarial + sum(terms))
        self.average("ema", 0.5 ** (2 / 16))
        return {
            "discriminator_loss": hinge,
            "generator_loss": adversarial,
            "coarse_l1_loss": terms[0],
            "fine_l1_loss": terms[1],
        }


def holes(seed):
    """Pictures with their masks, and the whole pictures."""
    (picture,) = pair(seed, 2, 32, channels=(3,))
    mask = np.full((2, 32, 32, 1), -1, "float32")
    mask[0, 6:20, 3:11] = mask[1, 15:29, 10:24] = 1
    return tf.concat([tf.where(mask > 0, 0.0, picture), mask], -1), picture


def test_inpaint():
    game = play(
        Inpainting(DeepFill(width=2), SNPatchGAN(width=2), LOSSES.create("hinge"), reconstructions=[L1()], ema_kimg=0.016)
    )
    game.ema_rampup = 1e6
    second = InpaintingStep(game, {"generator": Inpainter(), "discriminator": SNPatches()}, 0.1)
    assert whole_step.compare(game, second, [holes(0), holes(1)]) < 1e-4


# === pix2pix ===


class Translating(Places):
    """`UnetGenerator` of four halvings; its in-place LeakyReLU makes the skips post-activation."""

    def __init__(self, w=4):
        widths = [w, 2 * w, 4 * w, 8 * w]
        layers = {f"down_{i}": nn.Conv2d(n, m, 4, 2, 1, bias=False) for i, (n, m) in enumerate(zip([3, *widths], widths))}
        layers |= {f"down_norm_{level}": whole_step.BatchNorm2d(widths[level]) for level in (1, 2)}
        for level in (3, 2, 1):
            inputs = widths[level] * (1 if level == 3 else 2)
            layers[f"up_{level}"] = nn.ConvTranspose2d(inputs, widths[level - 1], 4, 2, 1, bias=False)
            layers[f"up_norm_{level}"] = whole_step.BatchNorm2d(widths[level - 1])
        super().__init__(**layers, up_0=nn.ConvTranspose2d(2 * w, 3, 4, 2, 1))

    def forward(self, x):
        skips, x = [], self.down_0(x)
        for level in (1, 2, 3):
            skips.append(leaky_relu(x, 0.2))
            x = getattr(self, f"down_{level}")(skips[-1])
            x = getattr(self, f"down_norm_{level}")(x) if level < 3 else x
        for level in (3, 2, 1):
            x = getattr(self, f"up_norm_{level}")(getattr(self, f"up_{level}")(relu(x)))
            x = torch.cat([skips.pop(), x], 1)
        return torch.tanh(self.up_0(relu(x)))


class Patches(Places):
    """`NLayerDiscriminator` of one halving."""

    def __init__(self, w=4):
        super().__init__(
            conv_0=nn.Conv2d(6, w, 4, 2, 1),
            conv_1=nn.Conv2d(w, 2 * w, 4, 1, 1, bias=False),
            norm_1=whole_step.BatchNorm2d(2 * w),
            conv_2=nn.Conv2d(2 * w, 1, 4, 1, 1),
        )

    def forward(self, x):
        return self.conv_2(leaky_relu(self.norm_1(self.conv_1(leaky_relu(self.conv_0(x), 0.2))), 0.2))


class Pix2PixStep(whole_step.Second):
    """`Pix2PixModel.optimize_parameters` with batch norm at its batch size of 1."""

    def step(self, a, b, draws):
        fake = self.generator(a)
        negative = bce(self.discriminator(torch.cat([a, fake.detach()], 1)), 0.0)
        positive = bce(self.discriminator(torch.cat([a, b], 1)), 1.0)
        self.descend("discriminator", (negative + positive) * 0.5)
        adversarial = bce(self.discriminator(torch.cat([a, fake], 1)), 1.0)
        l1 = (fake - b).abs().mean() * 100.0
        self.descend("generator", adversarial + l1)
        self.average("ema", 0.0)
        return {"discriminator_loss": negative + positive, "generator_loss": adversarial, "l1_loss": l1}


def test_pix2pix():
    game = play(
        Pix2Pix(
            UNet(width=4, depth=4, norm="affine_instance"),
            PatchGAN(6, layers=1, width=4, norm="affine_instance"),
            LOSSES.create("non_saturating"),
            reconstructions=[L1(weight=100)],
        ),
        rate=0.01,
    )
    second = Pix2PixStep(game, {"generator": Translating(), "discriminator": Patches()}, 0.01)
    assert whole_step.compare(game, second, [pair(seed, 1, 32, 32) for seed in (0, 1)]) < 1e-4


# === DnCNN ===


class Denoiser(Places):
    """CDnCNN of four convolutions, which answers with the noise."""

    def __init__(self, w=4):
        widths = [3, w, w, w, 3]
        layers = {f"conv_{i}": nn.Conv2d(*widths[i : i + 2], 3, 1, 1, bias=i in (0, 3)) for i in range(4)}
        super().__init__(**layers, **{f"norm_{i}": whole_step.BatchNorm2d(w, eps=1e-5) for i in (1, 2)})

    def forward(self, x):
        x = relu(self.conv_0(x))
        for index in (1, 2):
            x = relu(getattr(self, f"norm_{index}")(getattr(self, f"conv_{index}")(x)))
        return self.conv_3(x)


class DenoisingStep(whole_step.Second):
    """Equation 1 of the paper but for its factor: the squared distance of the answer and the noise that was added."""

    def step(self, noisy, clean, draws):
        loss = (self.generator(noisy) - (noisy - clean)).square().mean()
        self.descend("generator", loss)
        self.average("ema", 0.0)
        return {"l2_loss": loss, "generator_loss": loss}


def test_denoise():
    game = play(Supervised(DnCNN(depth=4, width=4), reconstructions=[L2()]))
    second = DenoisingStep(game, {"generator": Denoiser()}, 0.1)
    assert whole_step.compare(game, second, [pair(seed, 4) for seed in (0, 1)]) < 1e-4


# === Real-ESRGAN ===


class JudgeOfPixels(nn.Module):
    """`UNetDiscriminatorSN` for pixels in [-1, 1] outside and [0, 1] inside; u and v move when they are told to."""

    def __init__(self, w=4):
        super().__init__()
        self.conv_0, self.conv_9 = nn.Conv2d(3, w, 3, 1, 1), nn.Conv2d(w, 1, 3, 1, 1)
        plan = [(w, 2 * w, 4), (2 * w, 4 * w, 4), (4 * w, 8 * w, 4), (8 * w, 4 * w, 3), (4 * w, 2 * w, 3), (2 * w, w, 3)]
        for index, (inputs, outputs, size) in enumerate([*plan, (w, w, 3), (w, w, 3)], 1):
            setattr(self, f"norm_conv_{index}", SpectralPadded(inputs, outputs, size))

    def forward(self, x):
        x = leaky_relu(self.conv_0((x + 1) / 2), 0.2)
        skips = [x]
        for index in (1, 2, 3):
            skips.append(leaky_relu(getattr(self, f"norm_conv_{index}")(skips[-1]), 0.2))
        x = skips.pop()
        for index in (4, 5, 6):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = leaky_relu(getattr(self, f"norm_conv_{index}")(x), 0.2) + skips.pop()
        for index in (7, 8):
            x = leaky_relu(getattr(self, f"norm_conv_{index}")(x), 0.2)
        return self.conv_9(x)


class SpectralPadded(Spectral):
    """W / sigma(W) of a convolution without a bias that halves if it is a 4x4 one."""

    def __init__(self, inputs, outputs, size):
        nn.Module.__init__(self)
        self.convolution = nn.Conv2d(inputs, outputs, size, 2 if size == 4 else 1, 1, bias=False)
        self.register_buffer("u", torch.zeros(outputs))
        self.register_buffer("v", torch.zeros(size * size * inputs))

    def forward(self, x):
        weight = self.convolution.weight / (self.v @ self.matrix() @ self.u)
        return functional.conv2d(x, weight, None, self.convolution.stride, 1)


def sharpened(images):
    """`USMSharp` of images in [0, 1]."""
    taps = torch.exp(-(torch.arange(-25, 26, dtype=images.dtype) ** 2) / 128)
    kernel = torch.outer(taps, taps)[None, None] / taps.sum() ** 2

    def blur(x):
        flat = functional.pad(x.flatten(0, 1)[:, None], (25, 25, 25, 25), mode="reflect")
        return functional.conv2d(flat, kernel).view(x.shape)

    residual = images - blur(images)
    mask = blur((residual.abs() * 255 > 10).to(images.dtype))
    return mask * (images + 0.5 * residual).clip(0, 1) + (1 - mask) * images


class RealESRGANStep(whole_step.Second):
    """`RealESRGANModel.optimize_parameters` without VGG, pixels in [0, 1], with one power iteration before D's turn."""

    names = {f"conv_{index}": f"norm_conv_{index}.convolution" for index in range(1, 9)}

    def step(self, low, high, draws):
        output = self.generator(low)
        pixel = ((output + 1) / 2 - sharpened((high + 1) / 2)).abs().mean()
        adversarial = bce(self.discriminator(output), 1.0)
        self.descend("generator", pixel + 0.1 * adversarial)
        for module in self.discriminator.children():
            if isinstance(module, Spectral):
                module.iterate()
        loss = bce(self.discriminator(high), 1.0) + bce(self.discriminator(output.detach()), 0.0)
        self.descend("discriminator", loss)
        self.average("ema", 0.999)
        return {"l1_loss": pixel, "generator_loss": adversarial, "discriminator_loss": loss}


def test_realesrgan():
    half_life = 2 / 1000 * np.log(2) / -np.log(0.999)
    game = play(
        Restoration(
            RRDBNet(blocks=1, width=4, growth=2),
            UNetDiscriminator(width=4),
            LOSSES.create("non_saturating"),
            adversarial_weight=0.1,
            generator_first=True,
            reconstructions=[L1(weight=0.5, sharpen=True)],
            ema_kimg=half_life,
        )
    )
    power_iterate(game.discriminator)  # G's turn comes first, on weights that `play` has put there
    game.ema_rampup = 1e6
    second = RealESRGANStep(game, {"generator": RRDB(), "discriminator": JudgeOfPixels()}, 0.1)
    assert whole_step.compare(game, second, [pair(seed, 2, 8, 32) for seed in (0, 1)]) < 1e-4
