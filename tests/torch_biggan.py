"""BigGAN in PyTorch, written from the paper, whose parameters have the names of the published weight files.

`Generator` and `Discriminator` in training take the singular vectors as they stand; `iterate` moves them once. In
evaluation a layer makes both anew from `u0`, and keeps nothing, as the published code does.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

UP = {32: (4, 4, 4, 4), 64: (16, 16, 8, 4, 2), 128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1)}
DOWN = {32: (4, 4, 4, 4), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16), 256: (1, 2, 4, 8, 8, 16, 16)}


class Spectral(nn.Module):
    """A kernel [outputs, inputs(, h, w)], or a table, over its largest singular value."""

    def __init__(self, *shape, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) * int(np.prod(shape[1:])) ** -0.5)
        self.bias = nn.Parameter(torch.randn(shape[0]) / 30) if bias else None
        self.register_buffer("u0", torch.randn(1, shape[0]))
        self.register_buffer("sv0", torch.ones(1))
        self.register_buffer("v", torch.randn(int(np.prod(shape[1:]))), persistent=False)

    def matrix(self):
        """[outputs, everything else], the latter in Keras's order: rows and columns, then channels."""
        return self.weight.permute(0, 2, 3, 1).flatten(1) if self.weight.ndim == 4 else self.weight

    def vectors(self):
        v = F.normalize(self.matrix().T @ self.u0[0], dim=0)
        return F.normalize(self.matrix() @ v, dim=0), v

    @torch.no_grad()
    def iterate(self):
        u, v = self.vectors()
        self.u0.copy_(u[None])
        self.v.copy_(v)

    def normalised(self):
        with torch.no_grad():
            u, v = (self.u0[0], self.v) if self.training else self.vectors()
        return self.weight / (u @ self.matrix() @ v)

    def forward(self, x):
        if self.weight.ndim == 2:
            return F.linear(x, self.normalised(), self.bias)
        return F.conv2d(x, self.normalised(), self.bias, padding=self.weight.shape[2] // 2)


class Table(Spectral):
    """A table of classes; ours iterates from v, which is its other side."""

    @torch.no_grad()
    def iterate(self):
        u = F.normalize(self.matrix() @ self.v, dim=0)
        self.u0.copy_(u[None])
        self.v.copy_(F.normalize(self.matrix().T @ u, dim=0))

    def forward(self, labels):
        return self.normalised()[labels]


def iterate(module):
    for part in module.modules():
        if isinstance(part, Spectral):
            part.iterate()


class Norm(nn.Module):
    """Batch norm; the moving variance is the mean of biased variances, as Keras's is."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("stored_mean", torch.randn(channels) / 3)
        self.register_buffer("stored_var", 0.5 + torch.rand(channels))

    def normalised(self, x):
        if not self.training:
            return F.batch_norm(x, self.stored_mean, self.stored_var, eps=1e-5)
        with torch.no_grad():
            self.stored_mean += 0.1 * (x.mean((0, 2, 3)) - self.stored_mean)
            self.stored_var += 0.1 * (x.var((0, 2, 3), correction=0) - self.stored_var)
        return F.batch_norm(x, None, None, training=True, eps=1e-5)


class Conditional(Norm):
    def __init__(self, channels, linear):
        super().__init__(channels)
        self.gain, self.bias = linear(channels), linear(channels)

    def forward(self, x, y):
        return self.normalised(x) * (1 + self.gain(y))[:, :, None, None] + self.bias(y)[:, :, None, None]


class Affine(Norm):
    def __init__(self, channels):
        super().__init__(channels)
        self.gain, self.bias = nn.Parameter(1 + torch.randn(channels) / 5), nn.Parameter(torch.randn(channels) / 3)

    def forward(self, x):
        return self.normalised(x) * self.gain[:, None, None] + self.bias[:, None, None]


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.theta, self.phi = (Spectral(channels // 8, channels, 1, 1, bias=False) for _ in range(2))
        self.g = Spectral(channels // 2, channels, 1, 1, bias=False)
        self.o = Spectral(channels, channels // 2, 1, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(0.7))

    def forward(self, x, y=None):
        queries = self.theta(x).flatten(2).transpose(1, 2)
        keys, values = F.max_pool2d(self.phi(x), 2).flatten(2), F.max_pool2d(self.g(x), 2).flatten(2)
        shares = F.softmax(queries @ keys, dim=-1)
        return x + self.gamma * self.o((values @ shares.transpose(1, 2)).reshape(len(x), -1, *x.shape[2:]))


class Up(nn.Module):
    def __init__(self, inputs, outputs, linear):
        super().__init__()
        self.conv1, self.conv2 = Spectral(outputs, inputs, 3, 3), Spectral(outputs, outputs, 3, 3)
        self.conv_sc = Spectral(outputs, inputs, 1, 1)
        self.bn1, self.bn2 = Conditional(inputs, linear), Conditional(outputs, linear)

    def forward(self, x, y):
        h = F.interpolate(F.relu(self.bn1(x, y)), scale_factor=2)
        h = self.conv2(F.relu(self.bn2(self.conv1(h), y)))
        return h + self.conv_sc(F.interpolate(x, scale_factor=2))


class Down(nn.Module):
    def __init__(self, inputs, outputs, first, halve):
        super().__init__()
        self.first, self.halve = first, halve
        self.conv1, self.conv2 = Spectral(outputs, inputs, 3, 3), Spectral(outputs, outputs, 3, 3)
        self.conv_sc = Spectral(outputs, inputs, 1, 1) if halve or inputs != outputs else nn.Identity()

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x)))) + self.conv_sc(x)
        return F.avg_pool2d(h, 2) if self.halve else h


class Generator(nn.Module):
    """Args: as ours; `rows_first`: the first layer's outputs count rows and columns before channels, as ours do."""

    def __init__(
        self,
        size=32,
        channels=3,
        latent=8,
        classes=3,
        width=2,
        attention=0,
        hierarchical=False,
        shared=0,
        rows_first=False,
    ):
        super().__init__()
        self.hierarchical, self.rows_first = hierarchical, rows_first
        widths = [width * factor for factor in UP[size]]
        part = latent // len(widths) if hierarchical else latent
        inputs = shared + (part if hierarchical else 0)

        def linear(units):
            return Spectral(units, inputs, bias=False) if shared else nn.Embedding(classes, units)

        self.shared = nn.Embedding(classes, shared) if shared else nn.Identity()
        self.linear = Spectral(16 * widths[0], part)
        self.blocks = nn.ModuleList()
        for index in range(len(widths) - 1):
            block = [Up(widths[index], widths[index + 1], linear)]
            block += [Attention(widths[index + 1])] if 8 << index == attention else []
            self.blocks.append(nn.ModuleList(block))
        self.output_layer = nn.Sequential(Affine(widths[-1]), nn.ReLU(), Spectral(channels, widths[-1], 3, 3))

    def forward(self, z, labels):
        y = self.shared(labels)
        ys = [y] * len(self.blocks)
        if self.hierarchical:
            z, *parts = z.chunk(len(self.blocks) + 1, 1)
            ys = [torch.cat([y, part], 1) for part in parts]
        x = self.linear(z)
        x = x.reshape(len(z), 4, 4, -1).permute(0, 3, 1, 2) if self.rows_first else x.reshape(len(z), -1, 4, 4)
        for block, y in zip(self.blocks, ys):
            for layer in block:
                x = layer(x, y)
        return torch.tanh(self.output_layer(x))


class Discriminator(nn.Module):
    def __init__(self, size=32, channels=3, classes=3, width=2, attention=0):
        super().__init__()
        widths = [channels, *(width * factor for factor in DOWN[size])]
        halving = 2 if size == 32 else len(widths) - 2
        self.blocks = nn.ModuleList()
        for index in range(len(widths) - 1):
            block = [Down(widths[index], widths[index + 1], index == 0, index < halving)]
            block += [Attention(widths[index + 1])] if index < halving and size >> (index + 1) == attention else []
            self.blocks.append(nn.ModuleList(block))
        self.linear, self.embed = Spectral(1, widths[-1]), Table(classes, widths[-1], bias=False)

    def forward(self, x, labels):
        for block in self.blocks:
            for layer in block:
                x = layer(x)
        features = F.relu(x).sum((2, 3))
        return self.linear(features) + (self.embed(labels) * features).sum(1, keepdim=True)


IMAGENET = {"attention": 16, "hierarchical": True, "shared": 5}
"""What the script for ImageNet adds, in small: to `Generator`."""


def ours(generator):
    """The arguments of our generator for those of `Generator`."""
    names = {"size": "image_size", "latent": "latent_dim", "classes": "num_classes", "shared": "shared_dim"}
    return {names.get(name, name): value for name, value in generator.items()}
