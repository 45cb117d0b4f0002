"""Whether several workers train the weights that one process trains: a table of the families that hold.

    python benchmarks/several_workers.py --out=benchmarks/results/several_workers.json     all families in all ways; an hour
    python benchmarks/several_workers.py --family=gan --way=workers:4 --way=netns:2

Ways: workers:N are processes on loopback; netns:N are processes in network namespaces with addresses of their own (as root);
mirrored:2 are two logical devices of one process.

Tiny networks, five steps of plain gradient descent (Adam turns the rounding of a zero gradient into a full step), one thread a
process. A family holds where no weight differs by more than 2e-6, of networks and of moving averages, or by more than 2e-6 of
itself where it is above 1 (variances of 20 have no finer float32), while weights of each network, batch norm's statistics not
counted, moved by more than ten times that.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import runs
from absl import app, flags
from workers import ENVIRONMENT, free_ports, weights, write_noise

flags.DEFINE_multi_string("family", [], "names of families; default: all")
flags.DEFINE_multi_string("way", ["workers:2", "workers:4", "netns:2", "mirrored:2"], "how they train together")
flags.DEFINE_string("out", None, "JSON file for the results; what it has of other families and ways stays")

STEPS = 5
SHARED = [
    "--optimizer=sgd",
    "--learning_rate=0.002",
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
            "--learning_rate=0.2",  # at the shared rate weights move by 7e-7
        ],
    ),
    "r3gan": (
        "relativistic pairs, R1 and R2",
        [
            "--generator=r3gan:width=8,blocks=1",
            "--discriminator=r3gan:width=8,blocks=1",
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
            "--learning_rate=0.00002",
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
            *("--batch_size=16", "--kimg=0.08", "--checkpoint_kimg=0.016"),  # whole groups of four for each of four workers
            "--learning_rate=0.0002",  # path lengths move a bias by 1 at the shared rate
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
            "--generator=fastgan:width=8",
            "--discriminator=fastgan:width=8",
            "--latent_dim=8",
            "--loss=hinge",
            "--reconstruction=l1",
            "--augment=diffaugment",
        ],
    ),
    "projected": (
        "Projected GAN: EfficientNet judges, spectral and batch norm in D",
        [
            "--channels=3",
            "--generator=dcgan:width=4",
            "--discriminator=projected:feature_size=64",
            "--loss=hinge",
            "--share_fakes=false",
            "--augment=diffaugment",
            "--latent_dim=8",
            "--learning_rate=0.00002",  # at the shared rate weights move by 2, and rounding grows tenfold in a step
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


def make_pictures(folder):
    """Writes two kinds of pictures, 12 of each."""
    for seed, side in enumerate("ab"):
        write_noise(folder / side, seed, (12, 16, 16, 3))


@contextlib.contextmanager
def namespaces(count):
    """Makes network namespaces on one bridge; yields the words that start a command in each, and their addresses."""
    own = f"kg{os.getpid()}"  # what a killed start left behind has other names
    names, bridge, ip = [f"{own}n{index}" for index in range(count)], f"{own}b", ["ip"]
    subprocess.run([*ip, "link", "add", bridge, "type", "bridge"], check=True)
    subprocess.run([*ip, "link", "set", bridge, "up"], check=True)
    try:
        for index, name in enumerate(names):
            for words in (
                ["netns", "add", name],
                ["link", "add", f"{name}o", "type", "veth", "peer", "name", "eth0", "netns", name],
                ["link", "set", f"{name}o", "master", bridge, "up"],
                ["-n", name, "addr", "add", f"10.77.0.{index + 1}/24", "dev", "eth0"],
                ["-n", name, "link", "set", "eth0", "up"],
                ["-n", name, "link", "set", "lo", "up"],
            ):
                subprocess.run([*ip, *words], check=True)
        yield [["ip", "netns", "exec", name] for name in names], [f"10.77.0.{index + 1}:2222" for index in range(count)]
    finally:
        for name in names:
            subprocess.run([*ip, "netns", "del", name], check=False)
        subprocess.run([*ip, "link", "del", bridge], check=False)


@contextlib.contextmanager
def loopback(count):
    """As `namespaces`, for ports of 127.0.0.1."""
    yield [[]] * count, [f"127.0.0.1:{port}" for port in free_ports(count)]


def start(words):
    """Starts a process in a session of its own, between which the kernel shares the processor evenly."""
    return subprocess.Popen(
        words,
        cwd=runs.ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(processes, seconds=900):
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


def largest(one, two):
    """Returns the largest difference of the weights in two checkpoints, and where it is; the pools' images are none."""
    one, two = ({name: each for name, each in weights(path).items() if "image_pool" not in name} for path in (one, two))
    assert one.keys() == two.keys()

    def difference(name):
        return float((np.abs(one[name] - two[name]) / np.maximum(1, np.abs(one[name]))).max(initial=0))

    return max((difference(name), name) for name in one)


def least_movement(one, two):
    """Returns how far the weights of each network moved at most, batch norm aside; of all networks the least."""
    one, two = weights(one), weights(two)
    moved = {}
    for name in one:
        network = name.partition("/")[0]
        state = network in ("augment", "layers") or network.endswith("_optimizer")
        if not state and "batch_norm" not in name:
            moved[network] = max(moved.get(network, 0.0), float(np.abs(one[name] - two[name]).max(initial=0)))
    return min(moved.values())


def together(words, way):
    """Trains in one of the ways; returns what failed, or None."""
    how, count = way.split(":")
    if how == "mirrored":
        return finish([start([sys.executable, "-c", TWO_DEVICES, *words, "--strategy=mirrored"])])
    with {"netns": namespaces, "workers": loopback}[how](int(count)) as (places, addresses):
        words = [*words, f"--hosts={','.join(addresses)}"]
        return finish(
            [start([*place, sys.executable, "train.py", *words, f"--index={index}"]) for index, place in enumerate(places)]
        )


def compare(name, folder):
    """Trains a family alone and in every way; yields rows of results."""
    what, words = FAMILIES[name]
    words = [*SHARED, *(word.format(pictures=folder / "pictures") for word in words)]
    one = folder / f"{name}-one"
    last, first = (f"checkpoints/step-{step:09d}.weights.h5" for step in (STEPS, 1))
    alone = finish([start([sys.executable, "train.py", *words, f"--run_dir={one}"])])
    for way in flags.FLAGS.way:
        row, run = {"family": name, "what": what, "way": way, "holds": False}, folder / f"{name}-{way}"
        began = time.monotonic()
        failed = alone or together([*words, f"--run_dir={run}"], way)
        if failed is None:
            row["difference"], row["where"] = largest(one / last, run / last)
            row["moved"] = least_movement(one / first, one / last)
            row["holds"] = row["difference"] <= 2e-6 and row["moved"] > 2e-5
        else:
            row["failed"] = failed
        yield row | {"seconds": round(time.monotonic() - began)}


def table(rows):
    """Returns a row for a family, a column for a way."""
    ways = sorted({row["way"] for row in rows})
    lines = [f"| family | what is in it | weights moved | {' | '.join(ways)} |", f"|{'---|' * (3 + len(ways))}"]
    for name in dict.fromkeys(row["family"] for row in rows):
        own = {row["way"]: row for row in rows if row["family"] == name}
        cells = []
        for way in ways:
            row = own.get(way, {})
            number = f"{row['difference']:.1e}" if "difference" in row else row.get("failed", "not run")
            cells.append(number if row.get("holds") else f"**{number}**")
        first = next(iter(own.values()))
        lines.append(f"| {name} | {first['what']} | {first.get('moved', 0):.1e} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(_):
    rows = runs.kept(flags.FLAGS.out)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_pictures(folder / "pictures")
        for name in flags.FLAGS.family or FAMILIES:
            for row in compare(name, folder):
                rows = [old for old in rows if (old["family"], old["way"]) != (name, row["way"])] + [row]
                print(row, flush=True)
                if flags.FLAGS.out:
                    runs.keep(flags.FLAGS.out, rows)
    print(table(rows))


if __name__ == "__main__":
    app.run(main)
