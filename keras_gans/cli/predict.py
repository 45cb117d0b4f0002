"""Asks a server of exported models: TensorFlow Serving, or export/serve.py.

    keras-gans predict --server=http://localhost:8501 --model=photos --input=photo.jpg --out=translated
    keras-gans predict --server=grpc://localhost:8500 --model=faces --out=drawn --count=16 --seed=1

A model that makes images of images takes --input, as `keras-gans translate` does, and writes PNG files (GIF, MP4) under its
names. A model that draws images writes --count PNG files; the same seed gives the same images.

Requests are repeated while the server is away or busy, until --timeout is over. Needs keras-gans[serving] for gRPC.
"""

import pathlib

from keras_gans import startup
from keras_gans.cli.translate import define_smooth
from keras_gans.errors import UserError
from keras_gans.flags import define_limits

TENSORFLOW = False  # REST needs none


def define(flags):
    define_limits(flags)
    flags.string(
        "server",
        "http://localhost:8501",
        "http://HOST:PORT or https://... for REST, grpc://HOST:PORT or grpcs://... for gRPC",
    )
    flags.string("model", None, "name of the model", required=True)
    flags.integer("version", None, "of the model; default: the latest", 0)
    flags.string("label", None, "of a version, in place of --version")
    flags.string("signature", None, "to call; default: translate with --input, else sample_png")
    flags.string("input", None, "a picture, an animated GIF, a video, or a folder of them, for models that take images")
    flags.string("out", None, "folder for the results", required=True)
    define_smooth(flags)
    flags.integer("count", 1, "images to draw, for models that draw them", 1)
    flags.integer("seed", 0, "of the drawn images")
    flags.strings("class", [], "number of a class to draw, for models that have them; repeated, they take turns")
    flags.number("truncation", None, "truncation psi, -2 to 2, for style-based models")
    flags.number("timeout", 60, "seconds for a request with its repetitions", 0.001)
    flags.integer("retries", 4, "repetitions at most", 0, 100)


def run(flags):
    from keras_gans.data.images import BadImage
    from keras_gans.serving.client import Client
    from keras_gans.serving.errors import ServingError
    from keras_gans.using import pictures

    items = pictures.find(flags.input, flags.out) if flags.input is not None else None
    if flags.server.startswith("grpc"):
        startup.import_tensorflow()
    try:
        client = Client(flags.server, flags.model, flags.version, flags.label, flags.timeout, flags.retries)
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing; run `pip install keras-gans[serving]`") from error
    with client:
        if items is None:
            return _draw(client, flags)
        client.signatures()  # a server that is away is no fault of the first picture

        def translate(image, item, report):
            try:
                return client.translate([image], signature=flags.signature)[0]
            except ServingError as error:
                if error.code != "INVALID_ARGUMENT":
                    raise
                raise BadImage(str(error)) from error  # the next picture may be a good one

        failed = pictures.process(translate, items, "translating", flags.smooth)
    done = len(items) - failed
    print(f"wrote {items[0].target if len(items) == 1 else f'{done} results to {flags.out}'}")
    return 1 if failed else 0


def _draw(client, flags):
    from keras_gans import grids

    out = pathlib.Path(flags.out).expanduser()
    if out.exists() and not out.is_dir():
        raise UserError(f"--out={out} is a file; name a folder for the results")
    try:
        label = [int(name) for name in flags["class"].value] or None
    except ValueError as error:
        raise UserError(f"--class: {error}; classes of a served model are numbers, from 0") from error
    made = client.sample(flags.count, flags.seed, label, flags.signature or "sample_png", flags.truncation)
    for number, image in enumerate(made):
        grids.write_png(out / f"{number:06d}.png", image)
    print(f"wrote {len(made)} images to {out}")
    return 0
