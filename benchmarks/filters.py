"""The filters inside the package, and drawings from photographs: what results.py trained of them, scored, shown and packed.

    python benchmarks/results.py --hours=6 --runs=...        trains (those whose names begin with embedded_ or end with _drawings)
    python benchmarks/filters.py [--pack]                    tables and sheets; --pack writes the package's models anew

Those inside the package learn from the public domain alone: the photographs of `benchmarks/public_domain.py`, in the folder
`public_domain` of results.py's --work, and the paintings of --shared; the drawings' runs from its `photos` and `portraits`
without every tenth. Scored on photographs that none has seen, every tenth of `photos`: how far the features of the results are
from those of the drawings (kernel distance, over all crops of 128 pixels), and how far each result is from its photograph.
Fills docs/results.md, docs/filters/ and benchmarks/results/filters.json.
"""

import pathlib
import shutil

import runs

PRINTS = ("Katsushika_*", "Utagawa_*")
HELD_OUT = ("Wassily_*", "Bazille_*", "*_Librarian_*")  # paintings that no network sees
_ALL = "--holdout=every:1000"  # of the public domain all are learned from: scores are on other photographs
_FREE = [_ALL, "--bad_images=skip", "--score_kimg=0"]
_PAINTINGS = ["--data=unpaired:{work}/public_domain:{work}/paintings", "--precision=bfloat16", _ALL]
_PORTRAITS = ["--data=unpaired:{shared}/photos:{shared}/portraits", "--holdout=every:10"]
# name -> flags; the run that it starts from
RUNS = {
    "embedded_enlarge4_net": (
        ["--flagfile=configs/realesrnet_light.flags", "--data=folder:{work}/public_domain", *_FREE, "--kimg=64"],
        None,
    ),
    "embedded_enlarge4": (
        [
            "--flagfile=configs/realesrgan_light.flags",
            "--init_from={work}/embedded_enlarge4_net",
            "--data=folder:{work}/public_domain",
            *_FREE,
            "--kimg=1.2",
        ],
        "embedded_enlarge4_net",
    ),
    "embedded_cartoon": (
        ["--flagfile=configs/animegan_light.flags", "--data=unpaired:{work}/public_domain:{work}/prints", *_FREE],
        None,
    ),
    "embedded_style_colours": (["--flagfile=configs/arbitrary_style.flags", *_PAINTINGS, "--kimg=16"], None),
    "embedded_style": (
        [
            "--flagfile=configs/arbitrary_style_strokes.flags",
            *_PAINTINGS,
            "--init_from={work}/embedded_style_colours",
            "--kimg=2.5",
        ],
        "embedded_style_colours",
    ),
    "animegan_drawings": (
        [
            "--flagfile=configs/animegan_light.flags",
            *_PORTRAITS,
            "--precision=float32",
            "--generator=animegan:width=12,lite=true",
            # The flagfile's weights leave none of a photograph's colours here: brown on grey, and a grid.
            "--game=animegan:warmup_kimg=0.5,network=efficientnet_lite0,content_weight=1,style_weight=10,color_weight=600,variation_weight=100",
            "--learning_rate=linear(1e-3,5e-4,after=0.498,until=0.5)",
            "--discriminator_learning_rate=5e-4",
            "--kimg=4",
        ],
        None,
    ),
    "cartoongan_drawings": (["--flagfile=configs/cartoongan_light.flags", *_PORTRAITS, "--kimg=3"], None),
    "fastcut_drawings": (
        [
            "--flagfile=configs/fastcut.flags",
            *_PORTRAITS,
            "--image_size=128",
            "--load_size=192",
            "--generator=resnet:width=16,blocks=6,antialias=true,init=xavier",
            "--discriminator=patchgan:width=32,antialias=true,init=xavier",
            "--kimg=1.2",
        ],
        None,
    ),
}
BEGINNINGS = {after for _, after in RUNS.values()}  # are kept as scores alone
MINUTES = 120  # of one core; they end before by themselves
DRAWINGS_LICENSE = "GPL-2.0-or-later"  # that of the pictures


def runs_of(run, shared, work):
    """Returns what `results.py` trains."""
    places = {"shared": shared, "work": work}
    return [
        run(
            name,
            "filters",
            [word.format(**places) for word in words],
            MINUTES,
            license=DRAWINGS_LICENSE if name.endswith("_drawings") else "Apache-2.0",
            ship=name not in BEGINNINGS,
            after=after,
            shown=not name.endswith("_drawings"),  # they show photographs of licences of their own
        )
        for name, (words, after) in RUNS.items()
    ]


def prepare(shared, work):
    """Copies the prints and paintings to learn from into folders of their own."""
    every = sorted((shared / "paintings").glob("*.jpg"))
    for folder, files in {
        "prints": [path for path in every if any(path.match(name) for name in PRINTS)],
        "paintings": [path for path in every if not any(path.match(name) for name in HELD_OUT)],
    }.items():
        if not (work / folder).is_dir():
            temporary = work / f".{folder}"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for file in files:
                shutil.copyfile(file, temporary / file.name)
            temporary.rename(work / folder)


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("results", "results", "folder that results.py fills")
    flags.boolean("pack", False, "write the models inside the package, and how near to Keras and how fast they are")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("pictures", "docs/filters", "folder of the sheets")
    runs.parse(flags, __doc__)
    shared, results = pathlib.Path(flags.shared).resolve(), runs.ROOT / flags.results
    if flags.pack:
        runs.keep("benchmarks/results/embedded.json", pack(results, flags.shared))
    rows = []
    for kind in (drawings, cartoon, style):
        rows += kind(shared, results, runs.ROOT / flags.pictures)
    about = runs.keep("benchmarks/results/filters.json", rows)
    runs.fill(flags.document, "filters", document(rows, about))


def pack(results, shared, rounds=10):
    """Writes the package's models, for pictures of any size; returns their rows, with the latency at one size."""
    import step_time

    from keras_gans.exporting import embedded_models, tflite
    from keras_gans.trained.trained import Trained

    rows, folder = [], embedded_models.located("embedded:cartoon").parent
    for name, (file, _) in embedded_models.MODELS.items():
        run = Trained.open(results / f"embedded_{name}")
        run.pictures = f"unpaired:{shared}/photos:{shared}/paintings" if name == "style" else f"folder:{shared}/photos"
        stem = file.split("_")[0]
        models = tflite.export_variants(run, folder, stem, ["float16"], resizable=True)
        for model in models:
            rows.append(
                {
                    "model": model.name,
                    "megabytes": model.path.stat().st_size / 1e6,
                    "psnr": float(model.measured.psnr),
                    "milliseconds": {side: latency(model.path, side, rounds) for side in SIDES[name]},
                    "machine": step_time.machine(),
                }
            )
            print(rows[-1], flush=True)
    (folder / "tflite_report.md").unlink()
    return rows


SIDES = {"cartoon": (256, 512), "style": (256, 384, 512), "enlarge4": (128,)}


def latency(path, side, rounds, threads=2):
    """Returns the median time of a call, in ms, of pictures of `side` pixels."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_path=str(path), num_threads=threads)
    for one in model.get_input_details():
        if one["name"].endswith("images:0"):
            model.resize_tensor_input(one["index"], [1, side, side, 3])
    model.allocate_tensors()
    for one in model.get_input_details():
        model.set_tensor(one["index"], np.random.default_rng(0).random(one["shape"], np.float32))
    return runs.milliseconds(model.invoke, rounds)


# --- scores -----------------------------------------------------------------------------------------------------------


def near(made, photos, target):
    """Returns how far results are from the pictures that they should be like, and from their photographs."""
    import translation

    return {
        "kd": translation.kernel_distance(translation.features(crops(made)), target),
        "content": translation.feature_distance(made, photos),
    }


def crops(images, side=128):
    return [
        image[y : y + side, x : x + side]
        for image in images
        for y in range(0, image.shape[0] - side + 1, side)
        for x in range(0, image.shape[1] - side + 1, side)
    ]


def compared(of, methods, photos, free, target, path):
    """Returns the rows of methods, name -> function of a picture, and writes the sheet: photographs, then a column each."""
    rows = []
    for name, draw in methods.items():
        rows.append(
            {"of": of, "what": name, "pictures": len(photos), **near([draw(photo) for photo in photos], photos, target)}
        )
        print(rows[-1], flush=True)
    sheet(path, *[[draw(photo) for photo in free] for draw in methods.values()])
    return rows


def sheet(path, *columns):
    """Writes examples side by side, one to a row, as a JPEG: of PNGs a repository gets heavy."""
    import numpy as np
    from PIL import Image

    from keras_gans import grids

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grids.table([np.stack(column) for column in columns])).save(path, quality=90)


def opened(results, names):
    """Returns the functions of those runs that are there."""
    import translation

    return {name: translation.translator(results / name) for name in names if (results / name / "run.json").is_file()}


def drawings(shared, results, pictures):
    """Photographs as the drawings of `portraits`, beside the package's filter of any style, shown one of them."""
    import numpy as np
    import translation

    from keras_gans.exporting.phone_filter import Filter

    photos, drawn = translation.pictures(shared / "photos"), translation.pictures(shared / "portraits", held_out=False)
    held_out = sorted((shared / "portraits").glob("*"))[::10][-1]
    any_style = Filter("embedded:style", [str(held_out)])
    methods = {"the photographs themselves": np.asarray}
    methods |= opened(results, [name for name in RUNS if name.endswith("_drawings")])
    methods["embedded:style"] = any_style
    target = translation.features(crops(drawn))
    free = translation.shown({"shared": shared}, 256)
    of = "the drawings of portraits"
    rows = compared(of, methods, photos, free, target, pictures / "drawings.jpg")
    return rows + [{"of": of, "what": name} for name in RUNS if name.endswith("_drawings") and name not in methods]


def cartoon(shared, results, pictures):
    """The package's cartoon, beside its filter of any style, shown a print that the cartoon has learned from."""
    import numpy as np
    import translation

    from keras_gans.data import images
    from keras_gans.exporting.phone_filter import Filter

    photos = translation.pictures(shared / "photos")
    every = [path for name in PRINTS for path in sorted((shared / "paintings").glob(name))]
    prints = [images.decode(path, None, 3) for path in every]
    wave = next(path for path in every if "Great_Wave" in path.name)
    methods = {
        "the photographs themselves": np.asarray,
        "embedded:cartoon": Filter("embedded:cartoon"),
        "embedded:style": Filter("embedded:style", [str(wave)]),
    }
    free = translation.shown({"shared": shared}, 256)
    return compared(
        "the Japanese prints", methods, photos, free, translation.features(crops(prints)), pictures / "cartoon.jpg"
    )


def style(shared, results, pictures):
    """The package's filter of any style beside Magenta's, in styles that neither has seen and in others, as style.py does."""
    import style as styles_benchmark
    import translation

    from keras_gans.data import images
    from keras_gans.exporting.phone_filter import Filter

    paths = [shared / "paintings" / f"{name}.jpg" for name in styles_benchmark.STYLES]
    paintings = [images.decode(path, None, 3) for path in paths]
    photos = [photo for photo in translation.pictures(shared / "photos") if min(photo.shape[:2]) >= styles_benchmark.SIZE][
        :5
    ]
    photos = [styles_benchmark.fitted(photo) for photo in photos]
    judges = [
        styles_benchmark.Judge(network, prefix, photos, paintings) for network, prefix in styles_benchmark.JUDGES.items()
    ]
    filters = [Filter("embedded:style", [str(path)]) for path in paths]
    methods = {
        "the photographs themselves": lambda photo, number: photo,
        "embedded:style": lambda photo, number: filters[number](photo),
    }
    if published := styles_benchmark.magenta(paintings):
        methods["Magenta's arbitrary style (published)"] = published
    rows = []
    for name, draw in methods.items():
        drawn = {(a, b): draw(photo, b) for a, photo in enumerate(photos) for b in range(len(paths))}
        rows.append({"of": "a style", "what": name, "pictures": len(photos), **styles_benchmark.judged(judges, drawn)})
        print(rows[-1], flush=True)
    free = [styles_benchmark.middle(photo, 256) for photo in translation.shown({"shared": shared}, 256)]
    columns = [[draw(photo) for photo in free] for draw in filters]
    sheet(pictures / "style.jpg", free, *columns)
    return rows


COLUMNS = {
    "kd": ("kernel distance to them", ".3f"),
    "content": ("distance to the photograph", ".3f"),
    "unseen_style": ("unseen styles, EfficientNet-Lite0", ".3f"),
    "seen_style": ("the other three", ".3f"),
    "unseen_content": ("content", ".3f"),
    "hed_unseen_style": ("unseen styles, VGG16-HED", ".3f"),
    "hed_seen_style": ("the other three", ".3f"),
}


def document(rows, about):
    """Returns the Markdown of the section."""
    lines = [f"`python benchmarks/filters.py`, {about['date']}, {about['machine']}.", ""]
    for of in dict.fromkeys(row["of"] for row in rows):
        mine = [row for row in rows if row["of"] == of]
        keys = [key for key in COLUMNS if key in mine[0]]
        lines += [
            f"### As {of}",
            "",
            f"| {mine[0]['pictures']} held-out photographs | {' | '.join(COLUMNS[key][0] for key in keys)} |",
            "|---" * (len(keys) + 1) + "|",
            *(
                f"| {row['what']} | {' | '.join(format(row[key], COLUMNS[key][1]) if key in row else 'not run' for key in keys)} |"
                for row in mine
            ),
            "",
        ]
        name = {"the drawings of portraits": "drawings", "the Japanese prints": "cartoon", "a style": "style"}[of]
        lines += [f"![{of}](filters/{name}.jpg)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
