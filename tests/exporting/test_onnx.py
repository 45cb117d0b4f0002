"""Exported ONNX models against Keras, run by ONNX Runtime, with sizes that the converter has not seen."""

import functools

import numpy as np
import pytest

from keras_gans.cli import main
from keras_gans.errors import UserError
from keras_gans.exporting import onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
pytest.importorskip("tf2onnx", reason="the onnx extra is not installed")


@pytest.fixture(scope="module")
def converted(trained, tmp_path_factory):
    """Returns a function: name of a run -> (`Trained`, {ending of the file's name: `InferenceSession`})."""
    folder = tmp_path_factory.mktemp("onnx")

    @functools.cache
    def convert(name):
        written = onnx.export(trained(name), folder, name)
        assert all(0 <= difference <= 1e-4 for _, difference in written)
        return trained(name), {
            path.stem.removeprefix(name): onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            for path, _ in written
        }

    return convert


def described(ends):
    return {end.name: [side if isinstance(side, int) else None for side in end.shape] for end in ends}


def test_generators_from_latents(converted):
    run, models = converted("styled")
    (session,) = models.values()
    inputs = {"latent": np.asarray(run.draw_latent(3, 5)), "label": np.array([2, 0, 1], np.int32)}
    assert described(session.get_inputs())["latent"] == [None, 12]
    (made,) = session.run(["images"], inputs)
    expected = run.generator(list(inputs.values()), training=False)
    np.testing.assert_allclose(made, np.clip(expected, -1, 1), atol=1e-4, rtol=0)
    assert made.std() > 0.1


@pytest.mark.parametrize(
    "name, ending, direction, shape",
    [
        ("both", "_ab", "ab", (3, 20, 44, 1)),
        ("both", "_ba", "ba", (1, 12, 16, 3)),
        ("dropout", "", "ab", (2, 64, 128, 3)),
        ("holes", "", "ab", (1, 24, 16, 4)),
    ],
)
def test_generators_from_images_take_any_size(converted, name, ending, direction, shape):
    run, models = converted(name)
    session, network = models[ending], run.generators[direction]
    assert described(session.get_inputs()) == {"images": [None, None, None, shape[-1]]}
    given = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    (made,) = session.run(["generated"], {"images": given})
    np.testing.assert_allclose(made, network(given, training=False), atol=1e-4, rtol=0)
    assert made.std() > 0.1


@pytest.mark.parametrize("name", ["any", "numbered"])
def test_style_transfer_takes_any_size(converted, name):
    run, models = converted(name)
    network = run.generator
    given = np.random.default_rng(0).uniform(-1, 1, (2, 24, 40, 3)).astype(np.float32)
    if name == "numbered":
        (transfer,), chosen = models.values(), "weights"
        style = np.array([[0.2, 0.8, 0], [0, 0, 1]], np.float32)
    else:
        transfer, chosen = models["_style_transfer"], "style"
        painted = np.random.default_rng(1).uniform(-1, 1, (2, 48, 32, 3)).astype(np.float32)
        (style,) = models["_style_predict"].run(["style"], {"images": painted})
        np.testing.assert_allclose(style, network.style(painted, training=False), atol=1e-4, rtol=0)
    (made,) = transfer.run(["generated"], {"images": given, chosen: style})
    expected = network.transfer_network()([given, style], training=False)
    np.testing.assert_allclose(made, np.clip(expected, -1, 1), atol=1e-4, rtol=0)
    assert made.std() > 0.1


def test_verb(trained, tmp_path, capsys, monkeypatch):
    run = trained("plain")
    words = ["export", f"--run={run.directory}", "--format=onnx", f"--out={tmp_path / 'models'}"]
    assert main([*words, "--name=mini"]) == 0
    assert capsys.readouterr().out.startswith(f"wrote {tmp_path}/models/mini.onnx (0.")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mini.onnx"]
    assert main([*words, "--variants=int8"]) == 2
    assert "--variants is for --format=tflite, not for onnx" in capsys.readouterr().err
    monkeypatch.setattr(onnx, "LIMIT", -1.0)
    with pytest.raises(UserError, match="the ONNX model plain differs from Keras by .*, so it was not written"):
        onnx.export(run, tmp_path / "others")
    assert not (tmp_path / "others").exists()
