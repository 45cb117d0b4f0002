"""tools/train_kind_features.py: the classifier that it writes opens as a feature extractor, small and with its record."""

import importlib.util
import json

import keras
import numpy as np
import pytest
from helpers import ROOT

from keras_gans import grids
from keras_gans.registry import EXTRACTORS

if not (ROOT / "tools").is_dir():
    pytest.skip("tools/ is in the repository alone", allow_module_level=True)
_SPEC = importlib.util.spec_from_file_location("train_kind_features", ROOT / "tools/train_kind_features.py")
tool = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tool)


def test_it_writes_a_small_extractor_with_its_record(tmp_path):
    rng = np.random.default_rng(0)
    for kind, level in (("dark", 40), ("light", 200)):
        for index in range(10):
            image = np.clip(rng.normal(level, 10, (16, 16, 3)), 0, 255).astype(np.uint8)
            grids.write_png(tmp_path / "data" / kind / f"{index}.png", image)
    out = tmp_path / "kinds.keras"
    words = [f"--data=folder:{tmp_path}/data", "--holdout=every:10", "--image_size=16", "--epochs=1", f"--out={out}"]
    tool.main(words)
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["images"] == [18, 2] and 0 <= record["held_out_accuracy"] <= 1
    model = keras.models.load_model(out)
    assert not model.compiled
    for weight in model.get_weights():
        np.testing.assert_array_equal(weight, weight.astype(np.float16).astype(weight.dtype))
    assert out.stat().st_size < 0.6 * 4 * model.count_params()
    features = EXTRACTORS.create(f"keras:path={out},layer=features")(np.full((2, 16, 16, 3), 128, np.uint8))
    assert features.shape == (2, 128) and np.isfinite(features).all()
