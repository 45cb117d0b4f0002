"""The CycleGAN step in plain PyTorch, as its authors' code plays it, for `step_time.py --task=cyclegan`."""

import itertools
import random

import torch
from torch import nn


def convolution(inputs, outputs, kernel_size, **kwargs):
    return [nn.Conv2d(inputs, outputs, kernel_size, **kwargs), nn.InstanceNorm2d(outputs), nn.ReLU(True)]


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), *convolution(width, width, 3), nn.ReflectionPad2d(1), *convolution(width, width, 3)[:2]
        )

    def forward(self, x):
        return x + self.body(x)


def generator(width=64, blocks=9):
    """ResNet-9: 256x256x3 -> 256x256x3."""
    layers = [nn.ReflectionPad2d(3), *convolution(3, width, 7)]
    for inputs in (width, 2 * width):
        layers += convolution(inputs, 2 * inputs, 3, stride=2, padding=1)
    layers += [Block(4 * width) for _ in range(blocks)]
    for inputs in (4 * width, 2 * width):
        layers += [
            nn.ConvTranspose2d(inputs, inputs // 2, 3, 2, 1, output_padding=1),
            nn.InstanceNorm2d(inputs // 2),
            nn.ReLU(True),
        ]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def discriminator(width=64):
    """PatchGAN 70x70."""
    layers = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for inputs, outputs, stride in ((width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)):
        layers += [nn.Conv2d(inputs, outputs, 4, stride, 1), nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


class Pool:
    def __init__(self, size=50):
        self.size, self.images = size, []

    def query(self, image):
        """Takes and gives a batch of one image."""
        if len(self.images) < self.size:
            self.images.append(image.clone())
        elif random.random() > 0.5:
            slot = random.randrange(self.size)
            image, self.images[slot] = self.images[slot], image.clone()
        return image


def step(size=256, precision="float32", channels_last=False):
    """Returns a function that plays one round on a batch of one image of each side."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if channels_last else torch.contiguous_format
    g_ab, g_ba, d_a, d_b = (
        build().to(device, memory_format=layout) for build in (generator, generator, discriminator, discriminator)
    )
    generators, discriminators = (
        [*itertools.chain(*(network.parameters() for network in player))] for player in ((g_ab, g_ba), (d_a, d_b))
    )
    adams = [torch.optim.Adam(parameters, 2e-4, (0.5, 0.999)) for parameters in (generators, discriminators)]
    pool_a, pool_b = Pool(), Pool()
    a, b = (torch.empty(1, 3, size, size, device=device).uniform_(-1, 1).contiguous(memory_format=layout) for _ in range(2))
    cast = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
    l1 = nn.functional.l1_loss

    def toward(logits, target):
        return (logits.float() - target).square().mean()

    def play():
        for parameter in discriminators:
            parameter.requires_grad_(False)
        with cast:
            fake_b, fake_a = g_ab(a), g_ba(b)
            loss = toward(d_b(fake_b), 1) + toward(d_a(fake_a), 1)
            loss = loss + 10 * (l1(g_ba(fake_b).float(), a) + l1(g_ab(fake_a).float(), b))
            loss = loss + 5 * (l1(g_ba(a).float(), a) + l1(g_ab(b).float(), b))
        adams[0].zero_grad()
        loss.backward()
        adams[0].step()
        for parameter in discriminators:
            parameter.requires_grad_(True)
        adams[1].zero_grad()
        for network, real, fake in ((d_a, a, pool_a.query(fake_a.detach())), (d_b, b, pool_b.query(fake_b.detach()))):
            with cast:
                d_loss = 0.5 * (toward(network(real), 1) + toward(network(fake), 0))
            d_loss.backward()
        adams[1].step()
        return float(loss.detach()), float(d_loss.detach())

    return play
