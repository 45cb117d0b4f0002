"""Charts read back: what the drawn points mean by the labels of the axes must be the data."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from keras_gans.runs.charts import Curve, line_chart


def parse(svg):
    return ElementTree.fromstring(svg)


def axis(root, horizontal, log=False):
    """Returns the function pixels -> values that the tick labels of an axis state."""
    anchor = "middle" if horizontal else "end"
    texts = [
        text for text in root.iter("text") if text.get("text-anchor") == anchor and re.fullmatch(r"[-\d.e+]+", text.text)
    ]
    pixels = np.array([float(text.get("x" if horizontal else "y")) - (0 if horizontal else 4) for text in texts])
    values = np.array([float(text.text) for text in texts])
    assert len(values) >= 3
    slope, offset = np.polyfit(pixels, np.log10(values) if log else values, 1)
    return lambda pixel: 10 ** (slope * pixel + offset) if log else slope * pixel + offset


def points(root, tag="polyline"):
    return [np.array([pair.split(",") for pair in line.get("points").split()], float) for line in root.iter(tag)]


@pytest.mark.parametrize(
    "log, y", [(False, [3.0, -1.0, 0.5, 2.0]), (True, [1e-3, 5.0, 200.0, 0.1]), (True, [1.0, 2.5, 3.0, 1.5])]
)
def test_line_stands_where_the_axes_say(log, y):
    x = np.array([0.5, 2.0, 7.0, 11.0])
    root = parse(line_chart([Curve("loss", x, np.array(y))], "Losses", "kimg", log))
    (line,) = points(root)
    np.testing.assert_allclose(axis(root, True)(line[:, 0]), x, atol=0.03)  # coordinates have one decimal
    if log:
        np.testing.assert_allclose(np.log10(axis(root, False, True)(line[:, 1])), np.log10(y), atol=0.01)
    else:
        np.testing.assert_allclose(axis(root, False)(line[:, 1]), y, atol=0.03)


def test_points_that_are_not_finite_break_the_line():
    y = np.array([1.0, 2.0, np.nan, 3.0, np.inf, 2.0, 1.0])
    root = parse(line_chart([Curve("loss", np.arange(7.0), y)], "Losses", "kimg"))
    assert [len(line) for line in points(root)] == [2, 1, 2]
    assert len(list(root.iter("circle"))) == 5


def test_long_curve_is_its_means_over_a_band_from_lowest_to_highest():
    x = np.linspace(0, 100, 24_000)
    noise = np.where(np.arange(len(x)) % 2, 1.0, -0.5)
    root = parse(line_chart([Curve("loss", x, x / 10 + noise)], "Losses", "kimg"))
    (line,), (band,) = points(root), points(root, "polygon")
    assert len(line) == 240 and len(band) == 480
    to_x, to_y = axis(root, True), axis(root, False)
    np.testing.assert_allclose(to_y(line[:, 1]), to_x(line[:, 0]) / 10 + 0.25, atol=0.05)
    np.testing.assert_allclose(to_y(band[:240, 1]), to_x(band[:240, 0]) / 10 + 1.0, atol=0.08)
    np.testing.assert_allclose(to_y(band[240:, 1]), to_x(band[240:, 0]) / 10 - 0.5, atol=0.08)


def test_error_bars_reach_one_error_up_and_down():
    root = parse(
        line_chart([Curve("kd", np.arange(3.0), np.array([4.0, 2.0, 1.0]), np.array([0.5, 0.25, np.nan]))], "Scores", "kimg")
    )
    to_y = axis(root, False)
    bars = [(to_y(float(bar.get("y1"))), to_y(float(bar.get("y2")))) for bar in root.find("g[@class='curve0']").iter("line")]
    np.testing.assert_allclose(bars, [(3.5, 4.5), (1.75, 2.25)], atol=0.03)
    assert [title.text for title in root.iter("title")] == ["kd 4 ± 0.5 at 0", "kd 2 ± 0.25 at 1", "kd 1 at 2"]


@pytest.mark.parametrize("y", [[2.0], [0.0, 0.0], [-3.0, -3.0]])
def test_constant_curve_is_drawn_inside_the_picture(y):
    root = parse(line_chart([Curve("k", np.arange(float(len(y))), np.array(y))], "k", "kimg"))
    (line,) = points(root)
    assert len(line) == len(y) and (line > 0).all() and (line[:, 0] < 480).all() and (line[:, 1] < 270).all()


def test_texts_are_escaped():
    root = parse(line_chart([Curve("<b>&", np.arange(2.0), np.arange(2.0))], '"><script>', "<kimg>"))
    assert root.get("aria-label") == '"><script>' and not list(root.iter("script"))
