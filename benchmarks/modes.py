"""Which modes does each objective find? The ring of 8 Gaussians and the grid of 25, on small fully connected networks.

    python benchmarks/modes.py [--steps=20000] [--seeds=1]

Every objective trains by train.py in a process of its own for the same number of generator steps. As Srivastava et al.
2017 (VEEGAN, section 4.1) and Lin et al. 2018 (PacGAN, section 4.1): of 2,500 samples those within three standard
deviations of the nearest mode are of high quality, and a mode is captured if one of them is nearest to it. Fills
docs/results.md, docs/modes.png and benchmarks/results/modes.json. Runs are kept in --work: the same command goes on after
an interruption.
"""

import statistics

import numpy as np
import runs

DATA = {"ring8": 8, "grid25": 25}  # modes
SAMPLES = 2500

# The same players for all (BEGAN: an autoencoder), Adam(1e-4, 0.5, 0.9) as in gan_toy.py of Gulrajani et al. 2017 except
# where the paper has its own; no moving average, which would hide a generator that wanders.
SHARED = (
    "--generator=points_mlp:width=128,depth=3",
    "--latent_dim=2",
    "--batch_size=256",
    "--ema_kimg=0",
    "--steps_per_execution=50",
    "--export=none",
)
CRITIC = "--discriminator=points_mlp:width=128,depth=3"
ADAM = ("--optimizer=adam:beta_1=0.5,beta_2=0.9", "--learning_rate=1e-4")
OBJECTIVES = {
    "GAN (minimax)": ("--loss=minimax", CRITIC, *ADAM),
    "GAN (non-saturating)": ("--loss=non_saturating", CRITIC, *ADAM),
    "LSGAN": ("--loss=least_squares", CRITIC, *ADAM),
    "WGAN": (
        "--loss=wasserstein",
        "--penalty=weight_clipping:limit=0.01",
        "--n_critic=5",
        CRITIC,
        "--optimizer=rmsprop",
        "--learning_rate=5e-5",
    ),
    "WGAN-GP": ("--loss=wasserstein", "--penalty=wgan_gp:weight=0.1", "--n_critic=5", CRITIC, *ADAM),
    "DRAGAN": ("--loss=non_saturating", "--penalty=dragan:weight=10", CRITIC, *ADAM),
    "BEGAN": ("--game=began", "--latent=uniform", "--discriminator=points_autoencoder:width=128,depth=3", *ADAM),
    "hinge": ("--loss=hinge", CRITIC, *ADAM),
    "relativistic + R1 + R2": (
        "--loss=relativistic_paired",
        "--penalty=r1:weight=0.1",
        "--penalty=r2:weight=0.1",
        CRITIC,
        *ADAM,
    ),
}
PUBLISHED = """| as published | ring modes | ring, high quality | grid modes | grid, high quality |
|---|---|---|---|---|
| GAN (VEEGAN, table 1; five runs) | 1 | 99.3 % | 3.3 | 0.5 % |
| Unrolled GAN (VEEGAN, table 1) | 7.6 | 35.6 % | 23.6 | 16 % |
| VEEGAN (table 1) | 8 | 52.9 % | 24.6 | 40 % |
| GAN (PacGAN, table 1; ten runs) | 6.3 ± 0.5 | 98.2 ± 0.2 % | 17.3 ± 0.8 | 94.8 ± 0.7 % |
| PacGAN2 (table 1) | 7.9 ± 0.1 | 95.6 ± 2.0 % | 23.8 ± 0.7 | 91.3 ± 0.8 % |"""


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.integer("steps", 20_000, "generator steps per run", 1)
    flags.integer("seeds", 1, "runs per objective and data", 1)
    flags.strings("objectives", list(OBJECTIVES), "which of them")
    flags.string("work", "runs/modes", "folder for the runs")
    flags.string("out", "benchmarks/results/modes.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the table stands")
    flags.string("picture", "docs/modes.png", "the samples as pictures")
    runs.parse(flags, __doc__)
    plan = [(data, name, seed) for seed in range(flags.seeds) for data in DATA for name in flags.objectives]
    kept = runs.Runs(f"{flags.work}/{flags.steps}steps", len(plan))
    kimg = flags.steps * 256 / 1000
    folders = {}
    for data, name, seed in plan:
        words = [*SHARED, *OBJECTIVES[name], f"--data=embedded:{data}", f"--kimg={kimg}", f"--seed={seed}"]
        words += [f"--{interval}_kimg={kimg}" for interval in ("sample", "checkpoint")] + [f"--log_kimg={kimg / 50}"]
        folders[data, name, seed] = kept.train(f"{data}-{slug(name)}-seed{seed}", words)
    from keras_gans.callbacks.samples import density

    pictures = {(data, "real"): density(points_of(data)) for data in DATA}
    rows = []
    for (data, name, seed), folder in folders.items():
        if folder is None:
            rows.append({"data": data, "objective": name, "seed": seed, "failed": True})
            continue
        points = samples(folder)
        modes, share = captured(points[:SAMPLES], data)
        rows.append(
            {
                "data": data,
                "objective": name,
                "seed": seed,
                "modes": modes,
                "high_quality": share,
                "seconds": folder.metrics()[-1]["seconds"],
            }
        )
        if seed == 0:
            pictures[data, name] = density(points)
        print(f"{data}, {name}: {modes} modes, {share:.1%} of high quality", flush=True)
    about = runs.keep(flags.out, rows, steps=flags.steps)
    contact_sheet(flags.picture, pictures, ["real", *flags.objectives])
    runs.fill(flags.document, "modes", document(rows, about, flags))


def slug(name):
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def samples(folder, count=10_000):
    """Draws points from a finished run: float32 [count, 2]."""
    from keras_gans.trained.trained import Trained

    return np.concatenate(list(Trained.open(folder.directory).generate(count, seed=1, batch_size=count)))


def points_of(data, count=10_000):
    """Returns held-out points of the data: float32 [count, 2]."""
    return np.stack([points for points, _ in source(data).in_order().take(count).as_numpy_iterator()])


def source(data):
    from keras_gans.data import open_source

    return open_source(f"embedded:{data}", split="holdout")


def captured(points, data):
    """Counts modes.

    Args:
        points: float [n, 2].
        data: name in `DATA`.

    Returns:
        (modes that a sample within three standard deviations of them is nearest to, share of such samples).
    """
    held = source(data)
    distances = np.linalg.norm(points[:, None] - held.modes, axis=-1)
    good = distances.min(axis=1) <= 3 * held.std
    return len(set(distances.argmin(axis=1)[good])), float(good.mean())


def document(rows, about, flags):
    """Returns the Markdown of the modes' section."""
    lines = [
        f"Measured on {about['date']} by `{about['command']}` on {about['machine']}.",
        "",
        f"{flags.steps:,} generator steps of 256 points on the ring of 8 Gaussians (radius 1, standard deviation 0.01) and "
        "the grid of 25 (spacing 2, standard deviation 0.05). Of 2,500 samples those within three standard deviations of "
        "the nearest mode are of high quality; a mode is captured if one of them is nearest to it. "
        + (f"Mean over {flags.seeds} seeds." if flags.seeds > 1 else "One seed."),
        "",
        "| objective | ring modes | ring, high quality | grid modes | grid, high quality | seconds, ring / grid |",
        "|---|---|---|---|---|---|",
    ]
    real = [captured(points_of(data, SAMPLES), data) for data in DATA]
    lines.append("| real points | " + " | ".join(f"{modes} | {share:.1%}" for modes, share in real) + " | |")
    for name in flags.objectives:
        lines.append(
            f"| {name} | "
            + " | ".join(cell(rows, data, name) for data in DATA)
            + " | "
            + " / ".join(f"{mean(rows, data, name, 'seconds'):.0f}" for data in DATA)
            + " |"
        )
    picture = flags.picture.rpartition("/")[2]
    lines += [
        "",
        f"![where the samples lie]({picture})",
        "",
        "10,000 samples each, above the ring and below the grid.",
        "",
        PUBLISHED,
    ]
    return "\n".join(lines)


def cell(rows, data, name):
    if any(row.get("failed") for row in _of(rows, data, name)):
        return "failed | failed"
    return f"{mean(rows, data, name, 'modes'):.3g} | {mean(rows, data, name, 'high_quality'):.1%}"


def mean(rows, data, name, what):
    return statistics.mean(row.get(what, float("nan")) for row in _of(rows, data, name))


def _of(rows, data, name):
    return [row for row in rows if (row["data"], row["objective"]) == (data, name)]


def contact_sheet(path, pictures, names):
    """Draws one column per objective with its name above it, one row per data."""
    from PIL import Image, ImageDraw

    from keras_gans import grids

    cells = [pictures.get((data, name)) for data in DATA for name in names]
    blank = np.full_like(pictures["ring8", "real"], 255)
    sheet = grids.grid(np.stack([blank if cell is None else cell for cell in cells]), columns=len(names))[..., 0]
    picture = Image.fromarray(np.pad(sheet, ((20, 0), (0, 0)), constant_values=255))
    draw = ImageDraw.Draw(picture)
    for index, name in enumerate(names):
        draw.text(((index + 0.5) * sheet.shape[1] / len(names), 10), name, fill=0, anchor="mm", font_size=14)
    grids.write_png(runs.ROOT / path, np.asarray(picture)[..., None])


if __name__ == "__main__":
    main()
