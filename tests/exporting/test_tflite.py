"""Exported TFLite models against Keras, run by LiteRT."""

import pathlib
import runpy
import types

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from skimage.metrics import peak_signal_noise_ratio

from keras_gans.cli import main
from keras_gans.errors import UserError
from keras_gans.exporting import parity, saved_model, tflite
from keras_gans.run import Run

SCRIPT = pathlib.Path(__file__).parents[2] / "export" / "tflite.py"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_cases.make_run(tmp_path_factory.mktemp("runs") / "plain", **run_cases.UNCONDITIONAL)


def test_model_answers_as_keras_in_0_to_1(plain, tmp_path):
    path = tflite.export(Run.open(plain), tmp_path / "phone")
    assert path == tmp_path / "phone" / "plain_float32.tflite" and list(path.parent.iterdir()) == [path]
    interpreter = Interpreter(model_path=str(path))
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["latent"], "outputs": ["images"]}}
    latents = np.random.default_rng(5).normal(size=(10, 1, 12)).astype(np.float32)
    call = interpreter.get_signature_runner("serving_default")
    images = np.concatenate([call(latent=latent)["images"] for latent in latents])
    expected = (np.asarray(Run.open(plain).generator(latents[:, 0], training=False)) + 1) / 2
    assert images.dtype == np.float32 and images.shape == (10, 16, 16, 1)
    assert 0 <= images.min() < 0.1 and 0.9 < images.max() <= 1
    assert peak_signal_noise_ratio(expected, images, data_range=1.0) > 100  # the floor is 60; float32 reaches 130


def test_operators_are_builtin_and_shapes_static(plain, tmp_path):
    interpreter = Interpreter(model_path=str(tflite.export(Run.open(plain), tmp_path, name="other")))
    interpreter.allocate_tensors()
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert "TRANSPOSE_CONV" in operators
    assert not any("Flex" in name or name == "CUSTOM" for name in operators), operators
    for tensor in interpreter.get_input_details() + interpreter.get_output_details():
        assert tensor["shape"][0] == 1 and (tensor["shape_signature"] > 0).all()


def test_labelled_run_takes_a_label(tmp_path):
    run = Run.open(run_cases.make_run(tmp_path / "labelled", **run_cases.CONDITIONAL))
    call = Interpreter(model_path=str(tflite.export(run, tmp_path))).get_signature_runner("serving_default")
    latent = np.asarray(run.draw_latent(1, 3))
    images = [call(latent=latent, label=np.array([label], np.int32))["images"] for label in range(3)]
    expected = [(np.asarray(run.generator([latent, np.array([label])], training=False)) + 1) / 2 for label in range(3)]
    np.testing.assert_allclose(images, expected, atol=1e-4, rtol=0)
    assert np.abs(images[0] - images[1]).max() > 0.1


class Wrong(Run):
    """A run whose generator answers otherwise while it is exported."""

    change = staticmethod(lambda images: images)

    @property
    def generator(self):
        network = super().generator
        return network if tf.executing_eagerly() else keras.Model(network.inputs, self.change(network.outputs[0]))


@pytest.mark.parametrize("offset", [4e-3, float("nan")])  # in [-1, 1]; 4e-3 is 54 dB
def test_model_that_differs_is_refused_and_nothing_written(plain, tmp_path, offset):
    run = Wrong.open(plain)
    run.change = lambda images: images + offset
    with pytest.raises(UserError, match="PSNR (54.0|nan) dB, at least 60 is right.* was not written"):
        tflite.export(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_operator_that_is_not_builtin_is_one_line(plain, tmp_path):
    run = Wrong.open(plain)
    run.change = keras.layers.Lambda(lambda images: tf.linalg.inv(images[..., 0])[..., None])
    with pytest.raises(UserError, match="^the generator cannot .*: its operators MatrixInverse are not built into .*$"):
        tflite.export(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_psnr_is_that_of_the_worst_image():
    expected = np.random.default_rng(0).uniform(size=(3, 8, 8, 2))
    images = expected + np.array([0.001, 0.1, 0.01])[:, None, None, None]
    assert parity.psnr(images, expected) == pytest.approx(20.0, abs=1e-6)  # 10 log10(1 / 0.1^2)
    assert parity.psnr(images, expected) == pytest.approx(
        peak_signal_noise_ratio(expected[1], images[1], data_range=1.0)
    )
    assert parity.psnr(expected, expected) == np.inf and np.isnan(parity.psnr(images * np.nan, expected))


@pytest.mark.parametrize("export", [tflite.export, saved_model.export])
def test_the_reference_is_exact_float32_and_the_setting_comes_back(plain, tmp_path, export):
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    seen = []

    class Watched(Run):
        @property
        def generator(self):
            def call(inputs, training):
                seen.append((tf.executing_eagerly(), enabled()))
                return network(inputs, training=training)

            network = super().generator
            call.inputs, call.outputs, call.output_shape = network.inputs, network.outputs, network.output_shape
            return call

    assert enabled()
    export(Watched.open(plain), tmp_path)
    assert [during for eager, during in seen if eager] == [False] and enabled()


@pytest.mark.parametrize("flags, code, message", [
    (["--out={tmp}/a", "--name=mini"], 0, "wrote {tmp}/a/mini_float32.tflite"),
    (["--run={tmp}", "--out={tmp}/a"], 2, "{tmp} is not a run folder"),
    (["--out=/proc/nowhere"], 2, "cannot write /proc/nowhere/plain_float32.tflite"),
    ([], 2, "--out"),
])
def test_script(plain, tmp_path, capsys, flags, code, message):
    module = types.SimpleNamespace(**runpy.run_path(str(SCRIPT)))
    flags = [f"--run={plain}", *(flag.format(tmp=tmp_path) for flag in flags)]
    assert main(flags, verb=module, command="python export/tflite.py") == code
    said = capsys.readouterr()
    assert message.format(tmp=tmp_path) in (said.err if code else said.out)
    if code:
        assert said.err.count("\n") == 1
