"""What training on many machines costs: bytes, networks, data and checkpoints on paper; images per second by processes here.

    python benchmarks/scaling.py                      the tables of docs/scaling.md
    python benchmarks/scaling.py --processes=1,2,4    trains on loopback; prints images per second

The model: in a step every player's gradient, float32, is summed over the N replicas by a ring, in which each sends and
receives 2 (N - 1) / N of its bytes. (Batch norm's statistics, a thousandth of that, are left out.) Nothing overlaps, so
that a network is called sufficient at which the ring takes a tenth of the step. A step's length is a published one.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

from runs import ROOT
from workers import free_ports

FLOAT = 4  # bytes
PUBLISHED = {
    # seconds for 1000 images on 1, 2, 4 and 8 V100 (NVLink), total batch 32: days and hours for 25,000 kimg in the table of
    # the README of NVlabs/stylegan2
    "stylegan2 1024": ([(69, 23), (36, 4), (18, 14), (9, 18)], 25_000),
    "stylegan2 256": ([(32, 13), (16, 23), (8, 21), (4, 18)], 25_000),
}
BATCH = 32
GPUS = (1, 2, 4, 8)
_BIG = "stylegan2:channel_base=32768,channel_max=512"
FAMILIES = {  # name -> flagfile, flags beyond it, size of the images
    "dcgan 64": ("dcgan_64", {}, 64),
    "sagan": ("sagan", {}, None),
    "biggan 128": ("biggan_128", {}, 128),
    "r3gan 64": ("r3gan_ffhq64", {}, 64),
    "fastgan": ("fastgan", {}, None),
    "projected": ("projected", {}, None),
    "stylegan2 256": (
        "stylegan2",
        {"generator": _BIG.replace("32768", "16384"), "discriminator": _BIG.replace("32768", "16384"), "latent_dim": 512},
        256,
    ),
    "stylegan2 1024": ("stylegan2", {"generator": _BIG, "discriminator": _BIG, "latent_dim": 512}, 1024),
    "pix2pix": ("pix2pix", {}, 256),
    "cyclegan": ("cyclegan", {}, 256),
    "cut": ("cut", {}, 256),
    "esrgan": ("esrgan", {}, None),
    "inpaint": ("inpaint", {}, 256),
}


def recipe_of(flagfile, changes):
    from keras_gans import cli

    flags = cli.parse("train", [f"--flagfile={ROOT / 'configs' / flagfile}.flags"])
    return {name: flags[name].value for name in sorted(flags)} | changes


def trained_weights(name):
    """Returns {network: trainable weights} of a family, its recipe, and the size of its images."""
    from keras_gans.data.degradations import DEGRADATIONS
    from keras_gans.registry import GAMES, parse_spec
    from keras_gans.trained import recipes

    flagfile, changes, size = FAMILIES[name]
    recipe = recipe_of(flagfile, changes)
    size = size or recipe["image_size"]
    game = GAMES.get(parse_spec(recipe["game"])[0])
    pairs = game.kind != "images"
    shape, given = (size, size, 3), (size, size, 3) if pairs else None
    if recipe["degrade"]:
        scale = getattr(DEGRADATIONS.create(recipe["degrade"]), "scale", 1)
        given = (size // scale, size // scale, 4 if recipe["degrade"].startswith("mask") else 3)
    classes = 1000 if recipe["conditional"] else 0

    class NetworksAlone(recipes.Maker):
        """Builds no losses: what they judge by does not train, and may have to be downloaded."""

        def reconstructions(self):
            return []

    parts = game.parts(NetworksAlone(recipe, shape, classes, given, pretrained=False))
    counts = {}
    for part, network in parts.items():
        for number, one in enumerate(network if isinstance(network, (list, tuple)) else [network]):
            if hasattr(one, "trainable_variables"):
                count = sum(math.prod(variable.shape) for variable in one.trainable_variables)
                counts[f"{part}{number or ''}"] = count
    return counts, recipe, size


def step_bytes(counts, recipe):
    """Bytes of the gradients of one step: each discriminator's for each of its turns, all others once."""
    turns = {name: recipe["n_critic"] if name.startswith("discriminator") else 1 for name in counts}
    return FLOAT * sum(count * turns[name] for name, count in counts.items())


def ring(size, replicas):
    """Bytes that each replica sends, and receives, to sum `size` bytes."""
    return 2 * (replicas - 1) / replicas * size


def tables(families):
    print(
        "| family | weights that train, millions | gradients a step, MB | each of 8 sends, MB | each of 256, MB | checkpoint, MB |"
    )
    print("|---|---|---|---|---|---|")
    sizes = {}
    for name in families:
        counts, recipe, _ = trained_weights(name)
        sizes[name] = step_bytes(counts, recipe)
        total = sum(counts.values())
        averaged = sum(count for network, count in counts.items() if not network.startswith("discriminator"))
        # Weights, two moments of Adam, and the moving averages of generators.
        kept = FLOAT * (3 * total + averaged)
        cells = [total / 1e6, *(size / 1e6 for size in (sizes[name], ring(sizes[name], 8), ring(sizes[name], 256), kept))]
        print(
            f"| {name} | " + " | ".join(f"{cell:,.3g}" if cell < 1000 else f"{cell:,.0f}" for cell in cells) + " |",
            flush=True,
        )
    print(
        "\n| job | GPUs | s/kimg published | step, s | to one GPU | ring in a tenth of a step, Gbit/s |\n|---|---|---|---|---|---|"
    )
    for name, (times, kimg) in PUBLISHED.items():
        if name not in sizes:
            continue
        rates = [(days * 24 + hours) * 3600 / kimg for days, hours in times]
        for gpus, rate in zip(GPUS, rates):
            step = rate * BATCH / 1000
            needed = 8 * ring(sizes[name], gpus) / (step / 10) / 1e9
            print(f"| {name} | {gpus} | {rate:.1f} | {step:.2f} | {rates[0] / rate / gpus:.2f} | {needed:.1f} |")
        for gpus in (8, 256):
            step = rates[-1] * BATCH / 1000  # four images on each, as on eight
            needed = 8 * ring(sizes[name], gpus) / (step / 10) / 1e9
            print(f"| {name}, batch {4 * gpus} | {gpus} | - | {step:.2f} | - | {needed:.1f} |")


def images_per_second(processes, kimg, cores):
    """Trains a small DCGAN on loopback, each process bound to a core of its own where `cores`; returns the chief's rate."""
    words = [
        *("--flagfile=configs/quickstart.flags", "--generator=dcgan:width=16", "--discriminator=dcgan:width=16"),
        *("--scores=none", "--export=none", "--sample_kimg=0", "--batch_size=64", f"--kimg={kimg}"),
    ]
    with tempfile.TemporaryDirectory() as place:
        hosts = ",".join(f"127.0.0.1:{port}" for port in free_ports(processes))
        started = []
        for index in range(processes):
            own = [f"--hosts={hosts}", f"--index={index}"] if processes > 1 else []
            bound = ["taskset", "--cpu-list", str(index)] if cores else []
            command = [*bound, sys.executable, "train.py", *words, *own, f"--run_dir={place}/run"]
            started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True))
        codes = [one.wait() for one in started]
        if any(codes):
            raise SystemExit(f"ended with {codes}")
        return json.loads(pathlib.Path(place, "run", "run.json").read_text())["finished"]["images_per_second"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", default="")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--kimg", type=float, default=6.4)
    parser.add_argument("--cores", action="store_true", help="bind each process to one core, as many cores as processes")
    given = parser.parse_args()
    if not given.processes:
        return tables(given.families.split(","))
    for processes in map(int, given.processes.split(",")):
        start = time.monotonic()
        rate = images_per_second(processes, given.kimg, given.cores)
        print(f"{processes} processes: {rate:.0f} images/s ({time.monotonic() - start:.0f} s in all)", flush=True)


if __name__ == "__main__":
    main()
