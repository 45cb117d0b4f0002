"""Weights of others at work: pictures for docs/imports.md, the differences from the peers' own runtimes, and latencies.

    python benchmarks/official_weights.py [--photos=../shared/data/photos_free] [--work=runs/official] [--rounds=5]

Times are taken on one and on two threads, each in a process of its own (TensorFlow's number of threads is set once), by the clock
and as CPU time, which other work on the machine does not change much; of two threads it counts what waits in circles too.

Needs the packages that `keras-gans models` lists (pip install --no-deps ...), ncnn, onnxruntime and PyTorch. What an earlier
call has imported and exported into --work is taken as it is. Fills docs/imports.md, docs/imports/ and
benchmarks/results/official_weights.json.
"""

import functools
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import runs
from PIL import Image, ImageDraw

PACKAGES = {
    "x4plus": "package_realesrgan_x4plus",
    "animevideov3": "package_realesr_animevideov3",
    "vintage": "package_vintagify",
    "faces": "package_gan_face_generate",
    "styles": "package_magenta_styles",
}
SMALL, LARGE, STYLES = 96, 384, (0, 7, 19)
DOCS = runs.ROOT / "docs" / "imports"


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("photos", "../shared/data/photos_free", "folder of pictures that may be shown")
    flags.string("work", "runs/official", "folder of the runs and exported models")
    flags.integer("rounds", 5, "turns of two calls, of which the second counts", 1)
    flags.integer("race", 0, "take times on so many threads and print them as JSON; the script calls itself with it")
    runs.parse(flags, __doc__)
    work, photos = pathlib.Path(flags.work).resolve(), pathlib.Path(flags.photos).resolve()
    if flags.race:
        return print(json.dumps(race(work, photos, flags.race, flags.rounds)))
    DOCS.mkdir(exist_ok=True)
    for run, model in PACKAGES.items():
        command(work / run, "import", f"--from={model}", f"--run={work / run}")
    small = work / "small.png"
    square(photos / "skimage_chelsea.jpg", SMALL).save(small)
    made = enlarged(work, small, photos)
    ncnn = np.clip(np.rint(255 * by_ncnn("x4plus", 2)(small)), 0, 255).astype(np.uint8)
    differences = {f"x4plus, {name}": difference(image, ncnn) for name, image in made.items()}
    show_enlarged(small, made)
    photograph = square(photos / "skimage_coffee.jpg", LARGE)
    differences |= show_filtered(work, photograph)
    show_faces(work)
    for run in ("x4plus", "animevideov3"):
        lite_model(work, run, photos)
    rows = [row for threads in (1, 2) for row in timed(threads)]
    about = runs.keep("benchmarks/results/official_weights.json", rows, differences=differences)
    runs.fill("docs/imports.md", "official", document(rows, differences, about))
    print(document(rows, differences, about))


def timed(threads):
    """Returns the rows of `race`, run in another process."""
    words = [sys.executable, __file__, f"--race={threads}", *sys.argv[1:]]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def race(work, photos, threads, rounds):
    """Returns a row for each network under each runtime, which take turns."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    contestants = networks(work, square(photos / "skimage_coffee.jpg", LARGE), threads)
    clock, processor = [[] for _ in contestants], [[] for _ in contestants]
    for _ in range(rounds):
        for (_, call), seconds, worked in zip(contestants, clock, processor):
            call()  # threads of the turn before still wait in circles
            start, busy = time.perf_counter(), time.process_time()
            call()
            worked.append(1000 * (time.process_time() - busy))
            seconds.append(1000 * (time.perf_counter() - start))
    return [
        row | {"threads": threads, "median_ms": round(statistics.median(seconds)), "cpu_ms": round(min(worked))}
        for (row, _), seconds, worked in zip(contestants, clock, processor)
    ]


def command(made, *words):
    """Calls `keras-gans` where what it makes is not there yet."""
    if not made.exists():
        print("keras-gans", *words, flush=True)
        subprocess.run([sys.executable, "-m", "keras_gans", *words], check=True)


def square(path, side):
    image = Image.open(path, formats=["PNG", "JPEG"]).convert("RGB")
    whole = min(image.size)
    left, top = ((length - whole) // 2 for length in image.size)
    return image.crop((left, top, left + whole, top + whole)).resize((side, side), Image.LANCZOS)


def read(path):
    return np.asarray(Image.open(path, formats=["PNG", "JPEG"]).convert("RGB"))


def enlarged(work, small, photos):
    """Returns a dict, what enlarged the picture -> the result, uint8."""
    run, tflite, saved = work / "x4plus", lite_model(work, "x4plus", photos), work / "saved_model"
    command(saved, "export", f"--run={run}", f"--out={saved}")
    command(work / "keras", "restore", f"--run={run}", f"--input={small}", f"--out={work / 'keras'}")
    command(work / "filtered", "filter", f"--model={tflite}", f"--input={small}", f"--out={work / 'filtered'}")
    return {
        "Keras": read(next((work / "keras").glob("*.png"))),
        "SavedModel": by_saved_model(saved, small),
        "TFLite float16": read(next((work / "filtered").glob("*.png"))),
    }


def by_saved_model(folder, small):
    import tensorflow as tf

    version = max(folder.iterdir(), key=lambda path: int(path.name))
    signature = tf.saved_model.load(str(version)).signatures["translate"]
    (name,) = signature.structured_input_signature[1]
    (answer,) = signature(**{name: tf.constant([small.read_bytes()])}).values()
    return tf.io.decode_png(answer[0], 3).numpy()


def by_ncnn(run, threads):
    """Returns a function, path of a picture or uint8 [h, w, 3] -> the picture that ncnn makes of it, in [0, 1]."""
    import ncnn

    from keras_gans.pretrained.published import MODELS
    from keras_gans.weights import lookup

    path, network = lookup.shipped(MODELS[PACKAGES[run]].files[0]), ncnn.Net()
    network.opt.num_threads = threads
    network.load_param(str(path.with_suffix(".param")))
    network.load_model(str(path))

    def call(picture):
        pixels, work = picture if isinstance(picture, np.ndarray) else read(picture), network.create_extractor()
        given = np.ascontiguousarray(pixels.transpose(2, 0, 1) / np.float32(255))
        work.input("data", ncnn.Mat(given).clone())
        return np.array(work.extract("output")[1]).transpose(1, 2, 0)

    return call


def difference(one, other):
    """Returns the largest and the mean difference in grey levels."""
    apart = np.abs(one.astype(int) - other.astype(int))
    return int(apart.max()), round(float(apart.mean()), 3)


def signed(image):
    return (np.asarray(image)[None] / 127.5 - 1).astype(np.float32)


@functools.cache
def opened(run):
    from keras_gans.trained.trained import Trained

    return Trained.open(run).generator


def show_filtered(work, photograph):
    """Writes a photograph through the CycleGAN and in three of the 26 styles; returns differences from onnxruntime."""
    from keras_gans.data.images import to_uint8

    vintage = to_uint8(np.asarray(opened(work / "vintage")(signed(photograph))[0]))
    labelled({"photograph": np.asarray(photograph), "vintagify": vintage}, DOCS / "vintage.jpg")
    session, made, apart = styles_of_package(2), {}, {}
    for style in STYLES:
        shares = np.eye(26, dtype=np.float32)[style]
        made[f"style {style}"] = to_uint8(np.asarray(opened(work / "styles")([signed(photograph), shares[None]])[0]))
        theirs = session.run(None, given_to_styles(photograph, shares))[0][0].transpose(1, 2, 0)
        theirs = np.clip(np.rint(255 * theirs), 0, 255).astype(np.uint8)
        apart[f"styles, Keras, style {style}"] = difference(made[f"style {style}"], theirs)
    labelled(made, DOCS / "styles.jpg")
    return apart


def styles_of_package(threads):
    import onnxruntime

    from keras_gans.pretrained.published import MODELS
    from keras_gans.weights import lookup

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    path = lookup.shipped(MODELS[PACKAGES["styles"]].files[0])
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def given_to_styles(photograph, shares):
    planes = np.ascontiguousarray(np.asarray(photograph).transpose(2, 0, 1)[None] / np.float32(255))
    return {"image": planes, "style_weights": shares}


def show_faces(work):
    from keras_gans.data.images import to_uint8
    from keras_gans.grids import grid

    latent = np.random.default_rng(0).normal(size=(16, 100)).astype(np.float32)
    Image.fromarray(grid(to_uint8(np.asarray(opened(work / "faces")(latent))), 8)).save(DOCS / "faces.jpg", quality=90)


def show_enlarged(small, made):
    """Writes the small picture and its enlargements side by side."""
    picture = Image.open(small, formats=["PNG", "JPEG"])
    side = 4 * SMALL
    columns = {
        "96 px": np.asarray(picture.resize((side, side), Image.NEAREST)),
        "bicubic": np.asarray(picture.resize((side, side), Image.BICUBIC)),
        **made,
    }
    labelled(columns, DOCS / "enlarged.jpg")


def labelled(images, path):
    """Writes images in a row, each under its name."""
    height, width = next(iter(images.values())).shape[:2]
    sheet = Image.new("RGB", (len(images) * (width + 4) - 4, height + 16), "white")
    for index, (name, image) in enumerate(images.items()):
        sheet.paste(Image.fromarray(image), (index * (width + 4), 16))
        ImageDraw.Draw(sheet).text((index * (width + 4) + 2, 2), name, fill="black")
    sheet.save(path, quality=88)


def networks(work, photograph, threads):
    """Returns what takes turns: (row, function) of each network under each runtime."""
    small = work / "small.png"
    found, image = [], signed(read(small))

    def add(network, runtime, call):
        found.append(({"network": network, "runtime": runtime}, call))

    for run, name in (("x4plus", "Real-ESRGAN x4plus, 96x96"), ("animevideov3", "Real-ESRGAN animevideov3, 96x96")):
        lite = work / "tflite" / f"{run}_float16.tflite"
        add(name, "Keras", functools.partial(compiled(work / run), image))
        add(name, "TFLite float16", functools.partial(interpreted(lite, threads), image))
        add(name, "ncnn", functools.partial(by_ncnn(run, threads), small))
    shares, name = np.eye(26, dtype=np.float32)[7], f"Magenta's 26 styles, {LARGE}x{LARGE}"
    add(name, "Keras", functools.partial(compiled(work / "styles"), [signed(photograph), shares[None]]))
    add(name, "onnxruntime", functools.partial(styles_of_package(threads).run, None, given_to_styles(photograph, shares)))
    return found


def lite_model(work, run, photos):
    """Returns the path of the float16 model of a run."""
    path, sides = work / "tflite" / f"{run}_float16.tflite", (f"--height={SMALL}", f"--width={SMALL}")
    command(path, "export", f"--run={work / run}", "--format=tflite", "--variants=float16", *sides, f"--data=folder:{photos}",
            f"--out={path.parent}")  # fmt: skip
    return path


def compiled(run):
    import tensorflow as tf

    generator = opened(run)
    call = tf.function(lambda inputs: generator(inputs, training=False), autograph=False)
    return lambda inputs: np.asarray(call(inputs))


def interpreted(path, threads):
    from ai_edge_litert.interpreter import Interpreter

    call = Interpreter(model_path=str(path), num_threads=threads).get_signature_runner()
    (name,) = call.get_input_details()
    return lambda image: call(**{name: (image + 1) / 2})


def document(rows, differences, about):
    """Returns the Markdown."""
    lines = [
        f"`python benchmarks/official_weights.py`, {about['date']}, {about['machine']}. Differences in grey levels of 8-bit "
        "pictures:",
        "",
        "| network, ours under | peer | largest | mean |",
        "|---|---|---|---|",
    ]
    for name, (largest, mean) in differences.items():
        lines.append(f"| {name} | {'ncnn' if name.startswith('x4') else 'onnxruntime'} | {largest} | {mean} |")
    lines += [
        "",
        "Milliseconds of a call; other programs ran on the same two cores, so that of the clock's times only the order of "
        "magnitude counts (ncnn's threads wait for each other in circles and lose most). CPU time on one thread compares the work.",
        "",
        "| network | runtime | one thread, CPU | one thread, clock | two threads, clock |",
        "|---|---|---|---|---|",
    ]
    one, two = ([row for row in rows if row["threads"] == threads] for threads in (1, 2))
    for row, other in zip(one, two, strict=True):
        times = f"{row['cpu_ms']} | {row['median_ms']} | {other['median_ms']}"
        lines.append(f"| {row['network']} | {row['runtime']} | {times} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
