"""`report.html`: all that a run is on one page, which opens without a network."""

import html

import numpy as np

from keras_gans import files
from keras_gans.runs import page
from keras_gans.trained.folder import Folder

_GRIDS = 13  # sample grids shown at most
_GROUPS = (  # suffix of a metric's name, title of their common chart, logarithmic
    ("_loss", "Losses", False),
    ("_logits", "Logits of the discriminator", False),
    ("_gradient_norm", "Gradient norms", True),
)
_COUNTERS = ("step", "kimg", "seconds")


def write(run_directory):
    """Writes `report.html` into a run folder, from what lies there.

    Shows losses, logits, gradient norms and scores over time, the sample grids, the scores with their protocol, the
    cost, the recipe, versions and data, and the exports. What a run does not have (yet) is left out.

    Args:
        run_directory: a run folder; only `run.json` must be there.

    Returns:
        `pathlib.Path` of the page.

    Raises:
        UserError: not a run folder, or it cannot be written.
    """
    folder = Folder(run_directory)
    directory, record, metrics = folder.directory, folder.record, page.series(folder.metrics())
    name = directory.resolve().name
    finished = record.get("finished", {})
    scores = finished.get("scores", [])
    parameters = {f"parameters of the {player}": f"{count:,}" for player, count in record["parameters"].items()}
    sections = (
        _summary(metrics, finished, scores),
        page.section("Samples", _samples(folder.samples)),
        page.section("Curves", _curves(metrics)),
        page.section("Scores", "".join(_score(score) for score in scores)),
        page.section("Best checkpoint", page.table(record.get("best", {}))),
        page.section("Exports", _exports(directory)),
        page.section("Imported", page.table(record.get("imported", {}))),
        page.section("Recipe", page.table(record["recipe"])),
        page.section("Data", page.table(record["data"])),
        page.section("Made with", page.table({"seed": record["seed"]} | parameters | record["versions"])),
    )
    files.write_text(directory / "report.html", page.document(name, sections))
    return directory / "report.html"


def _summary(metrics, finished, scores):
    """The tiles at the top: how far, how good, how dear."""
    tiles = [(score["name"], page.value(score)) for score in scores]
    if "step" in metrics:
        tiles += [("images seen", f"{metrics['step'][-1, 0]:,.4g}k"), ("steps", f"{metrics['step'][-1, 1]:,.0f}")]
    seconds = finished.get("seconds", metrics["seconds"][:, 1].max() if "seconds" in metrics else None)
    if seconds is not None:
        tiles.append(("time", _duration(seconds)))
    if "images_per_second" in metrics:
        tiles.append(("images/s (median)", f"{np.nanmedian(metrics['images_per_second'][:, 1]):,.4g}"))
    if "peak_memory_mb" in finished:
        tiles.append(("peak memory", f"{finished['peak_memory_mb']:,.0f} MB"))
    tiles = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in tiles)
    return f'<dl class="tiles">{tiles}</dl>\n' if tiles else ""


def _samples(directory):
    """The last grid large, before it at most twelve earlier ones, evenly spread from the first on."""
    paths = sorted((path for path in directory.glob("*.png") if path.stem.isdigit()), key=lambda path: int(path.stem))
    if not paths:
        return ""
    keep = sorted({round(index) for index in np.linspace(0, len(paths) - 1, _GRIDS)})
    *earlier, last = [paths[index] for index in keep]
    figures = "".join(page.figure(path, "thumbnail") for path in earlier)
    return f'<div class="samples">{page.figure(last, "last")}<div class="earlier">{figures}</div></div>'


def _curves(metrics):
    """One chart for each group of metrics and one for every other metric, scores first."""
    errors = {name: metrics[f"{name}_standard_error"] for name in metrics if f"{name}_standard_error" in metrics}
    hidden = {*_COUNTERS, *(f"{name}_standard_error" for name in errors)}
    shown = {name: points for name, points in metrics.items() if name not in hidden and np.isfinite(points[:, 1]).any()}
    figures = []
    for name in errors:
        figures.append(page.chart(name, {name: shown.pop(name)}, errors={name: errors[name]}) if name in shown else "")
    for suffix, title, log in _GROUPS:
        group = {name.removesuffix(suffix): shown.pop(name) for name in list(shown) if name.endswith(suffix)}
        group = {f"D({name})" if suffix == "_logits" else name: points for name, points in group.items()}
        log = log and all((points[:, 1] > 0).any() for points in group.values())
        figures.append(page.chart(title, group, log) if group else "")
    figures += [page.chart(name.replace("_per_", "/").replace("_", " "), {name: points}) for name, points in shown.items()]
    return f'<div class="charts">{"".join(figures)}</div>' if any(figures) else ""


def _score(score):
    """One final score and, folded away, its protocol."""
    warnings = "".join(f"<p>{html.escape(text)}</p>" for text in score["warnings"])
    return (
        f"<details><summary><b>{html.escape(score['name'])}</b> {html.escape(page.value(score))}</summary>"
        f"{warnings}{page.table(score['protocol'])}</details>"
    )


def _exports(directory):
    """What was shipped, with sizes."""
    models = [path.parent for path in sorted(directory.glob("saved_model/*/saved_model.pb"))]
    models += sorted(directory.glob("tflite/*.tflite"))
    sizes = {str(path.relative_to(directory)): _megabytes(path) for path in models}
    return page.table(sizes)


def _megabytes(path):
    parts = path.rglob("*") if path.is_dir() else [path]
    return f"{sum(part.stat().st_size for part in parts if part.is_file()) / 1e6:.2f} MB"


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
