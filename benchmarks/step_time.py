"""Images per second of the training step, beside the TensorFlow tutorial's and PyTorch's on the same networks.

    python benchmarks/step_time.py [--steps=30] [--rounds=3] [--out=benchmarks/results/step_time.json]
    python benchmarks/step_time.py --task=cyclegan --steps=3
    python benchmarks/step_time.py --task=stylegan2_64 --steps=2        (stylegan2_256; on a GPU --batch=16)
    python benchmarks/step_time.py --task=projected --originals=DIR --steps=3          (fastgan, biggan)

The textbooks' DCGAN at 32x32x1, batch 64; StyleGAN2 at 64x64 or 256x256 beside PyTorch alone (`pytorch_stylegan2.py`), in
the authors' configuration of one GPU but without augmentation, where a "step" is the mean of sixteen: one with R1, four with
path length, twelve with neither; or CycleGAN at 256x256x3, batch 1, with ResNet-9, PatchGAN 70x70, pools and
identity loss, beside PyTorch alone (`pytorch_cyclegan.py`). The contestants take turns, `rounds` times each, so that a
slow minute of the machine hits all of them; the table shows the median over all timed steps. FLOPs are those of the
convolutions and matrix products that the step cannot do without, as direct sums; the peak is that of a 2048 matrix
product in the same run. FastGAN and Projected GAN at 256x256x3, batch 4, and BigGAN's for CIFAR-10, batch 50, stand beside
the authors' own code (`originals.py`), whose operations PyTorch counts. PyTorch rows need the extra `parity`. On a GPU, add --jit for the rows with XLA.
"""

import functools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from importlib import util

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in this package's commands, for all contestants of TensorFlow

BATCH = 64  # of the DCGAN


def step_gflop(tutorial=False, batch=BATCH):
    """GFLOP of the convolutions and matrix products of one step.

    An alternating step: G forward and backward; D forward and backward on reals and fakes; then the moved D forward on the
    fakes, and its input gradients. The tutorial's shared forward pass saves the second run of D.
    """
    d_layers = [16 * 16 * 64 * 16 * 1, 8 * 8 * 128 * 16 * 64, 4 * 4 * 256 * 16 * 128, 16 * 256]  # multiply-adds
    g_layers = [100 * 16 * 512, 16 * 16 * 512 * 256, 64 * 16 * 256 * 128, 256 * 16 * 128 * 1]
    d, g = sum(d_layers), sum(g_layers)
    discriminator_turn = 2 * (3 * d - d_layers[0])  # forward, filter gradients, input gradients (not of the image)
    generator_turn = (1 if tutorial else 2) * d + 3 * g - g_layers[0]  # the latents need no gradient
    return 2 * batch * (discriminator_turn + generator_turn) / 1e9


def cyclegan_gflop(size=256):
    """GFLOP of one CycleGAN step on one image of each side.

    The generators' turn: six passes forward and backward (the inputs of the four on data need no gradient), and both
    discriminators forward, with the gradients of their inputs. The discriminators': two passes each.
    """
    pixels, half, quarter = size**2, (size // 2) ** 2, (size // 4) ** 2
    ends = pixels * 49 * 3 * 64  # multiply-adds of the first convolution, and of the last
    g = 2 * ends + 2 * half * 9 * 64 * 128 + 2 * quarter * 9 * 128 * 256 + 18 * quarter * 9 * 256**2
    first = half * 16 * 3 * 64
    d = (
        first
        + quarter * 16 * 64 * 128
        + (size // 8) ** 2 * 16 * 128 * 256
        + (size // 8 - 1) ** 2 * 16 * 256 * 512
        + (size // 8 - 2) ** 2 * 16 * 512
    )
    return 2 * ((6 * 3 * g - 4 * ends) + 2 * 2 * d + 4 * (3 * d - first)) / 1e9


def ours(precision, jit):
    """Returns a function that runs one DCGAN step of this package, with all its metrics, averages and checks."""
    import tensorflow as tf

    images = tf.random.uniform([BATCH, 32, 32, 1], -1, 1)
    return step_of(["--generator=dcgan", "--discriminator=dcgan"], precision, jit, images, (32, 32, 1))


def ours_cyclegan(precision, jit):
    """The same of CycleGAN, by its flagfile."""
    import tensorflow as tf

    shape = (256, 256, 3)
    images = tuple(tf.random.uniform([1, *shape], -1, 1) for _ in range(2))
    flagfile = pathlib.Path(__file__).parents[1] / "configs/cyclegan.flags"
    return step_of([f"--flagfile={flagfile}"], precision, jit, images, shape, shape)


def ours_by_flagfile(name, size, batch, num_classes, precision, jit):
    """The same of a recipe with images of its size, a whole batch for each turn; with labels if there are classes."""
    import tensorflow as tf

    from keras_gans import cli
    from keras_gans.games.gan import batches_of

    flagfile = pathlib.Path(__file__).parents[1] / "configs" / f"{name}.flags"
    words = [f"--flagfile={flagfile}", f"--batch_size={batch}", "--accumulate=1"]
    recipe = cli.parse("train", words)
    count = batch * batches_of(recipe["n_critic"].value, recipe["share_reals"].value)
    images = tf.random.uniform([count, size, size, 3], -1, 1)
    labels = tf.random.uniform([count], 0, num_classes or 1, tf.int32)
    data = (images, labels) if num_classes else images
    return step_of(words, precision, jit, data, (size, size, 3), num_classes=num_classes)


def step_of(words, precision, jit, data, *shapes, num_classes=0):
    """Returns a function that runs one step of a recipe on `data`; `shapes` are those of outputs and inputs."""
    import tensorflow as tf

    from keras_gans import cli
    from keras_gans.trained import recipes

    flags = cli.parse("train", [*words, f"--precision={precision}", f"--jit_compile={str(jit).lower()}"])
    game = recipes.build_game({name: flags[name].value for name in flags}, shapes[0], num_classes, *shapes[1:])
    iterator = iter(tf.data.Dataset.from_tensors(data).repeat())
    game.make_train_function()

    def step():
        return [float(value) for value in game.train_function(iterator).values()]

    step.game = game
    return step


STYLEGAN2 = {"latent_dim": 512, "w_dim": 512, "channel_base": 16384, "channel_max": 512, "depth": 2}
# As published for one GPU with augmentation, batch 16 (`docs/configs.md` of NVlabs/stylegan3).
PUBLISHED = {"stylegan2_256": "NVIDIA's own, with their kernels: V100 20.84 s/kimg, A100 12.53 s/kimg."}


def ours_stylegan2(size, batch, precision, jit):
    """Returns a function that plays the step of a number: R1 is due at multiples of 16, path length at those of 4."""
    import tensorflow as tf

    sizes = f"channel_base={STYLEGAN2['channel_base']},channel_max={STYLEGAN2['channel_max']}"
    images = tf.random.uniform([batch, size, size, 3], -1, 1)
    step = step_of(
        [
            "--game=stylegan2",
            f"--generator=stylegan2:{sizes},w_dim={STYLEGAN2['w_dim']},mapping_layers={STYLEGAN2['depth']}",
            f"--discriminator=stylegan2:{sizes}",
            f"--latent_dim={STYLEGAN2['latent_dim']}",
            "--penalty=r1:weight=1,interval=16",
            "--optimizer=adam:beta_1=0,beta_2=0.99",
            "--learning_rate=2.5e-3",
            f"--batch_size={batch}",
        ],
        precision,
        jit,
        images,
        (size, size, 3),
    )

    def play(number):
        step.game.step.assign(number)
        return step()

    return play


def pytorch_stylegan2(size, batch, **kwargs):
    """Returns the same in plain PyTorch (eager)."""
    import pytorch_stylegan2 as reference

    return reference.step(size, batch, 3, **STYLEGAN2, **kwargs)


def stylegan2_gflop(size, batch):
    """GFLOP of the convolutions of a mean step; the filters and the small dense layers are not counted.

    G forward and backward once, D forward on reals and fakes and backward, D forward and its input gradients in the
    generator's turn. R1: D forward, its input gradients, and twice as much for theirs, in one step of sixteen. Path
    length: six times G on half a batch, in one of four.
    """

    def width(at):
        return min(STYLEGAN2["channel_base"] // at, STYLEGAN2["channel_max"])

    g, d, at = 16 * 9 * width(4) ** 2, 16 * 9 * (width(4) + 1) * width(4) + 16 * width(4) ** 2 + size**2 * 3 * width(size), 8
    while at <= size:
        pair = width(at) * width(at // 2)
        g += (at // 2) ** 2 * 9 * pair + at**2 * width(at) * (9 * width(at) + 3)
        d += at**2 * 9 * width(at) ** 2 + (at // 2) ** 2 * 10 * pair
        at *= 2
    return 2 * batch * (3 * g + 8 * d + 4 * d / 16 + 6 * g / 2 / 4) / 1e9


def tutorial():
    """Returns one step as TensorFlow's DCGAN tutorial writes it: both gradients from one shared forward pass."""
    import keras
    import tensorflow as tf

    layers = keras.layers
    shared = {"use_bias": False, "kernel_initializer": keras.initializers.RandomNormal(0.0, 0.02)}
    generator = keras.Sequential([keras.Input((100,)), layers.Dense(8192, **shared), layers.Reshape((4, 4, 512))])
    for filters in (256, 128, 1):
        generator.add(layers.BatchNormalization())
        generator.add(layers.ReLU())
        generator.add(layers.Conv2DTranspose(filters, 4, 2, "same", **shared))
    generator.add(layers.Activation("tanh"))
    discriminator = keras.Sequential([keras.Input((32, 32, 1))])
    for filters in (64, 128, 256):
        discriminator.add(layers.Conv2D(filters, 4, 2, "same", **shared))
        if filters > 64:
            discriminator.add(layers.BatchNormalization())
        discriminator.add(layers.LeakyReLU(negative_slope=0.2))
    discriminator.add(layers.Conv2D(1, 4, **shared))
    discriminator.add(layers.Flatten())
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2)]
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    images = tf.random.uniform([BATCH, 32, 32, 1], -1, 1)

    @tf.function
    def step(real):
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fake = generator(tf.random.normal([BATCH, 100]), training=True)
            real_logits, fake_logits = discriminator(real, training=True), discriminator(fake, training=True)
            generator_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
            discriminator_loss = cross_entropy(tf.ones_like(real_logits), real_logits) + cross_entropy(
                tf.zeros_like(fake_logits), fake_logits
            )
        for tape, loss, player, optimizer in (
            (generator_tape, generator_loss, generator, optimizers[0]),
            (discriminator_tape, discriminator_loss, discriminator, optimizers[1]),
        ):
            gradients = tape.gradient(loss, player.trainable_variables)
            optimizer.apply_gradients(zip(gradients, player.trainable_variables))
        return generator_loss, discriminator_loss

    return lambda: [float(value) for value in step(images)]


def pytorch(precision="float32", channels_last=False):
    """Returns one alternating step in plain PyTorch (eager), one batch of fakes for both players."""
    import torch
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"
    g_layers = [nn.ConvTranspose2d(100, 512, 4, bias=False)]
    for before, after in ((512, 256), (256, 128), (128, 1)):
        g_layers += [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
    d_layers = [nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for before, after in ((64, 128), (128, 256)):
        d_layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, True)]
    generator = nn.Sequential(*g_layers, nn.Tanh()).to(device)
    discriminator = nn.Sequential(*d_layers, nn.Conv2d(256, 1, 4, bias=False), nn.Flatten()).to(device)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    generator.to(memory_format=layout)
    discriminator.to(memory_format=layout)
    optimizers = [torch.optim.Adam(model.parameters(), 2e-4, (0.5, 0.999)) for model in (generator, discriminator)]
    images = torch.rand(BATCH, 1, 32, 32, device=device).mul(2).sub(1).contiguous(memory_format=layout)
    softplus = nn.functional.softplus
    cast = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")

    def step():
        with cast:
            fake = generator(torch.randn(BATCH, 100, 1, 1, device=device))
            loss = softplus(-discriminator(images)).mean() + softplus(discriminator(fake.detach())).mean()
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
        with cast:
            generator_loss = softplus(-discriminator(fake)).mean()
        optimizers[0].zero_grad()
        generator_loss.backward()
        optimizers[0].step()
        return float(loss.detach()), float(generator_loss.detach())

    return step


def peak_gflops(precision):
    """GFLOP/s of a 2048 x 2048 matrix product in TensorFlow."""
    import tensorflow as tf

    size = 2048 if not tf.config.list_physical_devices("GPU") else 8192
    factor = tf.cast(tf.random.normal([size, size]), precision)
    product = tf.function(lambda: tf.reduce_sum(tf.linalg.matmul(factor, factor)))
    product()
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        float(product())
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9


def pytorch_cyclegan(**kwargs):
    """Returns one CycleGAN step in plain PyTorch (eager)."""
    import pytorch_cyclegan as reference

    return reference.step(**kwargs)


DCGAN = {
    "keras_gans float32": lambda: ours("float32", False),
    "keras_gans bfloat16": lambda: ours("bfloat16", False),
    "keras_gans float16": lambda: ours("float16", False),
    "keras_gans float32 jit": lambda: ours("float32", True),
    "keras_gans bfloat16 jit": lambda: ours("bfloat16", True),
    "keras_gans float16 jit": lambda: ours("float16", True),
    "TensorFlow tutorial float32": tutorial,
    "PyTorch float32": pytorch,
    "PyTorch float32 channels-last": lambda: pytorch(channels_last=True),
    "PyTorch bfloat16 channels-last": lambda: pytorch("bfloat16", True),
}
CYCLEGAN = {
    "keras_gans CycleGAN float32": lambda: ours_cyclegan("float32", False),
    "keras_gans CycleGAN bfloat16": lambda: ours_cyclegan("bfloat16", False),
    "keras_gans CycleGAN float16": lambda: ours_cyclegan("float16", False),
    "keras_gans CycleGAN float32 jit": lambda: ours_cyclegan("float32", True),
    "keras_gans CycleGAN bfloat16 jit": lambda: ours_cyclegan("bfloat16", True),
    "PyTorch CycleGAN float32": pytorch_cyclegan,
    "PyTorch CycleGAN float32 channels-last": lambda: pytorch_cyclegan(channels_last=True),
    "PyTorch CycleGAN bfloat16 channels-last": lambda: pytorch_cyclegan(precision="bfloat16", channels_last=True),
}


def stylegan2(size, batch):
    """Returns the contestants at an image size."""
    contestants = {
        f"keras_gans StyleGAN2 {precision}{' jit' * jit}": functools.partial(
            ours_stylegan2, size, batch, precision, bool(jit)
        )
        for jit in (0, 1)
        for precision in ("float32", "bfloat16", "float16")
    }
    return contestants | {
        f"PyTorch StyleGAN2 {name}": functools.partial(pytorch_stylegan2, size, batch, **kwargs)
        for name, kwargs in (
            ("float32", {}),
            ("float32 channels-last", {"channels_last": True}),
            ("bfloat16 channels-last", {"precision": "bfloat16", "channels_last": True}),
        )
    }


def beside_the_authors(name, recipe, batch, size, num_classes=0):
    """Returns the contestants of a recipe that has a step in `originals.py`."""

    def theirs(precision):
        import originals

        return getattr(originals, name)(ORIGINALS, precision, batch)

    ours_ = functools.partial(ours_by_flagfile, recipe, size, batch, num_classes)
    contestants = {
        f"keras_gans {recipe} {precision}{' jit' * jit}": functools.partial(ours_, precision, bool(jit))
        for jit in (0, 1)
        for precision in ("float32", "bfloat16", "float16")
    }
    return contestants | {
        f"PyTorch {recipe} {precision}": functools.partial(theirs, precision) for precision in ("float32", "bfloat16")
    }


ORIGINALS = os.environ.get("KERAS_GANS_ORIGINALS")  # set by --originals, for the processes of the contestants
# Task -> contestants, images in a step, the one that the others are compared with, untimed steps behind the first.
TASKS = {
    "dcgan": (DCGAN, BATCH, "TensorFlow tutorial float32", 3),
    "cyclegan": (CYCLEGAN, 1, "PyTorch CycleGAN float32", 1),
    "stylegan2_64": (stylegan2(64, 8), 8, "PyTorch StyleGAN2 float32", 0),
    "stylegan2_256": (stylegan2(256, 4), 4, "PyTorch StyleGAN2 float32", 0),
    "fastgan": (beside_the_authors("fastgan", "fastgan", 4, 256), 4, "PyTorch fastgan float32", 0),
    "projected": (beside_the_authors("projected", "projected", 4, 256), 4, "PyTorch projected float32", 0),
    "biggan": (beside_the_authors("biggan", "biggan_cifar10", 50, 32, 10), 50, "PyTorch biggan_cifar10 float32", 1),
}
# Where steps differ: the number of a step -> how many in sixteen are like it.
RHYTHM = {16: 1, 4: 3, 1: 12}


def one_round(task, name, steps):
    """Runs in a process of its own: the seconds of each step, and the peak memory."""
    from keras_gans.runs.memory import peak_memory_mb

    if name.startswith("peak"):
        return {"gflops": peak_gflops(name.split()[1])}
    if name == "gflop":
        import originals

        return {"gflop": originals.gflop(TASKS[task][0][TASKS[task][2]]())}
    contestants, *_, untimed = TASKS[task]
    step = contestants[name]()
    if task.startswith("stylegan2"):
        return rhythmic(step, steps)
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    for _ in range(untimed):
        step()
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "first_step": first, "memory_mb": peak_memory_mb()}


def rhythmic(play, steps):
    """`one_round` of a step whose work goes by its number: each second is the mean over sixteen steps."""
    from keras_gans.runs.memory import peak_memory_mb

    def timed(number):
        start = time.perf_counter()
        play(number)
        return time.perf_counter() - start

    first = timed(0)
    for number in RHYTHM:
        timed(number)
    seconds = [sum(count * timed(number) for number, count in RHYTHM.items()) / 16 for _ in range(steps)]
    return {"seconds": seconds, "first_step": first, "memory_mb": peak_memory_mb()}


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.choice("task", "dcgan", tuple(TASKS), "the step to time")
    flags.integer("steps", 30, "timed steps per contestant and round", 1)
    flags.integer("rounds", 3, "how often each contestant has its turn", 1)
    flags.boolean("jit", False, "also the rows with XLA (and float16, which is slow on a CPU)")
    flags.string("out", None, "where the numbers are kept; default: benchmarks/results/step_time[_TASK].json")
    flags.string("rows", "", "measure only the rows whose name has this, such as float32: bfloat16 is slow without AVX-512")
    flags.integer("batch", 0, "images in a step of StyleGAN2; 0 for the task's own, 8 at 64 pixels and 4 at 256", 0)
    flags.string("originals", None, "folder of the authors' checkouts, see originals.py")
    flags.string("only", None, "internal: run one contestant in this process")
    runs.parse(flags, __doc__)
    if flags.batch and flags.task.startswith("stylegan2"):
        TASKS[flags.task] = (stylegan2(int(flags.task.partition("_")[2]), flags.batch), flags.batch, *TASKS[flags.task][2:])
    if flags.only:
        print(json.dumps(one_round(flags.task, flags.only, flags.steps)))
        return
    contestants, batch, *_ = TASKS[flags.task]
    gflop = None
    if flags.task in ("fastgan", "projected", "biggan"):
        if not flags.originals:
            raise SystemExit(f"--task={flags.task} needs --originals, the folder of the authors' code")
        os.environ["KERAS_GANS_ORIGINALS"] = flags.originals
        gflop = _in_process(flags.task, "gflop", 1)["gflop"]
    names = [
        name
        for name in contestants
        if flags.rows in name.split() + [""]
        and (flags.jit or (not name.endswith("jit") and "float16" not in name.split()))
        and (not name.startswith("PyTorch") or util.find_spec("torch"))
    ]
    rows = {name: {"seconds": [], "first_step": [], "memory_mb": []} for name in names}
    peaks = {"float32": [], "bfloat16": []}
    for _ in range(flags.rounds):
        for precision, values in peaks.items():
            values.append(_in_process(flags.task, f"peak {precision}", 1)["gflops"])
        for name in names:
            answer = _in_process(flags.task, name, flags.steps, flags.batch)
            rows[name]["seconds"] += answer["seconds"]
            rows[name]["first_step"].append(answer["first_step"])
            rows[name]["memory_mb"].append(answer["memory_mb"])
            print(f"{name}: {batch / statistics.median(answer['seconds']):.3g} images/s", file=sys.stderr, flush=True)
    out = flags.out or f"benchmarks/results/step_time{'' if flags.task == 'dcgan' else '_' + flags.task}.json"
    report(flags.task, rows, {precision: max(values) for precision, values in peaks.items()}, out, gflop)


def _in_process(task, name, steps, batch=0):
    words = [sys.executable, __file__, f"--task={task}", f"--only={name}", f"--steps={steps}", f"--batch={batch}"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(task, rows, peaks, out, counted=None):
    """Prints the table in Markdown and keeps the numbers; `counted`: GFLOP of a step, where no formula has them."""
    kept = []
    for name, row in rows.items():
        seconds = statistics.median(row["seconds"])
        if counted:
            gflop = counted
        elif task.startswith("stylegan2"):
            gflop = stylegan2_gflop(int(task.partition("_")[2]), TASKS[task][1])
        else:
            gflop = step_gflop("tutorial" in name) if task == "dcgan" else cyclegan_gflop()
        kept.append(
            {
                "step": name,
                "images_per_second": float(f"{TASKS[task][1] / seconds:.4g}"),
                "seconds_per_kimg": float(f"{1000 * seconds / TASKS[task][1]:.4g}"),
                "gflops": round(gflop / seconds),
                "first_step_seconds": round(min(row["first_step"]), 2),
                "memory_mb": max(row["memory_mb"]),
            }
        )
    table = {
        "task": task,
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "command": " ".join(sys.argv),
        "peak_gflops": peaks,
        "rows": kept,
    }
    path = pathlib.Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=2) + "\n")
    print(markdown(table))


def markdown(table):
    """Returns the table of what `report` keeps."""
    peaks = table["peak_gflops"]
    name = TASKS[table["task"]][2]
    reference = next((row for row in table["rows"] if row["step"] == name), table["rows"][0])
    lines = [
        f"{table['machine']}, {table['date']}, `python {table['command']}`. Matrix products: float32 "
        f"{peaks['float32']:.0f}, bfloat16 {peaks['bfloat16']:.0f} GFLOP/s.",
        "",
        f"| step | images/s | s/kimg | to {reference['step']} | of the float32 peak | of its type's peak | first step, s | "
        "memory, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table["rows"]:
        own = peaks["bfloat16" if "bfloat16" in row["step"] else "float32"]
        lines.append(
            f"| {row['step']} | {row['images_per_second']:.4g} | "
            f"{row.get('seconds_per_kimg', 1000 / row['images_per_second']):.4g} | "
            f"{row['images_per_second'] / reference['images_per_second']:.2f} | "
            f"{row['gflops'] / peaks['float32']:.2f} | {row['gflops'] / own:.2f} | "
            f"{row['first_step_seconds']:.1f} | {row['memory_mb']:.0f} |"
        )
    if table["task"] in PUBLISHED:
        lines += ["", PUBLISHED[table["task"]]]
    return "\n".join(lines)


def machine():
    """Names the machine: cores (and how many of them this process may use), processor, accelerator."""
    from keras_gans import startup

    startup.import_tensorflow()
    import tensorflow as tf

    accelerators = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    model = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        model = next((line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line), model)
    wide = "AVX-512, " if info.exists() and "avx512f" in info.read_text() else ""
    cores, usable = os.cpu_count(), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = f"{cores} cores" if usable == cores else f"{usable} of {cores} cores"
    return ", ".join([f"{cores} {model} ({wide}{platform.system()})", *accelerators])


if __name__ == "__main__":
    main()
