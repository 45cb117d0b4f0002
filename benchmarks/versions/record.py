"""Records what the verbs of one checkout draw with the reference runs, and what that costs: the reference for compare.py.

    python record.py --checkout=../keras_gans-0.1.0 --out=reference --figures=before.json

Two stages, of which --stages names some: the verbs' files (reference/NAME/files), time and memory; the exporters' time and
memory, for some runs. What is there is left alone; the figures are written of all that is.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import cases
import measured


def _succeed(name, drawn):
    for title, made in drawn.items():
        if made.code:
            raise SystemExit(f"{name}, {title}: exit code {made.code}\n{made.output[-3000:]}")
    return {title: made.figures() for title, made in drawn.items()}


def record_verbs(checkout, name, out):
    """Draws with one run into out/files; returns hashes and figures."""
    files = out / "files"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir(parents=True)
    verbs = _succeed(name, cases.draw(checkout, name, cases.RUNS / name, files))
    return measured.about() | {"files": measured.hashes(files), "verbs": verbs}


def record_export(checkout, name, out):
    """Exports one run; returns hashes of the TFLite files and figures."""
    with tempfile.TemporaryDirectory() as temporary:
        figures = _succeed(name, cases.draw(checkout, name, cases.RUNS / name, temporary, export=True))
        files = {file: digest for file, digest in measured.hashes(temporary).items() if file.endswith(".tflite")}
    return {"figures": figures, "files": files}


STAGES = {"record": record_verbs, "export": record_export}


def collect(out):
    """Returns {run: what all stages have measured}."""
    runs = {}
    for path in sorted(out.glob("*/*.json")):
        found = json.loads(path.read_text())
        kept = {"verbs": found.get("verbs"), "export": found.get("figures")}
        runs.setdefault(path.parent.name, {}).update({key: value for key, value in kept.items() if value})
    return runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkout", type=pathlib.Path, required=True, help="the checkout that draws")
    parser.add_argument("--out", type=pathlib.Path, default=cases.HERE / "reference", help="folder of the outputs")
    parser.add_argument("--figures", type=pathlib.Path, default=cases.HERE / "before.json", help="JSON to write")
    parser.add_argument("--stages", default=",".join(STAGES), help="which, with commas between them")
    given = parser.parse_args()
    every = [name for name in cases.names(given.checkout) if any((cases.RUNS / name).glob("checkpoints/step-*"))]
    for stage in given.stages.split(","):
        for name in every if stage != "export" else cases.EXPORTED:
            path = given.out / name / f"{stage}.json"
            if path.is_file():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            found = STAGES[stage](given.checkout, name, path.parent)
            path.write_text(json.dumps(found, indent=1) + "\n")
            print(stage, name, found.get("verbs") or found["figures"], flush=True)
    given.figures.write_text(json.dumps(measured.about() | {"runs": collect(given.out)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
