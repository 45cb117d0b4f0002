"""FastGAN, Projected GAN and StyleGAN2-ADA on few pictures at 64x64: sheets and scores.

    python benchmarks/results.py --hours=6              trains: 60 minutes of two cores each, as 120 minutes of one
    python benchmarks/few_pictures.py [--runs=projected_sprites --runs=fastgan_sprites]

On the 3,620 figures of sprites64.npz and the 1,720 Google emoji of emoji_pairs64.npz that are not held out (every tenth file
is). Scores the runs as far as they have come, with the images seen so far, and keeps the rows of other starts. Fills
docs/results.md, docs/few/ and benchmarks/results/few_pictures.json.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import runs

_PROJECTED = "--flagfile=configs/projected_sprites.flags"
_FASTGAN = [
    "--flagfile=configs/fastgan.flags",
    "--image_size=64",
    "--generator=fastgan:width=16,lite=true",  # that of projected_sprites
    "--discriminator=fastgan:width=16",
    "--batch_size=16",
    "--ema_kimg=5",
]
_STYLEGAN2 = ["--flagfile=configs/stylegan2_emoji.flags"]
# name -> the data, flags of train.py, what its discriminator was trained on
RUNS = {
    "projected_sprites": ("sprites", [_PROJECTED], "efficientnet_lite0"),
    "projected_emoji": ("emoji", [_PROJECTED, "--flip"], "efficientnet_lite0"),
    "projected_kinds": (
        "sprites",
        [_PROJECTED, "--conditional", "--init_from=results/projected_sprites"],
        "efficientnet_lite0",
    ),
    "stylegan2_sprites": ("sprites", [*_STYLEGAN2, "--noflip"], None),
    "fastgan_sprites": ("sprites", [*_FASTGAN, "--noflip"], "vgg16-hed"),
    "stylegan2_emoji": ("emoji", _STYLEGAN2, None),
    "fastgan_emoji": ("emoji", _FASTGAN, "vgg16-hed"),
}
AFTER = {"projected_kinds": "projected_sprites"}  # whose weights it starts from, where names and shapes agree
LICENSES = {"sprites": "GPL-2.0-or-later", "emoji": "Apache-2.0"}  # of the pictures
MINUTES = 120  # of one core
_SHARED_FLAGS = [
    "--holdout=every:10",
    "--kimg=10000",  # the minutes end it
    "--score_kimg=1000",  # scored below, at the end
    "--sample_kimg=5",
    "--checkpoint_kimg=2",
]
CREDIT = "Pictures: Battle for Wesnoth (GPL-2+); Noto Emoji (Apache-2.0)."


def runs_of(run, work):
    """Returns what `results.py` trains."""
    precision = f"--precision={runs.quick_precision()}"
    return [
        run(
            name,
            "few",
            [*words, f"--data=folder:{work}/data/{data}", *_SHARED_FLAGS, precision],
            MINUTES,
            license=LICENSES[data],
            after=AFTER.get(name),
        )
        for name, (data, words, _) in RUNS.items()
    ]


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.choices("runs", list(RUNS), tuple(RUNS), "which; repeat the flag for several")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("work", "runs/results", "folder of the runs")
    flags.string("out", "benchmarks/results/few_pictures.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("pictures", "docs/few", "folder of the sheets")
    runs.parse(flags, __doc__)
    work = pathlib.Path(flags.work).resolve()
    prepare(pathlib.Path(flags.shared).resolve(), work)
    classifiers(work)
    out = runs.ROOT / flags.out
    rows = {row["run"]: row for row in json.loads(out.read_text())["rows"]} if out.is_file() else {}
    for name in flags.runs:
        data, _, trained_on = RUNS[name]
        if not (work / name / "run.json").is_file():
            continue
        rows[name] = measured(work, name, data, trained_on, runs.ROOT / flags.pictures)
        about = runs.keep(flags.out, [rows[each] for each in RUNS if each in rows])
    runs.fill(flags.document, "few", document([rows[each] for each in RUNS if each in rows], about, kinds()))


def prepare(shared, work):
    """Unpacks the arrays into folders of PNG files, figures by kind."""
    import numpy as np

    from keras_gans import grids

    for data, file, what in (("sprites", "sprites64.npz", "images"), ("emoji", "emoji_pairs64.npz", "google")):
        if not (work / "data" / data).is_dir():
            arrays = np.load(shared / file)
            names = arrays["label_names"] if "label_names" in arrays else [f"{label:02d}" for label in range(10)]
            temporary = work / "data" / f".{data}"
            for index, (image, label) in enumerate(zip(arrays[what], arrays["label"])):
                grids.write_png(temporary / str(names[label]) / f"{index:05d}.png", image)
            temporary.rename(work / "data" / data)


def classifiers(work):
    """Trains the classifiers of kinds, if results/ does not have them: scores of another one could not be compared."""
    for data in LICENSES:
        if not classifier(data).is_file():
            words = [f"--data=folder:{work}/data/{data}", "--holdout=every:10", f"--out={classifier(data)}"]
            subprocess.run([sys.executable, "tools/train_kind_features.py", *words], cwd=runs.ROOT, check=True)


def classifier(data):
    return runs.ROOT / "results" / f"kinds_of_{data}.keras"


def kinds():
    """Returns the records of both classifiers."""
    return {data: json.loads(classifier(data).with_suffix(".json").read_text()) for data in LICENSES}


def measured(work, name, data, trained_on, pictures):
    """Scores a run, draws its sheets, and returns its row."""
    from keras_gans.trained.folder import Folder

    directory = work / name
    folder = Folder(directory)
    features = f"keras:path={classifier(data)},layer=features"
    row = {
        "run": name,
        "data": data,
        "kimg": seen(directory) / 1000,
        "trained_on": trained_on,
        "parameters": folder.record["parameters"],
        "scores": {"kinds": scores(directory, features)},
        "nearest": {},
    }
    if trained_on != "efficientnet_lite0":
        row["scores"]["efficientnet_lite0"] = scores(directory, "efficientnet_lite0")
    conditional = folder.record["recipe"]["conditional"]
    row["kinds"] = agreement(directory, classifier(data)) if conditional else None
    if conditional:
        by_kind(directory, pictures / f"{name}.png")
        row["kinds"]["names"] = folder.record["data"]["class_names"]
        best = max(enumerate(row["kinds"]["by_kind"]), key=lambda pair: pair[1])[0]
    else:
        sheet(directory, pictures / f"{name}.png", "--count=64")
    walked = [f"--label={best}"] if conditional else []
    sheet(directory, pictures / f"{name}_walk.png", "--interpolate=z", "--count=4", "--frames=10", *walked)
    nearest = pictures / f"{name}_nearest.png"
    sheet(directory, nearest, f"--nearest={features}", "--count=8")
    found = json.loads(nearest.with_suffix(".json").read_text())
    nearest.with_suffix(".json").unlink()
    of_training = labels_of(f"folder:{work}/data/{data}")
    shown = [[of_training[number] for number in sample["numbers"]] for sample in found["samples"]]
    row["nearest"] = found["median_distance"] | {"kinds": shown}
    return row


def labels_of(spec):
    """Returns the names of the training pictures' kinds, in order."""
    from keras_gans.data.opening import open_source

    source = open_source(spec, 64, 3, "train", holdout="every:10")
    return [source.class_names[int(label)] for _, label in source.in_order().as_numpy_iterator()]


def seen(directory):
    """Returns how many images a run has seen at its newest checkpoint, with those of the run that it started from."""
    from keras_gans.trained.trained import Trained

    run = Trained.open(directory)
    return run.step * run.recipe["batch_size"] + (run.record.get("started_from") or {}).get("images", 0)


def command(*words):
    from keras_gans.cli import main as keras_gans

    if keras_gans(list(words)):
        raise SystemExit(f"keras-gans {' '.join(words)} failed")


def sheet(directory, path, *words):
    path.parent.mkdir(parents=True, exist_ok=True)
    command("sample", f"--run={directory}", f"--out={path}", *words)


def by_kind(directory, path):
    """Writes a sheet of ten samples of each kind, a row a kind."""
    import numpy as np

    from keras_gans import grids
    from keras_gans.trained.trained import Trained

    run = Trained.open(directory)
    labels = np.repeat(np.arange(run.num_classes), 10)
    grids.write_png(path, grids.grid(np.concatenate(list(run.generate(len(labels), 0, labels))), 10))


def scores(directory, features):
    """Returns kernel distance, precision and recall against the held-out pictures: name -> value, standard error."""
    with tempfile.TemporaryDirectory() as temporary:
        out = pathlib.Path(temporary) / "scores.json"
        words = ["--metrics=kid,precision_recall", f"--features={features}", f"--out={out}"]
        command("evaluate", f"--run={directory}", *words)
        found = json.loads(out.read_text())
    return {score["name"].split("_")[0]: [score["value"], score.get("standard_error")] for score in found}


def agreement(directory, judge):
    """Returns the share of samples, as many of each kind, that the classifier takes for their kind, and it by kind."""
    import keras
    import numpy as np

    from keras_gans.trained.trained import Trained

    run, judge = Trained.open(directory), keras.models.load_model(judge, compile=False)
    labels = np.arange(50 * run.num_classes, dtype=np.int32) % run.num_classes
    latents = np.random.default_rng(0).normal(size=(len(labels), run.generator.latent_dim)).astype("float32")
    right = []
    for start in range(0, len(labels), 50):
        images = np.clip(run.infer([latents[start : start + 50], labels[start : start + 50]]), -1, 1)
        right.append(judge.predict(images, verbose=0).argmax(1) == labels[start : start + 50])
    right = np.concatenate(right)
    return {
        "all": float(right.mean()),
        "by_kind": [float(right[labels == label].mean()) for label in range(run.num_classes)],
    }


def document(rows, about, classifiers):
    """Returns the Markdown of the section."""
    accuracy = {data: f"{record['held_out_accuracy']:.3f}" for data, record in classifiers.items()}
    lines = [
        f"Measured on {about['date']} by `{about['command']}` on {about['machine']}.",
        "",
        f"kd, precision and recall are on the features of a small classifier of the kinds (`tools/train_kind_features.py`; "
        f"right on {accuracy['sprites']} of the held-out figures of 21 kinds and {accuracy['emoji']} of the held-out emoji "
        "of 10), which no run trained on, between as many samples and held-out pictures as there are of these; "
        "kd_efficientnet_lite0 where the discriminator does not look through that network. The last column has the median "
        "distances of samples and of held-out pictures to the nearest of the training pictures, on the features of the "
        "classifier: where the first is much smaller, samples are copies. Many figures are frames of one movement, on both "
        "sides of the split; so the kinds of the nearest are named too.",
        "",
        "| run | kimg | looks through | weights, G + D | kd (kinds) | precision | recall | kd_efficientnet_lite0 | kind as asked | nearest |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        of_kinds, others = row["scores"]["kinds"], row["scores"].get("efficientnet_lite0")
        weights = " + ".join(f"{row['parameters'][player] / 1e6:.2f} M" for player in ("generator", "discriminator"))
        lines.append(
            f"| `{row['run']}` | {row['kimg']:.1f} | {row['trained_on'] or 'nothing'} | "
            f"{weights} | {_with_error(of_kinds['kd'])} | "
            f"{of_kinds['precision'][0]:.3f} | {of_kinds['recall'][0]:.3f} | {_with_error(others['kd']) if others else ''} | "
            f"{format(row['kinds']['all'], '.3f') if row['kinds'] else ''} | "
            f"{row['nearest']['samples']:.2f} / {row['nearest']['held_out']:.2f} |"
        )
    for row in rows:
        lines += ["", f"### {row['run']}, {row['kimg']:.1f} kimg"]
        titles = ("samples, not selected", "from one to the next in z", "samples, and the training pictures nearest to them")
        for ending, title in zip(("", "_walk", "_nearest"), titles):
            lines += ["", f"![{row['run']}: {title}](few/{row['run']}{ending}.png)", "", f"{title[0].upper()}{title[1:]}."]
            if row["kinds"] and not ending:
                shares = zip(row["kinds"]["names"], row["kinds"]["by_kind"], strict=True)
                said = ", ".join(f"{kind} {share:.2f}" for kind, share in shares)
                lines[-1] += f" Rows, with the share that the classifier takes for the kind that was asked for: {said}."
        if row["data"] == "sprites":
            named = "; ".join(
                ", ".join(sorted(set(shown), key=shown.count, reverse=True)) for shown in row["nearest"]["kinds"]
            )
            lines += ["", f"Kinds of the nearest, a row after the other: {named}."]
    return "\n".join([*lines, "", CREDIT])


def _with_error(score):
    value, error = score
    return f"{value:.3f}" + (f" ± {error:.3f}" if error else "")


if __name__ == "__main__":
    main()
