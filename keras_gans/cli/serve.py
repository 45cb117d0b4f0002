"""Serves exported models on this machine, for trying them; use TensorFlow Serving in production.

    keras-gans serve --models=models

answers TensorFlow Serving's REST and gRPC API for every SavedModel models/NAME/VERSION/ that keras-gans export has
written. New versions are loaded when they appear, and take over once they are warm; a file models/models.config may name
other versions than the latest, and labels. The page at http://127.0.0.1:8501/ runs the models/*.tflite files in the
browser (after `npm ci` in export/web of the repository); `--models=embedded` has the three of the package. GET /healthz
answers 200 when a model is ready. Ctrl-C or SIGTERM ends it when the requests that run are answered.

Needs keras-gans[serving].
"""

import pathlib
import sys

from keras_gans.errors import UserError

PAGE = pathlib.Path(__file__).parents[1] / "serving" / "page"


def define(flags):
    flags.string("models", None, "folder of the models; embedded: the page with the package's own filters", required=True)
    flags.string("host", "127.0.0.1", "address to listen on; 0.0.0.0 for all, there is no password")
    flags.strings(
        "allowed_host",
        [],
        "a name by which REST requests may call this server, beside its address, localhost and the machine's name",
    )
    flags.boolean(
        "rest_api_enable_cors_support",
        False,
        "let pages of other sites read the answers of REST, as TensorFlow Serving does",
    )
    flags.integer("rest_port", 8501, "of REST and the page", 0, 65535)
    flags.integer("grpc_port", 8500, "of gRPC", 0, 65535)
    flags.number("max_megabytes", 64, "of a request", 0.001, 2000)
    flags.integer("max_pixels", 2**21, "of a picture file, and of all images of one tensor", 1)
    flags.integer("max_count", 256, "images that a request may ask for", 1)
    flags.number("max_seconds", 60, "for a request", 0.001)
    flags.integer("workers", 2, "requests that are computed at the same time", 1, 256)
    flags.integer("queue", 128, "requests that may wait; more are refused with status 503", 0, 100000)


def run(flags):
    from keras_gans.exporting import embedded_models

    folder = embedded_models.folder(flags.models)
    if not folder.is_dir():
        raise UserError(f"--models={folder} is not a folder; name one that keras-gans export has written into, or embedded")
    if own := next((path.parent for path in sorted(folder.glob("*/saved_model.pb")) if path.parent.name.isdecimal()), None):
        raise UserError(
            f"--models={folder} is one model ({own} is a version of it); name the folder that holds it: "
            f"{folder.resolve().parent}, or move it to {folder}/NAME/{own.name}"
        )
    try:
        from keras_gans.serving.local import server as local
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing; run `pip install keras-gans[serving]`") from error
    from keras_gans.serving.local.limits import Limits
    from keras_gans.serving.site import Site

    limits = Limits(
        int(flags.max_megabytes * 2**20), flags.max_pixels, flags.max_count, flags.max_seconds, flags.workers, flags.queue
    )
    try:
        site = Site(PAGE, folder)
    except UserError as error:
        site = None
        print(f"no page: {error}", file=sys.stderr)

    def log(line):
        print(line, flush=True)

    server = local.Server(
        folder,
        limits,
        flags.host,
        flags.rest_port,
        flags.grpc_port,
        site,
        log,
        tuple(flags.allowed_host),
        flags.rest_api_enable_cors_support,
    )
    local.serve_until_signal(
        server,
        lambda: log(
            f"serving {folder} at http://{flags.host}:{server.rest_port} (REST{', page' if site else ''}) and "
            f"{flags.host}:{server.grpc_port} (gRPC)"
        ),
    )
