"""The progress display: lines for logs, a bar for terminals; rates and notes."""

import io
import re

import pytest
from rich import console as rich_console

from keras_gans import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves: `clock.now`."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


def test_lines_every_ten_seconds(capsys, clock):
    with progress.progress("reading", 1000) as bar:
        for _ in range(50):
            clock.now += 1
            bar.advance(10)
    said = capsys.readouterr()
    assert not said.out  # which belongs to the command's results
    assert said.err.splitlines() == [
        "reading: 110/1000 images, 10 images/s, 89 s left",
        "reading: 220/1000 images, 10 images/s, 78 s left",
        "reading: 330/1000 images, 10 images/s, 67 s left",
        "reading: 440/1000 images, 10 images/s, 56 s left",
    ]


def test_short_work_is_silent(capsys, clock):
    with progress.progress("reading", 10) as bar:
        clock.now += 9
        bar.advance(10)
    assert capsys.readouterr() == ("", "")


def test_rate_of_a_resumed_run_counts_its_own_images(capsys, clock):
    with progress.progress("training", 2000, initial=1000) as bar:
        assert bar.done == 1000
        clock.now += 5
        bar.advance(100)
        clock.now += 20
        bar.advance(100)
    assert capsys.readouterr().err == "training: 1200/2000 images, 5 images/s, 3 min left\n"


def test_rates_count_no_compilation(capsys, clock):
    with progress.progress("training", 100_000) as bar:
        clock.now += 70  # the first step is compiled
        bar.advance(16)
        for _ in range(11):
            clock.now += 1
            bar.advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "training: 16/100000 images, 0.2286 images/s",
        "training: 38/100000 images, 2 images/s, 13 h 53 min left",
    ]


def test_durations():
    assert [progress.duration(seconds) for seconds in (0.4, 119.4, 119.6, 7169, 7171, 172_700, 273_600)] == [
        *("0 s", "119 s", "2 min", "119 min", "2 h 0 min", "47 h 58 min", "3 days 4 h")
    ]


def test_unknown_total_has_no_time_left(capsys, clock):
    with progress.progress("reading", unit="files") as bar:
        clock.now += 20
        bar.update(50)
    assert capsys.readouterr().err == "reading: 50 files, 2.5 files/s\n"


def test_nothing_done_yet(capsys, clock):
    with progress.progress("waiting", 5) as bar:
        clock.now += 20
        bar.update(0)
    assert capsys.readouterr().err == "waiting: 0/5 images, 0 images/s\n"


def test_note_stays_until_the_next(capsys, clock):
    with progress.progress("training", 100) as bar:
        bar.update(5, "D 1.0")
        for done, note in ((10, None), (20, "D 2.0"), (30, ""), (40, None)):
            clock.now += 20
            bar.update(done, note)
    notes = [line.partition("left")[2].strip() for line in capsys.readouterr().err.splitlines()]
    assert notes == ["D 1.0", "D 2.0", "", ""]


def test_bar_on_a_terminal(monkeypatch):
    screen = io.StringIO()
    terminal = rich_console.Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr(progress.rich_console, "Console", lambda stderr: terminal)
    with progress.progress("training", 200, initial=100) as bar:
        bar.advance(50, "D 1.5")
        bar.advance(25)
    assert re.search(r"training .* 175/200 .* images/s .* D 1\.5", screen.getvalue()), screen.getvalue()


def test_error_inside_passes_through(capsys):
    with pytest.raises(KeyError), progress.progress("reading", 3):
        raise KeyError("x")
