"""Every recipe of configs/ on the embedded Fashion-MNIST images, for the same number of seconds each.

    python benchmarks/zoo.py [--seconds=60] [--seeds=3] [--write_headers]

First the speed of every recipe is measured: that wants an idle machine, for about five minutes (--only_speeds stops
there). Then each is trained by train.py in a process of its own, for as many images as it gets through in `seconds` at
that speed (compilation, samples and scores come on top), with seed 0, and the recipes of --repeated with `seeds` seeds;
that may share the machine, for the number of images is fixed. Fills docs/results.md, docs/zoo.png and
benchmarks/results/zoo.json. Runs are kept in --work: the same
command goes on after an interruption, and only rewrites the documents when all is done.
"""

import re
import statistics
import sys

import runs

RECIPES = (
    "gan",
    "dcgan",
    "lsgan",
    "wgan",
    "wgan_gp",
    "dragan",
    "began",
    "sngan",
    "r3gan",
    "cgan",
    "acgan",
    "projection",
    "sagan",
)
REPEATED = ("dcgan", "wgan_gp", "sngan", "r3gan")
SCORES = ("kd_fashion", "fd_fashion", "precision_fashion", "recall_fashion", "density_fashion", "coverage_fashion")
FORMATS = (".3f", ".2f", ".3f", ".3f", ".3f", ".3f")
STRIP = 10  # images

# As printed in the papers, each with its protocol; all on other data and at thousands of times the cost.
PUBLISHED = {
    "gan": "MNIST: log-likelihood 225 ± 2 (Parzen window) [1]",
    "dcgan": "CIFAR-10: IS 6.16 [2]",
    "lsgan": "none",
    "wgan": "none",
    "wgan_gp": "CIFAR-10: IS 7.86 [2]",
    "dragan": "CIFAR-10: IS 6.90 [3]",
    "began": "CIFAR-10: IS 5.62 [4]",
    "sngan": "CIFAR-10: IS 8.22, FID 21.7 (5,000 generated, 10,000 test images) [5]",
    "r3gan": "CIFAR-10 with labels: FID 1.96 (50,000 generated, all training images) [6]",
    "cgan": "MNIST: log-likelihood 132 ± 1.8 (Parzen window) [7]",
    "acgan": "CIFAR-10 with labels: IS 8.25 ± 0.07 [8]",
    "projection": "ImageNet 128x128: IS 36.8, FID 92.4 within classes [9]",
    "sagan": "ImageNet 128x128: IS 52.52, FID 18.65 [10]",
}
SOURCES = """[1] Goodfellow et al. 2014, table 1. [2] Gulrajani et al. 2017, table of unsupervised CIFAR-10, which
has DCGAN's
number too. [3] Kodali et al. 2017. [4] Berthelot et al. 2017. [5] Miyato et al. 2018, table 2 and appendix B.1.
[6] Huang et al. 2024. [7] Mirza and Osindero 2014, table 1. [8] Odena et al. 2017. [9] Miyato and Koyama 2018, at 850,000
steps. [10] Zhang et al. 2019, abstract. IS is the inception score of 50,000 images. The papers of LSGAN and WGAN print
no score of their images."""


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.number("seconds", 60.0, "of training steps per run", 1.0)
    flags.strings("recipes", list(RECIPES), "names of flagfiles in configs/")
    flags.strings("repeated", list(REPEATED), "recipes that run with several seeds")
    flags.integer("seeds", 3, "how many seeds those run with", 1)
    flags.boolean("only_speeds", False, "measure the speeds and stop")
    flags.boolean("write_headers", False, "write cost and score into the headers of the flagfiles")
    flags.string("work", "runs/zoo", "folder for the runs")
    flags.string("out", "benchmarks/results/zoo.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("picture", "docs/zoo.png", "the sample strips")
    flags(sys.argv)
    plan = [(recipe, 0) for recipe in flags.recipes]
    plan += [(recipe, seed) for seed in range(1, flags.seeds) for recipe in flags.recipes if recipe in flags.repeated]
    kept = runs.Runs(f"{flags.work}/{flags.seconds:g}s", len(plan))
    words = {recipe: [f"--flagfile={runs.ROOT}/configs/{recipe}.flags", "--export=none"] for recipe in flags.recipes}
    speeds = {recipe: kept.speed(recipe, words[recipe]) for recipe in flags.recipes}
    if flags.only_speeds:
        return
    folders = {}
    for recipe, seed in plan:
        kimg = float(f"{speeds[recipe] * flags.seconds / 1000:.3g}")
        often = [f"--{name}_kimg={kimg}" for name in ("sample", "score", "checkpoint")] + [f"--log_kimg={kimg / 40:.3g}"]
        folder = kept.train(f"{recipe}-seed{seed}", [*words[recipe], f"--kimg={kimg}", f"--seed={seed}", *often])
        if folder:
            folders[recipe, seed] = folder
            print(f"    {brief(row(recipe, seed, folder, speeds[recipe]))}", flush=True)
    rows = [row(recipe, seed, folder, speeds[recipe]) for (recipe, seed), folder in folders.items()]
    real = score_of_real_images()
    about = runs.keep(
        flags.out,
        rows,
        seconds=flags.seconds,
        real_images=real,
        failed=[f"{recipe}, seed {seed}" for recipe, seed in plan if (recipe, seed) not in folders],
    )
    strips(flags.picture, {recipe: folder for (recipe, seed), folder in folders.items() if seed == 0})
    runs.fill(flags.document, "zoo", document(rows, plan, real, about, flags))
    if flags.write_headers:
        write_headers(rows, about)


def row(recipe, seed, folder, rate):
    """Returns what is known of one finished run, a dict for JSON; `rate` is its speed alone, in images per second."""
    record = folder.record
    lines = folder.metrics()
    scores = {
        score["name"]: {"value": score["value"], "standard_error": score["standard_error"]}
        for score in record["finished"]["scores"]
    }
    return {
        "recipe": recipe,
        "seed": seed,
        "objective": objective(record["recipe"]),
        "kimg": lines[-1]["kimg"],
        "images_per_second": rate,
        "seconds_per_kimg": round(1000 / rate, 3),
        "memory_mb": record["finished"]["peak_memory_mb"],
        "parameters": record["parameters"],
        "scores": scores,
    }


def objective(recipe):
    """Names the objective of a recipe from its flags: game or loss, and penalties."""
    game = recipe["game"].partition(":")[0]
    parts = [recipe["loss"]] if game != "began" else []
    parts += [game] if game != "gan" else []
    return " + ".join(part.partition(":")[0] for part in parts + recipe["penalty"])


def brief(row):
    score = row["scores"]["kd_fashion"]
    return (
        f"kd_fashion {score['value']:.3f} ± {score['standard_error']:.3f}, fd_fashion "
        f"{row['scores']['fd_fashion']['value']:.2f}; {row['kimg']:.3g} kimg, {row['seconds_per_kimg']:.2f} s/kimg, "
        f"{row['memory_mb']} MB"
    )


def score_of_real_images(count=2000):
    """Scores training images as if they had been generated: what a perfect generator would get."""
    from keras_gans.data import open_source
    from keras_gans.metrics import evaluate
    from keras_gans.metrics.evaluator import source_batches

    train, holdout = (open_source("embedded:fashion", split=split) for split in ("train", "holdout"))
    results = evaluate(
        holdout,
        source_batches(train, count, seed=0),
        ("kid", "fid", "precision_recall", "density_coverage"),
        "fashion",
        count,
    )
    return {one["name"]: {"value": one["value"], "standard_error": one["standard_error"]} for one in results}


# --- what is written ----------------------------------------------------------------------------------------------------


def document(rows, plan, real, about, flags):
    """Returns the Markdown of the zoo's section."""
    first = {row["recipe"]: row for row in rows if row["seed"] == 0}
    lines = [
        f"Measured on {about['date']} by `{about['command']}` on {about['machine']}.",
        "",
        f"For each recipe the thousands of images (kimg) that it gets through in {flags.seconds:g} seconds of steps, one seed; "
        "compilation, samples and scores not counted; the speed is that of the steps alone on an idle machine. kd and fd are the kernel and the Frechet distance on the "
        "`fashion` features (lower is better; kd with its standard error), then improved precision and recall, density "
        "and coverage (higher is better), all between 2,000 generated and the 2,000 held-out images. Memory is the "
        "process's peak, scores included. **The published numbers are of other data, other features and far longer "
        "training: they can't be compared with ours, nor mostly with each other.**",
        "",
        "| recipe | objective | weights G / D | kimg | s/kimg | kd_fashion | fd_fashion | precision | recall | density | "
        "coverage | memory, MB | published |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        f"| real images | | | | | {' | '.join(cells(real))} | | |",
    ]
    for recipe in flags.recipes:
        published = PUBLISHED.get(recipe, "")
        if recipe not in first:
            lines.append(f"| [{recipe}](../configs/{recipe}.flags) | failed {'|' * 11} {published} |")
            continue
        row = first[recipe]
        sizes = " / ".join(f"{row['parameters'][player] / 1e6:.2f} M" for player in ("generator", "discriminator"))
        lines.append(
            f"| [{recipe}](../configs/{recipe}.flags) | {row['objective']} | {sizes} | {row['kimg']:.3g} | "
            f"{row['seconds_per_kimg']:.2f} | {' | '.join(cells(row['scores']))} | {row['memory_mb']} | "
            f"{published} |"
        )
    lines += [
        "",
        SOURCES,
        "",
        f"![samples]({flags.picture.rpartition('/')[2]})",
        "",
        f"The first {STRIP} samples of each run, not chosen; of recipes with labels one of each class. {flags.seconds:g} seconds "
        "are short: recipes with several critic turns, double gradients or large batches have made a few hundred generator "
        "steps by then and only begun (quickstart.flags has made 2,500 when its pictures are good). `--seconds` buys more.",
        "",
    ]
    lines += spread(rows, flags)
    return "\n".join(lines)


def cells(scores):
    """Returns the scores of one run as text."""
    texts = [f"{scores[name]['value']:{style}}" for name, style in zip(SCORES, FORMATS)]
    texts[0] += f" ± {scores['kd_fashion']['standard_error']:.3f}"
    return texts


def spread(rows, flags):
    """Returns the table of the recipes that ran with several seeds: mean ± standard deviation over the seeds."""
    lines = [
        f"Mean ± standard deviation over {flags.seeds} seeds:",
        "",
        "| recipe | kd_fashion | fd_fashion | precision | recall | density | coverage |",
        "|---|---|---|---|---|---|---|",
    ]
    for recipe in flags.repeated:
        scores = [row["scores"] for row in rows if row["recipe"] == recipe]
        if len(scores) > 1:
            lines.append(
                f"| {recipe} | "
                + " | ".join(
                    mean_and_deviation([one[name]["value"] for one in scores], style) for name, style in zip(SCORES, FORMATS)
                )
                + " |"
            )
    return lines if len(lines) > 4 else []


def mean_and_deviation(values, style):
    return f"{statistics.mean(values):{style}} ± {statistics.stdev(values):{style}}"


def strips(path, folders):
    """Draws one row of samples per recipe, under a row of real images, each with its name."""
    import numpy as np
    from PIL import Image, ImageDraw

    from keras_gans import grids
    from keras_gans.data import open_source

    real = [
        image for image, _ in open_source("embedded:fashion", split="holdout").in_order().take(STRIP).as_numpy_iterator()
    ]
    named = {"real images": np.stack(real)} | {recipe: first_samples(folder) for recipe, folder in folders.items()}
    sheet = grids.grid(np.concatenate(list(named.values())), columns=STRIP)
    sheet = np.repeat(np.repeat(sheet, 2, axis=0), 2, axis=1)[..., 0]
    margin = 100
    picture = Image.fromarray(np.pad(sheet, ((0, 0), (margin, 0)), constant_values=255))
    draw = ImageDraw.Draw(picture)
    for index, name in enumerate(named):
        draw.text((margin - 8, (index + 0.5) * sheet.shape[0] / len(named)), name, fill=0, anchor="rm", font_size=14)
    grids.write_png(runs.ROOT / path, np.asarray(picture)[..., None])


def first_samples(folder):
    """Cuts the first images, or the first one of each class, out of a run's last sample grid: uint8 [10, 32, 32, 1]."""
    import numpy as np
    from PIL import Image

    sheet = np.asarray(Image.open(max(folder.samples.glob("*.png")), formats=["PNG"]))
    size = folder.record["data"]["image_shape"][0]
    images = [
        sheet[y : y + size, x : x + size]
        for y in range(2, sheet.shape[0], size + 2)
        for x in range(2, sheet.shape[1], size + 2)
    ]
    step = 8 if folder.record["recipe"]["conditional"] else 1  # its rows are classes
    return np.stack(images[: STRIP * step : step])[..., None]


def write_headers(rows, about):
    """Writes cost and score of the first seed into the headers of the flagfiles."""
    from keras_gans.files import write_text

    for row in (row for row in rows if row["seed"] == 0):
        path = runs.ROOT / "configs" / f"{row['recipe']}.flags"
        text = path.read_text(encoding="utf-8")
        scores = row["scores"]
        cost = f"{row['seconds_per_kimg']:.2f} s/kimg, {row['memory_mb']} MB ({about['machine']}; {about['date']})"
        score = (
            f"kd_fashion {scores['kd_fashion']['value']:.3f} ± {scores['kd_fashion']['standard_error']:.3f}, fd_fashion "
            f"{scores['fd_fashion']['value']:.2f} with --kimg={row['kimg']:.3g}"
        )
        text = re.sub(r"^# Cost:.*$", f"# Cost:    {cost}", text, flags=re.MULTILINE)
        text = re.sub(r"^# Score:.*$", f"# Score:   {score}", text, flags=re.MULTILINE)
        write_text(path, text)


if __name__ == "__main__":
    main()
