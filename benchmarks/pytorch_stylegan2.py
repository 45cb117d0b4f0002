"""The StyleGAN2 step in plain PyTorch, for `step_time.py --task=stylegan2`: as published, without custom kernels."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

GAIN = math.sqrt(2)
FILTER = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def filtered(x, pad, stride=1, gain=1.0):
    """[1, 3, 3, 1] along both axes of every channel."""
    kernel = (gain * FILTER).to(x).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, pad), kernel, stride=stride, groups=x.shape[1])


def doubled(image):
    batch, channels, height, width = image.shape
    wide = image.new_zeros(batch, channels, height, 2, width, 2)
    wide[:, :, :, 0, :, 0] = image
    return filtered(wide.reshape(batch, channels, 2 * height, 2 * width), (2, 1, 2, 1), gain=4)


class Linear(nn.Module):
    def __init__(self, inputs, outputs, multiplier=1.0, bias=0.0, activate=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / multiplier))
        self.multiplier, self.activate = multiplier, activate

    def forward(self, x):
        x = F.linear(x, self.weight * (self.multiplier / math.sqrt(self.weight.shape[1])), self.bias * self.multiplier)
        return F.leaky_relu(x, 0.2) * GAIN if self.activate else x


class Modulated(nn.Module):
    """A modulated convolution by scaling what goes in and comes out, as the authors train; with noise if it is 3x3."""

    def __init__(self, inputs, outputs, w_dim, kernel_size=3, up=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = Linear(w_dim, inputs, bias=1.0)
        self.strength = nn.Parameter(torch.zeros([])) if kernel_size == 3 else None
        self.up = up

    def forward(self, x, w):
        styles, weight = self.affine(w), self.weight
        if self.strength is None:
            styles = styles / math.sqrt(weight[0].numel())
            return F.conv2d(x * styles[:, :, None, None], weight, self.bias)
        scale = torch.rsqrt(styles.square() @ weight.square().sum((2, 3)).T + 1e-8)
        x = x * styles[:, :, None, None]
        if self.up:
            x = filtered(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), (1, 1, 1, 1), gain=4)
        else:
            x = F.conv2d(x, weight, padding=1)
        x = x * scale[:, :, None, None] + torch.randn(x.shape[0], 1, *x.shape[2:], device=x.device) * self.strength
        return F.leaky_relu(x + self.bias[:, None, None], 0.2) * GAIN


class Generator(nn.Module):
    def __init__(self, size, channels, latent_dim, w_dim, width, depth):
        super().__init__()
        self.mapping = nn.Sequential(
            *(Linear(latent_dim if i == 0 else w_dim, w_dim, 0.01, activate=True) for i in range(depth))
        )
        self.constant = nn.Parameter(torch.randn(width(4), 4, 4))
        self.blocks, self.images = nn.ModuleList(), nn.ModuleList()
        at = 4
        while at <= size:
            layers = [] if at == 4 else [Modulated(width(at // 2), width(at), w_dim, up=True)]
            self.blocks.append(nn.ModuleList([*layers, Modulated(width(at), width(at), w_dim)]))
            self.images.append(Modulated(width(at), channels, w_dim, 1))
            at *= 2
        self.layers_w = 2 * len(self.blocks)

    def map(self, z):
        return self.mapping(z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8))

    def forward(self, styles):
        x, image, index = self.constant[None].expand(len(styles), -1, -1, -1), None, 0
        for block, to_image in zip(self.blocks, self.images):
            for layer in block:
                x, index = layer(x, styles[:, index]), index + 1
            rgb = to_image(x, styles[:, index])
            image = rgb if image is None else doubled(image) + rgb
        return image


class Conv(nn.Module):
    def __init__(self, inputs, outputs, kernel_size, stride=1, pad=0, gain=GAIN, activate=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if activate else None
        self.stride, self.pad, self.gain = stride, pad, gain

    def forward(self, x):
        x = F.conv2d(x, self.weight / math.sqrt(self.weight[0].numel()), self.bias, self.stride, self.pad)
        return (x if self.bias is None else F.leaky_relu(x, 0.2)) * self.gain


class Discriminator(nn.Module):
    def __init__(self, size, channels, width):
        super().__init__()
        self.start, self.blocks = Conv(channels, width(size), 1), nn.ModuleList()
        while size > 4:
            inputs, outputs, half = width(size), width(size // 2), math.sqrt(0.5)
            self.blocks.append(
                nn.ModuleList(
                    [
                        Conv(inputs, inputs, 3, pad=1),
                        Conv(inputs, outputs, 3, 2, gain=GAIN * half),
                        Conv(inputs, outputs, 1, gain=half, activate=False),
                    ]
                )
            )
            size //= 2
        self.end = Conv(width(4) + 1, width(4), 3, pad=1)
        self.dense, self.score = Linear(width(4) * 16, width(4), activate=True), Linear(width(4), 1)

    def forward(self, x):
        x = self.start(x)
        for first, second, skip in self.blocks:
            x = second(filtered(first(x), (2, 2, 2, 2))) + skip(filtered(x, (1, 1, 1, 1), stride=2))
        groups = x.reshape(min(4, len(x)), -1, *x.shape[1:])
        deviation = (groups - groups.mean(0)).square().mean(0).add(1e-8).sqrt().mean((1, 2, 3))
        x = torch.cat([x, deviation.repeat(len(groups))[:, None, None, None].expand(-1, 1, 4, 4)], 1)
        return self.score(self.dense(self.end(x).flatten(1)))


def step(
    size,
    batch,
    channels,
    latent_dim,
    w_dim,
    channel_base,
    channel_max,
    depth,
    gamma=1.0,
    precision="float32",
    channels_last=False,
):
    """Returns a function that plays the round of a number; R1 is due at multiples of 16, path length at those of 4."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def width(at):
        return min(channel_base // at, channel_max)

    generator = Generator(size, channels, latent_dim, w_dim, width, depth).to(device, memory_format=layout)
    discriminator = Discriminator(size, channels, width).to(device, memory_format=layout)
    average, average_w = copy.deepcopy(generator), torch.zeros(w_dim, device=device)
    adams = [
        torch.optim.Adam(network.parameters(), 2.5e-3 * c, (0.0, 0.99**c))
        for network, c in ((generator, 4 / 5), (discriminator, 16 / 17))
    ]
    real = torch.empty(batch, channels, size, size, device=device).uniform_(-1, 1).contiguous(memory_format=layout)
    cast = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
    state = {"length": torch.zeros([], device=device)}

    def styles_of(count):
        first, second = (generator.map(torch.randn(count, latent_dim, device=device)) for _ in range(2))
        change = torch.randint(1, generator.layers_w, ()) if torch.rand(()) < 0.9 else generator.layers_w
        return torch.stack([first if i < change else second for i in range(generator.layers_w)], 1), first

    def descend(adam, loss):
        adam.zero_grad()
        loss.backward()
        adam.step()

    def play(number):
        with cast:
            styles, w = styles_of(batch)
            fake = generator(styles)
            loss = F.softplus(-discriminator(real).float()).mean() + F.softplus(discriminator(fake.detach()).float()).mean()
            average_w.lerp_(w.detach().float().mean(0), 0.005)
            if number % 16 == 0:
                watched = real.detach().requires_grad_()
                (slope,) = torch.autograd.grad(discriminator(watched).float().sum(), watched, create_graph=True)
                loss = loss + 16 * gamma / 2 * slope.float().square().sum((1, 2, 3)).mean()
        descend(adams[1], loss)
        for parameter in discriminator.parameters():
            parameter.requires_grad_(False)
        with cast:
            generator_loss = F.softplus(-discriminator(fake).float()).mean()
            if number % 4 == 0:
                styles, _ = styles_of(batch // 2)
                images = generator(styles).float()
                (slope,) = torch.autograd.grad((images * torch.randn_like(images)).sum() / size, styles, create_graph=True)
                lengths = slope.float().square().sum(2).mean(1).sqrt()
                mean = state["length"].lerp(lengths.mean(), 0.01)
                state["length"] = mean.detach()
                generator_loss = generator_loss + 4 * 2 * (lengths - mean).square().mean()
        descend(adams[0], generator_loss)
        for parameter in discriminator.parameters():
            parameter.requires_grad_(True)
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), generator.parameters()):
                mine.lerp_(theirs, 0.002)
        return float(loss.detach()), float(generator_loss.detach())

    return play
