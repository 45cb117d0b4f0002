"""Whatever stands in `run.json` and `metrics.jsonl`: sound parts are read, the rest is one line."""

import copy
import json

import pytest

from keras_gans.errors import UserError
from keras_gans.trained.folder import Folder

RECORD = {
    "recipe": {"batch_size": 8, "kimg": 1, "penalty": [], "flip": False, "augment": "none", "later": [1]},
    "data": {"image_shape": [8, 8, 1], "class_names": ["a"], "input_shape": None, "spec": "folder:x", "fingerprint": None},
    "finished": {"step": 5, "seconds": 1.5, "scores": [{"name": "kid", "value": 0.5, "standard_error": None}]},
    "best": {"step": 5, "name": "kid", "value": 0.5},
}


def write(tmp_path, content):
    folder = Folder(tmp_path)
    folder.record_path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def test_sound_record_is_read_and_filled_in(tmp_path):
    record = write(tmp_path, RECORD).record
    assert record["recipe"] == RECORD["recipe"] and record["seed"] == 0 and record["parameters"] == {}
    assert record["finished"]["scores"][0]["warnings"] == []


def changed(value, *keys):
    """The record with `value` at a place, or without it."""
    record = copy.deepcopy(RECORD)
    part = record
    for key in keys[:-1]:
        part = part[key]
    if value is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    return record


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is not JSON"),
        (b"\x00\xff" * 500, "is not JSON"),
        (b'{"recipe": ', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b" " * (2**26 + 1), "more than 64 MiB"),
        (b"null", "no record of a run"),
        ([RECORD], "no record of a run"),
        ({}, '"recipe" is missing'),
        (changed(None, "data"), '"data" is missing'),
        (changed(None, "data", "image_shape"), '"image_shape" is missing'),
        (changed("32", "data", "image_shape"), '"image_shape" cannot be "32"'),
        (changed([0, 8, 1], "data", "image_shape"), '"image_shape" cannot be'),
        (changed([True, 8, 1], "data", "image_shape"), '"image_shape" cannot be'),
        (changed([3], "data", "class_names"), '"class_names" cannot be'),
        (changed(["8"], "data", "input_shape"), '"input_shape" cannot be'),
        (changed("x", "recipe"), '"recipe" cannot be "x"'),
        (changed("8", "recipe", "batch_size"), '--batch_size cannot be "8"'),
        (changed(0, "recipe", "batch_size"), "--batch_size cannot be 0"),
        (changed(True, "recipe", "batch_size"), "--batch_size cannot be true"),
        (changed({}, "recipe", "kimg"), "--kimg cannot be {}"),
        (changed("r1", "recipe", "penalty"), '--penalty cannot be "r1"'),
        (changed([1], "recipe", "penalty"), "--penalty cannot be"),
        (changed(1, "recipe", "flip"), "--flip cannot be 1"),
        (changed(["none"], "recipe", "augment"), "--augment cannot be"),
        (changed("seven", "seed"), '"seed" cannot be "seven"'),
        (changed([], "deployed"), '"deployed" cannot be []'),
        (changed({"takes": "images"}, "deployed"), '"generators" is missing'),
        (changed({"generators": {"ab": 3}, "takes": "images"}, "deployed"), '"generators" cannot be'),
        (changed({"generators": {"ab": "ema"}, "takes": "all"}, "deployed"), '"takes" cannot be "all"'),
        (changed({"generators": {"ab": "ema"}, "takes": "images", "x": 1}, "deployed"), '"deployed" cannot be'),
        (changed("my_parts.py", "plugins"), '"plugins" cannot be'),
        (changed([{"file": 3, "sha256": ""}], "plugins"), '"file" cannot be 3'),
        (changed([], "finished"), '"finished" cannot be'),
        (changed("fast", "finished", "seconds"), '"seconds" cannot be "fast"'),
        (changed({"kid": 1}, "finished", "scores"), '"scores" cannot be'),
        (changed([{"name": "kid", "value": "low"}], "finished", "scores"), '"value" cannot be "low"'),
        (changed("x", "best"), '"best" cannot be "x"'),
        (changed("x", "started_from"), '"started_from" cannot be "x"'),
        (changed({"run": "a", "images": "8"}, "started_from"), '"images" cannot be "8"'),
        (changed({"run": "a", "images": -1}, "started_from"), '"images" cannot be -1'),
        (changed({"images": 1}, "started_from"), '"run" is missing'),
        (changed(float("nan"), "best", "value"), '"value" cannot be NaN'),
    ],
)
def test_damaged_record_is_one_line(tmp_path, content, said):
    folder = write(tmp_path, content)
    with pytest.raises(UserError) as error:
        _ = folder.record
    text = str(error.value)
    assert text.startswith(str(folder.record_path)) and said in text and "\n" not in text and len(text) < 500


def test_nan_becomes_null_and_comes_back(tmp_path):
    folder = write(tmp_path, RECORD)
    score = {"name": "kid", "value": float("nan"), "standard_error": float("inf"), "protocol": {"x": [float("-inf")]}}
    folder.write_record(finished={"scores": [score]})
    text = folder.record_path.read_text()
    assert "NaN" not in text and "Infinity" not in text
    (again,) = Folder(tmp_path).record["finished"]["scores"]
    assert again["value"] != again["value"] and again["standard_error"] is None


def test_sound_lines_of_metrics_are_read(tmp_path):
    folder = Folder(tmp_path)
    sound = {"step": 1, "kimg": 0.5, "seconds": 2, "loss": 1.0}
    lines = [
        json.dumps(sound).encode(),
        b"",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"7",
        b'{"step": "2", "kimg": 1, "seconds": 3}',
        b'{"step": true, "kimg": 1, "seconds": 3}',
        b'{"kimg": 1, "seconds": 3}',
        b'{"step": 2, "seconds": 3}',
        b'{"step": -2, "kimg": 1, "seconds": 3}',
        b"{" * 50_000,
        b'{"step": ' + b"1" * 5000 + b"}",
        b'{"step": 3, "kimg": 1.5, "seconds": 4, "loss": NaN, "kid": "low", "other": [1], "huge": 1e999}',
        b'{"step": 4, "kimg": 1.5, "sec',  # killed while writing
    ]
    folder.metrics_path.write_bytes(b"\n".join(lines))
    assert folder.read_metrics() == ([sound, {"step": 3, "kimg": 1.5, "seconds": 4}], 11)
    assert folder.metrics(until=2) == [sound]
    folder.metrics_path.write_bytes(b"x" * 2**22)  # no end of line
    assert folder.metrics() == []


def test_flags_that_a_run_did_not_know_are_the_defaults(tmp_path):
    folder = write(tmp_path, RECORD)
    folder.refuse_other_recipe({**folder.recipe, "kimg": 2.0})
    with pytest.raises(UserError, match=r"--batch_size=16 \(was 8\)"):
        folder.refuse_other_recipe({**folder.recipe, "batch_size": 16})
