"""One progress display for everything that takes more than two seconds: rate, done, time left."""

import contextlib
import sys
import time

from rich import console as rich_console
from rich import progress as rich_progress


class _Rate(rich_progress.ProgressColumn):
    def __init__(self, unit):
        super().__init__()
        self.unit = unit

    def render(self, task):
        return f"{task.speed or 0:.4g} {self.unit}/s"


def duration(seconds):
    """Returns a time in words: `89 s`, `34 min`, `9 h 20 min`, `3 days 4 h`."""
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} days {hours % 24} h"


class _Lines:
    """Plain lines every ten seconds, for logs and pipes; time left goes by the rate since the first update, which may have
    waited for a compilation."""

    def __init__(self, title, total, unit, initial):
        self.title, self.total, self.unit = title, total, unit
        self.done, self.last, self.first = initial, time.monotonic(), None
        self.since = (initial, time.monotonic())

    def update(self, done, note):
        self.done = done
        if self.first is None:
            self.first = (done, time.monotonic())
        elif done > self.first[0]:
            self.since = self.first
        if time.monotonic() - self.last > 10:
            self.last = time.monotonic()
            self._print(note)

    def _print(self, note):
        before, start = self.since
        rate = (self.done - before) / max(time.monotonic() - start, 1e-9)
        left = ""
        if self.total and rate and self.since is self.first:
            left = f", {duration((self.total - self.done) / rate)} left"
        total = f"/{self.total}" if self.total else ""
        print(
            f"{self.title}: {self.done}{total} {self.unit}, {rate:.4g} {self.unit}/s{left} {note}".rstrip(),
            file=sys.stderr,
            flush=True,
        )


class Bar:
    """What `progress` yields.

    `advance(n=1, note=None)` adds to what is done; `update(done, note=None)` sets it. A note stays until the next one.
    """

    def __init__(self, update, initial):
        self._update, self.done, self.note = update, initial, ""

    def advance(self, n=1, note=None):
        self.update(self.done + n, note)

    def update(self, done, note=None):
        self.done, self.note = done, self.note if note is None else note
        self._update(self.done, self.note)


@contextlib.contextmanager
def progress(title, total=None, unit="images", initial=0):
    """Shows a progress bar on a terminal and a line every ten seconds elsewhere (on stderr).

    Args:
        title: what is being done ("reading photos").
        total: how many units there are, or None when nobody knows.
        unit: the name of a unit, in the plural.
        initial: how many were done before (a resumed run).

    Yields:
        A `Bar`.
    """
    console = rich_console.Console(stderr=True)
    if not console.is_terminal:
        yield Bar(_Lines(title, total, unit, initial).update, initial)
        return
    columns = (
        "{task.description}",
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        _Rate(unit),
        rich_progress.TimeRemainingColumn(),
        "{task.fields[note]}",
    )
    with rich_progress.Progress(*columns, console=console) as display:
        task = display.add_task(title, total=total, completed=initial, note="")
        yield Bar(lambda done, note: display.update(task, completed=done, note=note), initial)
