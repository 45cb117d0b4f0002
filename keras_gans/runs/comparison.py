"""Several runs on one page: what differs between them, their curves laid over each other, their samples side by side."""

import collections
import pathlib

import numpy as np

from keras_gans import files
from keras_gans.errors import UserError
from keras_gans.runs import page
from keras_gans.trained.folder import Folder

MOST = 8  # as many colours as curves can be told apart by
_NOT_COMPARED = {"run_dir"}
_COUNTERS = ("step", "kimg", "seconds")


def write(directories, out):
    """Writes a page that opens without a network.

    Args:
        directories: 2 to 8 run folders, finished or not.
        out: path of the page.

    Raises:
        UserError: fewer or more, one twice, something that is no run folder, or `out` cannot be written.
    """
    folders = named(directories)
    title = " and ".join([", ".join([*folders][:-1]), [*folders][-1]])
    files.write_text(out, page.document(title, sections(folders)))


def sections(folders):
    """Returns the sections of the page: scores, flags, samples, curves, cost."""
    metrics = {name: page.series(folder.metrics()) for name, folder in folders.items()}
    return [
        page.section("Scores", _scores(folders)),
        page.section("Flags that differ", _flags(folders)),
        page.section("Samples", _samples(folders)),
        page.section("Curves", _curves(metrics)),
        page.section("Cost", _cost(folders, metrics)),
    ]


def named(directories):
    """Returns {name: `Folder`}, named by as much of the ends of the paths as tells them apart.

    Raises:
        UserError: as of `write`.
    """
    paths = [pathlib.Path(directory).resolve() for directory in directories]
    twice = [str(path) for path, count in collections.Counter(paths).items() if count > 1]
    if twice:
        raise UserError(f"{twice[0]} is named twice; name each run once")
    if not 2 <= len(paths) <= MOST:
        raise UserError(f"compare takes 2 to {MOST} runs, not {len(paths)}")
    parts = 1
    while len({path.parts[-parts:] for path in paths}) < len(paths):
        parts += 1
    folders = {"/".join(path.parts[-parts:]): Folder(directory) for path, directory in zip(paths, directories)}
    for folder in folders.values():
        _ = folder.record  # or it is no run folder
    return folders


def _scores(folders):
    """Returns the table of the final scores with their errors, and their protocols where these differ."""
    found = {
        name: {score["name"]: score for score in folder.record.get("finished", {}).get("scores", [])}
        for name, folder in folders.items()
    }
    metrics = list(dict.fromkeys(metric for each in found.values() for metric in each))
    if not metrics:
        return ""
    rows = [["", *folders]]
    for metric in metrics:
        rows.append([metric, *(page.value(each[metric]) if metric in each else "–" for each in found.values())])
        protocols = [_flat(each[metric]["protocol"]) if metric in each else {} for each in found.values()]
        for key in dict.fromkeys(key for protocol in protocols for key in protocol):
            values = [page.text(protocol.get(key)) for protocol in protocols]
            if len({value for value, protocol in zip(values, protocols) if protocol}) > 1:
                rows.append([f"  measured with another {key}", *values])
    return page.grid(rows)


def _flat(values, before=""):
    """Returns nested dicts as one, with keys such as `a.b`."""
    flat = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return flat


def _flags(folders):
    recipes = [folder.recipe for folder in folders.values()]
    rows = [["", *folders]]
    for flag in sorted({flag for recipe in recipes for flag in recipe} - _NOT_COMPARED):
        values = [page.text(recipe.get(flag)) for recipe in recipes]
        if len(set(values)) > 1:
            rows.append([f"--{flag}", *values])
    return page.grid(rows) if len(rows) > 1 else "<p>None: these runs have the same recipe.</p>"


def _samples(folders):
    """The last grid of each."""
    figures = ""
    for name, folder in folders.items():
        paths = sorted((int(path.stem), path) for path in folder.samples.glob("*.png") if path.stem.isdigit())
        if paths:
            step, path = paths[-1]
            figures += page.figure(path, "last", f"{name}, step {step:,}")
    return f'<div class="beside">{figures}</div>' if figures else ""


def _curves(metrics):
    """A chart for every metric, with a curve for each run that has it; scores, which have errors, first."""
    names = list(dict.fromkeys(name for each in metrics.values() for name in each))
    errors = [name for name in names if name.endswith("_standard_error")]
    scored = [name.removesuffix("_standard_error") for name in errors]
    others = [name for name in names if name not in (*scored, *errors, *_COUNTERS)]
    charts = ""
    for metric in scored + others:
        lines = {run: each.get(metric, np.empty((0, 2))) for run, each in metrics.items()}  # each keeps its colour
        bars = {run: each[f"{metric}_standard_error"] for run, each in metrics.items() if f"{metric}_standard_error" in each}
        charts += (
            page.chart(metric.replace("_", " "), lines, errors=bars)
            if any(np.isfinite(points[:, 1]).any() for points in lines.values())
            else ""
        )
    return f'<div class="charts">{charts}</div>' if charts else ""


def _cost(folders, metrics):
    rows = [["", *folders], ["thousands of images"], ["seconds"], ["images/s (median)"], ["peak memory, MB"]]
    for name, folder in folders.items():
        finished, of_run = folder.record.get("finished", {}), metrics[name]
        last = {key: of_run[key][-1, 1] for key in ("seconds", "images_per_second") if key in of_run}
        rows[1].append(f"{of_run['step'][-1, 0]:,.4g}" if "step" in of_run else "–")
        rows[2].append(f"{finished.get('seconds', last.get('seconds', 0)):,.0f}")
        rates = of_run["images_per_second"][:, 1] if "images_per_second" in of_run else np.array([np.nan])
        rows[3].append(f"{np.nanmedian(rates):,.4g}" if np.isfinite(rates).any() else "–")
        rows[4].append(f"{finished['peak_memory_mb']:,.0f}" if "peak_memory_mb" in finished else "–")
    return page.grid(rows)
