"""The image-to-image networks in PyTorch, written from their papers and the shapes of their published weights.

Modules register their parameters in the order in which they are used, so that weights are carried over by order.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class UNet(nn.Module):
    """pix2pix: `depth` halvings; skips are taken behind LeakyReLU."""

    def __init__(self, depth=8, width=64, norm=nn.BatchNorm2d):
        super().__init__()
        biased = norm is nn.InstanceNorm2d
        widths = [width * min(2**level, 8) for level in range(depth)]
        self.down = nn.ModuleList([nn.Sequential(nn.Conv2d(3, width, 4, 2, 1, bias=biased))])
        for level in range(1, depth):
            norms = [norm(widths[level])] if level < depth - 1 else []
            self.down.append(nn.Sequential(nn.Conv2d(widths[level - 1], widths[level], 4, 2, 1, bias=biased), *norms))
        self.up = nn.ModuleList()
        for level in range(depth - 1, 0, -1):
            inputs = widths[level] * (1 if level == depth - 1 else 2)
            self.up.append(
                nn.Sequential(nn.ConvTranspose2d(inputs, widths[level - 1], 4, 2, 1, bias=biased), norm(widths[level - 1]))
            )
        self.last = nn.ConvTranspose2d(2 * width, 3, 4, 2, 1)

    def forward(self, x):
        skips = []
        for index, block in enumerate(self.down):
            if index > 0:
                x = functional.leaky_relu(x, 0.2)
                skips.append(x)
            x = block(x)
        for block in self.up:
            x = torch.cat([skips.pop(), block(functional.relu(x))], 1)
        return torch.tanh(self.last(functional.relu(x)))


class Blur(nn.Module):
    """Resampling by two with a fixed filter: halving with [1, 2, 1], doubling with [1, 3, 3, 1]."""

    def __init__(self, channels, up):
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0] if up else [1.0, 2.0, 1.0])
        self.kernel = (taps[:, None] * taps / taps.sum() ** 2).expand(channels, 1, -1, -1)
        self.up = up

    def forward(self, x):
        if not self.up:
            x = functional.pad(x, (1, 1, 1, 1), "reflect")
            return functional.conv2d(x, self.kernel, stride=2, groups=x.shape[1])
        x = functional.pad(x, (1, 1, 1, 1), "replicate")
        return functional.conv_transpose2d(x, 4 * self.kernel, stride=2, padding=2, groups=x.shape[1])[:, :, 1:-1, 1:-1]


class Residual(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return x + self.body(x)


def resnet(width=64, blocks=9, norm=nn.InstanceNorm2d, antialias=False):
    """CycleGAN's generator, with `antialias` CUT's: an `nn.Sequential` of the originals' modules."""
    biased = norm is nn.InstanceNorm2d

    def activated(convolution, channels):
        return [convolution, norm(channels), nn.ReLU()]

    modules = [nn.ReflectionPad2d(3), *activated(nn.Conv2d(3, width, 7, bias=biased), width)]
    for inputs in (width, 2 * width):
        stride = 1 if antialias else 2
        modules += activated(nn.Conv2d(inputs, 2 * inputs, 3, stride, 1, bias=biased), 2 * inputs)
        modules += [Blur(2 * inputs, up=False)] if antialias else []
    inner = 4 * width
    modules += [
        Residual(
            nn.ReflectionPad2d(1),
            *activated(nn.Conv2d(inner, inner, 3, bias=biased), inner),
            nn.ReflectionPad2d(1),
            nn.Conv2d(inner, inner, 3, bias=biased),
            norm(inner),
        )
        for _ in range(blocks)
    ]
    for inputs in (4 * width, 2 * width):
        half = inputs // 2
        if antialias:
            modules += [Blur(inputs, up=True), *activated(nn.Conv2d(inputs, half, 3, 1, 1, bias=biased), half)]
        else:
            modules += activated(nn.ConvTranspose2d(inputs, half, 3, 2, 1, output_padding=1, bias=biased), half)
    return nn.Sequential(*modules, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def patchgan(layers=3, width=64, norm=nn.InstanceNorm2d, antialias=False, channels=3):
    """pix2pix's discriminator; 0 layers: of pixels."""
    biased = norm is nn.InstanceNorm2d
    if layers == 0:
        return nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 1, bias=biased),
            norm(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 1, bias=biased),
        )
    modules = []
    widths = [channels] + [width * min(2**index, 8) for index in range(layers + 1)]
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        halves = index < layers
        stride = 2 if halves and not antialias else 1
        modules.append(nn.Conv2d(inputs, outputs, 4, stride, 1, bias=biased or index == 0))
        modules += [norm(outputs)] if index else []
        modules.append(nn.LeakyReLU(0.2))
        modules += [Blur(outputs, up=False)] if halves and antialias else []
    return nn.Sequential(*modules, nn.Conv2d(widths[-1], 1, 4, 1, 1))


class DenseBlock(nn.Module):
    def __init__(self, width, growth):
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(width + index * growth, growth if index < 4 else width, 3, 1, 1) for index in range(5)]
        )

    def forward(self, x):
        seen = [x]
        for convolution in self.convolutions[:-1]:
            seen.append(functional.leaky_relu(convolution(torch.cat(seen, 1)), 0.2))
        return x + 0.2 * self.convolutions[-1](torch.cat(seen, 1))


class Damped(nn.Sequential):
    def forward(self, x):
        return x + 0.2 * super().forward(x)


class RRDBNet(nn.Module):
    """ESRGAN's generator, for pixels in [0, 1]."""

    def __init__(self, scale=4, blocks=23, width=64, growth=32):
        super().__init__()
        self.shrink = 4 // scale
        self.first = nn.Conv2d(3 * self.shrink**2, width, 3, 1, 1)
        self.blocks = nn.Sequential(*(Damped(*(DenseBlock(width, growth) for _ in range(3))) for _ in range(blocks)))
        self.body, self.up1, self.up2, self.hr = (nn.Conv2d(width, width, 3, 1, 1) for _ in range(4))
        self.last = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, x):
        x = self.first(functional.pixel_unshuffle(x, self.shrink))
        x = x + self.body(self.blocks(x))
        for up in (self.up1, self.up2):
            x = functional.leaky_relu(up(functional.interpolate(x, scale_factor=2)), 0.2)
        return self.last(functional.leaky_relu(self.hr(x), 0.2))


def copy_weights(network, module):
    """Gives `module` the weights of the Keras `network`, by order."""
    state = {name: value for name, value in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    for weight, value in zip(network.weights, state.values(), strict=True):
        array = np.asarray(weight)
        value.copy_(torch.tensor(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array))


def planes(images):
    """NHWC array -> NCHW tensor."""
    return torch.tensor(np.ascontiguousarray(np.transpose(images, (0, 3, 1, 2))))


def pixels(tensor):
    """NCHW tensor -> NHWC array."""
    return tensor.detach().permute(0, 2, 3, 1).numpy()


def trace(module, images, kinds=(nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.InstanceNorm2d)):
    """Returns the outputs of all convolutions and norms as they come, and the network's, as NHWC arrays."""
    seen = []
    hooks = [
        layer.register_forward_hook(lambda _, __, output: seen.append(pixels(output.clone())))
        for layer in module.modules()
        if isinstance(layer, kinds)
    ]
    with torch.no_grad():
        output = pixels(module(planes(images)))
    for hook in hooks:
        hook.remove()
    return [*seen, output]
