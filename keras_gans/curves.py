"""Curves: numbers that change over a run, written where the number stands: `--penalty=r1:weight=cosine(0.05,0.005)`.

    linear(A,B)       from A to B along a line
    cosine(A,B)       from A to B along half a cosine
    step(A,F,KIMG)    A, times F after every KIMG thousand images

Behind the numbers may stand, in thousands of images: `after=KIMG`, until when it stays at A (linear and cosine; default:
the warm-up); `until=KIMG`, when it has come to B (linear and cosine; default: the run's --kimg); `warmup=KIMG`, over which
the whole rises from 0 along a line (default 0). A warm-up alone is `linear(0,B,until=KIMG)`.

Time is what the run has seen before the step at hand: generator steps x batch size. It is read from the game's own step
counter, in the step's graph, so that a resumed run goes on along the same curve.
"""

import math
import re

_CURVE = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_NUMBERS = {"linear": ("A", "B"), "cosine": ("A", "B"), "step": ("A", "F", "KIMG")}
_TIMES = {"linear": ("after", "until", "warmup"), "cosine": ("after", "until", "warmup"), "step": ("warmup",)}


def is_curve(value):
    """Whether a flag's value is written as a curve."""
    return isinstance(value, str) and _CURVE.fullmatch(value.strip()) is not None


def parse(text):
    """Reads a curve.

    Args:
        text: such as `cosine(5,0.5,until=1000)`.

    Returns:
        (shape, list of its numbers, dict of its times in thousands of images).

    Raises:
        ValueError: anything else; the message says what would be right.
    """
    matched = _CURVE.fullmatch(text.strip())
    shape = matched and matched[1]
    if shape not in _NUMBERS:
        raise ValueError(f"{text} should be a curve: {', '.join(map(_form, _NUMBERS))}")
    numbers, times = [], {}
    for part in matched[2].split(","):
        key, equals, value = part.rpartition("=")
        try:
            value = float(value)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or (equals and (key.strip() not in _TIMES[shape] or value < 0)):
            raise ValueError(f"{text}: {part.strip()!r} has no place in {_form(shape)}")
        if equals:
            times[key.strip()] = value
        else:
            numbers.append(value)
    if len(numbers) != len(_NUMBERS[shape]) or (shape == "step" and not (numbers[1] > 0 and numbers[2] > 0)):
        raise ValueError(f"{text} should be {_form(shape)}" + (" with F and KIMG above 0" if shape == "step" else ""))
    return shape, numbers, times


def _form(shape):
    return f"{shape}({','.join(_NUMBERS[shape])}{''.join(f'[,{time}=KIMG]' for time in _TIMES[shape])})"


class Clock:
    """The time of a run, and the curves that go by it.

    Args:
        kimg: length of the run, in thousands of images.
        batch_size: images of a generator step, over all devices.

    Attributes:
        curves: dict, what a curve is logged as -> `Curve`.
    """

    def __init__(self, kimg, batch_size):
        self.length = kimg
        self.batch_size = batch_size
        self.curves = {}
        self._step = None

    def start(self, step):
        """Sets the variable that counts the generator steps."""
        self._step = step

    def kimg(self):
        """Returns the thousands of images seen before the step at hand, float32 scalar tensor."""
        import tensorflow as tf

        step = 0 if self._step is None else self._step.value  # before the start, what is built sees the beginning
        return tf.cast(step, tf.float32) * (self.batch_size / 1000)

    def curve(self, name, text):
        """Returns the curve that `text` writes, and logs it as `name`, or a further name if another one has that.

        Raises:
            ValueError: see `parse`; a curve that ends before it begins.
        """
        curve, count = Curve(text, self), 1
        chosen = name
        while chosen in self.curves and self.curves[chosen].text != curve.text:
            count += 1
            chosen = f"{name}_{count}"
        return self.curves.setdefault(chosen, curve)

    def values(self):
        """Returns what all curves are at, a dict of float32 scalar tensors."""
        return {name: curve() for name, curve in self.curves.items()}


class Curve:
    """A number over time: `curve()` is what it is at the step at hand, a float32 scalar tensor.

    Args:
        text: see `parse`.
        clock: `Clock`.

    Attributes:
        lowest, highest: the bounds of its values.

    Raises:
        ValueError: see `Clock.curve`.
    """

    def __init__(self, text, clock):
        self.text, self.clock = text.strip(), clock
        self.shape, self.numbers, times = parse(text)
        self.warmup = times.get("warmup", 0.0)
        self.after = times.get("after", self.warmup)
        self.until = times.get("until", clock.length)
        if self.shape != "step" and not self.until > self.after:
            raise ValueError(f"{text} would end at {self.until:g} kimg, before it begins to move at {self.after:g}")
        first, second = self.numbers[:2]
        ends = (first, second)
        if self.shape == "step":
            ends = (first, 0.0 if second < 1 else first if second == 1 else math.copysign(math.inf, first))
        ends += (0.0,) if self.warmup else ()
        self.lowest, self.highest = min(ends), max(ends)

    def __call__(self):
        return self.at(self.clock.kimg())

    def at(self, kimg):
        """Returns the value after `kimg` thousand images, float32 tensors."""
        import tensorflow as tf

        first, second = self.numbers[:2]
        if self.shape == "step":
            value = first * tf.pow(tf.constant(second, tf.float32), tf.floor(kimg / self.numbers[2]))
        else:
            done = tf.clip_by_value((kimg - self.after) / (self.until - self.after), 0.0, 1.0)
            if self.shape == "cosine":
                done = tf.square(tf.sin(math.pi / 2 * done))  # (1 - cos) / 2, exact near the beginning too
            value = first + done * (second - first)
        return value * tf.minimum(kimg / self.warmup, 1.0) if self.warmup else value

    def then(self, function):
        """Returns a callable that answers with `function` of what this curve is at."""
        return Derived(self, function)

    def __str__(self):
        return self.text


class Derived(Curve):
    """A function of a curve; see `Curve.then`."""

    def __init__(self, curve, function):
        self.text, self.curve, self.function = curve.text, curve, function

    def __call__(self):
        return self.function(self.curve())


def now(value):
    """Returns what a number is at the step at hand: itself, or, of a curve, a float32 scalar tensor."""
    return value() if isinstance(value, Curve) else value


def bounds(value):
    """Returns (lowest, highest) of a number or a curve."""
    return (value.lowest, value.highest) if isinstance(value, Curve) else (value, value)
