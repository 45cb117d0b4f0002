"""Exports the generator of a run as TFLite models of builtin operators, for phones and browsers.

    python export/tflite.py --run=runs/quickstart --out=models

writes models/quickstart_float32.tflite, ..._float16, ..._dynamic and ..._int8 after comparing each with Keras on the run's
held-out data, and models/tflite_report.md with their sizes, times and differences. A variant whose PSNR is below its
floor (float32 60, float16 50, dynamic 35, int8 30 dB) is not written, unless --keep names it.

The signature is serving_default, with images float32 [1, h, w, c] in [0, 1]; metadata.json inside each file says what its
inputs are (unzip -p FILE.tflite metadata.json). export/on_device/ shows the calls on Android and iOS.
"""

import sys

from keras_gans.cli import main
from keras_gans.errors import UserError
from keras_gans.registry import nearest

VARIANTS = ("float32", "float16", "dynamic", "int8")


def define(flags):
    flags.string("run", None, "run folder that train.py has made", required=True)
    flags.string("out", None, "folder to write into", required=True)
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
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")


def run(flags):
    from keras_gans.trained.trained import Trained

    variants, keep = (_variants(flags, name) for name in ("variants", "keep"))
    if not variants:
        raise UserError(f"--variants names none; known are {', '.join(VARIANTS)}")
    opened = Trained.open(flags.run, flags.checkpoint)
    opened.pictures = flags.data
    from keras_gans.exporting import tflite

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


if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/tflite.py"))
