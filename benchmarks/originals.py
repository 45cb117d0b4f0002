"""Training steps of the authors' own code in PyTorch, for `step_time.py --originals=DIR`; `authors.py` trains with such code.

DIR has checkouts of lee-jinhee/FastGAN-pytorch (a fork with the authors' first commit), autonomousvision/projected-gan (which
needs timm 0.5) and ajbrock/BigGAN-PyTorch, in folders of those names. Networks and augmentations are theirs with random
weights, steps are plain loops: data, logging and moving averages are left out.
"""

import pathlib
import sys

import torch
from torch.nn import functional as F


class Game:
    """Two players of random weights, and the optimizers of their recipe."""

    def __init__(self, generator, discriminator, betas, precision):
        self.generator, self.discriminator = generator.train(), discriminator.train()
        self.optimizers = {
            player: torch.optim.Adam([p for p in player.parameters() if p.requires_grad], 2e-4, betas)
            for player in (generator, discriminator)
        }
        self.cast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")

    def turn(self, player, loss):
        """Moves one player down a loss, with the other one frozen, as all three codes do."""
        for each in self.optimizers:
            for parameter in (p for group in self.optimizers[each].param_groups for p in group["params"]):
                parameter.requires_grad_(each is player)
        with self.cast:
            value = loss()
        self.optimizers[player].zero_grad()
        value.backward()
        self.optimizers[player].step()
        return float(value.detach())


def see(directory, name):
    """Makes a checkout importable, and torchvision's operators known, which its CPU build lacks; returns its path."""
    path = pathlib.Path(directory) / name
    if not path.is_dir():
        raise SystemExit(f"--originals={directory} has no checkout {name}")
    sys.path.insert(0, str(path))
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    see.libraries.append(library)  # or the names would go with it
    return path


see.libraries = []


def fastgan(directory, precision, batch, size=256):
    """A step of train.py, with the generator of projected-gan and the one discriminator that the paper has."""
    see(directory, "projected-gan")
    import lpips  # the package, before the next checkout: that has a folder of this name, with networks of its own
    from pg_modules.networks_fastgan import Generator

    see(directory, "FastGAN-pytorch")
    from diffaug import DiffAugment
    from models import Discriminator

    distance = lpips.LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False).eval().requires_grad_(False)
    game = Game(Generator(img_resolution=size, ngf=64), Discriminator(64, 3, size), (0.5, 0.999), precision)
    generator, d = game.generator, game.discriminator
    real = torch.rand(batch, 3, size, size) * 2 - 1

    def judge(images):
        at_2 = d.down_from_big(images)
        at_4 = d.down_4(at_2)
        at_8 = d.down_8(at_4)
        at_16 = d.se_2_16(at_2, d.down_16(at_8))
        at_32 = d.se_4_32(at_4, d.down_32(at_16))
        last = d.se_8_64(at_8, d.down_64(at_32))
        return d.rf_big(last).view(-1), last, at_32

    def redrawn(images, last, at_32):
        whole, part = d.decoder_big(last), d.decoder_part(at_32[:, :, :8, :8])
        pairs = (whole, images), (part, images[:, :, : size // 2, : size // 2])
        return sum(distance(one, F.interpolate(other, one.shape[2])).sum() for one, other in pairs)

    def step():
        with game.cast:
            fake = generator(torch.randn(batch, 1, 256), None)
        real_images, fake_images = (DiffAugment(images.float(), "color,translation") for images in (real, fake))

        def of_discriminator():
            logits, *maps = judge(real_images)
            loss = F.relu(1 - logits).mean() + redrawn(real_images, *maps)
            return loss + F.relu(1 + judge(fake_images.detach())[0]).mean()

        return game.turn(d, of_discriminator), game.turn(generator, lambda: -judge(fake_images)[0].mean())

    return step


def projected(directory, precision, batch, size=256):
    """A step of training/loss.py with --cfg=fastgan: fakes are drawn for each turn."""
    see(directory, "projected-gan")
    import timm

    create = timm.create_model
    timm.create_model = lambda name, pretrained: create(name)
    from pg_modules.discriminator import ProjectedDiscriminator
    from pg_modules.networks_fastgan import Generator

    keywords = {"cout": 64, "expand": True, "proj_type": 2, "num_discs": 4, "cond": 0}
    discriminator = ProjectedDiscriminator(interp224=size < 224, backbone_kwargs=keywords)
    discriminator.feature_network.requires_grad_(False)
    game = Game(Generator(img_resolution=size), discriminator, (0.0, 0.99), precision)
    real = torch.rand(batch, 3, size, size) * 2 - 1

    def draw():
        return game.generator(torch.randn(batch, 1, 256), None)

    def of_discriminator():
        with torch.no_grad():
            fake = draw()
        return F.relu(1 - discriminator(real, None)).mean() + F.relu(1 + discriminator(fake, None)).mean()

    def step():
        discriminator_loss = game.turn(discriminator, of_discriminator)
        return discriminator_loss, game.turn(game.generator, lambda: -discriminator(draw(), None).mean())

    return step


def biggan(directory, precision, batch):
    """A step of train_fns.py with launch_cifar_ema.sh: four turns of the discriminator, then one of the generator."""
    see(directory, "BigGAN-PyTorch")
    from BigGAN import Discriminator, Generator

    shared = {"resolution": 32, "n_classes": 10}
    generator = Generator(G_ch=64, dim_z=128, G_attn="0", G_init="N02", G_shared=False, hier=False, **shared)
    discriminator = Discriminator(D_ch=64, D_attn="0", D_init="N02", **shared)
    game = Game(generator, discriminator, (0.0, 0.999), precision)
    real, labels = torch.rand(batch, 3, 32, 32) * 2 - 1, torch.randint(10, (batch,))

    def draw():
        classes = torch.randint(10, (batch,))
        return generator(torch.randn(batch, 128), generator.shared(classes)), classes

    def of_discriminator():
        with torch.no_grad():
            fake, classes = draw()
        logits = discriminator(torch.cat([fake, real]), torch.cat([classes, labels]))  # both at once, as there
        return F.relu(1 + logits[:batch]).mean() + F.relu(1 - logits[batch:]).mean()

    def step():
        losses = [game.turn(discriminator, of_discriminator) for _ in range(4)]
        return losses[-1], game.turn(generator, lambda: -discriminator(*draw()).mean())

    return step


def gflop(step):
    """Counts the GFLOP of a step's convolutions and matrix products, two for each multiplication and addition."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9
