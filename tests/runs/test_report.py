"""report.html read back: it needs no network, shows what the run folder holds and survives what it lacks."""

import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from keras_gans.errors import UserError
from keras_gans.runs import report

RECORD = {
    "recipe": {
        "data": "embedded:fashion",
        "learning_rate": 0.0002,
        "penalty": ["r1:weight=10", "<script>alert(1)</script>"],
    },
    "versions": {"tensorflow": "2.21.0"},
    "seed": 7,
    "data": {"fingerprint": "abc123", "image_shape": [32, 32, 1], "class_names": []},
    "parameters": {"generator": 3574016, "discriminator": 663296},
}
SCORE = {
    "name": "kd_fashion",
    "value": 0.01234,
    "standard_error": 0.0011,
    "standard_deviation": None,
    "protocol": {"reference": "holdout", "versions": {"keras": "3.15.1"}},
    "warnings": ["only 2000 images"],
}


class Page(HTMLParser):
    """The text, tags and attributes of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.links, self.images, self.text = [], [], [], ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        self.links += [attributes[key] for key in ("src", "href", "srcset", "data") if key in attributes]
        if tag == "img":
            self.images.append(base64.b64decode(attributes["src"].partition("base64,")[2]))

    def handle_data(self, data):
        self.text += data + "\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my & run"
    (folder / "samples").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(RECORD))
    return folder


def log(folder, *entries, tail=""):
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries) + tail)


def step(number, **values):
    return {"step": number, "kimg": number * 0.064, "seconds": number * 0.5, **values}


def test_full_run(folder):
    (folder / "run.json").write_text(
        json.dumps(RECORD | {"finished": {"seconds": 251.2, "peak_memory_mb": 1432.4, "scores": [SCORE]}})
    )
    values = {
        "discriminator_loss": 1.0,
        "generator_loss": 2.0,
        "real_logits": 1.0,
        "fake_logits": -1.0,
        "discriminator_gradient_norm": 0.1,
        "generator_gradient_norm": 3.0,
        "balance": 0.5,
    }
    lines = [step(n, images_per_second=400.0 + n, **values) for n in (10, 20, 30)]
    log(folder, *lines, step(30, kd_fashion=0.2, kd_fashion_standard_error=0.01))
    (folder / "saved_model" / "1").mkdir(parents=True)
    (folder / "saved_model" / "1" / "saved_model.pb").write_bytes(b"m" * 1_500_000)
    (folder / "tflite").mkdir()
    (folder / "tflite" / "my_float32.tflite").write_bytes(b"m" * 2_000_000)
    page = Page(report.write(folder))
    expected = """my & run|0.01234 ± 0.0011|1.92k|30|4 min 11 s|420|1,432 MB|only 2000 images|holdout|saved_model/1|
        1.50 MB|tflite/my_float32.tflite|2.00 MB|0.0002|abc123|3,574,016|2.21.0|Losses|D(real)|D(fake)|Gradient norms|
        kd_fashion|balance|images/second"""
    for text in map(str.strip, expected.split("|")):
        assert text in page.text, text
    assert page.tags.count("svg") == 6


def test_needs_no_network_and_runs_no_script(folder):
    log(folder, step(1, generator_loss=1.0), step(2, generator_loss=2.0))
    Image.new("L", (20, 20)).save(folder / "samples" / "000002.png")
    page = Page(report.write(folder))
    assert page.links and all(link.startswith("data:image/") for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "@import" not in page.source and "url(" not in page.source and "<script>alert(1)</script>" in page.text


def test_run_that_has_just_started(folder):
    page = Page(report.write(folder))
    assert "embedded:fashion" in page.text and "svg" not in page.tags and "img" not in page.tags
    assert "Curves" not in page.text and "Scores" not in page.text


@pytest.mark.parametrize("tail", ['{"step": 30, "kimg": 1.9', "\x00\x00\x00", "[1, 2]\n", '"text"\n', '{"step": 3}\n'])
def test_half_written_line_is_skipped(folder, tail):
    log(folder, step(10, generator_loss=1.0), step(20, generator_loss=1.5), tail=tail)
    page = Page(report.write(folder))
    assert page.tags.count("svg") == 1 and "1.28k" in page.text


def test_steps_logged_again_after_a_resume_count_once(folder):
    log(folder, *(step(n, generator_loss=loss) for n, loss in ((10, 1.0), (20, 9.0), (20, 2.0), (30, 3.0))))
    page = Page(report.write(folder))
    assert page.tags.count("circle") == 3 and "generator 2 at 1.28" in page.text and "generator 9" not in page.text


def test_not_a_number_is_left_out(folder):
    log(
        folder,
        step(10, generator_loss=1.0, penalty=float("nan")),
        step(20, generator_loss=float("inf"), penalty=float("nan")),
    )
    page = Page(report.write(folder))
    assert page.tags.count("svg") == 1 and page.tags.count("circle") == 1


def test_grids_are_thinned_and_unchanged(folder):
    for number in range(0, 4000, 100):
        Image.fromarray(np.full((8, 8), number // 16, np.uint8)).save(folder / "samples" / f"{number:06d}.png")
    page = Page(report.write(folder))
    assert len(page.images) == 13
    assert page.images[0] == (folder / "samples" / "003900.png").read_bytes()  # the last one comes first, large
    assert page.images[1] == (folder / "samples" / "000000.png").read_bytes()
    assert "step 3,900" in page.text


def test_huge_grids_are_shrunk(folder):
    noise = np.random.default_rng(0).integers(0, 255, (2000, 2400, 3), np.uint8)
    for number in (1, 2):
        Image.fromarray(noise).save(folder / "samples" / f"{number:06d}.png")
    last, earlier = (Image.open(io.BytesIO(data)) for data in Page(report.write(folder)).images)
    assert last.size == (1600, 1333) and earlier.size == (480, 400)


@pytest.mark.parametrize("content, message", [(None, "not a run folder.*run.json"), ('{"recipe": ', "run.json is not JSON")])
def test_not_a_run_folder_is_one_line(tmp_path, content, message):
    if content:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=message):
        report.write(tmp_path)
    assert not (tmp_path / "report.html").exists()
