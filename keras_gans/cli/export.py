"""Exports the generator of a run: a SavedModel for TF Serving, TFLite models for phones and browsers, or ONNX.

    keras-gans export --run=runs/quickstart --out=models/quickstart                  models/quickstart/1/, 2/, ...
    keras-gans export --run=runs/quickstart --format=tflite --out=models             models/quickstart_float32.tflite, ...
    keras-gans export --run=runs/quickstart --format=onnx --out=models               models/quickstart.onnx

Each is compared with Keras before it is written. ONNX needs keras-gans[onnx]. export/saved_model.py and export/tflite.py of
the repository are the first two; their --help says what lies beside the models.
"""

from keras_gans.errors import UserError
from keras_gans.registry import nearest

VARIANTS = ("float32", "float16", "dynamic", "int8")


_OWN = {  # flags that mean something to one format only
    "saved_model": ("max_pixels", "license"),
    "onnx": ("name",),
    "tflite": ("name", "variants", "data", "keep", "height", "width", "resizable", "mobile_gpu"),
}


def define(flags):
    flags.choice("format", "saved_model", tuple(_OWN), "what to write")
    define_saved_model(flags)
    define_tflite(flags, common=False)


def run(flags):
    for other, names in _OWN.items():
        for name in names:
            if flags[name].present and name not in _OWN[flags.format]:
                raise UserError(f"--{name} is for --format={other}, not for {flags.format}; leave one of them out")
    return {"saved_model": run_saved_model, "onnx": _run_onnx, "tflite": run_tflite}[flags.format](flags)


def define_common(flags):
    """Defines what all formats need."""
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string("out", None, "folder to write into; of a SavedModel, the model's, for its version", required=True)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def define_saved_model(flags):
    """Defines the flags of `export/saved_model.py`."""
    define_common(flags)
    flags.integer(
        "max_pixels",
        None,
        "most pixels of a picture file, or of all images drawn by one request; larger requests are refused. Default: 2 "
        "million, 1 million to stylize, 307,200 (VGA) to 524,288 to enlarge, 64 million of drawn images",
        1,
    )
    flags.string("license", None, "what the model card says about who may use the model for what, such as Apache-2.0")


def run_saved_model(flags):
    """Writes a SavedModel."""
    from keras_gans.exporting import saved_model
    from keras_gans.trained.trained import Trained

    opened = Trained.open(flags.run, flags.checkpoint)
    print(f"wrote {saved_model.export(opened, flags.out, flags.max_pixels, flags.license)}")


def _run_onnx(flags):
    """Writes ONNX models."""
    from keras_gans.exporting import onnx
    from keras_gans.trained.trained import Trained

    for path, difference in onnx.export(Trained.open(flags.run, flags.checkpoint), flags.out, flags.name):
        print(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB, {difference:.1e} from Keras)")


def define_tflite(flags, common=True):
    """Defines the flags of `export/tflite.py`, with or without those of `define_common`."""
    if common:
        define_common(flags)
    flags.string("name", None, "of the model; default: the name of the run folder")
    flags.string(
        "variants",
        ",".join(VARIANTS),
        "which to make: float32, float16 (weights of half the size), dynamic (int8 "
        "weights), int8 (weights and activations, calibrated on the run's training data)",
    )
    flags.string(
        "data",
        None,
        "pictures to measure and calibrate on, such as folder:PHOTOS; default: the run's data (an imported run has none)",
    )
    flags.string("keep", "", "variants to write even if they are below their floors")
    flags.integer("height", None, "of the input of a translating run, in pixels; default: the run's", 1)
    flags.integer("width", None, "likewise", 1)
    flags.boolean("resizable", False, "leave height and width open: the interpreter resizes the input")
    flags.boolean(
        "mobile_gpu",
        False,
        "avoid what mobile GPUs reject or compute badly: transposed convolutions, and sums over whole images",
    )


def run_tflite(flags):
    """Writes TFLite models."""
    from keras_gans.exporting import tflite
    from keras_gans.trained.trained import Trained

    variants, keep = (_variants(flags, name) for name in ("variants", "keep"))
    if not variants:
        raise UserError(f"--variants names none; known are {', '.join(VARIANTS)}")
    opened = Trained.open(flags.run, flags.checkpoint)
    opened.pictures = flags.data
    models = tflite.export_variants(
        opened,
        flags.out,
        flags.name,
        variants,
        keep,
        height=flags.height,
        width=flags.width,
        resizable=flags.resizable,
        mobile_gpu=flags.mobile_gpu,
    )
    for model in models:
        measured = model.measured
        if model.path:
            print(f"wrote {model.path} ({measured.bytes / 1e6:.2f} MB, {measured.psnr:.1f} dB)")
        else:
            print(
                f"refused {model.name}: {measured.psnr:.1f} dB, at least {tflite.FLOORS[model.variant]:.0f} is right "
                f"(--keep={model.variant} writes it)"
            )


def _variants(flags, flag):
    """Returns the variants that a flag names, in the order of `VARIANTS`."""
    names = [name.strip() for name in flags[flag].value.split(",") if name.strip()]
    for name in names:
        if name not in VARIANTS:
            raise UserError(f"--{flag}={name}: known are {', '.join(VARIANTS)}{nearest(name, VARIANTS)}")
    return [name for name in VARIANTS if name in names]
