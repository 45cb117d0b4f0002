"""Networks in PyTorch whose parameters have the names of the published weight files, written from papers and these names."""

import math

import torch
from torch import nn
from torch.nn import functional


def randomize(module, seed=0):
    """Gives all parameters and statistics random values that keep activations near 1."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.ndim >= 2 and "filt" not in name:
                value.normal_(0, value[0].numel() ** -0.5, generator=draw)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=draw)
            elif value.ndim == 1 and value.is_floating_point():
                value.normal_(0.3, 0.3, generator=draw)
    return module


class Blur(nn.Module):
    """Halves with [1, 2, 1] or doubles with [1, 3, 3, 1]; the filter is a buffer."""

    def __init__(self, channels, up):
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0] if up else [1.0, 2.0, 1.0])
        kernel = taps[:, None] * taps / taps.sum() ** 2 * (4 if up else 1)
        self.register_buffer("filt", kernel.repeat(channels, 1, 1, 1))
        self.up = up

    def forward(self, x):
        if not self.up:
            return functional.conv2d(functional.pad(x, (1, 1, 1, 1), "reflect"), self.filt, stride=2, groups=x.shape[1])
        x = functional.pad(x, (1, 1, 1, 1), "replicate")
        return functional.conv_transpose2d(x, self.filt, stride=2, padding=2, groups=x.shape[1])[:, :, 1:-1, 1:-1]


class ResnetBlock(nn.Module):
    def __init__(self, channels, norm, dropout):
        super().__init__()
        biased = norm is not nn.BatchNorm2d
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=biased),
            norm(channels),
            nn.ReLU(),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=biased),
            norm(channels),
        )

    def forward(self, x):
        return x + self.conv_block(x)


class ResNet(nn.Module):
    def __init__(self, width=4, blocks=2, norm=nn.InstanceNorm2d, dropout=False, antialias=False, channels=3):
        super().__init__()
        biased = norm is not nn.BatchNorm2d
        parts = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7, bias=biased), norm(width), nn.ReLU()]
        for inputs in (width, 2 * width):
            parts += [nn.Conv2d(inputs, 2 * inputs, 3, 1 if antialias else 2, 1, bias=biased), norm(2 * inputs), nn.ReLU()]
            parts += [Blur(2 * inputs, False)] if antialias else []
        parts += [ResnetBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for inputs in (4 * width, 2 * width):
            half = inputs // 2
            parts += (
                [Blur(inputs, True), nn.Conv2d(inputs, half, 3, 1, 1, bias=biased)]
                if antialias
                else [nn.ConvTranspose2d(inputs, half, 3, 2, 1, output_padding=1, bias=biased)]
            )
            parts += [norm(half), nn.ReLU()]
        self.model = nn.Sequential(*parts, nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class UnetBlock(nn.Module):
    def __init__(self, outer, inner, within, norm, inputs=None, dropout=False):
        super().__init__()
        biased, self.outermost = norm is not nn.BatchNorm2d, inputs is not None
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=biased)
        up = nn.ConvTranspose2d(2 * inner if within else inner, outer, 4, 2, 1, bias=biased or self.outermost)
        if self.outermost:
            parts = [down, within, nn.ReLU(), up, nn.Tanh()]
        elif within:
            parts = [nn.LeakyReLU(0.2, True), down, norm(inner), within, nn.ReLU(True), up, norm(outer)]
            parts += [nn.Dropout(0.5)] if dropout else []
        else:
            parts = [nn.LeakyReLU(0.2, True), down, nn.ReLU(True), up, norm(outer)]
        self.model = nn.Sequential(*parts)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    def __init__(self, depth=5, width=4, norm=nn.BatchNorm2d, dropout=True):
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(depth)]
        block = UnetBlock(widths[-2], widths[-1], None, norm)
        for level in range(depth - 2, 0, -1):
            block = UnetBlock(widths[level - 1], widths[level], block, norm, dropout=dropout and level >= 4)
        self.model = UnetBlock(3, width, block, norm, inputs=3)

    def forward(self, x):
        return self.model(x)


class DenseBlock(nn.Module):
    def __init__(self, width, growth):
        super().__init__()
        for index in range(5):
            setattr(self, f"conv{index + 1}", nn.Conv2d(width + index * growth, growth if index < 4 else width, 3, 1, 1))

    def forward(self, x):
        seen = x
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen = torch.cat([seen, functional.leaky_relu(convolution(seen), 0.2)], 1)
        return x + 0.2 * self.conv5(seen)


class RRDB(nn.Module):
    def __init__(self, width, growth):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(width, growth) for _ in range(3))

    def forward(self, x):
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """Pixels in [0, 1]."""

    def __init__(self, scale=4, blocks=2, width=6, growth=4):
        super().__init__()
        self.factor = 4 // scale
        self.conv_first = nn.Conv2d(3 * self.factor**2, width, 3, 1, 1)
        self.body = nn.Sequential(*(RRDB(width, growth) for _ in range(blocks)))
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            setattr(self, name, nn.Conv2d(width, width, 3, 1, 1))
        self.conv_last = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, x):
        x = self.conv_first(functional.pixel_unshuffle(x, self.factor))
        x = x + self.conv_body(self.body(x))
        for convolution in (self.conv_up1, self.conv_up2):
            x = functional.leaky_relu(convolution(functional.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        return self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.2))


def sequential_of_adain():
    """Returns the encoder (whole VGG19, of which relu4_1 is the 31st module) and the decoder; pixels in [0, 1]."""
    encoder, inputs = [nn.Conv2d(3, 3, 1)], 3
    for block, (depth, width) in enumerate([(2, 64), (2, 128), (4, 256), (1, 512)]):
        encoder += [nn.MaxPool2d(2, 2, 0, ceil_mode=True)] if block else []
        for _ in range(depth):
            encoder += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, width, 3), nn.ReLU()]
            inputs = width
    decoder = []
    for outputs, doubles in [
        (256, True),
        (256, False),
        (256, False),
        (256, False),
        (128, True),
        (128, False),
        (64, True),
        (64, False),
        (3, False),
    ]:
        decoder += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.ReLU()]
        decoder += [nn.Upsample(scale_factor=2, mode="nearest")] if doubles else []
        inputs = outputs
    return nn.Sequential(*encoder), nn.Sequential(*decoder[:-1])


# --- StyleGAN2 -------------------------------------------------------------------------------------------------------

FILTER = torch.tensor([1.0, 3.0, 3.0, 1.0])[:, None] * torch.tensor([1.0, 3.0, 3.0, 1.0]) / 64


def filtered(x, before, behind, gain=1.0):
    """Pads every channel with zeros and filters it."""
    channels = x.shape[1]
    kernel = (FILTER * gain).repeat(channels, 1, 1, 1)
    return functional.conv2d(functional.pad(x, (before, behind, before, behind)), kernel, groups=channels)


def spread(x):
    """Puts a zero behind every pixel, in both directions."""
    batch, channels, height, width = x.shape
    wide = x.new_zeros(batch, channels, 2 * height, 2 * width)
    wide[:, :, ::2, ::2] = x
    return wide


def lrelu(x):
    return functional.leaky_relu(x, 0.2) * math.sqrt(2)


class Linear(nn.Module):
    def __init__(self, inputs, outputs, multiplier=1.0):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(outputs, inputs) / multiplier), nn.Parameter(torch.randn(outputs))
        self.multiplier = multiplier

    def forward(self, x):
        return functional.linear(x, self.weight * self.multiplier / math.sqrt(x.shape[1]), self.bias * self.multiplier)


class Convolution(nn.Module):
    """Equalized; parameters only."""

    def __init__(self, inputs, outputs, size, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.randn(outputs)) if bias else None
        self.register_buffer("resample_filter", FILTER.clone())

    def scaled(self):
        return self.weight / math.sqrt(self.weight[0].numel())


class Modulated(Convolution):
    def __init__(self, inputs, outputs, size, w_dim, resolution=None, up=False):
        super().__init__(inputs, outputs, size)
        self.affine, self.up = Linear(w_dim, inputs), up
        if resolution:
            self.register_buffer("noise_const", torch.randn(resolution, resolution))
            self.noise_strength = nn.Parameter(torch.tensor(0.5))
        else:
            del self._buffers["resample_filter"]

    def forward(self, x, w):
        """Each image by itself, as the paper says it."""
        return torch.cat([self.one(x[index : index + 1], w[index : index + 1]) for index in range(len(x))])

    def one(self, x, w):
        style = self.affine(w)[0]
        if not hasattr(self, "noise_strength"):
            kernel = self.weight * style[None, :, None, None] / math.sqrt(self.weight[0].numel())
            return functional.conv2d(x, kernel) + self.bias[None, :, None, None]
        kernel = self.weight * style[None, :, None, None]
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if self.up:
            x = filtered(functional.conv2d(spread(x), kernel.flip(2, 3), padding=2), 1, 0, gain=4)
        else:
            x = functional.conv2d(x, kernel, padding=1)
        return lrelu(x + self.noise_const * self.noise_strength + self.bias[None, :, None, None])


class Mapping(nn.Module):
    def __init__(self, z_dim, c_dim, w_dim, depth, average=True):
        super().__init__()
        if c_dim:
            self.embed = Linear(c_dim, w_dim)
        for index in range(depth):
            setattr(self, f"fc{index}", Linear(z_dim + (w_dim if c_dim else 0) if index == 0 else w_dim, w_dim, 0.01))
        self.depth = depth
        if average:
            self.register_buffer("w_avg", torch.randn(w_dim))

    def forward(self, z, c):
        parts = [] if z is None else [z]
        parts += [self.embed(c)] if hasattr(self, "embed") else []
        x = torch.cat([part / (part.square().mean(1, keepdim=True) + 1e-8).sqrt() for part in parts], 1)
        for index in range(self.depth):
            x = lrelu(getattr(self, f"fc{index}")(x))
        return x


class Block(nn.Module):
    def __init__(self, inputs, outputs, resolution, w_dim, channels):
        super().__init__()
        self.register_buffer("resample_filter", FILTER.clone())
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4))
        else:
            self.conv0 = Modulated(inputs, outputs, 3, w_dim, resolution, up=True)
        self.conv1 = Modulated(outputs, outputs, 3, w_dim, resolution)
        self.torgb = Modulated(outputs, channels, 1, w_dim)


class Synthesis(nn.Module):
    def __init__(self, w_dim, widths, channels):
        super().__init__()
        self.resolutions = list(widths)
        for resolution, width in widths.items():
            setattr(self, f"b{resolution}", Block(widths.get(resolution // 2), width, resolution, w_dim, channels))

    def forward(self, w):
        """Returns what each resolution adds, and the image."""
        image, added = None, []
        x = None
        for resolution in self.resolutions:
            block = getattr(self, f"b{resolution}")
            x = block.const.repeat(len(w), 1, 1, 1) if resolution == 4 else block.conv0(x, w)
            x = block.conv1(x, w)
            added.append(block.torgb(x, w))
            image = added[-1] if image is None else filtered(spread(image), 2, 1, gain=4) + added[-1]
        return [*added, image]


class Generator(nn.Module):
    def __init__(self, z_dim=6, c_dim=0, w_dim=8, widths=None, channels=3, depth=2):
        super().__init__()
        self.synthesis = Synthesis(w_dim, widths or {4: 8, 8: 8, 16: 4}, channels)
        self.mapping = Mapping(z_dim, c_dim, w_dim, depth)

    def forward(self, z, c, truncation=1.0):
        w = self.mapping(z, c)
        return self.synthesis(self.mapping.w_avg + truncation * (w - self.mapping.w_avg))


class Discriminator(nn.Module):
    def __init__(self, c_dim=0, widths=None, channels=3):
        super().__init__()
        self.widths = widths = widths or {4: 8, 8: 8, 16: 4}
        for resolution, width in list(widths.items())[:0:-1]:
            block, half = nn.Module(), widths[resolution // 2]
            block.register_buffer("resample_filter", FILTER.clone())
            if resolution == max(widths):
                block.fromrgb = Convolution(channels, width, 1)
            block.conv0, block.conv1 = Convolution(width, width, 3), Convolution(width, half, 3)
            block.skip = Convolution(width, half, 1, bias=False)
            setattr(self, f"b{resolution}", block)
        self.b4 = nn.Module()
        self.b4.conv = Convolution(widths[4] + 1, widths[4], 3)
        self.b4.fc, self.b4.out = Linear(16 * widths[4], widths[4]), Linear(widths[4], widths[4] if c_dim else 1)
        if c_dim:
            self.mapping = Mapping(0, c_dim, widths[4], 8, average=False)

    def forward(self, x, c):
        def conv(layer, x, **options):
            x = functional.conv2d(x, layer.scaled(), **options)
            return x if layer.bias is None else lrelu(x + layer.bias[None, :, None, None])

        x = conv(getattr(self, f"b{max(self.widths)}").fromrgb, x)
        for resolution in list(self.widths)[:0:-1]:
            block = getattr(self, f"b{resolution}")
            skip = conv(block.skip, filtered(x, 1, 1)[:, :, ::2, ::2])
            x = (conv(block.conv1, filtered(conv(block.conv0, x, padding=1), 2, 2), stride=2) + skip) * math.sqrt(0.5)
        deviation = (x.var(0, unbiased=False) + 1e-8).sqrt().mean()  # of up to four images, one group
        x = conv(self.b4.conv, torch.cat([x, deviation.expand(len(x), 1, 4, 4)], 1), padding=1)
        x = self.b4.out(lrelu(self.b4.fc(x.flatten(1))))
        return (x * self.mapping(None, c)).sum(1, keepdim=True) / math.sqrt(x.shape[1]) if hasattr(self, "mapping") else x
