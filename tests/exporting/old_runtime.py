"""Small models of every family, and the same answers from another LiteRT; see .ci/old_runtime.

old_runtime.py make FOLDER     exports them, with an input and the answer of this LiteRT beside each
old_runtime.py run FOLDER      needs NumPy and LiteRT only
"""

import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

_TOLERANCE = {"dynamic": 0.02, "int8": 0.05}  # by variant, of values in [0, 1]; those whose operators are the newest


def make(folder):
    import run_cases
    import translation_runs

    from keras_gans.exporting import latents, measuring, stylizers, tflite, translators
    from keras_gans.trained.trained import Trained

    measuring.THREADS = ()  # nothing is timed
    for family in (latents, stylizers, translators):
        family._CALIBRATION = 2
    stylizers._EXAMPLES = translators._EXAMPLES = 1
    runs = {
        "plain": run_cases.UNCONDITIONAL,
        "styled": run_cases.LABELLED_STYLES | {"image_size": 8, "image_shape": (8, 8, 1)},
    }
    (folder / "runs").mkdir(parents=True)
    paths = [run_cases.make_run(folder / "runs" / name, **flags) for name, flags in runs.items()]
    paths += [
        translation_runs.make_run(folder / "runs", name)
        for name in ("both", "dropout", "larger", "holes", "any", "numbered")
    ]
    for path in paths:
        tflite.export_variants(
            Trained.open(path), folder, variants=tuple(_TOLERANCE), keep=tuple(_TOLERANCE), **_sides(path.name)
        )
    for path in sorted(folder.glob("*.tflite")):
        random = np.random.default_rng(0)
        call = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
        inputs = {
            name: random.uniform(size=detail["shape"]).astype(detail["dtype"])
            for name, detail in call.get_input_details().items()
        }
        np.savez(path.with_suffix(".npz"), **inputs, **{f"answer_{name}": made for name, made in call(**inputs).items()})


def _sides(name):
    return {"height": 32, "width": 32} if name in ("any", "numbered") else {}


def run(folder):
    failed, paths = [], sorted(folder.glob("*.tflite"))
    for path in paths:
        with np.load(path.with_suffix(".npz")) as stored:
            inputs = {name: stored[name] for name in stored if not name.startswith("answer_")}
            expected = {name.removeprefix("answer_"): stored[name] for name in stored if name.startswith("answer_")}
        try:
            made = Interpreter(model_path=str(path)).get_signature_runner("serving_default")(**inputs)
            difference = max(np.abs(made[name] - expected[name]).max() for name in expected)
            wrong = "" if difference <= _TOLERANCE[path.stem.split("_")[-1]] else "differs"
        except (ValueError, RuntimeError) as error:
            difference, wrong = np.nan, str(error).splitlines()[0]
        print(f"{path.name}: {difference:.2g} {wrong}")
        if wrong:
            failed.append(path.name)
    if failed or not paths:
        sys.exit(f"{len(failed)} of {len(paths)} models do not run as they should: {', '.join(failed)}")


if __name__ == "__main__":
    {"make": make, "run": run}[sys.argv[1]](pathlib.Path(sys.argv[2]))
