"""FastGAN's discriminator and decoders once more, in PyTorch, after the paper's figures; layers have the names of ours."""

import torch
from torch import nn
from torch.nn import functional as F
from whole_step import BatchNorm2d


class Spectral(nn.Module):
    """A convolution without bias by a kernel that is divided by its largest singular value."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, kernel, kernel))
        self.register_buffer("u", torch.zeros(outputs))
        self.register_buffer("v", torch.zeros(inputs * kernel * kernel))
        self.stride, self.padding = stride, padding

    def matrix(self):
        return self.weight.permute(0, 2, 3, 1).flatten(1)  # in the order of our v

    def forward(self, x):
        return F.conv2d(x, self.weight / (self.u @ self.matrix() @ self.v), None, self.stride, self.padding)


@torch.no_grad()
def iterate(*networks):
    """Moves the singular vectors once."""
    for network in networks:
        for part in network.modules():
            if isinstance(part, Spectral):
                part.v.copy_(F.normalize(part.matrix().T @ part.u, dim=0))
                part.u.copy_(F.normalize(part.matrix() @ part.v, dim=0))


class Named(nn.Module):
    """A module that makes its convolutions and norms by name."""

    @property
    def convolutions(self):
        return [name for name, part in self.named_children() if isinstance(part, Spectral)]

    def add(self, name, inputs, outputs, kernel, stride=1, padding=0, norm=True):
        self.add_module(name, Spectral(inputs, outputs, kernel, stride, padding))
        if norm:
            self.add_module(f"{name}_norm", BatchNorm2d(outputs))

    def apply_to(self, x, name):
        x = getattr(self, name)(x)
        return getattr(self, f"{name}_norm")(x) if hasattr(self, f"{name}_norm") else x


class Discriminator(Named):
    """For images of up to 256 pixels: images -> logits, maps at 16 and at 8 pixels."""

    def __init__(self, width, size):
        super().__init__()
        self.size = size
        filters = {256: width // 4, 128: width // 2, 64: width, 32: 2 * width, 16: 4 * width, 8: 8 * width}
        self.add("from_image", 3, filters[size], 3, padding=1, norm=False)
        while size > 8:
            before, size = filters[size], size // 2
            self.add(f"down{size}a", before, filters[size], 4, 2, 1)
            self.add(f"down{size}b", filters[size], filters[size], 3, padding=1)
            self.add(f"down{size}_short", before, filters[size], 1)
            if size <= 32 and 8 * size <= self.size:
                self.add(f"excite{size}a", filters[8 * size], filters[size], 4, norm=False)
                self.add(f"excite{size}b", filters[size], filters[size], 1, norm=False)
        self.add("head", 8 * width, 16 * width, 1)
        self.add("logits", 16 * width, 1, 4, norm=False)

    def leaky(self, x, name):
        return F.leaky_relu(self.apply_to(x, name), 0.2)

    def forward(self, x):
        size, x = self.size, self.leaky(x, "from_image")
        maps = {size: x}
        while size > 8:
            size //= 2
            long = self.leaky(self.leaky(x, f"down{size}a"), f"down{size}b")
            x = 0.5 * long + 0.5 * self.leaky(F.avg_pool2d(x, 2), f"down{size}_short")
            if hasattr(self, f"excite{size}a"):
                gate = self.apply_to(F.adaptive_avg_pool2d(maps[8 * size], 4), f"excite{size}a")
                x = x * torch.sigmoid(self.apply_to(F.silu(gate), f"excite{size}b"))
            maps[size] = x
        return self.logits(self.leaky(x, "head")).flatten(1), maps[16], maps[8]


class Decoder(Named):
    """Maps of 8x8 -> images of `size` pixels."""

    def __init__(self, inputs, width, size):
        super().__init__()
        for up, outputs in ((16, 4 * width), (32, 2 * width), (64, 2 * width), (128, width)):
            if up <= size:
                self.add(f"up{up}", inputs, 2 * outputs, 3, padding=1)
                inputs = outputs
        self.add("to_image", inputs, 3, 3, padding=1, norm=False)

    def forward(self, x):
        for name in self.convolutions[:-1]:
            x = F.glu(self.apply_to(F.interpolate(x, scale_factor=2), name), dim=1)
        return torch.tanh(self.to_image(x))
