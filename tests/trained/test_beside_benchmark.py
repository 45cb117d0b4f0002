"""benchmarks/beside.py: what it says of two sides, and that both get the same job."""

import helpers
import numpy as np
import pytest
from PIL import Image

if not (helpers.ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ is in the repository alone", allow_module_level=True)


@pytest.fixture
def beside():
    with helpers.benchmark("beside") as module:
        yield module


@pytest.mark.parametrize(
    "authors, ours, higher, said",
    [
        ([20.0, 20.2], [20.3, 20.5], True, "better"),
        ([20.0, 20.2], [20.3, 20.5], False, "worse"),
        ([20.0, 20.2], [20.1, 20.2], True, "within the spread"),
        ([20.0, 20.0], [19.9, 20.3], True, "within the spread"),  # the spread of one side is enough
        ([20.0, 20.0], [19.8, 19.9], True, "worse"),
    ],
)
def test_a_difference_counts_beyond_the_spread_of_the_seeds(beside, authors, ours, higher, said):
    assert beside.verdict(authors, ours, higher) == said


def test_both_sides_get_as_many_images(beside, tmp_path):
    from keras_gans import cli

    for name, job in beside.jobs().items():
        words = beside.of_ours(name, 1, tmp_path, tmp_path / "run", None)[1:]
        flags = cli.parse("train", words)
        images = 1000 * flags["kimg"].value
        assert images == pytest.approx(job.epochs * job.images)
        batch = flags["batch_size"].value
        assert batch == job.settings.get("batch", 1) and job.images % batch == 0
        assert flags["precision"].value == "float32" and flags["seed"].value == 1


def test_rows_that_were_not_measured_say_so(beside):
    side = {"scores": [{"psnr": 20.0}, {"psnr": 20.5}], "seconds": [10.0, 20.0], "memory": [900, 1000], "parameters": 5e5}
    faster = side | {"seconds": [5.0, 10.0], "scores": [{"psnr": 22.0}, {"psnr": 22.5}]}
    row = {"kimg": 1, "date": "2026-11-30", "machine": "a machine", "sides": {"authors": side, "ours": faster}}
    text = beside.document({"pix2pix": row})
    assert text.count("Not run.") == len(beside.jobs()) - 1
    assert "| the authors' | 20.00, 20.50 | 100.0, 50.0 | 1000 |" in text
    assert "| ours | better | 2.00 times | |" in text


def test_sheets_show_both_sides_of_the_first_seed(beside, tmp_path):
    small, large = (np.full((20, size, size, 3), value, np.uint8) for size, value in ((8, 10), (32, 40)))
    beside.write(tmp_path / "data", {"testA": list(small), "testB": list(large)})
    made = {"authors": list(large + 10), "ours": list(large + 20)}
    beside.sides_by_side(made, tmp_path / "data", tmp_path / "pairs.png")
    beside.with_bicubic(made, tmp_path / "data", tmp_path / "enlarged.png")
    beside.samples({side: np.concatenate([made[side]] * 2) for side in made}, None, tmp_path / "samples.png")
    shown = {}
    for path in tmp_path.glob("*.png"):
        with Image.open(path, formats=["PNG"]) as picture:
            shown[path.stem] = np.asarray(picture.convert("RGB"))
    for value in (40, 50, 60):  # the target, the authors', ours
        assert (shown["pairs"] == value).all(-1).any() and (shown["enlarged"] == value).all(-1).any()
    assert shown["enlarged"].shape[1] > shown["pairs"].shape[1]
    upper, lower = np.split(shown["samples"], 2)
    assert (upper == 50).any() and not (upper == 60).any() and (lower == 60).any() and not (lower == 50).any()
