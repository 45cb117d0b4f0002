"""Trains a job of `beside.py` with the authors' own code in PyTorch, and keeps what it makes of what was held out.

    python benchmarks/authors.py --job=pix2pix --originals=DIR --data=FOLDER --settings=JSON --out=made.npz

`beside.py` starts it, on one core. Networks, losses and the steps of CycleGAN and CUT, and the whole of DCGAN's script, are
the authors'; around them are plain loops. The file that it writes has `image_0000`, ..., uint8 [h, w, c], `seconds` of the
training by the clock, `memory`, megabytes of the process at most then, and `parameters` of the generator.
"""

import importlib
import pathlib
import random
import runpy
import sys
import time
import types

import numpy as np
import originals
import torch
from torch.nn import functional as F

CUT = "contrastive-unpaired-translation"


def main():
    import json

    from keras_gans.cli import Flags
    from keras_gans.runs.memory import peak_memory_mb

    flags = Flags()
    flags.string("job", None, f"which: {', '.join(JOBS)}")
    flags.string("originals", None, "folder of the authors' checkouts")
    flags.string("data", None, "folder of the job's pictures")
    flags.string("settings", None, "JSON: seed, and what beside.py has of the job")
    flags.string("out", None, "npz file to write")
    flags(sys.argv)
    settings = json.loads(flags.settings)
    sys.argv = sys.argv[:1]  # the authors' code reads it, too
    seed = settings["seed"]
    random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
    torch.set_num_threads(1)
    train = JOBS[flags.job](flags.originals, pathlib.Path(flags.data), types.SimpleNamespace(**settings))
    start = time.perf_counter()
    generator, make = train()
    seconds = time.perf_counter() - start
    memory = peak_memory_mb()
    with torch.no_grad():
        images = make()
    parameters = sum(parameter.numel() for parameter in generator.parameters())
    temporary = pathlib.Path(flags.out).with_suffix(".part.npz")
    arrays = {f"image_{index:04d}": image for index, image in enumerate(images)}
    np.savez(temporary, seconds=seconds, memory=memory, parameters=parameters, **arrays)
    temporary.rename(flags.out)


def dcgan(directory, data, settings):
    """`examples/dcgan/main.py` of PyTorch, as it stands, at 64 pixels in RGB."""
    path = originals.see(directory, "examples")

    def train():
        options = {
            "dataset": "folder",
            "dataroot": data / "train",
            "workers": 0,
            "batchSize": settings.batch,
            "imageSize": 64,
            "ngf": settings.width,
            "ndf": settings.width,
            "niter": settings.epochs,
            "manualSeed": settings.seed + 1,  # 0 would be drawn
            "outf": settings.work,
        }
        sys.argv = ["main.py", *(f"--{name}={value}" for name, value in options.items())]
        generator = runpy.run_path(str(path / "dcgan" / "main.py"), run_name="__main__")["netG"]
        return generator, lambda: made(generator)

    def made(generator):
        generator.eval()
        return np.concatenate([to_pictures(generator(torch.randn(100, 100, 1, 1))) for _ in range(settings.count // 100)])

    return train


def r3gan(directory, data, settings):
    """The networks and `AdversarialTraining` of brownvc/R3GAN in a plain loop, on RGB, which those networks make."""
    from packaging import version

    originals.see(directory, "R3GAN")
    sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")  # which setuptools no longer has
    sys.modules["pkg_resources"].parse_version = version.parse
    from R3GAN.Networks import Discriminator, Generator
    from R3GAN.Trainer import AdversarialTraining

    stages = {"WidthPerStage": [settings.width] * 4, "BlocksPerStage": [1] * 4, "ExpansionFactor": 2}
    stages["CardinalityPerStage"] = [settings.width * 2 // 16] * 4
    players = Generator(64, **stages), Discriminator(**stages)
    generator = players[0]
    training = AdversarialTraining(*players)
    optimizers = [torch.optim.Adam(player.parameters(), 2e-4, (0.0, 0.9)) for player in players]
    images = torch.stack([to_tensor(opened(path)) for path in files(data / "train" / "pictures")]) * 2 - 1

    def turn(index, accumulate, *more):
        for other, player in enumerate(players):
            player.requires_grad_(other == index)
        optimizers[index].zero_grad()
        accumulate(torch.randn(settings.batch, 64), *more)
        optimizers[index].step()

    def train():
        for _ in range(settings.epochs):
            for batch in images[torch.randperm(len(images))].split(settings.batch):
                turn(1, training.AccumulateDiscriminatorGradients, batch, None, settings.gamma)
                turn(0, training.AccumulateGeneratorGradients, batch, None)
        return generator, lambda: np.concatenate(
            [to_pictures(generator(torch.randn(100, 64))) for _ in range(settings.count // 100)]
        )

    return train


def pix2pix(directory, data, settings):
    """The networks and the loss of the repository of CycleGAN, CUT and pix2pix in a plain loop of pix2pix's algorithm.

    Tested as there: with dropout and the statistics of the picture itself.
    """
    originals.see(directory, CUT)
    from data.base_dataset import get_params, get_transform
    from models import networks

    norms = {"init_type": "normal", "init_gain": 0.02}
    generator = networks.define_G(1, 3, settings.width, "unet_128", "batch", True, **norms)
    discriminator = networks.define_D(4, settings.width, "basic", 3, "batch", no_antialias=not settings.antialias, **norms)
    inputs, targets = ([opened(path) for path in files(data / f"train{side}")] for side in "AB")
    options = types.SimpleNamespace(
        preprocess="resize_and_crop", load_size=settings.load, crop_size=settings.size, no_flip=False, dataroot=""
    )
    adversarial = networks.GANLoss("vanilla")
    optimizers = [torch.optim.Adam(player.parameters(), 2e-4, (0.5, 0.999)) for player in (generator, discriminator)]

    def train():
        schedulers = [linear(optimizer, settings.epochs) for optimizer in optimizers]
        for _ in range(settings.epochs):
            for index in torch.randperm(len(inputs)).tolist():
                drawn = get_params(options, inputs[index].size)
                step(
                    get_transform(options, drawn, grayscale=True)(inputs[index]),
                    get_transform(options, drawn)(targets[index]),
                )
            for scheduler in schedulers:
                scheduler.step()
        return generator, lambda: [
            to_pictures(generator(get_transform(plain, grayscale=True)(opened(path))[None]))[0] for path in tests(data)
        ]

    plain = types.SimpleNamespace(preprocess="none", no_flip=True, dataroot="")

    def step(image, target):
        image, target = image[None], target[None]
        fake = generator(image)
        discriminator.requires_grad_(True)
        optimizers[1].zero_grad()
        verdicts = (discriminator(torch.cat([image, picture], 1)) for picture in (fake.detach(), target))
        sum(adversarial(verdict, real).mean() for verdict, real in zip(verdicts, (False, True))).div(2).backward()
        optimizers[1].step()
        discriminator.requires_grad_(False)
        optimizers[0].zero_grad()
        fooled = adversarial(discriminator(torch.cat([image, fake], 1)), True).mean()
        (fooled + 100 * F.l1_loss(fake, target)).backward()
        optimizers[0].step()

    return train


def unpaired(words):
    """Returns the job of one of the repository's models, with its data set, its steps and its schedule."""

    def job(directory, data, settings):
        originals.see(directory, CUT)
        options = importlib.import_module("options.train_options").TrainOptions
        sizes = f"--load_size={settings.load} --crop_size={settings.size} --batch_size={settings.batch} --num_threads=0"
        nets = f"--ngf={settings.width} --netG=resnet_{settings.blocks}blocks --ndf={settings.judge} --netD=n_layers "
        nets += f"--n_layers_D={settings.layers}"
        times = f"--n_epochs={settings.epochs // 2} --n_epochs_decay={settings.epochs - settings.epochs // 2}"
        places = f"--dataroot={data} --checkpoints_dir={settings.work} --gpu_ids=-1"
        options = options(f"{words.format(**vars(settings))} {sizes} {nets} {times} {places}").parse()
        options.amp = False  # that CycleGAN's step asks for it, and no option has it
        batches = importlib.import_module("data").create_dataset(options)
        model = importlib.import_module("models").create_model(options)

        def train():
            for epoch in range(1, settings.epochs + 1):
                batches.set_epoch(epoch)
                for index, batch in enumerate(batches):
                    if epoch == 1 and index == 0:
                        if options.model == "cut":  # CycleGAN's takes no argument there, so train.py ends in an error
                            model.data_dependent_initialize(batch)
                        model.setup(options)
                    model.set_input(batch)
                    model.optimize_parameters()
                model.update_learning_rate()
            generator = model.netG_A if hasattr(model, "netG_A") else model.netG
            return generator, lambda: [
                to_pictures(generator(to_tensor(opened(path))[None] * 2 - 1))[0] for path in tests(data)
            ]

        return train

    return job


def rrdb(directory, data, settings):
    """BasicSR's RRDBNet, its loss and rates: L1, Adam, a cosine, a moving average; windows turned and mirrored."""
    path = originals.see(directory, "BasicSR")
    for name in ("basicsr", "basicsr.archs", "basicsr.utils"):  # without what their `__init__.py` wants
        package = sys.modules[name] = types.ModuleType(name)
        package.__path__ = [str(path / name.replace(".", "/"))]
    sys.modules["basicsr.utils"].get_root_logger = None  # unused here
    sys.modules["basicsr.ops.dcn"] = types.ModuleType("basicsr.ops.dcn")
    sys.modules["basicsr.ops.dcn"].ModulatedDeformConvPack = torch.nn.Conv2d  # for a check of types
    sys.modules["basicsr.ops.dcn"].modulated_deform_conv = None
    network = importlib.import_module("basicsr.archs.rrdbnet_arch").RRDBNet
    keywords = {"num_feat": settings.width, "num_block": settings.blocks, "num_grow_ch": settings.growth}
    generator, average = network(3, 3, **keywords), network(3, 3, **keywords)
    average.load_state_dict(generator.state_dict())
    pairs = [[to_tensor(opened(each)) for each in pair] for pair in zip(files(data / "trainA"), files(data / "trainB"))]
    optimizer = torch.optim.Adam(generator.parameters(), settings.rate, (0.9, 0.99))
    steps = settings.epochs * len(pairs) // settings.batch

    def window():
        small, large = pairs[random.randrange(len(pairs))]
        side = settings.size // 4
        top, left = (random.randrange(length - side + 1) for length in small.shape[1:])
        small = small[:, top : top + side, left : left + side]
        large = large[:, 4 * top : 4 * (top + side), 4 * left : 4 * (left + side)]
        turns, mirrored = random.randrange(4), random.random() < 0.5
        both = [torch.rot90(each, turns, (1, 2)) for each in (small, large)]
        return [each.flip(2) for each in both] if mirrored else both

    def train():
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            small, large = (torch.stack(each) for each in zip(*(window() for _ in range(settings.batch))))
            optimizer.zero_grad()
            F.l1_loss(generator(small), large).backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for kept, new in zip(average.parameters(), generator.parameters()):
                    kept.lerp_(new, 1 - settings.decay)
        return average, lambda: [to_pictures(average(to_tensor(opened(path))[None]) * 2 - 1)[0] for path in tests(data)]

    return train


def adain(directory, data, settings):
    """The encoder, the decoder and the losses of naoto0804/pytorch-AdaIN in a plain loop.

    The encoder is that of `encoder.npz`, a VGG16: the fourth convolution of VGG19's third block is left out, and its mirror in
    the decoder too. The style's losses are summed over channels, as in the authors' own code (xunhuang1995/AdaIN-style), where
    this port takes the mean.
    """
    originals.see(directory, "pytorch-AdaIN")
    import net

    encoder = torch.nn.Sequential(*list(net.vgg.children())[:31])
    for index in range(24, 27):
        encoder[index] = torch.nn.Identity()
    with np.load(data.parent / "encoder.npz", allow_pickle=False) as weights:
        arrays = [torch.from_numpy(weights[name]) for name in sorted(weights)]
    convolutions = [layer for layer in encoder if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        for layer, kernel, bias in zip(convolutions, arrays[::2], arrays[1::2], strict=True):
            layer.weight.copy_(kernel.permute(3, 2, 0, 1)), layer.bias.copy_(bias)
        first = convolutions[0]  # takes [-1, 1] with us, [0, 1] here
        first.bias -= first.weight.sum((1, 2, 3))
        first.weight *= 2

    class Net(net.Net):
        def calc_style_loss(self, input, target):
            return super().calc_style_loss(input, target) * input.shape[1]

    decoder = torch.nn.Sequential(*(layer for index, layer in enumerate(net.decoder) if not 10 <= index < 13))
    network = Net(encoder, decoder)
    optimizer = torch.optim.Adam(decoder.parameters(), settings.rate)
    pictures = [torch.stack([to_tensor(opened(path)) for path in files(data / f"train{side}")]) for side in "AB"]

    def windows(side):
        """Windows of pictures that are drawn without putting back, epoch by epoch."""
        while True:
            for index in torch.randperm(len(pictures[side])).tolist():
                top, left = (random.randrange(length - settings.size + 1) for length in pictures[side].shape[2:])
                yield pictures[side][index, :, top : top + settings.size, left : left + settings.size]

    def train():
        drawn, steps = [windows(side) for side in (0, 1)], settings.epochs * len(pictures[0]) // settings.batch
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            content, style = (torch.stack([next(side) for _ in range(settings.batch)]) for side in drawn)
            loss_content, loss_style = network(content, style)
            optimizer.zero_grad()
            (loss_content + settings.style * loss_style).backward()
            optimizer.step()
            schedule.step()
        return decoder, lambda: [stylized(*paths) for paths in zip(tests(data), tests(data, "B"))]

    def stylized(content, style):
        features = (network.encode(to_tensor(opened(path))[None]) for path in (content, style))
        return to_pictures(decoder(net.adain(*features)) * 2 - 1)[0]

    return train


def linear(optimizer, epochs):
    """The repository's linear schedule: half of the epochs as it is, then down."""
    from models import networks

    options = types.SimpleNamespace(
        lr_policy="linear", epoch_count=1, n_epochs=epochs // 2, n_epochs_decay=epochs - epochs // 2
    )
    return networks.get_scheduler(optimizer, options)


def files(folder):
    return sorted(folder.glob("*.png"))


def tests(data, side="A"):
    """The pictures that were held out, and those that are shown in place of them."""
    return files(data / f"test{side}") + files(data / f"shown{side}")


def opened(path):
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        image.load()
    return image


def to_tensor(image):
    """A picture as float [channels, h, w] in [0, 1]."""
    return torch.from_numpy(np.asarray(image.convert("RGB"), np.float32)).permute(2, 0, 1) / 255


def to_pictures(images):
    """Float [n, channels, h, w] in [-1, 1] as uint8 [n, h, w, channels]."""
    return images.detach().permute(0, 2, 3, 1).add(1).mul(127.5).round().clamp(0, 255).numpy().astype(np.uint8)


JOBS = {
    "dcgan": dcgan,
    "r3gan": r3gan,
    "pix2pix": pix2pix,
    "cyclegan": unpaired("--model=cycle_gan --name=cyclegan"),
    "cut": unpaired("--model=cut --name=cut --CUT_mode=CUT --lambda_NCE={nce}"),
    "rrdb": rrdb,
    "adain": adain,
}

if __name__ == "__main__":
    main()
