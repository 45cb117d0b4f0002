"""What the pages of runs share: sections, tables, charts and pictures that stand inside the page."""

import base64
import html
import io
import pathlib

import numpy as np
from PIL import Image

from keras_gans.runs import charts

_STYLE = pathlib.Path(__file__).with_name("report.css")
_SIDES = {"last": 1600, "thumbnail": 480}  # pixels; a larger grid is shrunk to fit


def document(title, sections):
    """Returns a whole page, which opens without a network.

    Args:
        title: text.
        sections: HTML, one after the other.
    """
    title = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )


def series(lines):
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


def figure(path, kind, caption=None):
    """Returns a picture of the run with its caption, by default its step; `kind` is `last` or `thumbnail`."""
    caption = html.escape(caption or f"step {int(path.stem):,}")
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


def chart(title, lines, log=False, errors=None):
    """Returns a chart of `lines`, {name: float [n, 2]}, with error bars for those that `errors`, of the same form, has."""
    curves = [charts.Curve(name, points[:, 0], points[:, 1]) for name, points in lines.items()]
    for curve in curves:
        if errors and curve.name in errors:
            known = dict(errors[curve.name])
            curve.error = np.array([known.get(x, np.nan) for x in curve.x])
    legend = "".join(f'<span class="curve{index}">{html.escape(curve.name)}</span>' for index, curve in enumerate(curves))
    legend = f'<p class="legend">{legend}</p>' if len(curves) > 1 else ""
    title = html.escape(title)
    return f'<figure class="chart"><h3>{title}</h3>{legend}{charts.line_chart(curves, title, "kimg", log)}</figure>'


def value(score):
    """Returns a score with its error."""
    error = score["standard_error"]
    return f"{score['value']:.4g}" + ("" if error is None else f" ± {error:.2g}")


def section(title, content):
    """Returns a section, or nothing where there is no content."""
    return f"<section><h2>{title}</h2>\n{content}</section>\n" if content else ""


def table(values):
    """A table of two columns; tables within it for the dicts among the values."""
    rows = []
    for key, value in values.items():
        cell = table(value) if isinstance(value, dict) else html.escape(text(value))
        rows.append(f"<tr><th>{html.escape(str(key))}</th><td>{cell}</td></tr>")
    return f"<table>{''.join(rows)}</table>\n" if rows else ""


def grid(rows):
    """A table whose first row and first column are its titles; `rows` are lists of text."""
    lines = []
    for number, (title, *cells) in enumerate(rows):
        kind = "td" if number else "th"
        cells = "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells)
        lines.append(f"<tr><th>{html.escape(title)}</th>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>\n"


def text(value):
    """Returns a value as a cell of a table shows it."""
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "–" if value is None or value == "" else str(value)
