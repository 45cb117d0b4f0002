"""Whether several workers train the weights that one process trains: a table of the families that hold.

    python benchmarks/several_workers.py --workers=2 --family=gan --family=stylegan2     (default: all families)
    python benchmarks/several_workers.py --workers=4
    python benchmarks/several_workers.py --workers=2 --netns     each in a network namespace with an address of its own (root)
    python benchmarks/several_workers.py --mirrored              two logical devices of one process

Tiny networks, five steps of plain gradient descent (Adam turns the rounding of a zero gradient into a full step), one thread a
process. A family holds where no weight differs by more than 2e-6, of networks and of moving averages, while the weights moved
by more than ten times that.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import runs
from absl import app, flags

flags.DEFINE_integer("workers", 2, "processes", 2, 16)
flags.DEFINE_multi_string("family", [], "names of families; default: all")
flags.DEFINE_bool("netns", False, "put each worker into a network namespace of its own")
flags.DEFINE_bool("mirrored", False, "two logical devices of one process in place of workers")
flags.DEFINE_string("out", None, "JSON file for the results")

STEPS = 5
SHARED = [
    "--optimizer=sgd",
    "--learning_rate=0.02",
    "--batch_size=8",
    f"--kimg={STEPS * 8 / 1000}",
    "--ema_kimg=0.01",
    "--log_kimg=0.008",
    "--checkpoint_kimg=0.008",
    f"--keep_checkpoints={STEPS}",
    "--sample_kimg=0",
    "--scores=none",
    "--export=none",
]
DCGAN = ["--generator=dcgan:width=4", "--discriminator=dcgan:width=4", "--latent_dim=8"]
RESNET = ["--generator=resnet:width=4,blocks=1", "--discriminator=patchgan:width=4,layers=2"]
UNPAIRED = ["--data=unpaired:{pictures}/a:{pictures}/b", "--image_size=16", "--channels=3"]
FAMILIES = {
    "gan": ("DCGAN, batch norm in both players", DCGAN),
    "gan, parts": (
        "MLP in two parts a step (--accumulate=2)",
        ["--generator=mlp:width=32", "--discriminator=mlp:width=16", "--accumulate=2"],
    ),
    "wgan_gp": (
        "gradient penalty, 2 critic turns",
        [
            "--generator=dcgan:width=4",
            "--discriminator=dcgan:width=4,norm=false",
            "--loss=wasserstein",
            "--penalty=wgan_gp:weight=10",
            "--n_critic=2",
            "--latent_dim=8",
        ],
    ),
    "r3gan": (
        "relativistic pairs, R1 and R2",
        [
            "--generator=r3gan:width=4,blocks=1",
            "--discriminator=r3gan:width=4,blocks=1",
            "--loss=relativistic_paired",
            "--penalty=r1:weight=0.05",
            "--penalty=r2:weight=0.05",
            "--latent_dim=8",
        ],
    ),
    "sngan": (
        "spectral norm, hinge, batch norm in G",
        ["--generator=sngan:width=4", "--discriminator=sngan:width=4", "--loss=hinge", "--latent_dim=8"],
    ),
    "biggan": (
        "classes, spectral norm in both, modulated batch norm",
        [
            "--conditional",
            "--generator=biggan:width=4,attention=0",
            "--discriminator=biggan:width=4,attention=0",
            "--loss=hinge",
            "--share_fakes=false",
            "--draw_labels",
            "--latent_dim=16",
        ],
    ),
    "acgan": (
        "classes named by D, batch norm and dropout",
        [
            "--conditional",
            "--draw_labels",
            "--game=acgan",
            "--generator=acgan:width=4",
            "--discriminator=acgan:width=4",
            "--latent_dim=8",
        ],
    ),
    "began": (
        "autoencoder, k moves",
        [
            "--game=began",
            "--generator=began:width=4",
            "--discriminator=began:width=4",
            "--loss=non_saturating",
            "--latent_dim=8",
        ],
    ),
    "stylegan2": (
        "lazy R1, ADA, path length, mixing",
        [
            "--game=stylegan2",
            "--generator=stylegan2:w_dim=8,mapping_layers=2,channel_base=64,channel_max=8",
            "--discriminator=stylegan2:channel_base=64,channel_max=8",
            "--latent_dim=8",
            "--penalty=r1:weight=0.1,interval=4",
            "--augment=ada:ada_kimg=0.1",
            "--learning_rate=0.002",
        ],
    ),
    "progan": (
        "growing, minibatch deviation",
        [
            "--game=progan:fade_kimg=0+0.01+0.01+0.01,stable_kimg=0.01",
            "--generator=progan:channel_base=64,channel_max=8",
            "--discriminator=progan:channel_base=64,channel_max=8",
            "--latent_dim=8",
            "--loss=wasserstein",
            "--penalty=wgan_gp:weight=10",
        ],
    ),
    "fastgan": (
        "reconstruction by D, DiffAugment",
        [
            "--game=fastgan",
            "--image_size=64",
            "--generator=fastgan:width=2",
            "--discriminator=fastgan:width=2",
            "--latent_dim=8",
            "--loss=hinge",
            "--augment=diffaugment",
        ],
    ),
    "projected": (
        "Projected GAN: EfficientNet judges, spectral and batch norm in D",
        [
            "--channels=3",
            "--generator=dcgan:width=4",
            "--discriminator=projected:resolution=64",
            "--loss=hinge",
            "--share_fakes=false",
            "--augment=diffaugment",
            "--latent_dim=8",
        ],
    ),
    "pix2pix": (
        "pairs, batch norm, dropout",
        [
            "--degrade=gray",
            "--channels=3",
            "--game=pix2pix",
            "--generator=unet:width=4",
            "--discriminator=patchgan:width=4,layers=2",
            "--reconstruction=l1:weight=10",
        ],
    ),
    "cyclegan": (
        "four networks, pools of 4 images",
        [*UNPAIRED, "--game=cyclegan:pool_size=4", *RESNET, "--loss=least_squares"],
    ),
    "cut": ("patches of features", [*UNPAIRED, "--game=cut:patches=16", *RESNET, "--loss=least_squares"]),
}
TWO_DEVICES = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_gans import cli
sys.exit(cli.main(["train", *sys.argv[1:]]))
"""
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}


def make_pictures(folder):
    """Writes two kinds of pictures, 12 of each."""
    from PIL import Image

    for seed, side in enumerate("ab"):
        (folder / side).mkdir(parents=True)
        for index, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (12, 16, 16, 3), np.uint8)):
            Image.fromarray(pixels).save(folder / side / f"{index:02}.png")


@contextlib.contextmanager
def namespaces(count):
    """Makes network namespaces on one bridge; yields the words that start a command in each, and their addresses."""
    names, ip = [f"kg{index}" for index in range(count)], ["ip"]
    subprocess.run([*ip, "link", "add", "kgbridge", "type", "bridge"], check=True)
    subprocess.run([*ip, "link", "set", "kgbridge", "up"], check=True)
    try:
        for index, name in enumerate(names):
            for words in (
                ["netns", "add", name],
                ["link", "add", f"{name}out", "type", "veth", "peer", "name", "eth0", "netns", name],
                ["link", "set", f"{name}out", "master", "kgbridge", "up"],
                ["-n", name, "addr", "add", f"10.77.0.{index + 1}/24", "dev", "eth0"],
                ["-n", name, "link", "set", "eth0", "up"],
                ["-n", name, "link", "set", "lo", "up"],
            ):
                subprocess.run([*ip, *words], check=True)
        yield [["ip", "netns", "exec", name] for name in names], [f"10.77.0.{index + 1}:2222" for index in range(count)]
    finally:
        for name in names:
            subprocess.run([*ip, "netns", "del", name], check=False)
        subprocess.run([*ip, "link", "del", "kgbridge"], check=False)


@contextlib.contextmanager
def loopback(count):
    """As `namespaces`, for ports of 127.0.0.1."""
    yield [[]] * count, [f"127.0.0.1:{port}" for port in free_ports(count)]


def free_ports(count):
    """Returns ports of 127.0.0.1 that nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def start(words, **kwargs):
    return subprocess.Popen(
        words, cwd=runs.ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **kwargs
    )


def finish(processes, seconds=400):
    """Waits for processes; returns what one of them says that failed, or None."""
    failed = None
    try:
        for process in processes:
            _, error = process.communicate(timeout=seconds)
            if process.returncode:
                failed = failed or next((line for line in error.splitlines() if line.startswith("error:")), error[-400:])
    except subprocess.TimeoutExpired:
        failed = f"not at its end after {seconds} s"
    finally:
        for process in processes:
            process.kill()
    return failed


def weights(path):
    """Returns the arrays of a checkpoint, name -> values."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in arrays.items() if value.dtype.kind == "f"}


def largest(one, two):
    """Returns the largest difference of two checkpoints, and where it is."""
    one, two = weights(one), weights(two)
    assert one.keys() == two.keys()
    return max((float(np.abs(one[name] - two[name]).max(initial=0)), name) for name in one)


def compare(name, folder, count):
    """Trains a family alone and together; returns a row of results."""
    what, words = FAMILIES[name]
    words = [*SHARED, *(word.format(pictures=folder / "pictures") for word in words)]
    one, two = folder / f"{name}-one", folder / f"{name}-several"
    failed = finish([start([sys.executable, "train.py", *words, f"--run_dir={one}"])])
    if failed is None:
        words.append(f"--run_dir={two}")
        if flags.FLAGS.mirrored:
            failed = finish([start([sys.executable, "-c", TWO_DEVICES, *words, "--strategy=mirrored"])])
        else:
            with (namespaces if flags.FLAGS.netns else loopback)(count) as (places, addresses):
                hosts = f"--hosts={','.join(addresses)}"
                failed = finish(
                    [
                        start([*place, sys.executable, "train.py", *words, hosts, f"--index={index}"])
                        for index, place in enumerate(places)
                    ]
                )
    row = {"family": name, "what": what}
    if failed is not None:
        return row | {"failed": failed, "holds": False}
    last, first = (f"checkpoints/step-{step:09d}.weights.h5" for step in (STEPS, 1))
    difference, where = largest(one / last, two / last)
    moved, _ = largest(one / first, one / last)
    return row | {"difference": difference, "where": where, "moved": moved, "holds": difference <= 2e-6 and moved > 2e-5}


def main(_):
    count = 2 if flags.FLAGS.mirrored else flags.FLAGS.workers
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_pictures(folder / "pictures")
        for name in flags.FLAGS.family or FAMILIES:
            rows.append(compare(name, folder, count))
            print(rows[-1], flush=True)
    print("| family | what is in it | largest difference | moved | holds |\n|---|---|---|---|---|")
    for row in rows:
        numbers = row.get("failed") or f"{row['difference']:.1e} | {row['moved']:.1e}"
        print(f"| {row['family']} | {row['what']} | {numbers} | {'yes' if row['holds'] else 'no'} |")
    if flags.FLAGS.out:
        runs.keep(flags.FLAGS.out, rows)


if __name__ == "__main__":
    app.run(main)
