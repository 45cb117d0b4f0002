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


class _Lines:
    """Plain lines every ten seconds, for logs and pipes."""

    def __init__(self, title, total, unit, initial):
        self.title, self.total, self.unit, self.initial = title, total, unit, initial
        self.done, self.start, self.last = initial, time.monotonic(), time.monotonic()

    def update(self, done, note):
        self.done = done
        if time.monotonic() - self.last > 10:
            self.last = time.monotonic()
            self._print(note)

    def _print(self, note):
        seconds = max(time.monotonic() - self.start, 1e-9)
        rate = (self.done - self.initial) / seconds
        left = f", {(self.total - self.done) / rate:.0f} s left" if self.total and rate else ""
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
