"""The generator of a run as TFLite models of builtin operators, for phones and browsers."""

import contextlib
import dataclasses
import math
import os
import pathlib
import re
import sys
import tempfile
import warnings
from importlib import metadata as distributions

import tensorflow as tf

import keras_gans
from keras_gans import files
from keras_gans.errors import UserError
from keras_gans.exporting import archive, families, measuring, metadata, parity, standard_metadata

FLOORS = {"float32": 60.0, "float16": 50.0, "dynamic": 35.0, "int8": 30.0}
"""Variant -> the PSNR in dB against Keras below which its worst image must not fall."""
# Of int8 models these stay in float32: norms lose 7 dB otherwise (a ResNet generator with instance norm: 23.5 and 30.7 dB).
# Square roots in int8 (version 2) came with TensorFlow 2.21; older runtimes do not load them.
_NOT_INT8 = ["MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SQRT", "ADD", "SUB", "MUL"]


@dataclasses.dataclass
class Model:
    """One model of an export.

    Attributes:
        path: `pathlib.Path` of the file; None where it was refused.
        name: of the file, without ending.
        variant: "float32", "float16" (weights), "dynamic" (int8 weights) or "int8" (weights and activations).
        measured: `keras_gans.exporting.measuring.Measured`.
    """

    path: pathlib.Path | None
    name: str
    variant: str
    measured: measuring.Measured


def export(run, out):
    """Writes the float32 models of a run, with all defaults of `export_variants`; returns the path of the first."""
    return export_variants(run, out)[0].path


def export_variants(run, out, name=None, variants=("float32",), keep=(), **options):
    """Writes `OUT/NAME_<variant>.tflite` for each variant that is near enough to Keras, and `OUT/tflite_report.md`.

    One image a call, by the signature `serving_default` with images in [0, 1], the same for all variants; its inputs are
    those of the run's family: see `phone` in `keras_gans.exporting.latents`, `translators` and `stylizers`. A run that
    translates both ways has models `NAME_ab_<variant>` and `NAME_ba_<variant>`, one of any style
    `NAME_style_predict_<variant>` and `NAME_style_transfer_<variant>`. In each file lies `metadata.json`, see
    `keras_gans.exporting.metadata`. The report keeps what it says about models of other names.

    Args:
        run: a `keras_gans.trained.Trained`.
        out: folder to write into.
        name: of the model; default: the name of the run folder, with `_gpu` or `_resizable` where these are asked for.
        variants: names from `FLOORS`.
        keep: variants that are written however far from Keras they are.
        **options: height, width, resizable, mobile_gpu: see `keras_gans.exporting.families`.

    Returns:
        A list of `Model`.

    Raises:
        UserError: not a generator of images, the folder cannot be written, the generator needs an operator that is not
            built into TFLite, the run's data are not there to compare, or all variants are below their floors; then
            nothing is written.
    """
    if options.get("resizable") and options.get("mobile_gpu"):
        raise UserError("--resizable and --mobile_gpu: mobile GPUs want fixed sizes; leave one of them out")
    modes = "".join(
        f"_{mode}" for mode, on in (("gpu", options.get("mobile_gpu")), ("resizable", options.get("resizable"))) if on
    )
    name = (name or run.directory.resolve().name) + modes
    out, family, models, contents = pathlib.Path(out), families.of(run), [], {}
    for ending, endpoint in family.phone(run, **options).items():
        for variant, model, measured in _convert(endpoint, variants):
            path = out / f"{name}{ending}_{variant}.tflite"
            if measured.psnr >= FLOORS[variant] or variant in keep:  # not if it is NaN
                about = _about(run, family, endpoint, variant, measured)
                model = standard_metadata.added(model, path.stem, about, metadata.LABELS if run.class_names else None)
                contents[path] = metadata.added(model, about, run.class_names)
            models.append(Model(path if path in contents else None, path.stem, variant, measured))
    if not contents:
        worst = models[0]
        raise UserError(
            f"the TFLite models differ too much from Keras, so none was written: {worst.name} has a PSNR of "
            f"{worst.measured.psnr:.1f} dB, at least {FLOORS[worst.variant]:.0f} is right; report this with the run's run.json"
        )
    for path, model in contents.items():
        with files.whole(path) as temporary:
            temporary.write_bytes(model)
    _write_report(out / "tflite_report.md", f"# TFLite models {name}\n", _report(run, models))
    return models


def _convert(endpoint, variants):
    """Yields (variant, bytes of the model, `Measured`)."""
    with tempfile.TemporaryDirectory() as folder, parity.exact_float32():
        inputs, outputs = endpoint.examples()
        archive.write([endpoint], folder)
        for variant in variants:
            try:
                with _silence():
                    model = _converted(folder, endpoint, variant)
            except Exception as error:  # ConverterError is private, and the converter raises plain ones too
                missing = re.search(r"(?:Select|Custom) ops: (.*)", str(error))
                reason = f"its operators {missing[1]} are not built into TFLite" if missing else str(error).splitlines()[0]
                raise UserError(f"the generator cannot become a TFLite model: {reason}") from error
            yield variant, model, measuring.measure(model, endpoint, inputs, outputs)


def _converted(folder, endpoint, variant):
    """Returns the bytes of the SavedModel in `folder` as a variant."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[endpoint.name])
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant != "int8":
        return converter.convert()

    def examples():
        return ((endpoint.name, row) for row in endpoint.calibration())

    converter.representative_dataset = examples
    # The debugger is TFLite's means to leave operators out of quantization.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=_NOT_INT8)
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_dataset=examples, debug_options=options)
    return debugger.get_nondebug_quantized_model()


@contextlib.contextmanager
def _silence():
    """Sends what the converter writes to stderr, a page for each operator that it does not know, nowhere."""
    sys.stderr.flush()
    before = os.dup(2)
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)


def _about(run, family, endpoint, variant, measured):
    """Returns the metadata of a model."""
    return {
        "name": run.directory.resolve().name,
        "summary": family.SUMMARY,
        "made_by": f"keras_gans {keras_gans.__version__}",
        "step": run.step,
        "license": (run.record.get("imported") or run.record.get("preset") or {}).get("license"),
        "variant": variant,
        "signature": endpoint.name,
        **endpoint.meanings(),
        **endpoint.details,
        "normalization": {"from_uint8": "pixel / 255", "to_uint8": "round(255 * value)"},
        "psnr_db": round(measured.psnr, 1) if math.isfinite(measured.psnr) else None,
        "data": run.pictures or run.record["data"]["spec"],
    }


def _write_report(path, title, text):
    """Puts a report into the file, in place of the one with the same title."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    others = [other for other in re.split(r"(?m)^(?=# )", before) if other.strip() and not other.startswith(title)]
    files.write_text(path, "\n".join([*(other.strip() + "\n" for other in others), f"{title}\n{text}"]))


def _report(run, models):
    """Returns the Markdown about the models of a run."""
    threads = list(models[0].measured.milliseconds)
    heads = [
        "model",
        "MB",
        "runtime",
        "PSNR (floor), dB",
        "SSIM",
        *(f"ms, {count} thread{'s' * (count > 1)}" for count in threads),
        "",
    ]
    lines = [
        f"Of {run.directory.resolve().name} at step {run.step}, by keras_gans {keras_gans.__version__} and LiteRT "
        f"{distributions.version('ai-edge-litert')}; timed on {measuring.processor()}.",
        f"PSNR (of the worst image) and SSIM (the mean) against Keras on {models[0].measured.images} images. Runtime: the "
        "oldest TensorFlow Lite that has the operators.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
    ]
    for model in models:
        measured, floor = model.measured, FLOORS[model.variant]
        fate = (
            ""
            if measured.psnr >= floor
            else "below its floor, kept as asked"
            if model.path
            else "below its floor: not written"
        )
        cells = [
            model.name,
            f"{measured.bytes / 1e6:.2f}",
            measured.runtime,
            f"{measured.psnr:.1f} ({floor:.0f})",
            "" if measured.ssim is None else f"{measured.ssim:.4f}",
            *(f"{time:.3g}" for time in measured.milliseconds.values()),
            fate,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Operators", ""]
    for model in models:
        outside = sorted(set(model.measured.operators) - measuring.GPU_OPERATORS)
        lines.append(
            f"- {model.name}: {', '.join(model.measured.operators)}. Outside the list that the GPU delegate's guide "
            f"publishes: {', '.join(outside) or 'none'}."
        )
    return "\n".join(lines) + "\n"
