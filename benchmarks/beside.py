"""The same jobs by the authors' own code in PyTorch and by this package: same data, images, rates and widths, two seeds.

    python benchmarks/beside.py --originals=DIR [--jobs=pix2pix --jobs=dcgan] [--shared=../shared/data]

DIR has checkouts of taesungp/contrastive-unpaired-translation (which has CycleGAN's and pix2pix's networks and losses, too),
pytorch/examples, brownvc/R3GAN, XPixelGroup/BasicSR and naoto0804/pytorch-AdaIN, in folders of those names; `authors.py`
trains with them. Both sides of a job run at once, each on one core, in float32; the cores change with the seed. What they make of the same held-out data is scored by the
same functions. Fills docs/results.md, docs/beside/ and benchmarks/results/beside.json, where jobs that --jobs leaves out keep
their rows. Trainings are kept in --work: the same command goes on after an interruption (the authors' side begins anew).
Needs the extra `parity`.
"""

import collections
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

import runs
import translation

SEEDS = (0, 1)
SIDES = ("authors", "ours")
_SHOWN = 6  # pictures of a sheet whose held-out ones may not be shown
_UNPAIRED_SIZE = ["--image_size=64", "--load_size=70"]
_BY_EPOCHS = "--schedule=linear_epochs:epochs={},hold=0.5"
_RESNET = "resnet:width=16,blocks=6,antialias=true,init=xavier"
_PATCHES = "patchgan:width=32,layers=2,antialias=true,init=xavier"
_ENCODER = "vgg16-hed"

Job = collections.namedtuple("Job", "title code data epochs images settings flags made scores sheet columns")
Job.__doc__ = """One job: its title and where the authors' code is from; the folders of its pictures; epochs, and images in one;
settings of `authors.py`; flags of train.py besides those that all jobs have; the function that makes pictures with a run of
ours; the function that scores what was made of the held-out data, against it; the function that draws the sheet of what both
sides made, and what its columns are."""


def jobs():
    """Returns the jobs by name; the images of an epoch are those that whole batches take."""
    unpaired = {"load": 70, "size": 64, "batch": 4, "width": 16, "blocks": 6, "judge": 32, "layers": 2}
    return {
        "dcgan": Job(
            "Figures of a game in 64 px (DCGAN)",
            "pytorch/examples, dcgan/main.py, the whole script",
            "figures",
            10,
            3584,
            {"batch": 64, "width": 32, "count": 400},
            [
                "--flagfile=configs/dcgan_64.flags",
                "--data=folder:{data}/train",
                "--holdout=none",
                "--latent=normal",
                "--generator=dcgan:width=32",
                "--discriminator=dcgan:width=32",
                "--optimizer=adam:beta_1=0.5,epsilon_hat=false",
                "--batch_size=64",
                "--ema_kimg=0",
            ],
            generated,
            figures,
            samples,
            "the first samples, the authors' above, ours below",
        ),
        "r3gan": Job(
            "Fashion in 32 px (R3GAN)",
            "networks and AdversarialTraining of brownvc/R3GAN, a plain loop",
            "fashion",
            1,
            8000,
            {"batch": 32, "width": 32, "gamma": 0.05, "count": 2000},
            [
                "--flagfile=configs/r3gan.flags",
                "--data=folder:{data}/train",
                "--holdout=none",
                "--penalty=r1:weight=0.05",
                "--penalty=r2:weight=0.05",
                "--optimizer=adam:beta_1=0,beta_2=0.9,epsilon_hat=false",
                "--learning_rate=2e-4",
                "--schedule=constant",
                "--ema_kimg=0",
                "--noshare_fakes",
            ],
            generated,
            fashion,
            samples,
            "the first samples, the authors' above, ours below",
        ),
        "pix2pix": Job(
            "Elevation to satellite, 128 px (pix2pix)",
            "networks and loss of taesungp/contrastive-unpaired-translation, pix2pix's algorithm around them",
            "marble",
            16,
            139,
            {"load": 143, "size": 128, "width": 32, "antialias": False},
            [
                "--flagfile=configs/pix2pix.flags",
                "--data=paired:{data}/trainA:{data}/trainB",
                "--holdout=none",
                "--image_size=128",
                "--load_size=143",
                _BY_EPOCHS.format(16),
                "--generator=unet:width=32,norm=affine_instance",
                "--discriminator=patchgan:width=32,norm=affine_instance",
            ],
            translated,
            pairs,
            sides_by_side,
            "input, the authors', ours, target",
        ),
        "cyclegan": Job(
            "Google to Twitter emoji without the pairs, 64 px (CycleGAN)",
            "taesungp/contrastive-unpaired-translation, --model=cycle_gan",
            "emoji",
            2,
            1716,
            unpaired,
            [
                "--flagfile=configs/cyclegan.flags",
                "--data=unpaired:{data}/trainA:{data}/trainB",
                "--holdout=none",
                *_UNPAIRED_SIZE,
                _BY_EPOCHS.format(2),
                "--batch_size=4",
                f"--generator={_RESNET}",
                f"--discriminator={_PATCHES}",
            ],
            translated,
            pairs,
            sides_by_side,
            "input, the authors', ours, the pair",
        ),
        "cut": Job(
            "Google to Twitter emoji without the pairs, 64 px (CUT)",
            "taesungp/contrastive-unpaired-translation, --CUT_mode=CUT --lambda_NCE=10",
            "emoji",
            2,
            1716,
            unpaired | {"nce": 10},
            [
                "--flagfile=configs/cut.flags",
                "--data=unpaired:{data}/trainA:{data}/trainB",
                "--holdout=none",
                *_UNPAIRED_SIZE,
                _BY_EPOCHS.format(2),
                "--batch_size=4",
                f"--generator={_RESNET}",
                f"--discriminator={_PATCHES}",
                "--game=cut:nce_weight=10,identity_nce=true",
            ],
            translated,
            pairs,
            sides_by_side,
            "input, the authors', ours, the pair",
        ),
        "rrdb": Job(
            "Four times the resolution (ESRGAN's generator, by L1)",
            "network of XPixelGroup/BasicSR, a plain loop with its loss and schedule",
            "photos",
            60,
            184,
            {"size": 64, "batch": 4, "width": 32, "growth": 16, "blocks": 2, "rate": 1e-3, "decay": 0.99},
            [
                "--flagfile=configs/rrdb.flags",
                "--data=folder:{data}/trainB",
                "--holdout=none",
                "--image_size=64",
                "--generator=rrdb:width=32,growth=16,blocks=2",
                "--reconstruction=l1:weight=0.5",
                "--batch_size=4",
                "--learning_rate=1e-3",
                "--schedule=cosine",
                "--ema_kimg=0.276",  # the half-life of 0.99 a step of four
            ],
            translated,
            enlarged,
            with_bicubic,
            "input, bicubic, the authors', ours, target",
        ),
        "adain": Job(
            "Photographs in the styles of paintings (AdaIN)",
            "networks of naoto0804/pytorch-AdaIN, a port of the authors' Lua, its losses summed as there, a plain loop",
            "styles",
            12,
            184,
            {"size": 64, "batch": 4, "rate": 1e-3, "style": 0.01},
            [
                "--flagfile=configs/adain.flags",
                "--data=unpaired:{data}/trainA:{data}/trainB",
                "--holdout=none",
                "--image_size=64",
                "--load_size=96",
                "--noflip",
                "--game=adain:style_weight=0.01",
                f"--generator=adain:encoder={_ENCODER}",
                "--optimizer=adam:beta_1=0.9,epsilon_hat=false",
                "--ema_kimg=0",
            ],
            stylized,
            in_styles,
            sides_by_side,
            "photograph, the authors', ours, style",
        ),
    }


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("originals", None, "folder of the authors' checkouts")
    flags.choices("jobs", list(jobs()), tuple(jobs()), "which; repeat the flag for several")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("work", "runs/beside", "folder of the runs")
    flags.string("out", "benchmarks/results/beside.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("pictures", "docs/beside", "folder of the sheets")
    runs.parse(flags, __doc__)
    if not flags.originals or not pathlib.Path(flags.originals).is_dir():
        raise SystemExit(f"--originals={flags.originals}: no folder of the authors' checkouts (see --help)")
    work = pathlib.Path(flags.work).resolve()
    prepare(pathlib.Path(flags.shared).resolve(), work / "data")
    rows = {row["job"]: row for row in runs.kept(flags.out)}
    for name in flags.jobs:
        for seed in SEEDS:
            trained(name, seed, work, pathlib.Path(flags.originals).resolve())
        rows[name] = measured(name, work, runs.ROOT / flags.pictures / f"{name}.png")
        runs.keep(flags.out, [rows[each] for each in jobs() if each in rows])
    runs.fill(flags.document, "beside", document(rows))


# --- data ---------------------------------------------------------------------------------------------------------------


def prepare(shared, data):
    """Writes the folders of the jobs: trainA, trainB, testA and testB, or train and test, every tenth picture held out."""
    import numpy as np

    from keras_gans.data import images, open_source

    marble, emoji = np_load(shared / "marble128.npz"), np_load(shared / "emoji_pairs64.npz")
    sides = {
        "marble": {"A": marble["elevation"], "B": marble["satellite"]},
        "emoji": {"A": emoji["google"], "B": emoji["twitter"]},
    }
    if not (data / "photos").is_dir():
        paths = sorted(path for path in (shared / "photos").iterdir() if path.suffix in (".jpg", ".png"))
        photos = [images.decode(path, None, 3) for path in paths]
        large = [photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4] for photo in photos]
        sides["photos"] = {"A": [shrunk(picture) for picture in large], "B": large}
    for name, pair in sides.items():
        parts = {}
        for side, pictures in pair.items():
            parts[f"test{side}"] = list(pictures[::10])
            parts[f"train{side}"] = [picture for index, picture in enumerate(pictures) if index % 10]
            if name == "photos":
                free = translation.shown({"shared": shared}, 192)[-_SHOWN:]
                parts[f"shown{side}"] = [shrunk(picture) for picture in free] if side == "A" else free
        write(data / name, parts)
    figures = np_load(shared / "sprites64.npz")["images"]
    training = [figure for index, figure in enumerate(figures) if index % 10]
    write(data / "figures", {"test": list(figures[::10]), "train/pictures": training[: jobs()["dcgan"].images]})
    if not (data / "styles").is_dir():
        prepare_styles(shared, data / "styles")
    if not (data / "fashion").is_dir():
        sources = {"train/pictures": "train", "test": "holdout"}
        opened = {part: open_source("embedded:fashion", split=split) for part, split in sources.items()}
        write(
            data / "fashion",
            {
                part: [np.repeat(image, 3, axis=-1) for image, _ in source.in_order().as_numpy_iterator()]
                for part, source in opened.items()
            },
        )


def prepare_styles(shared, data):
    """Writes squares of photographs and paintings to train on, and pairs of those that were held out.

    With them the encoder's weights, that both sides have the same: `encoder.npz`, kernel and bias of each convolution.
    """
    import numpy as np
    import style

    from keras_gans.data import images, paintings
    from keras_gans.features.vgg import DEPTHS
    from keras_gans.networks.adain import build_encoder, load_encoder

    def squares(paths, size):
        pictures = (images.decode(path, None, 3) for path in paths)
        return [translation.middle(paintings.fit_style(picture, size), size) for picture in pictures]

    photos = sorted(path for path in (shared / "photos").iterdir() if path.suffix in (".jpg", ".png"))
    painted = sorted((shared / "paintings").glob("*.jpg"))
    unseen = squares([path for path in painted if path.stem in style.HELD_OUT], 192)
    free = translation.shown({"shared": shared}, 192)[-_SHOWN:]
    parts = {
        "trainA": squares([path for index, path in enumerate(photos) if index % 10][: jobs()["adain"].images], 96),
        "trainB": squares([path for path in painted if path.stem not in style.HELD_OUT], 96),
        "testA": squares(photos[::10], 192),
        "shownA": free,
    }
    for side in ("test", "shown"):
        parts[f"{side}B"] = [unseen[index % len(unseen)] for index in range(len(parts[f"{side}A"]))]
    encoder = build_encoder(DEPTHS["vgg16"])
    load_encoder(encoder, _ENCODER)
    weights = [array for layer in encoder.layers for array in layer.get_weights()]
    data.parent.mkdir(parents=True, exist_ok=True)
    np.savez(data.parent / "encoder.npz", **{f"{index:02d}": array for index, array in enumerate(weights)})
    write(data, parts)


def np_load(path):
    import numpy as np

    return np.load(path, allow_pickle=False)


def write(folder, parts):
    """Writes pictures as PNG, part -> list, whole or not at all; a folder that is there is left."""
    from keras_gans import grids

    if not folder.is_dir():
        temporary = folder.with_name(f".{folder.name}")
        for part, pictures in parts.items():
            for index, picture in enumerate(pictures):
                grids.write_png(temporary / part / f"{index:05d}.png", picture)
        temporary.rename(folder)


def shrunk(picture):
    """A quarter of the size, as the recipes of super-resolution make their inputs."""
    import numpy as np

    from keras_gans.data.degradations import DEGRADATIONS

    return np.asarray(DEGRADATIONS.create("downscale4")(picture, [0, 0]))


def read(folder):
    from keras_gans.data import images

    return [images.decode(path, None, None) for path in sorted(folder.glob("*.png"))]


# --- trainings ----------------------------------------------------------------------------------------------------------


def trained(name, seed, work, originals):
    """Trains both sides of a job at once, each on a core of its own, as far as they have not been."""
    import os

    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("two cores are needed: one for each side")
    running = []
    for index, side in enumerate(SIDES):
        place = work / f"{name}_{side}_{seed}"
        if finished(side, place):
            continue
        place.mkdir(parents=True, exist_ok=True)
        words = {"authors": of_authors, "ours": of_ours}[side](name, seed, work, place, originals)
        with open(f"{place}.log", "w", encoding="utf-8") as log:
            core = cores[(index + seed) % 2]
            command = ["taskset", "--cpu-list", str(core), sys.executable, *words]
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            running.append((place, subprocess.Popen(command, cwd=runs.ROOT, env=environment, stdout=log, stderr=log)))
        print(f"{place.name} on core {core}", flush=True)
    for place, process in running:
        if process.wait():
            raise SystemExit(f"{place.name} failed, see {place}.log")


def finished(side, place):
    from keras_gans.trained.folder import Folder

    if side == "authors":
        return (place / "made.npz").is_file()
    return (place / "run.json").is_file() and "finished" in Folder(place).record


def of_authors(name, seed, work, place, originals):
    job = jobs()[name]
    settings = job.settings | {"seed": seed, "epochs": job.epochs, "work": str(place)}
    return [
        "benchmarks/authors.py",
        f"--job={name}",
        f"--originals={originals}",
        f"--data={work / 'data' / job.data}",
        f"--settings={json.dumps(settings)}",
        f"--out={place / 'made.npz'}",
    ]


def of_ours(name, seed, work, place, _):
    job = jobs()[name]
    kimg = job.epochs * job.images / 1000
    return [
        "train.py",
        *(flag.format(data=work / "data" / job.data) for flag in job.flags),
        "--channels=3",
        "--precision=float32",
        f"--seed={seed}",
        f"--kimg={kimg:g}",
        *(f"--{what}_kimg={kimg:g}" for what in ("sample", "score", "checkpoint")),
        f"--log_kimg={kimg / 20:g}",
        "--export=none",
        f"--run_dir={place}",
    ]


# --- scores -------------------------------------------------------------------------------------------------------------


def measured(name, work, path):
    """Scores both sides of a job, draws its sheet, and returns its row."""
    import step_time

    job, data = jobs()[name], work / "data" / jobs()[name].data
    row = {
        "job": name,
        "date": time.strftime("%Y-%m-%d"),
        "machine": step_time.machine(),
        "kimg": job.epochs * job.images / 1000,
        "sides": {},
    }
    made = {}
    for side in SIDES:
        read_back = {"authors": by_authors, "ours": by_us}[side]
        found = [read_back(work / f"{name}_{side}_{seed}", job, data) for seed in SEEDS]
        made[side] = found[0]["images"]
        row["sides"][side] = {
            "scores": [job.scores(each["images"], data) for each in found],
            "seconds": [each["seconds"] for each in found],
            "memory": [each["memory"] for each in found],
            "parameters": found[0]["parameters"],
        }
        print("   ", side, row["sides"][side], flush=True)
    job.sheet(made, data, path)
    return row


def by_authors(place, job, data):
    with np_load(place / "made.npz") as arrays:
        facts = {name: float(arrays[name]) for name in ("seconds", "memory", "parameters")}
        return facts | {"images": [arrays[name] for name in sorted(arrays) if name.startswith("image_")]}


def by_us(place, job, data):
    from keras_gans.trained.trained import Trained

    run = Trained.open(place)
    done = run.record["finished"]
    return {
        "images": job.made(run, data, job.settings),
        "seconds": done["seconds"],
        "memory": done["peak_memory_mb"],
        "parameters": sum(math.prod(weight.shape) for weight in run.generator.trainable_weights),
    }


def generated(run, data, settings):
    """As many pictures as the settings say."""
    import numpy as np

    return list(np.concatenate(list(run.generate(settings["count"], 0))))


def translated(run, data, settings):
    """The pictures that were held out, and those that are shown, translated."""
    from keras_gans.using import Translator

    translate = Translator.of(run, "ab")
    return [translate(picture) for picture in inputs_of(data)]


def stylized(run, data, settings):
    """The same, each in the style that stands beside it."""
    from keras_gans.using import Translator
    from keras_gans.using.stylizer import Stylizer

    translator = Translator(run.generator.transfer_network())
    both = zip(inputs_of(data), inputs_of(data, "B"), strict=True)
    return [Stylizer(translator, run.generator, [style])(picture) for picture, style in both]


def inputs_of(data, side="A"):
    return read(data / f"test{side}") + read(data / f"shown{side}")


def fashion(made, data):
    """Kernel and Frechet distance, precision and recall on the `fashion` features."""
    return distances(made, data, ("kid", "fid", "precision_recall"), "fashion")


def figures(made, data):
    """Kernel distance, precision and recall on the features of a classifier of the figures' kinds."""
    import few_pictures

    return distances(
        made, data, ("kid", "precision_recall"), f"keras:path={few_pictures.classifier('sprites')},layer=features"
    )


def distances(made, data, metrics, features):
    import numpy as np

    from keras_gans.metrics import evaluate

    found = evaluate(np.stack(read(data / "test")), np.stack(made), metrics, features)
    return {score["name"].partition("_")[0]: score["value"] for score in found}


def pairs(made, data):
    """PSNR, SSIM and difference to the pairs; of the emoji the kernel distance to them, too."""
    targets = read(data / "testB")
    row = translation.scored(None, made, targets)
    if data.name == "emoji":
        row["kd"] = translation.kernel_distance(translation.features(made), translation.features(targets))
    return {name: value for name, value in row.items() if name in translation.COLUMNS}


def enlarged(made, data):
    targets = read(data / "testB")
    made = made[: len(targets)]  # without those that are shown
    row = translation.scored(None, made, targets) | {"features": translation.feature_distance(made, targets)}
    return {name: value for name, value in row.items() if name in translation.COLUMNS}


def in_styles(made, data):
    """Content and style terms of `Stylization` in EfficientNet-Lite0, which neither side has trained with."""
    from keras_gans.data.images import to_model
    from keras_gans.losses.stylization import Stylization

    judge = Stylization("efficientnet_lite0")
    found = []
    for picture, photo, style in zip(made, read(data / "testA"), read(data / "testB"), strict=False):  # not those shown
        batch, content, goal = (to_model(each[None]) for each in (picture, photo, style))
        found.append(judge.terms(batch, judge.content_targets(content), judge.style_targets(goal)))
    return {term: statistics.mean(float(terms[term][0]) for terms in found) for term in ("content", "style")}


def samples(made, data, path):
    """Writes the first samples of the first seed."""
    import numpy as np

    from keras_gans import grids

    grids.write_png(path, grids.grid(np.stack([*made["authors"][:32], *made["ours"][:32]]), 16))


def sides_by_side(made, data, path, more=()):
    """Writes what the first seed makes of pictures that were held out and may be shown; `more`: columns after the inputs."""
    inputs, targets = (inputs_of(data, side) for side in "AB")
    start, step = (-_SHOWN, 1) if (data / "shownA").is_dir() else (0, max(1, len(targets) // 12))
    columns = [inputs, *(make(inputs) for make in more), *(made[side] for side in SIDES), targets]
    translation.sheet(path, *(column[start::step] for column in columns), rows=12)


def with_bicubic(made, data, path):
    """Writes the same, with the inputs enlarged by Pillow's bicubic filter."""
    sides_by_side(made, data, path, [lambda inputs: [bicubic(picture) for picture in inputs]])


def bicubic(picture):
    import numpy as np
    from PIL import Image

    size = picture.shape[1] * 4, picture.shape[0] * 4
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


# --- what is written ----------------------------------------------------------------------------------------------------

COLUMNS = translation.COLUMNS | {
    "content": ("content distance", ".3f"),
    "style": ("style distance", ".3f"),
    "kd": ("kernel distance", ".3f"),
    "fd": ("Frechet distance", ".2f"),
    "precision": ("precision", ".3f"),
    "recall": ("recall", ".3f"),
}
_HIGHER = ("psnr", "ssim", "precision", "recall")


def verdict(authors, ours, higher):
    """Says how ours compare with the authors', each a list of a score over the seeds.

    Better or worse where the means differ by more than the larger of the two spreads over the seeds.
    """
    gain = (statistics.mean(ours) - statistics.mean(authors)) * (1 if higher else -1)
    spread = max(max(values) - min(values) for values in (authors, ours))
    return "within the spread" if abs(gain) <= spread else "better" if gain > 0 else "worse"


def document(rows):
    """Returns the Markdown of the section; `rows`: name of the job -> its row."""
    lines = []
    for name, job in jobs().items():
        lines += [f"### {job.title}", ""]
        if name not in rows:
            lines += ["Not run.", ""]
            continue
        row = rows[name]
        authors, ours = (row["sides"][side] for side in SIDES)
        keys = [key for key in COLUMNS if key in ours["scores"][0]]
        rates = [[1000 * row["kimg"] / seconds for seconds in side["seconds"]] for side in (authors, ours)]
        lines += [
            f"Authors': {job.code}. {row['date']}, {row['machine']}: {row['kimg']:.4g} kimg a seed; "
            f"{authors['parameters'] / 1e6:.3f} M and {ours['parameters'] / 1e6:.3f} M weights in a generator.",
            "",
            f"| | {' | '.join(COLUMNS[key][0] for key in keys)} | images/s | memory, MB |",
            "|---" * (len(keys) + 3) + "|",
        ]
        for what, side, rate in (("the authors'", authors, rates[0]), ("ours", ours, rates[1])):
            cells = [", ".join(format(scores[key], COLUMNS[key][1]) for scores in side["scores"]) for key in keys]
            cells += [", ".join(f"{each:.1f}" for each in rate), f"{max(side['memory']):.0f}"]
            lines.append(f"| {what} | {' | '.join(cells)} |")
        verdicts = [
            verdict(*([scores[key] for scores in side["scores"]] for side in (authors, ours)), key in _HIGHER)
            for key in keys
        ]
        ratio = statistics.mean(rates[1]) / statistics.mean(rates[0])
        lines += [f"| ours | {' | '.join(verdicts)} | {ratio:.2f} times | |", ""]
        lines += [f"![{name}](beside/{name}.png)", "", f"{job.columns[0].upper()}{job.columns[1:]}.", ""]
    return "\n".join([*lines, translation.CREDIT])


if __name__ == "__main__":
    main()
