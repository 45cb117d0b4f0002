"""Line charts as SVG text, small enough to stand inside a page: no script, colours from the page's style sheet."""

import dataclasses
import html
import math

import numpy as np

_WIDTH, _HEIGHT = 480, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 40  # margins around the plot
_BUCKETS = 240  # points that a line is drawn with at most
_DOTS = 40  # up to here every point is marked and its error bar drawn


@dataclasses.dataclass
class Curve:
    """One line of a chart.

    Attributes:
        name: for the legend. Text.
        x, y: floats [n], x ascending; points that are not finite are left out and break the line.
        error: float [n], half the height of each point's error bar, or None.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    error: np.ndarray | None = None


def line_chart(curves, label, x_title, log=False):
    """Draws curves over a common axis.

    A curve of more than 240 points is drawn as the mean (on a logarithmic axis the geometric mean) of each of 240
    equal stretches, over a band from their lowest
    to their highest value. The page's style sheet colours the classes `axis`, `curve0`, `curve1`, ...

    Args:
        curves: list of `Curve`, at least one with a finite point.
        label: what the chart shows, for screen readers.
        x_title: below the horizontal axis.
        log: logarithmic vertical axis; points that are not positive are left out.

    Returns:
        SVG text.
    """
    curves = [_drawable(curve, log) for curve in curves]
    x_scale = _Scale(_span([curve.x[np.isfinite(curve.y)] for curve in curves]), _LEFT, _WIDTH - _RIGHT)
    y_scale = _Scale(_padded(_span([_with_error(curve) for curve in curves]), log), _HEIGHT - _BOTTOM, _TOP, log)
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(label)}">', '<g class="axis">']
    for tick in y_scale.ticks():
        y = y_scale(tick)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{tick:.6g}</text>')
    for tick in x_scale.ticks():
        parts.append(f'<text x="{x_scale(tick):.1f}" y="{_HEIGHT - _BOTTOM + 17}" text-anchor="middle">{tick:.6g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{html.escape(x_title)}</text></g>')
    for index, curve in enumerate(curves):
        parts += [f'<g class="curve{index}">', *_draw(curve, x_scale, y_scale), "</g>"]
    return "".join([*parts, "</svg>"])


class _Scale:
    """Maps values to pixels."""

    def __init__(self, span, start, end, log=False):
        self.low, self.high = span
        self.start, self.end, self.log = start, end, log

    def __call__(self, value):
        low, high, value = np.log10([self.low, self.high, value]) if self.log else (self.low, self.high, value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self):
        """Round values inside the axis, about five."""
        if self.log and self.high / self.low >= 10:
            powers = 10.0 ** np.arange(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            powers = powers[:: math.ceil(len(powers) / 6)]
            ticks = powers if self.high / self.low >= 1000 else np.outer(powers, [1, 2, 5]).ravel()
        else:
            raw = (self.high - self.low) / 5
            power = 10.0 ** math.floor(math.log10(raw))
            step = next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999) * power
            ticks = np.arange(math.ceil(self.low / step), math.floor(self.high / step) + 1) * step
        return [tick for tick in ticks if self.low <= tick <= self.high]


def _drawable(curve, log):
    """Returns the curve as float64, NaN for every point that cannot be drawn, 0 for every error that is not known."""
    y = np.asarray(curve.y, np.float64)
    good = np.isfinite(y) & ((y > 0) | (not log))
    error = np.zeros_like(y) if curve.error is None else np.nan_to_num(np.asarray(curve.error, np.float64))
    return Curve(curve.name, np.asarray(curve.x, np.float64), np.where(good, y, np.nan), error)


def _with_error(curve):
    error = curve.error if len(curve.y) <= _DOTS else 0
    return np.concatenate([curve.y - error, curve.y + error])


def _span(values):
    """Returns lowest and highest of all finite values, apart from each other."""
    values = np.concatenate(values)
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    if high > low:
        return low, high
    return low - abs(low or 1) / 10, high + abs(high or 1) / 10


def _padded(span, log):
    """Leaves 4% above and below."""
    if log:
        margin = (span[1] / span[0]) ** 0.04
        return span[0] / margin, span[1] * margin
    margin = (span[1] - span[0]) * 0.04
    return span[0] - margin, span[1] + margin


def _draw(curve, x_scale, y_scale):
    """Yields the SVG elements of one curve."""
    pixels = [(x_scale(x), y_scale(y)) if np.isfinite(y) else None for x, y in zip(curve.x, curve.y)]
    if len(pixels) > _BUCKETS:
        buckets = [[point for point in bucket if point] for bucket in _stretches(pixels, curve.x)]
        band = [bucket for bucket in buckets if bucket]
        upper = [f"{_mean(bucket, 0):.1f},{min(y for _, y in bucket):.1f}" for bucket in band]
        lower = [f"{_mean(bucket, 0):.1f},{max(y for _, y in bucket):.1f}" for bucket in reversed(band)]
        yield f'<polygon class="band" points="{" ".join(upper + lower)}"/>'
        pixels = [(_mean(bucket, 0), _mean(bucket, 1)) if bucket else None for bucket in buckets]
    for segment in _segments(pixels):
        yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in segment)}"/>'
    if len(pixels) <= _DOTS:
        for pixel, x, y, error in zip(pixels, curve.x, curve.y, curve.error):
            if pixel is None:
                continue
            text = f"{curve.name} {y:.5g}" + (f" ± {error:.2g}" if error else "") + f" at {x:.6g}"
            if error:
                ends = y_scale(y - error), y_scale(y + error)
                yield f'<line x1="{pixel[0]:.1f}" x2="{pixel[0]:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}"/>'
            yield f'<circle cx="{pixel[0]:.1f}" cy="{pixel[1]:.1f}" r="2.5"><title>{html.escape(text)}</title></circle>'


def _stretches(points, x):
    """Sorts the points into equal stretches of x."""
    stretches = [[] for _ in range(_BUCKETS)]
    place = (x - x[0]) / (x[-1] - x[0]) * _BUCKETS
    for point, index in zip(points, np.clip(place, 0, _BUCKETS - 1).astype(int)):
        stretches[index].append(point)
    return [stretch for stretch in stretches if stretch]


def _mean(points, axis):
    return sum(point[axis] for point in points) / len(points)


def _segments(pixels):
    """Splits at the gaps (None)."""
    segment = []
    for pixel in [*pixels, None]:
        if pixel:
            segment.append(pixel)
        elif segment:
            yield segment
            segment = []
