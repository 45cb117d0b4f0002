"""Exported TFLite models against Keras, run by LiteRT."""

import pathlib
import runpy
import types
import zipfile

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from skimage.metrics import peak_signal_noise_ratio

from keras_gans.cli import main
from keras_gans.errors import UserError
from keras_gans.exporting import measuring, metadata, parity, saved_model, tflite
from keras_gans.trained.trained import Trained

SCRIPT = pathlib.Path(__file__).parents[2] / "export" / "tflite.py"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_cases.make_run(tmp_path_factory.mktemp("runs") / "plain", **run_cases.UNCONDITIONAL)


@pytest.fixture(scope="module")
def models(plain, tmp_path_factory):
    """All variants of a run, as `export_variants` returns them."""
    return tflite.export_variants(Trained.open(plain), tmp_path_factory.mktemp("phone") / "new", variants=tflite.FLOORS)


@pytest.mark.parametrize("variant, floor", [("float32", 100), ("float16", 55), ("dynamic", 35), ("int8", 30)])
def test_variants_answer_as_keras_in_0_to_1(plain, models, variant, floor):
    model = {model.variant: model for model in models}[variant]
    interpreter = Interpreter(model_path=str(model.path))
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["latent"], "outputs": ["images"]}}
    latents = np.random.default_rng(5).normal(size=(10, 1, 12)).astype(np.float32)
    call = interpreter.get_signature_runner("serving_default")
    images = np.concatenate([call(latent=latent)["images"] for latent in latents])
    expected = (np.asarray(Trained.open(plain).generator(latents[:, 0], training=False)) + 1) / 2
    assert images.dtype == np.float32 and images.shape == (10, 16, 16, 1)
    assert 0 <= images.min() < 0.1 and 0.9 < images.max() <= 1
    psnr = peak_signal_noise_ratio(expected, images, data_range=1.0)
    assert floor < psnr < 150 and (variant == "float32" or psnr < 90)  # each is what its name says


def test_variants_are_as_small_as_they_should_be(models):
    weights = {tensor["dtype"] for tensor in Interpreter(model_path=str(models[-1].path)).get_tensor_details()}
    assert np.int8 in weights
    sizes = {model.variant: model.path.stat().st_size for model in models}
    assert sizes["float16"] < 0.65 * sizes["float32"] and sizes["int8"] < 0.55 * sizes["float32"]


def test_operators_are_builtin_and_shapes_static(models):
    for model in models:
        interpreter = Interpreter(model_path=str(model.path))
        interpreter.allocate_tensors()
        operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
        assert "TRANSPOSE_CONV" in operators and set(model.measured.operators) == operators - {"DELEGATE"}
        assert not any("Flex" in name or name == "CUSTOM" for name in operators), operators
        for tensor in interpreter.get_input_details() + interpreter.get_output_details():
            assert tensor["shape"][0] == 1 and (tensor["shape_signature"] > 0).all()


def test_report_has_every_variant(models):
    text = (models[0].path.parent / "tflite_report.md").read_text()
    for model in models:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| plain_{model.variant} |")]
        assert f"| {model.measured.psnr:.1f} ({tflite.FLOORS[model.variant]:.0f}) |" in row
        assert row.count("|") == 7 + len(model.measured.milliseconds)
        # A transposed convolution with a bias came with 2.13, hybrid products by channel with 2.17.
        assert f"| {'2.17.0' if model.variant == 'dynamic' else '2.13.0'} |" in row
        assert all(0 < time < 1000 for time in model.measured.milliseconds.values())
    assert "against Keras on 16 images" in text and "publishes: TANH." in text


def test_reports_of_several_models_share_a_file(tmp_path):
    path = tmp_path / "report.md"
    for title, text in (("# A\n", "one\n## Operators\n"), ("# AB\n", "two\n"), ("# A\n", "three\n"), ("# A\n", "four\n")):
        tflite._write_report(path, title, text)
    assert path.read_text() == "# AB\n\ntwo\n\n# A\n\nfour\n"


def test_mobile_gpu_keeps_to_the_published_operators(plain, tmp_path):
    (model,) = tflite.export_variants(Trained.open(plain), tmp_path, mobile_gpu=True)
    assert model.name == "plain_gpu_float32" and model.measured.psnr > 100
    # What is left: the first one, with stride 1 and a fixed size.
    assert not set(model.measured.operators) - measuring.GPU_OPERATORS - {"TANH"}, model.measured.operators


def test_metadata_travel_in_the_file(models):
    for model in models:
        about = metadata.read(model.path)
        assert about["variant"] == model.variant and about["step"] == 7 and about["signature"] == "serving_default"
        assert about["inputs"] == {"latent": "float32 [1, 12], drawn from N(0, 1)"}
        assert about["psnr_db"] == pytest.approx(model.measured.psnr, abs=0.06)
    assert metadata.read(__file__) is None


def test_labelled_run_takes_a_label(tmp_path):
    run = Trained.open(run_cases.make_run(tmp_path / "labelled", **run_cases.CONDITIONAL))
    path = tflite.export(run, tmp_path / "phone")  # what training ends with
    assert sorted(path.parent.iterdir()) == [
        tmp_path / "phone" / "labelled_float32.tflite",
        path.with_name("tflite_report.md"),
    ]
    assert zipfile.ZipFile(path).read("labels.txt").decode().splitlines() == list(run_cases.CLASSES)
    call = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    latent = np.asarray(run.draw_latent(1, 3))
    images = [call(latent=latent, label=np.array([label], np.int32))["images"] for label in range(3)]
    expected = [(np.asarray(run.generator([latent, np.array([label])], training=False)) + 1) / 2 for label in range(3)]
    np.testing.assert_allclose(images, expected, atol=1e-4, rtol=0)
    assert np.abs(images[0] - images[1]).max() > 0.1


class Wrong(Trained):
    """A run whose generator answers otherwise while it is exported."""

    change = staticmethod(lambda images: images)

    @property
    def generator(self):
        network = super().generator
        return network if tf.executing_eagerly() else keras.Model(network.inputs, self.change(network.outputs[0]))


def offset(value):
    return lambda images: images + value


@pytest.mark.parametrize("value", [4e-3, float("nan")])  # in [-1, 1]; 4e-3 is 54 dB
def test_model_that_differs_is_refused_and_nothing_written(plain, tmp_path, value):
    run = Wrong.open(plain)
    run.change = offset(value)
    with pytest.raises(UserError, match="none was written: plain_float32 has a PSNR of (54.0|nan) dB, at least 60 is right"):
        tflite.export(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_variant_below_its_floor_is_written_only_where_it_is_named(plain, tmp_path):
    run = Wrong.open(plain)
    run.change = offset(4e-3)
    refused, written = tflite.export_variants(run, tmp_path, variants=("float32", "float16"))
    assert refused.path is None and refused.measured.psnr == pytest.approx(54, abs=0.1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain_float16.tflite", "tflite_report.md"]
    assert "| plain_float32 |" in (tmp_path / "tflite_report.md").read_text()
    assert "below its floor: not written" in (tmp_path / "tflite_report.md").read_text()
    (kept,) = tflite.export_variants(run, tmp_path, keep=("float32",))
    assert kept.path.exists() and "kept as asked" in (tmp_path / "tflite_report.md").read_text()


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
    assert parity.psnr(images, expected) == pytest.approx(peak_signal_noise_ratio(expected[1], images[1], data_range=1.0))
    assert parity.psnr(expected, expected) == np.inf and np.isnan(parity.psnr(images * np.nan, expected))


@pytest.mark.parametrize("export", [tflite.export, saved_model.export])
def test_the_reference_is_exact_float32_and_the_setting_comes_back(plain, tmp_path, export):
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    seen = []

    class Watched(Trained):
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


@pytest.mark.parametrize(
    "flags, code, message",
    [
        (["--out={tmp}/a", "--name=mini", "--variants=int8,float32"], 0, "wrote {tmp}/a/mini_float32.tflite (0."),
        (["--out={tmp}/a", "--variants=float64"], 2, "--variants=float64: known are float32, float16, dynamic, int8"),
        (["--out={tmp}/a", "--variants="], 2, "--variants names none; known are"),
        (["--out={tmp}/a", "--resizable"], 2, "have one size, 16, 16, 1; leave them out"),
        (["--out={tmp}/a", "--resizable", "--mobile_gpu"], 2, "mobile GPUs want fixed sizes"),
        (["--run={tmp}", "--out={tmp}/a"], 2, "{tmp} is not a run folder"),
        (["--out=/proc/nowhere", "--variants=float32"], 2, "cannot write /proc/nowhere/plain_float32.tflite"),
        ([], 2, "--out"),
    ],
)
def test_script(plain, tmp_path, capsys, flags, code, message):
    module = types.SimpleNamespace(**runpy.run_path(str(SCRIPT)))
    flags = [f"--run={plain}", *(flag.format(tmp=tmp_path) for flag in flags)]
    assert main(flags, verb=module, command="python export/tflite.py") == code
    said = capsys.readouterr()
    assert message.format(tmp=tmp_path) in (said.err if code else said.out)
    if code:
        assert said.err.count("\n") == 1
