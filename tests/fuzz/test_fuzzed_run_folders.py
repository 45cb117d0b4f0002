"""Damaged run folders: what is sound of them or one line, within bounded memory, and nothing is started or touched."""

import json
import math
import shutil
import tracemalloc

import pytest
from helpers import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_gans.errors import UserError
from keras_gans.trained import checkpoints
from keras_gans.trained.folder import Folder

MADE = ROOT / "tests/trained/made_by_0_1_0/dcgan/run"
_MEGABYTES = 80  # of which 64 are the buffer that a record is read into
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**63, -1, 0, 1e999, float("nan"), "", "\x00", "\x1b[2J", "../../x", "x" * 5000, [], {}, [[]]]),
    st.text(max_size=8),
    st.lists(st.integers(-1, 9), max_size=3),
    st.dictionaries(st.sampled_from(["name", "value", "file", "sha256"]), st.integers(), max_size=2),
)
BOUNDED = settings(max_examples=80, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def places(value, path=()):
    """Returns the paths of all parts of a JSON value."""
    found = [path] if path else []
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(part, (*path, key))
    return found


RECORD = json.loads((MADE / "run.json").read_text())


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(MADE, tmp_path / "run")
    made = Folder(tmp_path / "run")
    assert made.record and made.metrics()  # and what is imported meanwhile is
    return made


def one_line(function):
    """Calls `function`; what it raises, if it does, is one line for people, of bounded length."""
    tracemalloc.start()
    try:
        return function()
    except UserError as error:
        text = str(error)
        assert "\n" not in text and len(text) < 1000 and "\x1b" not in text and "\x00" not in text
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < _MEGABYTES * 2**20


@BOUNDED
@given(edits=st.lists(st.tuples(st.sampled_from(places(RECORD)), st.one_of(st.just(...), VALUES)), min_size=1, max_size=3))
def test_records(folder, edits):
    record = json.loads(json.dumps(RECORD))
    for (*path, last), value in edits:
        part = record
        for key in path:
            part = (
                part[key] if (isinstance(part, dict) and key in part) or (isinstance(part, list) and key < len(part)) else {}
            )
        if (isinstance(part, list) and last >= len(part)) or not isinstance(part, (dict, list)):
            continue
        if value is ...:
            part.pop(last, None) if isinstance(part, dict) else part.pop(last)
        else:
            part[last] = value
    folder.record_path.write_text(json.dumps(record))
    read = one_line(lambda: Folder(folder.directory).record)
    if read is not None:
        assert isinstance(read["recipe"], dict) and all(size > 0 for size in read["data"]["image_shape"])


def mutated(draw, content):
    """Returns bytes with some changed, cut out or put in."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        kind, new = draw(st.sampled_from(["flip", "cut", "put"])), draw(st.binary(min_size=1, max_size=8))
        if kind == "flip":
            content[at : at + 1] = new[:1]
        elif kind == "cut":
            del content[at : at + draw(st.integers(1, 4096))]
        else:
            content[at:at] = new
    return bytes(content)


@BOUNDED
@given(data=st.data())
def test_bytes_of_records_and_metrics(folder, data):
    folder.record_path.write_bytes(mutated(data.draw, (MADE / "run.json").read_bytes()))
    one_line(lambda: Folder(folder.directory).record)
    folder.metrics_path.write_bytes(mutated(data.draw, (MADE / "metrics.jsonl").read_bytes()))
    for line in one_line(folder.metrics):
        assert all(math.isfinite(value) for value in line.values())


@settings(BOUNDED, max_examples=20)
@given(data=st.data())
def test_bytes_of_checkpoints(folder, data):
    """A file with a checksum says that it is damaged; one of 0.1.0, which had none, is opened or refused."""
    step = folder.checkpoint_steps()[-1]
    path = folder.checkpoint_path(step)
    path.write_bytes(mutated(data.draw, (MADE / path.relative_to(folder.directory)).read_bytes()))

    def read():
        with checkpoints.opened(path) as file:
            file.visititems(lambda name, item: item[()] if hasattr(item, "shape") else None)

    one_line(read)
