"""Peak memory and time of one large picture through generators of images: file in, file out.

    python benchmarks/large_picture.py [--width=6000] [--height=4000] [--tile=1024] [--generator=resnet ...]

Each generator has random weights and a process of its own, whose largest resident size is what counts. The picture is
noise that was enlarged, saved as a JPEG.
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.integer("width", 6000, "of the picture, in pixels", 1)
    flags.integer("height", 4000, "of the picture, in pixels", 1)
    flags.integer("tile", 1024, "see keras-gans translate --help", 64)
    flags.strings("generator", ["resnet", "unet", "dncnn"], "generator spec; repeat the flag for several")
    flags.boolean("child", False, "measure in this process")
    runs.parse(flags, __doc__)
    if flags.child:
        print(json.dumps(_measure(flags.generator[0], flags.width, flags.height, flags.tile)))
        return
    print("| generator | picture | seconds | seconds per megapixel | peak memory, GB |")
    print("|---|---|---|---|---|")
    for generator in flags.generator:
        child = [
            sys.executable,
            __file__,
            "--child",
            f"--generator={generator}",
            f"--width={flags.width}",
            f"--height={flags.height}",
            f"--tile={flags.tile}",
        ]
        output = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout
        measured = json.loads(output.splitlines()[-1])
        megapixels = flags.width * flags.height / 1e6
        print(
            f"| {generator} | {flags.width}x{flags.height} | {measured['seconds']:.0f} | "
            f"{measured['seconds'] / megapixels:.1f} | {measured['gigabytes']:.2f} |",
            flush=True,
        )


def _measure(generator, width, height, tile):
    import numpy as np
    from PIL import Image

    from keras_gans.registry import GENERATORS
    from keras_gans.using import Translator, pictures

    network = GENERATORS.create(generator)
    translator = Translator(network, training=generator.startswith("unet"), tile=tile)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "picture.jpg")
        noise = np.random.default_rng(0).integers(0, 256, (height // 40 + 1, width // 40 + 1, 3), np.uint8)
        Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=95)
        start = time.perf_counter()
        items = pictures.find(path, pathlib.Path(folder, "out"))
        pictures.process(lambda image, item, report: translator(image, report=report), items, generator)
        seconds = time.perf_counter() - start
        with Image.open(items[0].target, formats=["PNG"]) as made:
            assert made.size == (width * translator.scale, height * translator.scale)
    return {"seconds": seconds, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


if __name__ == "__main__":
    main()
