"""Image to image on real pictures: pix2pix, CycleGAN, CUT, super-resolution, denoising, inpainting, each beside a baseline.

    python benchmarks/translation.py [--shared=../shared/data] [--tasks=denoise --tasks=inpaint]

Trains each task by train.py with its flagfile and the changes named here: narrower and far shorter than the papers', so
that a CPU is done in minutes. Scores it on what was held out (every tenth picture) beside a baseline without a network.
Fills docs/results.md, docs/translation/ (pictures that may be shown) and benchmarks/results/translation.json, where
tasks that --tasks leaves out keep their rows. Runs are kept in --work: the same command goes on after an interruption.
The baseline of inpainting wants opencv-python-headless.
"""

import json
import pathlib
import statistics
import time

import runs

EMOJI = [
    "--data=unpaired:{work}/google:{work}/twitter",
    "--holdout=every:10",
    "--image_size=64",
    "--load_size=70",
    "--batch_size=2",
    "--precision=bfloat16",
]
RRDB = "rrdb:width=32,growth=16,blocks=2"
CUT = "blocks=6,antialias=true,init=xavier"
TASKS = {  # name -> thousands of images, flagfile, changes
    "pix2pix": (
        60,
        "pix2pix",
        [
            "--data=paired:{work}/elevation:{work}/satellite",
            "--holdout=every:10",
            "--image_size=128",
            "--load_size=143",
            "--generator=unet:width=32,norm=affine_instance",
            "--ema_kimg=1",
            "--precision=bfloat16",
            "--discriminator=patchgan:width=32,norm=affine_instance,antialias=true",
        ],
    ),
    "pix2pix_levels": (
        4,
        "pix2pix_light",
        ["--data=paired:{work}/grey_levels:{work}/satellite", "--holdout=every:10"],
    ),
    "spade": (
        4,
        "spade_light",
        ["--data=paired:{work}/levels:{work}/satellite", "--labels=16", "--holdout=every:10"],
    ),
    "cyclegan": (
        20,
        "cyclegan",
        [
            *EMOJI,
            "--generator=resnet:width=24,blocks=6,antialias=true",  # strides leave a grid, in both networks
            "--discriminator=patchgan:width=32,layers=2,antialias=true",
        ],
    ),
    "cut": (
        10,
        "cut",
        [
            *EMOJI,
            f"--generator=resnet:width=24,{CUT}",
            "--discriminator=patchgan:width=32,antialias=true,init=xavier",
            "--game=cut:nce_weight=10",
        ],
    ),  # at 1, as published, colours wander: pink caps, then all yellow, then all black
    "fastcut": (
        5,
        "fastcut",
        [
            "--data=unpaired:{shared}/photos:{shared}/paintings",
            "--holdout=every:10",
            "--image_size=128",
            "--load_size=256",
            f"--generator=resnet:width=32,{CUT}",
            "--discriminator=patchgan:width=32,antialias=true,init=xavier",
            "--precision=bfloat16",
        ],
    ),
    "rrdb": (
        20,
        "rrdb",
        [
            "--data=folder:{shared}/photos",
            "--holdout=every:10",
            "--image_size=64",
            f"--generator={RRDB}",
            "--batch_size=4",
            "--learning_rate=1e-3",
            "--schedule=cosine",
            "--ema_kimg=0.2",
        ],
    ),
    "esrgan": (
        1.5,
        "esrgan",
        [
            "--data=folder:{shared}/photos",
            "--holdout=every:10",
            "--init_from={runs}/rrdb",
            "--image_size=64",
            "--schedule=constant",
            f"--generator={RRDB}",
            "--discriminator=srgan:width=16",
            "--reconstruction=l1:weight=1e-2",
            "--reconstruction=perceptual:network=vgg16-hed,layer=conv5_3,norm=l1,scale=0.02",
            "--batch_size=4",
            "--ema_kimg=0.2",
        ],
    ),
    "denoise": (
        20,
        "denoise",
        [
            "--data=folder:{shared}/photos",
            "--holdout=every:10",
            "--image_size=48",
            "--norotate",
            "--schedule=cosine",
            "--generator=dncnn:depth=8,width=32",
            "--batch_size=8",
            "--ema_kimg=0.2",
        ],
    ),
    "inpaint": (
        6,
        "inpaint_light",
        [
            "--data=folder:{shared}/photos",
            "--holdout=every:10",
            "--image_size=192",
            "--generator=gated:width=16,smooth=true",
            "--batch_size=4",
            "--precision=bfloat16",
            "--optimizer=adam",
            "--learning_rate=2e-4",
            "--schedule=cosine",
            "--ema_kimg=0.2",
            "--reconstruction=l2:weight=10",
            "--game=supervised",
            "--loss=non_saturating",
            "--discriminator=dcgan",
        ],
    ),  # the defaults: this game has no use for the flagfile's
}
CREDIT = """Pictures: NASA Blue Marble and SRTM (public domain); Noto Emoji (Apache-2.0); Twemoji (CC-BY-4.0,
Twitter, Inc. and
other contributors); photographs in the public domain or CC0 (GCompris, scikit-image)."""


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.strings("tasks", list(TASKS), f"which of {', '.join(TASKS)}")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("work", "runs/translation", "folder for the runs and the pictures made ready for them")
    flags.string("out", "benchmarks/results/translation.json", "where the numbers are kept")
    flags.string("document", "docs/results.md", "where the tables stand")
    flags.string("pictures", "docs/translation", "folder of the sheets")
    runs.parse(flags, __doc__)
    places = {
        "shared": pathlib.Path(flags.shared).resolve(),
        "work": pathlib.Path(flags.work).resolve() / "data",
        "runs": pathlib.Path(flags.work).resolve(),
    }
    prepare(places)
    kept = runs.Runs(flags.work, len(flags.tasks))
    rows = []
    for name in flags.tasks:
        kimg, recipe, changes = TASKS[name]
        words = [
            f"--flagfile={runs.ROOT}/configs/{recipe}.flags",
            "--export=none",
            f"--kimg={kimg}",
            f"--sample_kimg={kimg / 4:g}",
            f"--score_kimg={kimg:g}",
            f"--checkpoint_kimg={kimg / 10:g}",
            f"--log_kimg={kimg / 50:g}",
            *(change.format(**places) for change in changes),
        ]
        folder = kept.train(name, words)
        if folder:
            rows += [
                {
                    "task": name,
                    "date": time.strftime("%Y-%m-%d"),
                    "kimg": kimg,
                    "seconds": folder.record["finished"]["seconds"],
                    "parameters": folder.record["parameters"][
                        "generator" if "generator" in folder.record["parameters"] else "generator_ab"
                    ],
                    **row,
                }
                for row in SCORED[name](folder.directory, places, runs.ROOT / flags.pictures / f"{name}.png")
            ]
            for row in rows[-2:]:
                print(
                    "   ",
                    {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()},
                    flush=True,
                )
    rows += [row for row in before(runs.ROOT / flags.out) if row["task"] not in flags.tasks]
    rows.sort(key=lambda row: list(TASKS).index(row["task"]))
    about = runs.keep(flags.out, rows)
    runs.fill(flags.document, "translation", document(rows, about))


def before(path):
    """Returns the rows that an earlier start kept, of whatever tasks."""
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


def prepare(places):
    """Unpacks the arrays of the shared data into folders of PNG files; sixteen levels of elevation are labels, too."""
    import numpy as np

    from keras_gans import grids

    levels = {"levels": lambda image: image // 16, "grey_levels": lambda image: image // 16 * 17}
    for file, names in (
        ("emoji_pairs64.npz", ("google", "twitter")),
        ("marble128.npz", ("elevation", "satellite", *levels)),
    ):
        arrays = np.load(places["shared"] / file)
        for name in names:
            if not (places["work"] / name).is_dir():
                temporary = places["work"] / f".{name}"
                for index, image in enumerate(arrays["elevation" if name in levels else name]):
                    image = levels.get(name, np.asarray)(image)
                    grids.write_png(temporary / f"{index:04d}.png", image)
                temporary.rename(places["work"] / name)


# --- scores -----------------------------------------------------------------------------------------------------------


def pictures(folder, channels=3, held_out=True):
    """Returns the pictures of a folder in sorted order, uint8: every tenth one, or the others."""
    from keras_gans.data import images, open_collection

    collection = open_collection(f"folder:{folder}", "holdout" if held_out else "train", "every:10")
    return [images.decode(collection.read(index)[0], None, channels) for index in range(collection.count)]


def translator(directory, direction="ab"):
    from keras_gans.trained.trained import Trained
    from keras_gans.using import Translator

    return Translator.of(Trained.open(directory), direction)


def scored(what, outputs, targets, **more):
    """Returns a row of the table: the means over pictures of PSNR, SSIM and the absolute difference in grey levels."""
    import numpy as np

    from keras_gans.metrics import paired

    pairs = list(zip(targets, outputs, strict=True))
    return {
        "what": what,
        "pictures": len(pairs),
        "psnr": statistics.mean(paired.psnr(*pair) for pair in pairs),
        "ssim": statistics.mean(paired.ssim(*pair) for pair in pairs),
        "l1": float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in pairs])),
        **more,
    }


def sheet(path, *columns, rows=8):
    """Writes examples side by side, one to a row, the columns as named."""
    import numpy as np

    from keras_gans import grids
    from keras_gans.callbacks.samples import displayed

    grids.write_png(path, grids.table([displayed(np.stack(column[:rows])) for column in columns]))


def shown(places, size):
    """Returns the middle of the photographs that may be shown, uint8 [size, size, 3], those large enough."""
    from keras_gans.data import images

    paths = sorted((places["shared"] / "photos_free").glob("*.jpg"))
    found = [images.decode(path, None, 3) for path in paths]
    return [middle(photo, size) for photo in found if min(photo.shape[:2]) >= size][-6:]


def middle(picture, size):
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return picture[top : top + size, left : left + size]


def pix2pix(directory, places, path):
    """Elevation to satellite; the baseline is the mean colour of each elevation in the training tiles."""
    inputs, baseline, targets = nearest_colors(places, "elevation")
    translate = translator(directory)
    outputs = [translate(image) for image in inputs]
    sheet(path, inputs, baseline, outputs, targets)
    return [scored("nearest colour", baseline, targets), scored("pix2pix", outputs, targets)]


def levels(directory, places, path):
    """The same of sixteen levels of elevation: as grey for pix2pix, as labels for SPADE."""
    from keras_gans.trained.trained import Trained

    labels = Trained.open(directory).labels
    inputs, baseline, targets = nearest_colors(places, "levels")
    translate = translator(directory)
    outputs = [translate(image if labels else image * 17) for image in inputs]
    sheet(path, [image * 17 for image in inputs], baseline, outputs, targets)
    return [scored("nearest colour", baseline, targets), scored(directory.name, outputs, targets)]


def nearest_colors(places, name):
    """Returns the held-out maps, their pixels in the mean colour of each value in the training tiles, and the satellite's."""
    import numpy as np

    heights, views = (
        np.stack(pictures(places["work"] / folder, channels, held_out=False))
        for folder, channels in ((name, 1), ("satellite", 3))
    )
    counts = np.bincount(heights.ravel(), minlength=256)
    sums = np.stack([np.bincount(heights.ravel(), views[..., channel].ravel(), 256) for channel in range(3)], -1)
    known = np.flatnonzero(counts)
    nearest = known[np.abs(np.arange(256)[:, None] - known).argmin(axis=1)]
    colors = np.round(sums[nearest] / counts[nearest, None]).astype(np.uint8)
    inputs, targets = (pictures(places["work"] / folder, channels) for folder, channels in ((name, 1), ("satellite", 3)))
    return inputs, [colors[image[..., 0]] for image in inputs], targets


def emoji(directory, places, path):
    """Google to Twitter, scored against the pairs that the training never saw; the baseline is the input itself."""
    inputs, targets = (pictures(places["work"] / name) for name in ("google", "twitter"))
    translate = translator(directory)
    outputs = [translate(image) for image in inputs]
    sheet(path, inputs[::12], outputs[::12], targets[::12], rows=12)
    reference = features(targets)
    return [
        scored(what, images, targets, kd=kernel_distance(features(images), reference))
        for what, images in (("the Google emoji itself", inputs), (directory.name, outputs))
    ]


def paintings(directory, places, path):
    """Photographs to paintings: how far their features are from those of the paintings, before and after."""

    def crops(images):
        return [
            image[y : y + 128, x : x + 128]
            for image in images
            for y in range(0, image.shape[0] - 127, 128)
            for x in range(0, image.shape[1] - 127, 128)
        ]

    photos = pictures(places["shared"] / "photos")
    translate = translator(directory)
    outputs = [translate(photo) for photo in photos]
    reference = features(crops(pictures(places["shared"] / "paintings", held_out=False)))
    free = shown(places, 256)
    sheet(path, free, [translate(photo) for photo in free])
    return [
        {"what": what, "pictures": len(images), "kd": kernel_distance(features(crops(images)), reference)}
        for what, images in (("the photographs themselves", photos), ("fastcut", outputs))
    ]


def features(images):
    """Returns the features of EfficientNet-Lite0, float64 [n, 1280], of pictures of one size."""
    import numpy as np

    from keras_gans.registry import EXTRACTORS

    return EXTRACTORS.create("efficientnet_lite0")(np.stack(images)).astype(np.float64)


def kernel_distance(x, y):
    """The unbiased estimate of the squared maximum mean discrepancy of features, by KID's kernel, all at once."""
    from keras_gans.metrics.kernel import polynomial_kernel

    within = [
        (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))
        for kernel in (polynomial_kernel(x, x), polynomial_kernel(y, y))
    ]
    return float(sum(within) - 2 * polynomial_kernel(x, y).mean())


def enlarged(directory, places, path):
    """Four times the resolution; the baseline is bicubic. Whole RGB pictures, and luma without a border of 4 pixels."""
    import numpy as np
    from PIL import Image

    from keras_gans.data.degradations import DEGRADATIONS
    from keras_gans.metrics import paired

    shrink = DEGRADATIONS.create("downscale4")

    def small(image):
        return np.asarray(shrink(image, [0, 0]))

    def bicubic(image):
        size = image.shape[1] * 4, image.shape[0] * 4
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))

    def luma(outputs):
        score = paired.PSNR(color="y", crop_border=4)
        return statistics.mean(score(target, output) for target, output in zip(targets, outputs))

    targets = [
        image[: image.shape[0] // 4 * 4, : image.shape[1] // 4 * 4] for image in pictures(places["shared"] / "photos")
    ]
    restore = translator(directory)
    inputs = [small(target) for target in targets]
    baseline, outputs = [bicubic(image) for image in inputs], [restore(image) for image in inputs]
    free = shown(places, 192)
    few = [small(image) for image in free]
    sheet(path, few, [bicubic(image) for image in few], [restore(image) for image in few], free)
    return [
        scored(what, made, targets, psnr_y=luma(made), features=feature_distance(made, targets))
        for what, made in (("bicubic", baseline), (directory.name, outputs))
    ]


def feature_distance(outputs, targets):
    """Returns the mean distance of unit feature vectors in block 3 of EfficientNet-Lite0, which no recipe trains on."""
    import numpy as np
    import tensorflow as tf

    from keras_gans.data import images
    from keras_gans.features.perceptual import create_perceptual

    taps = create_perceptual("efficientnet_lite0").taps(["block3"])

    def units(picture):
        return tf.math.l2_normalize(taps(images.to_model(picture[None]))[0], axis=-1)

    return float(np.mean([tf.reduce_mean(tf.reduce_sum((units(a) - units(b)) ** 2, -1)) for a, b in zip(outputs, targets)]))


def denoised(directory, places, path):
    """Gaussian noise of 25 grey levels; the baseline is the Gaussian filter that is best on these very pictures."""
    import numpy as np
    from scipy import ndimage

    from keras_gans.data.degradations import DEGRADATIONS

    add = DEGRADATIONS.create("noise:sigma=25")

    def noisy(images):
        return [np.asarray(add(image, [0, index])) for index, image in enumerate(images)]

    def blurred(images, sigma):
        return [ndimage.gaussian_filter(image, (sigma, sigma, 0)) for image in images]

    targets = pictures(places["shared"] / "photos")
    inputs = noisy(targets)
    filters = {
        sigma: scored(f"Gaussian filter, sigma {sigma:g}", blurred(inputs, sigma), targets)
        for sigma in (0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0)
    }
    best = max(filters, key=lambda sigma: filters[sigma]["psnr"])
    restore = translator(directory)
    free = shown(places, 192)
    few = noisy(free)
    sheet(path, few, blurred(few, best), [restore(image) for image in few], free)
    return [
        scored("the noisy picture", inputs, targets),
        filters[best],
        scored("denoise", [restore(image) for image in inputs], targets),
    ]


def inpainted(directory, places, path):
    """Strokes and boxes; the baseline is Telea's method. PSNR over the missing pixels alone stands beside.

    The smooth fill that the network corrects has a row of its own, which says what training adds.
    """
    import cv2
    import numpy as np

    from keras_gans.data import images
    from keras_gans.data.degradations import DEGRADATIONS
    from keras_gans.layers.inpainting import SmoothFill
    from keras_gans.metrics import paired

    damage = DEGRADATIONS.create("mask:shape=both")

    def holes(images):
        return [np.asarray(damage(image, [0, index]))[..., 3] for index, image in enumerate(images)]

    def telea(image, mask):
        broken = np.where(mask[..., None] >= 128, np.uint8(127), image)
        return cv2.inpaint(np.ascontiguousarray(broken), mask, 3, cv2.INPAINT_TELEA)

    def smooth(image, mask):
        damaged = np.concatenate([image, np.where(mask[..., None] >= 128, np.uint8(255), np.uint8(0))], axis=-1)
        return images.to_uint8(np.asarray(fill(images.to_model(damaged[None]))))[0]

    def missing(outputs):
        return statistics.mean(
            paired.psnr(target[mask >= 128][None], output[mask >= 128][None])
            for target, output, mask in zip(targets, outputs, masks)
        )

    targets = pictures(places["shared"] / "photos")
    masks = holes(targets)
    restore, fill = translator(directory), SmoothFill()
    free = shown(places, 192)
    few = holes(free)
    broken = [np.where(mask[..., None] >= 128, np.uint8(127), image) for image, mask in zip(free, few)]
    sheet(path, broken, [telea(*pair) for pair in zip(free, few)], [restore(*pair) for pair in zip(free, few)], free)
    made = {
        what: [method(image, mask) for image, mask in zip(targets, masks)]
        for what, method in (
            ("cv2.inpaint, Telea, radius 3", telea),
            ("the smooth fill alone", smooth),
            (directory.name, restore),
        )
    }
    return [scored(what, outputs, targets, psnr_missing=missing(outputs)) for what, outputs in made.items()]


SCORED = {
    "pix2pix": pix2pix,
    "pix2pix_levels": levels,
    "spade": levels,
    "cyclegan": emoji,
    "cut": emoji,
    "fastcut": paintings,
    "rrdb": enlarged,
    "esrgan": enlarged,
    "denoise": denoised,
    "inpaint": inpainted,
}
TITLES = {
    "pix2pix": ("Elevation to satellite, 128 px (pix2pix)", "input, nearest colour, output, target"),
    "pix2pix_levels": (
        "Sixteen levels of elevation to satellite, 128 px (pix2pix, levels as grey)",
        "input, nearest colour, output, target",
    ),
    "spade": (
        "Sixteen levels of elevation to satellite, 128 px (SPADE, levels as labels)",
        "input, nearest colour, output, target",
    ),
    "cyclegan": ("Google to Twitter emoji without the pairs, 64 px (CycleGAN)", "input, output, the pair"),
    "cut": ("Google to Twitter emoji without the pairs, 64 px (CUT)", "input, output, the pair"),
    "fastcut": ("Photographs to paintings (FastCUT)", "input, output"),
    "rrdb": ("Four times the resolution, for fidelity (ESRGAN's generator)", "input, bicubic, output, target"),
    "esrgan": (
        "Four times the resolution, for the eye (ESRGAN's losses; features of VGG16-HED, conv5_3, in place of VGG19)",
        "input, bicubic, output, target",
    ),
    "denoise": (
        "Gaussian noise of unknown strength, scored at 25 grey levels (DnCNN)",
        "input, Gaussian filter, output, target",
    ),
    "inpaint": (
        "Holes: strokes and boxes, for fidelity (gated convolutions that correct a smooth fill, by squared error)",
        "input, Telea, output, target",
    ),
}
COLUMNS = {
    "psnr": ("PSNR, dB", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "l1": ("mean abs. difference, grey levels", ".2f"),
    "psnr_y": ("PSNR of luma, dB", ".2f"),
    "features": ("feature distance", ".4f"),
    "psnr_missing": ("PSNR of the missing pixels, dB", ".2f"),
    "kd": ("kernel distance to the other kind", ".3f"),
}


def document(rows, about):
    """Returns the Markdown of the section."""
    lines = [
        "Measured by `python benchmarks/translation.py --shared=../shared/data --tasks=NAME` on "
        f"{about['machine']}, on the days that stand with the tasks.",
        "",
        "Networks are narrower and training is far shorter than in the papers (the command lines are in "
        "benchmarks/translation.py), so these numbers say that the recipes learn, not what the papers' networks can do. "
        "Seconds are those of the training, on a machine that other work shared.",
        "",
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        mine = [row for row in rows if row["task"] == task]
        title, columns = TITLES[task]
        keys = [key for key in COLUMNS if key in mine[0]]
        lines += [
            f"### {title}",
            "",
            f"{mine[0]['date']}: {mine[0]['kimg']:g} kimg in {mine[0]['seconds']:.0f} s, "
            f"{mine[0]['parameters'] / 1e6:.2f} M weights in a generator; {mine[0]['pictures']} held-out pictures.",
            "",
            f"| | {' | '.join(COLUMNS[key][0] for key in keys)} |",
            "|---" * (len(keys) + 1) + "|",
        ]
        lines += [f"| {row['what']} | {' | '.join(format(row[key], COLUMNS[key][1]) for key in keys)} |" for row in mine]
        lines += ["", f"![{task}](translation/{task}.png)", "", f"Columns: {columns}.", ""]
    return "\n".join([*lines, CREDIT])


if __name__ == "__main__":
    main()
