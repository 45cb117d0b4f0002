"""Exported SavedModels against Keras, loaded as TensorFlow 2, as a v1 Session and through the C API."""

import json
import os
import pathlib
import runpy
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
import through_c_api
from tensorflow_serving.apis import prediction_log_pb2

from keras_gans import randomness
from keras_gans.cli import main
from keras_gans.errors import UserError
from keras_gans.exporting import card, latents, saved_model
from keras_gans.trained.trained import Trained

SCRIPT = pathlib.Path(__file__).parents[2] / "export" / "saved_model.py"


@pytest.fixture
def plain(served):
    return served("plain")[0].directory


@pytest.fixture
def exported(served):
    return served("plain")[1]


def call(path, signature, **inputs):
    outputs = tf.saved_model.load(path).signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: output.numpy() for name, output in outputs.items()}


def test_default_signature_answers_as_keras_at_any_batch_size(plain, exported):
    latent = np.random.default_rng(5).normal(size=(23, 12)).astype(np.float32)
    expected = np.asarray(Trained.open(plain).generator(latent, training=False))
    assert np.abs(expected).max() > 0.9 and expected.std() > 0.3  # not near zero, where everything agrees
    images = call(exported, "serving_default", latent=latent)["images"]
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**31, 2**40 + 12345])
def test_sample_has_the_pixels_of_the_sample_verb(plain, exported, seed):
    expected = np.concatenate(list(Trained.open(plain).generate(9, seed)))
    images = call(exported, "sample", seed=np.int64(seed), count=np.int32(9))["images"]
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, expected)


def test_seeds_are_folded_as_in_training():
    for seed in (0, 7, 2**31 + 5, 2**62, -1, -(2**40)):
        pair = latents.seed_pair(tf.constant(seed, tf.int64))
        np.testing.assert_array_equal(randomness.fold(pair, "latent"), randomness.fold(seed, "latent"))


def test_png_signature_gives_the_samples(exported):
    draw = {"seed": np.int64(4), "count": np.int32(5)}
    files = call(exported, "sample_png", **draw)["images_bytes"]
    np.testing.assert_array_equal([tf.io.decode_png(file) for file in files], call(exported, "sample", **draw)["images"])


def test_labelled_run_takes_labels_everywhere(served):
    run, path, _ = served("labelled")
    latent, label = np.asarray(run.draw_latent(6, 3)), np.array([0, 1, 2, 2, 1, 0], np.int32)
    expected = np.asarray(run.generator([latent, label], training=False))
    np.testing.assert_allclose(
        call(path, "serving_default", latent=latent, label=label)["images"], expected, atol=1e-5, rtol=0
    )
    expected = np.concatenate(list(run.generate(6, 3, labels=[2, 0, 2, 0, 2, 0])))
    sampled = call(path, "sample", seed=np.int64(3), count=np.int32(6), label=np.array([2, 0], np.int32))["images"]
    np.testing.assert_array_equal(sampled, expected)
    written = json.loads((path / "model_card.json").read_text())
    assert written["signatures"]["serving_default"]["inputs"] == {
        "latent": "float32 [n, 12], drawn from U(-1, 1)",
        "label": "int32 [n], the class of each image, 0 to 2",
    }


def test_warm_up_requests_are_those_of_every_signature_and_replay(served):
    _, path, call = served("labelled")
    records = tf.data.TFRecordDataset(str(path / "assets.extra" / "tf_serving_warmup_requests"))
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records.as_numpy_iterator()]
    requests = [log.predict_log.request for log in logs]
    assert [request.model_spec.signature_name for request in requests] == ["serving_default", "sample", "sample_png"]
    for request in requests:
        assert request.model_spec.name == "labelled"
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        assert all(len(output) for output in call(request.model_spec.signature_name, inputs).values())


@pytest.mark.parametrize("count", [-1, 0, 2**18 + 1])
def test_counts_out_of_bounds_are_invalid_arguments(served, count):
    for signature in ("sample", "sample_png"):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"count must be from 1 to 262144, not.*{count}"):
            served("plain")[2](signature, {"seed": np.int64(1), "count": np.int32(count)})


def test_every_weight_is_stored_once(plain, exported):
    weights = Trained.open(plain).generator.weights
    stored = tf.train.list_variables(str(exported / "variables" / "variables"))
    shapes = sorted(tuple(shape) for name, shape in stored if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    assert shapes == sorted(tuple(weight.shape) for weight in weights)


def test_card_says_what_goes_in_and_comes_out(exported):
    written = json.loads((exported / "model_card.json").read_text())
    assert written["name"] == "plain" and written["step"] == 7 and written["recipe"]["generator"] == "dcgan:width=8"
    assert written["signatures"]["serving_default"] == {
        "inputs": {"latent": "float32 [n, 12], drawn from N(0, 1)"},
        "outputs": {"images": "float32 [n, 16, 16, 1] in [-1, 1]"},
    }
    assert set(written["signatures"]) == {"serving_default", "sample", "sample_png"}
    loaded = tf.saved_model.load(exported).signatures
    for name, sides in written["signatures"].items():
        assert set(loaded[name].structured_input_signature[1]) == set(sides["inputs"])
        assert set(loaded[name].structured_outputs) == set(sides["outputs"])
    assert max(written["differences_from_keras"].values()) <= 1 and len(written["differences_from_keras"]) == 6
    text = (exported / "README.md").read_text()
    assert text.startswith("# plain\n") and "uint8 [count, 16, 16, 1] in [0, 255]" in text


@pytest.mark.parametrize(
    "finished_step, best_step, expected",
    [
        (7, 5, {"name": "kd_fashion", "value": 0.01, "standard_error": 0.001, "protocol": {"count": 2000}}),
        (9, 7, {"name": "kd_fashion", "value": 0.02}),
        (9, 8, None),
    ],
)
def test_card_has_the_scores_of_the_exported_step_only(plain, tmp_path, finished_step, best_step, expected):
    run = Trained.open(plain)
    final = {"name": "kd_fashion", "value": 0.01, "standard_error": 0.001, "protocol": {"count": 2000}}
    run.record = run.record | {
        "finished": {"step": finished_step, "scores": [final]},
        "best": {"step": best_step, "name": "kd_fashion", "value": 0.02},
    }
    card.write(tmp_path, run, "An image generator", [], [], None, {})
    assert json.loads((tmp_path / "model_card.json").read_text())["scores"] == ([expected] if expected else [])
    text = (tmp_path / "README.md").read_text()
    assert ("- kd_fashion: 0.01 ± 0.001 (standard error)\n" in text) == (finished_step == 7)
    assert ("None taken at this step." in text) == (expected is None)


class Wrong(Trained):
    """A run whose generator answers with an offset while it is exported."""

    offset = 0.0

    @property
    def generator(self):
        network = super().generator
        if tf.executing_eagerly():
            return network
        return keras.Model(network.inputs, network.outputs[0] + self.offset)


@pytest.mark.parametrize("offset", [2e-5, float("nan")])
def test_model_that_differs_is_refused_and_nothing_left(plain, tmp_path, offset):
    run = Wrong.open(plain)
    run.offset = offset
    with pytest.raises(UserError, match="differs from Keras by .* so it was not written"):
        saved_model.export(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_full_disk_is_one_line_and_leaves_nothing(plain, tmp_path, monkeypatch):
    def save(module, path, **_):
        pathlib.Path(path).mkdir()
        (pathlib.Path(path) / "half").write_bytes(b"x")
        raise tf.errors.ResourceExhaustedError(None, None, "/x/variables; No space left on device\nmore")

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(UserError, match="^cannot write .*No space left on device; free some space.*$"):
        saved_model.export(Trained.open(plain), tmp_path)
    assert not list(tmp_path.iterdir())


def test_points_are_not_exported(tmp_path):
    run_cases.make_run(tmp_path / "points", image_shape=(2,), **run_cases.POINTS)
    with pytest.raises(UserError, match="makes points, not images"):
        saved_model.export(Trained.open(tmp_path / "points"), tmp_path / "models")


def test_c_api_answers_as_keras(served):
    assert through_c_api.assert_answers_as_keras(served, ("plain", "labelled")) == 6


def script(*arguments):
    """Runs export/saved_model.py in this process; returns its exit code."""
    module = types.SimpleNamespace(**runpy.run_path(str(SCRIPT)))
    return main(list(arguments), verb=module, command="python export/saved_model.py")


def test_script_writes_the_next_version_with_what_was_asked_for(plain, tmp_path, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "7").mkdir()
    assert script(f"--run={plain}", f"--out={tmp_path}", f"--max_pixels={16 * 16 * 9}", "--license=CC0-1.0") == 0
    path = tmp_path / "8"
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["7", "8", "notes"]
    assert sorted(each.name for each in path.iterdir()) == [
        "README.md",
        "assets",
        "assets.extra",
        "fingerprint.pb",
        "model_card.json",
        "saved_model.pb",
        "variables",
    ]
    written = json.loads((path / "model_card.json").read_text())
    assert written["license"] == "CC0-1.0" and "draws 9 images at most" in written["limits"][-1]
    assert "## License\n\nCC0-1.0\n" in (path / "README.md").read_text()
    assert len(call(path, "sample", seed=np.int64(0), count=np.int32(9))["images"]) == 9
    with pytest.raises(tf.errors.InvalidArgumentError, match="from 1 to 9"):
        call(path, "sample", seed=np.int64(0), count=np.int32(10))


def test_script_help_needs_no_tensorflow():
    code = """
import runpy, sys
sys.argv = ["script", "--help"]
try:
    runpy.run_path({!r}, run_name="__main__")
except SystemExit as end:
    assert end.code == 0
assert not {{"tensorflow", "keras"}} & set(sys.modules)
"""
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parents[1])}
    for name in ("saved_model.py", "tflite.py"):
        command = [sys.executable, "-c", code.format(str(SCRIPT.with_name(name)))]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "--run=string" in done.stdout and "--out=string" in done.stdout


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--run=/nowhere", "--out=/tmp/x"], "/nowhere is not a run folder"),
        (["--run={plain}", "--out=/proc/nowhere"], "cannot write /proc/nowhere/1"),
        (["--run={plain}"], "--out"),
        (["--run={plain}", "--out=/tmp/x", "--version=3"], "unknown flag --version"),
    ],
)
def test_script_mistakes_end_in_one_line(plain, capsys, flags, message):
    assert script(*(flag.format(plain=plain) for flag in flags)) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1
