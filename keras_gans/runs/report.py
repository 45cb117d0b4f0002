"""`report.html`: all that a run is on one page, which opens without a network."""

import base64
import html
import io
import pathlib

import numpy as np
from PIL import Image

from keras_gans import files
from keras_gans.runs import charts
from keras_gans.trained.folder import Folder

_STYLE = pathlib.Path(__file__).with_name("report.css")
_GRIDS = 13  # sample grids shown at most
_SIDES = {"last": 1600, "thumbnail": 480}  # pixels; a larger grid is shrunk to fit
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
    directory, record, metrics = folder.directory, folder.record, _series(folder.metrics())
    name = html.escape(directory.resolve().name)
    finished = record.get("finished", {})
    scores = finished.get("scores", [])
    parameters = {f"parameters of the {player}": f"{count:,}" for player, count in record["parameters"].items()}
    sections = (
        _summary(metrics, finished, scores),
        _section("Samples", _samples(folder.samples)),
        _section("Curves", _curves(metrics)),
        _section("Scores", "".join(_score(score) for score in scores)),
        _section("Best checkpoint", _table(record.get("best", {}))),
        _section("Exports", _exports(directory)),
        _section("Imported", _table(record.get("imported", {}))),
        _section("Recipe", _table(record["recipe"])),
        _section("Data", _table(record["data"])),
        _section("Made with", _table({"seed": record["seed"]} | parameters | record["versions"])),
    )
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{name}</title>\n'
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )
    files.write_text(directory / "report.html", page)
    return directory / "report.html"


def _series(lines):
    """Turns the lines of `metrics.jsonl` into curves.

    Returns:
        {name: float [n, 2]}, columns kimg and value, ascending; of a step logged twice (before and after a resume)
        the later line.
    """
    values = {}
    for line in lines:
        if not isinstance(line, dict) or "kimg" not in line:
            continue
        for name, value in line.items():
            if isinstance(value, (int, float)):
                values.setdefault(name, {})[line["kimg"]] = value
    return {name: np.array(sorted(points.items()), np.float64) for name, points in values.items()}


def _summary(metrics, finished, scores):
    """The tiles at the top: how far, how good, how dear."""
    tiles = [(score["name"], _value(score)) for score in scores]
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
    figures = "".join(_figure(path, "thumbnail") for path in earlier)
    return f'<div class="samples">{_figure(last, "last")}<div class="earlier">{figures}</div></div>'


def _figure(path, kind):
    caption = f"step {int(path.stem):,}"
    with Image.open(path, formats=["PNG"]) as image:
        small = " small" if max(image.size) < 640 else ""
        if max(image.size) <= _SIDES[kind]:
            data, media = path.read_bytes(), "png"
        else:
            image.thumbnail((_SIDES[kind], _SIDES[kind]))
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, "JPEG", quality=90)
            data, media = buffer.getvalue(), "jpeg"
    source = f"data:image/{media};base64,{base64.b64encode(data).decode()}"
    image = f'<img src="{source}" alt="samples at {caption}">'
    return f'<figure class="{kind}{small}">{image}<figcaption>{caption}</figcaption></figure>'


def _curves(metrics):
    """One chart for each group of metrics and one for every other metric, scores first."""
    errors = {name: metrics[f"{name}_standard_error"] for name in metrics if f"{name}_standard_error" in metrics}
    hidden = {*_COUNTERS, *(f"{name}_standard_error" for name in errors)}
    shown = {name: points for name, points in metrics.items() if name not in hidden and np.isfinite(points[:, 1]).any()}
    figures = []
    for name in errors:
        figures.append(_chart(name, {name: shown.pop(name)}, errors=errors[name]) if name in shown else "")
    for suffix, title, log in _GROUPS:
        group = {name.removesuffix(suffix): shown.pop(name) for name in list(shown) if name.endswith(suffix)}
        group = {f"D({name})" if suffix == "_logits" else name: points for name, points in group.items()}
        log = log and all((points[:, 1] > 0).any() for points in group.values())
        figures.append(_chart(title, group, log) if group else "")
    figures += [_chart(name.replace("_per_", "/").replace("_", " "), {name: points}) for name, points in shown.items()]
    return f'<div class="charts">{"".join(figures)}</div>' if any(figures) else ""


def _chart(title, lines, log=False, errors=None):
    curves = [charts.Curve(name, points[:, 0], points[:, 1]) for name, points in lines.items()]
    if errors is not None:
        known = dict(errors)
        curves[0].error = np.array([known.get(x, np.nan) for x in curves[0].x])
    legend = "".join(f'<span class="curve{index}">{html.escape(curve.name)}</span>' for index, curve in enumerate(curves))
    legend = f'<p class="legend">{legend}</p>' if len(curves) > 1 else ""
    title = html.escape(title)
    return f'<figure class="chart"><h3>{title}</h3>{legend}{charts.line_chart(curves, title, "kimg", log)}</figure>'


def _score(score):
    """One final score and, folded away, its protocol."""
    warnings = "".join(f"<p>{html.escape(text)}</p>" for text in score["warnings"])
    return (
        f"<details><summary><b>{html.escape(score['name'])}</b> {html.escape(_value(score))}</summary>"
        f"{warnings}{_table(score['protocol'])}</details>"
    )


def _value(score):
    error = score["standard_error"]
    return f"{score['value']:.4g}" + ("" if error is None else f" ± {error:.2g}")


def _exports(directory):
    """What was shipped, with sizes."""
    models = [path.parent for path in sorted(directory.glob("saved_model/*/saved_model.pb"))]
    models += sorted(directory.glob("tflite/*.tflite"))
    sizes = {str(path.relative_to(directory)): _megabytes(path) for path in models}
    return _table(sizes)


def _megabytes(path):
    parts = path.rglob("*") if path.is_dir() else [path]
    return f"{sum(part.stat().st_size for part in parts if part.is_file()) / 1e6:.2f} MB"


def _section(title, content):
    return f"<section><h2>{title}</h2>\n{content}</section>\n" if content else ""


def _table(values):
    """A table of two columns; tables within it for the dicts among the values."""
    rows = []
    for key, value in values.items():
        cell = _table(value) if isinstance(value, dict) else html.escape(_text(value))
        rows.append(f"<tr><th>{html.escape(str(key))}</th><td>{cell}</td></tr>")
    return f"<table>{''.join(rows)}</table>\n" if rows else ""


def _text(value):
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "–" if value is None or value == "" else str(value)


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
