"""Every recipe that makes pictures from noise, on the embedded Fashion-MNIST images: table, strips, claims of the papers.

    python benchmarks/results.py --hours=6        trains: each recipe for 25 minutes of one core, or until it gets no better
    python benchmarks/zoo.py                      fills docs/results.md and docs/zoo.png with what results/ has by now

Both can be stopped and started anywhere. Rows that were not reached say "not run".
"""

import math
import statistics

import runs

MINUTES = 25  # of one core
# recipe -> thousands of images between two scores, about 100 seconds of one core; flags besides the flagfile's
RECIPES = {
    "gan": (120, []),
    "dcgan": (40, ["--generator=dcgan:width=64", "--discriminator=dcgan:width=32"]),  # the quickstart's widths
    "lsgan": (40, []),
    "wgan": (16, []),
    "wgan_gp": (12, []),
    "dragan": (30, []),
    "began": (20, []),
    "sngan": (20, []),
    "r3gan": (4, []),
    "cgan": (120, []),
    "acgan": (16, []),
    "projection": (18, []),
    "sagan": (18, []),
}
# whose generators have 2 to 5 MB each of the 25 that results/ may take
UNSHIPPED = ("gan", "cgan", "lsgan", "wgan", "dragan")
REPEATED = ("dcgan", "wgan_gp", "sngan", "r3gan", "projection", "sagan")
SEEDS = 3
# Claims for which no two recipes differ in one thing alone: as many images each, by DCGAN's networks without norms in D
TRIALS = {
    "rpgan": [],
    "rpgan_r1": ["--penalty=r1:weight=0.05"],
    "rpgan_r1_r2": ["--penalty=r1:weight=0.05", "--penalty=r2:weight=0.05"],
    "few": [
        "--data=folder:{work}/data/fashion500",
        "--holdout=folder:{work}/data/fashion_held_out",
        "--penalty=r1:weight=0.05",
    ],
}
TRIALS["few_ada"] = [*TRIALS["few"], "--augment=ada:ada_kimg=30"]
TRIAL_KIMG = 160
TRIAL_MINUTES = 60  # more than they take: a plateau must not end one before the others
_TRIAL = [
    "--data=embedded:fashion",
    "--generator=dcgan:width=64",
    "--discriminator=dcgan:width=32,norm=none",
    "--loss=relativistic_paired",
    "--optimizer=adam:beta_1=0,beta_2=0.9",
    "--learning_rate=2e-4",
    "--batch_size=64",
    "--ema_kimg=2",
    f"--kimg={TRIAL_KIMG}",
    "--scores=kid",
    "--score_features=fashion",
    "--score_count=2000",
    *(f"--{name}_kimg={TRIAL_KIMG / 10:g}" for name in ("score", "sample", "checkpoint")),
]
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
has DCGAN's number too. [3] Kodali et al. 2017. [4] Berthelot et al. 2017. [5] Miyato et al. 2018, table 2 and appendix B.1.
[6] Huang et al. 2024. [7] Mirza and Osindero 2014, table 1. [8] Odena et al. 2017. [9] Miyato and Koyama 2018, at 850,000
steps. [10] Zhang et al. 2019, abstract. IS is the inception score of 50,000 images. The papers of LSGAN and WGAN print
no score of their images."""


def runs_of(run, work):
    """Returns what `results.py` trains: every recipe with seed 0, the trials, then six recipes with two more seeds."""

    def of_recipe(recipe, seed):
        return run(
            f"zoo_{recipe}" + (f"_{seed}" if seed else ""),
            "zoo",
            [
                f"--flagfile=configs/{recipe}.flags",
                *RECIPES[recipe][1],
                f"--precision={runs.quick_precision()}",
                "--kimg=100000",  # the minutes end it
                f"--seed={seed}",
                "--scores=kid",
                *(f"--{name}_kimg={RECIPES[recipe][0]}" for name in ("score", "sample", "checkpoint")),
                f"--log_kimg={RECIPES[recipe][0] / 10:g}",
            ],
            MINUTES,
            score="kd_fashion",
            more=more,
            ship=seed == 0 and recipe not in UNSHIPPED,
        )

    def of_trial(name):
        precision = f"--precision={runs.quick_precision()}"
        flags = [flag.format(work=work) for flag in (*_TRIAL, precision, *TRIALS[name])]
        return run(f"zoo_{name}", "zoo", flags, TRIAL_MINUTES, score="kd_fashion", more=more, ship=False)

    return [
        *(of_recipe(recipe, 0) for recipe in RECIPES),
        *(of_trial(name) for name in TRIALS),
        *(of_recipe(recipe, seed) for seed in range(1, SEEDS) for recipe in REPEATED),
    ]


def prepare(work):
    """Writes 500 training images, and those that are held out, as PNG."""
    from keras_gans import grids
    from keras_gans.data import open_source

    for name, split, count in (("fashion500", "train", 500), ("fashion_held_out", "holdout", None)):
        if not (work / "data" / name).is_dir():
            temporary = work / "data" / f".{name}"
            images = open_source("embedded:fashion", split=split).in_order().take(count or -1)
            for index, (image, _) in enumerate(images.as_numpy_iterator()):
                grids.write_png(temporary / f"{index:04d}.png", image)
            temporary.rename(work / "data" / name)


def more(trained):
    """Returns what the zoo's rows have besides scores: the objective, and how many samples fall on each of the classes."""
    return {"objective": objective(trained.recipe), "classes": classes(trained)}


def classes(trained, count=2000):
    """Returns how many samples of `count` the classifier of the `fashion` features takes for each of the ten classes."""
    import numpy as np

    from keras_gans.features.fashion import FashionFeatures

    judge = FashionFeatures()
    made = [judge.extract(batch)[1].argmax(-1) for batch in trained.generate(count, 0)]
    return np.bincount(np.concatenate(made), minlength=10).tolist()


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("results", "results", "folder that results.py fills")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("picture", "docs/zoo.png", "the sample strips")
    runs.parse(flags, __doc__)
    import results

    rows = results.rows(runs.ROOT / flags.results, "zoo")
    strips(
        flags.picture, {recipe: runs.ROOT / flags.results / f"zoo_{recipe}" for recipe in RECIPES if f"zoo_{recipe}" in rows}
    )
    runs.fill(flags.document, "zoo", document(rows, flags.picture))


def objective(recipe):
    """Names the objective of a recipe from its flags: game or loss, and penalties."""
    game = recipe["game"].partition(":")[0]
    parts = [recipe["loss"]] if game != "began" else []
    parts += [game] if game != "gan" else []
    return " + ".join(part.partition(":")[0] for part in parts + recipe["penalty"])


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


def document(rows, picture):
    """Returns the Markdown of the zoo's section; `rows`: name of the run -> its row in results/."""
    real = score_of_real_images()
    lines = [
        f"Each recipe for {MINUTES} minutes of one core (processor time, compilation and scores included), or until three scores "
        "in a row, taken every hundred seconds, were no better than the best before them (in the first runs at any time, in "
        "later ones after half of the minutes); seed 0, in float32 or bfloat16, whichever the machine is quicker in. Trained by "
        "`python benchmarks/results.py`, on the days and machines that stand in each "
        f"`results/NAME/result.json`; the generators are there too, in float16 (not those of {', '.join(UNSHIPPED)}, for their size), and "
        "these scores are theirs: `keras-gans evaluate --run=results/NAME` takes them again. kd and "
        "fd are the kernel and the Frechet distance on the `fashion` features (lower is better; kd with its standard error), "
        "then improved precision and recall, density and coverage (higher is better), all between 2,000 generated and the "
        "2,000 held-out images. Classes: those of ten that the classifier takes at least one sample in a hundred for. **The "
        "published numbers are of other data, other features and far longer training: they can't be compared with ours, "
        "nor mostly with each other.**",
        "",
        "| recipe | objective | weights G / D | kimg | minutes | kd_fashion | fd_fashion | precision | recall | density | "
        "coverage | classes | published |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        f"| real images | | | | | {' | '.join(cells(real))} | 10 | |",
    ]
    for recipe in RECIPES:
        row, named = rows.get(f"zoo_{recipe}"), f"[{recipe}](../configs/{recipe}.flags)"
        if not row:
            lines.append(f"| {named} | not run {'|' * 11} {PUBLISHED[recipe]} |")
            continue
        sizes = " / ".join(f"{row['parameters'][player] / 1e6:.2f} M" for player in ("generator", "discriminator"))
        lines.append(
            f"| {named} | {row['objective']} | {sizes} | {row['kimg']:.4g} | {row['core_seconds'] / 60:.1f} | "
            f"{' | '.join(cells(row['scores']))} | {sum(count >= sum(row['classes']) / 100 for count in row['classes'])} | "
            f"{PUBLISHED[recipe]} |"
        )
    lines += ["", SOURCES, "", f"![samples]({picture.rpartition('/')[2]})", ""]
    lines += [f"The first {STRIP} samples of each run, not chosen; of recipes with labels one of each class.", ""]
    return "\n".join([*lines, *spread(rows), *claims(rows)])


def cells(scores):
    """Returns the scores of one run as text."""
    texts = [f"{scores[name]['value']:{style}}" for name, style in zip(SCORES, FORMATS)]
    texts[0] += f" ± {scores['kd_fashion']['standard_error']:.3f}"
    return texts


def seeds_of(rows, recipe):
    """Returns the rows of a recipe, one for each seed that has run."""
    return [rows[name] for name in (f"zoo_{recipe}", *(f"zoo_{recipe}_{seed}" for seed in range(1, SEEDS))) if name in rows]


def spread(rows):
    """Returns the table of the recipes that ran with several seeds: mean ± standard deviation over the seeds."""
    lines = [
        "Mean ± standard deviation over the seeds:",
        "",
        "| recipe | seeds | kd_fashion | fd_fashion | precision | recall | density | coverage |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for recipe in REPEATED:
        scores = [row["scores"] for row in seeds_of(rows, recipe)]
        if len(scores) > 1:
            values = ([one[name]["value"] for one in scores] for name in SCORES)
            shown = (mean_and_deviation(one, style) for one, style in zip(values, FORMATS))
            lines.append(f"| {recipe} | {len(scores)} | {' | '.join(shown)} |")
    return [*lines, ""] if len(lines) > 4 else []


CLAIMS = (
    ("wgan_gp", "wgan"),
    ("dragan", "gan"),
    ("sngan", "wgan_gp"),
    ("projection", "cgan"),
    ("sagan", "sngan"),
    ("rpgan_r1_r2", "rpgan_r1"),
    ("rpgan_r1", "rpgan"),
    ("few_ada", "few"),
)
CALLED = {
    "rpgan": "the relativistic loss alone",
    "rpgan_r1": "R1",
    "rpgan_r1_r2": "R1 + R2",
    "few": "no augmentation on 500 images",
    "few_ada": "ADA",
}


def claims(rows):
    """Returns what the papers claim, the better recipe first, beside what these rows say of it."""
    lines = ["| claim | kd_fashion | here |", "|---|---|---|"]
    for better, worse in CLAIMS:
        claim = f"{CALLED.get(better, better)} is better than {CALLED.get(worse, worse)}"
        known = [[row["scores"]["kd_fashion"] for row in seeds_of(rows, recipe)] for recipe in (better, worse)]
        if all(known):
            means = [statistics.mean(score["value"] for score in scores) for scores in known]
            spreads = [_spread_of(scores) for scores in known]
            noise = 2 * math.hypot(*spreads)  # two standard deviations of the difference
            gain = means[1] - means[0]
            verdict = "within the noise" if abs(gain) <= noise else "holds" if gain > 0 else "does not hold"
            numbers = " and ".join(f"{mean:.3f} ± {one:.3f}" for mean, one in zip(means, spreads))
            lines.append(f"| {claim} | {numbers} | {verdict} |")
        else:
            lines.append(f"| {claim} | | not run |")
    noise = "Beside each mean: the standard deviation over the seeds, or one seed's standard error of its samples."
    trials = (
        f"The last three are of trials that differ in this alone: DCGAN's networks (widths 64 and 32, no norms in the "
        f"discriminator), the relativistic loss, Adam with beta1 0, {TRIAL_KIMG} kimg; R1 and R2 with the weight 0.05; the 500 "
        "images are the first of the training set, with R1."
    )
    return ["The papers' claims, at this size and cost:", "", *lines, "", noise, trials]


def _spread_of(scores):
    values = [score["value"] for score in scores]
    return statistics.stdev(values) if len(values) > 1 else scores[0]["standard_error"]


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
    """Returns the first images of a row in results/, of one with labels one of each class: uint8 [10, 32, 32, 1].

    They are made by its generator, or, where that was not kept, cut from the training's last samples: the first of each row where
    there is a row for each class, else the first ones.
    """
    import numpy as np
    from PIL import Image

    from keras_gans import grids
    from keras_gans.trained.trained import Trained

    if (folder / "run.json").is_file():
        return np.concatenate(list(Trained.open(folder).generate(STRIP, 0)))
    with Image.open(folder / "samples.png", formats=["PNG"]) as sheet:
        pixels = np.asarray(sheet.convert("L"))[..., None]
    first, side = grids.PADDING, 32
    tops, lefts = (range(first, length, side + first) for length in pixels.shape[:2])
    places = [(top, left) for top in tops for left in (lefts if len(tops) < STRIP else lefts[:1])]
    return np.stack([pixels[top : top + side, left : left + side] for top, left in places[:STRIP]])


if __name__ == "__main__":
    main()
