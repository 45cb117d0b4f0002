"""What results/ keeps of trainings: it opens, it works, and it stays small."""

import json
import re

import numpy as np
import pytest
from helpers import ROOT

from keras_gans.trained.trained import Trained

FOLDER = ROOT / "results"
if not FOLDER.is_dir():
    pytest.skip("results/ is in the repository alone", allow_module_level=True)
ROWS = sorted(path.parent.name for path in FOLDER.glob("*/result.json"))
SHIPPED = [name for name in ROWS if (FOLDER / name / "run.json").is_file()]


def test_it_stays_small_and_says_whose_it_is():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 25e6
    words = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in SHIPPED:
        card = (FOLDER / name / "README.md").read_text(encoding="utf-8")
        license = re.findall('^license(?:_name)?: "?([^"\n]+)', card, re.M)[-1]  # "other" has a name
        assert license.lower() in words.lower(), name
    for name in set(ROWS) - set(SHIPPED):
        assert (FOLDER / name / "samples.png").is_file(), name


@pytest.mark.parametrize("name", SHIPPED)
def test_generators_work(name):
    run = Trained.open(FOLDER / name)
    if run.translates:
        noise = np.random.default_rng(0).uniform(-1, 1, (64, 64, 3))
        images = np.stack([noise, np.full_like(noise, 0.5)]).astype("float32")
        made = run.infer([images, images] if run.takes == "images and a style" else images)
    else:
        (made,) = run.generate(4, seed=0)
    made = np.asarray(made, "float32")
    assert made.ndim == 4 and np.isfinite(made).all()
    first, *others = made
    for other in others:  # what it is given shows
        assert np.abs(first - other).mean() > 0.01 * np.ptp(made) > 0
    row = json.loads((FOLDER / name / "result.json").read_text())
    assert row["parameters"]["generator"] == run.generator.count_params()
