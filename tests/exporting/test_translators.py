"""Exported translating generators against Keras: SavedModel signatures for tensors and files, TFLite models."""

import io
import json
import types

import numpy as np
import pytest
import tensorflow as tf
import through_c_api
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from translation_runs import CASES, pictures

from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.exporting import measuring, tflite, translators
from keras_gans.trained.trained import Trained
from keras_gans.using import Translator


@pytest.fixture(scope="module")
def phones(served, tmp_path_factory):
    """Exports a run of `CASES` for the phone once; returns (run, path of the first model)."""
    folder, done = tmp_path_factory.mktemp("phones"), {}

    def export(name):
        if name not in done:
            done[name] = tflite.export(served(name)[0], folder)
        return served(name)[0], done[name]

    return export


def decoded(files):
    return [tf.io.decode_png(file).numpy() for file in files]


def differences(made, expected):
    return [
        np.abs(one.astype(int) - other).max() if one.shape == other.shape else 999
        for one, other in zip(made, expected, strict=True)
    ]


@pytest.mark.parametrize(
    "name, shape",
    [("both", (3, 20, 44, 1)), ("larger", (2, 9, 13, 3)), ("holes", (1, 24, 16, 4)), ("dropout", (2, 64, 128, 3))],
)
def test_tensors_of_any_size_answer_as_keras(served, name, shape):
    run, _, call = served(name)
    given = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    expected = np.concatenate([run.translate(image[None]) for image in given])
    assert expected.std() > 0.1
    np.testing.assert_allclose(call("serving_default", {"images": given})["generated"], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name, channels", [("both", 1), ("dropout", 3), ("larger", 3)])
def test_files_of_several_sizes_answer_as_the_verb(served, name, channels):
    run, _, call = served(name)
    given = pictures((33, 47, channels), (3, 2, channels), (16, 90, channels))
    files = [images.encode_png(picture) for picture in given]
    made = decoded(call("translate", {"image_bytes": np.array(files, object)})["images_bytes"])
    expected = [Translator.of(run)(picture) for picture in given]
    assert expected[0].shape == (33 * Translator.of(run).scale, 47 * Translator.of(run).scale, 3) and expected[0].std() > 10
    assert max(differences(made, expected)) <= 1


def test_other_formats_become_what_the_network_takes(served):
    run, _, call = served("both")
    (given,) = pictures((30, 40, 3))
    files = []
    for kind, options in (("JPEG", {}), ("WEBP", {"lossless": True}), ("GIF", {}), ("BMP", {})):
        out = io.BytesIO()
        Image.fromarray(given).save(out, kind, **options)
        files.append(out.getvalue())
    for signature, direction, channels in (("translate", "ab", 1), ("translate_ba", "ba", 3)):
        made = decoded(call(signature, {"image_bytes": np.array(files, object)})["images_bytes"])
        expected = [Translator.of(run, direction)(images.decode(file, None, channels)) for file in files]
        assert max(differences(made, expected)) <= 1


def test_dropout_of_pix2pix_is_on_and_does_not_mix_a_batch(served):
    run, _, call = served("dropout")
    given = images.to_model(np.stack(pictures((64, 64, 3), (64, 64, 3))))
    made = call("serving_default", {"images": given})["generated"]
    np.testing.assert_array_equal(made, call("serving_default", {"images": given})["generated"])
    np.testing.assert_allclose(made[1:], call("serving_default", {"images": given[1:]})["generated"], atol=1e-6, rtol=0)
    assert np.abs(made - np.asarray(run.generator(given, training=False))).max() > 0.01


def test_both_directions_have_their_signatures(served):
    run, path, call = served("both")
    assert list(json.loads((path / "model_card.json").read_text())["signatures"]) == [
        "serving_default",
        "translate",
        "serving_ba",
        "translate_ba",
    ]
    there, back = np.ones([1, 16, 16, 1], np.float32) / 3, np.ones([1, 16, 16, 3], np.float32) / 3
    for name, given, direction in (("serving_default", there, "ab"), ("serving_ba", back, "ba")):
        np.testing.assert_allclose(call(name, {"images": given})["generated"], run.translate(given, direction), atol=1e-5)
    (picture,) = pictures((20, 31, 3))
    made = decoded(call("translate_ba", {"image_bytes": np.array([images.encode_png(picture)], object)})["images_bytes"])
    assert made[0].shape == (20, 31, 1) and max(differences(made, [Translator.of(run, "ba")(picture)])) <= 1


def test_restore_fills_holes_and_keeps_the_rest(served):
    run, _, call = served("holes")
    given = pictures((33, 47, 3), (20, 18, 3))
    masks = [np.zeros(picture.shape[:2] + (1,), np.uint8) for picture in given]
    masks[0][5:20, 7:30], masks[1][:9] = 255, 128
    files = {"image_bytes": given, "mask_bytes": masks}
    files = {name: np.array([images.encode_png(picture) for picture in values], object) for name, values in files.items()}
    made = decoded(call("restore", files)["images_bytes"])
    expected = [Translator.of(run)(picture, mask) for picture, mask in zip(given, masks)]
    assert max(differences(made, expected)) <= 1
    for one, picture, mask in zip(made, given, masks):
        np.testing.assert_array_equal(one[mask[..., 0] == 0], picture[mask[..., 0] == 0])
        assert np.abs(one.astype(int) - picture)[mask[..., 0] > 0].mean() > 5
    files["mask_bytes"][1] = files["mask_bytes"][0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="a mask must have the size of its picture"):
        call("restore", files)


@pytest.mark.parametrize("scale, pixels", [(1, 1920 * 1080), (2, 2**19), (4, 640 * 480)])
def test_a_photograph_of_vga_is_enlarged(scale, pixels):
    run = types.SimpleNamespace(generator=types.SimpleNamespace(scale=scale))
    assert pixels <= translators.most_pixels(run) < 1.02 * pixels


@pytest.mark.parametrize(
    "name, signature, given, words",
    [
        ("both", "serving_default", np.zeros([1, 21, 40, 1], np.float32), "multiples of 4, not.*21 40"),
        ("dropout", "serving_default", np.zeros([1, 64, 40, 3], np.float32), "multiples of 64, not.*64 40"),
        ("both", "translate", [b"not a picture"], "not a PNG, JPEG, WebP, GIF or BMP file"),
        (
            "both",
            "translate",
            [images.encode_png(np.zeros([2, 1048577, 3], np.uint8))],
            "at most 2097152 pixels are taken, not",
        ),
        (
            "larger",
            "translate",
            [images.encode_png(np.zeros([1, 524289, 3], np.uint8))],
            "at most 524288 pixels are taken, not",
        ),
    ],
)
def test_bad_input_is_an_invalid_argument(served, name, signature, given, words):
    run, path, call = served(name)
    given = {"images" if signature == "serving_default" else "image_bytes": np.array(given, getattr(given, "dtype", object))}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        call(signature, given)


def test_card_says_what_goes_in_and_comes_out(served):
    for name in CASES:
        _, path, _ = served(name)
        card = json.loads((path / "model_card.json").read_text())
        loaded = tf.saved_model.load(path).signatures
        assert set(loaded) == set(card["signatures"])
        for signature, sides in card["signatures"].items():
            assert set(loaded[signature].structured_input_signature[1]) == set(sides["inputs"])
            assert set(loaded[signature].structured_outputs) == set(sides["outputs"])
    assert "float32 [n, 2 h, 2 w, 3]" in (served("larger")[1] / "README.md").read_text()


def test_c_api_answers_as_keras(served):
    assert through_c_api.assert_answers_as_keras(served, CASES) == 4 + 3 * 2


@pytest.mark.parametrize("name", CASES)
def test_phone_answers_as_keras_in_0_to_1(phones, name):
    run, path = phones(name)
    call = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
    network = run.generators["ab"]
    height, width, channels = run.record["data"]["input_shape"]
    (given,) = pictures((height, width, 3))
    given = given[None].astype(np.float32) / 255
    if channels == 1:
        given = given[..., :1]
    inputs = {"images": given}
    whole = 2 * given - 1
    if name == "holes":
        inputs["mask"] = np.zeros([1, height, width, 1], np.float32)
        inputs["mask"][:, 4:20, 9:21] = 1
        whole = np.concatenate([np.where(inputs["mask"], 0, whole), 2 * inputs["mask"] - 1], -1).astype(np.float32)
    expected = np.clip((np.asarray(network(whole, training=False)) + 1) / 2, 0, 1)
    made = call(**inputs)["images"]
    assert made.shape == expected.shape and expected.std() > 0.05
    assert peak_signal_noise_ratio(expected, made, data_range=1.0) > 90  # the floor is 60


@pytest.mark.parametrize("name", CASES)
def test_phone_has_builtin_operators_and_static_shapes(phones, name):
    interpreter = Interpreter(model_path=str(phones(name)[1]))
    interpreter.allocate_tensors()
    operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert "CONV_2D" in operators and not any("Flex" in name or name == "CUSTOM" for name in operators), operators
    for tensor in interpreter.get_input_details() + interpreter.get_output_details():
        assert (tensor["shape_signature"] > 0).all()


def test_phone_has_a_model_for_each_direction(phones):
    _, path = phones("both")
    assert path.name == "both_ab_float32.tflite"
    back = Interpreter(model_path=str(path.with_name("both_ba_float32.tflite"))).get_signature_runner("serving_default")
    assert back.get_input_details()["images"]["shape"].tolist() == [1, 32, 32, 3]
    assert back.get_output_details()["images"]["shape"].tolist() == [1, 32, 32, 1]


def test_resizable_phone_answers_at_any_size(served, tmp_path):
    for name, shape in (("both", (1, 24, 44, 1)), ("larger", (1, 13, 22, 3))):
        run, _, _ = served(name)
        model = tflite.export_variants(run, tmp_path, resizable=True)[0]
        assert model.name in ("both_resizable_ab_float32", "larger_resizable_float32")
        call = Interpreter(model_path=str(model.path)).get_signature_runner()
        given = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
        expected = np.clip((np.asarray(run.translate(2 * given - 1)) + 1) / 2, 0, 1)
        assert call(images=given)["images"].shape == expected.shape
        assert peak_signal_noise_ratio(expected, call(images=given)["images"], data_range=1.0) > 90


def test_mobile_gpu_takes_means_in_two_stages(served, tmp_path):
    model = tflite.export_variants(served("both")[0], tmp_path, mobile_gpu=True)[0]
    assert model.name == "both_gpu_ab_float32" and "TRANSPOSE_CONV" not in model.measured.operators
    assert set(model.measured.operators) - measuring.GPU_OPERATORS == {"MEAN", "RSQRT", "SQUARED_DIFFERENCE", "TANH"}
    interpreter = Interpreter(model_path=str(model.path))
    shapes = {tensor["index"]: tensor["shape"] for tensor in interpreter.get_tensor_details()}
    means = [operator for operator in interpreter._get_ops_details() if operator["op_name"] == "MEAN"]
    assert len(means) == 4 * 7  # mean and variance of 7 norms, each in two stages
    for mean in means:
        assert sum(shapes[mean["inputs"][0]] != shapes[mean["outputs"][0]]) <= 1  # one axis at a time


def test_phone_without_the_data_says_so(served, tmp_path):
    run = served("larger")[0]
    gone = Trained.open(run.directory)
    gone.record = gone.record | {"recipe": gone.recipe | {"data": "folder:/nowhere"}}
    with pytest.raises(UserError, match="TFLite models are measured on the data of .*, which are not there: .*/nowhere"):
        tflite.export(gone, tmp_path)


def test_phone_takes_the_size_that_was_asked_for(served, tmp_path):
    run, _, _ = served("larger")
    call = Interpreter(
        model_path=str(tflite.export_variants(run, tmp_path, height=24, width=40)[0].path)
    ).get_signature_runner()
    assert call.get_output_details()["images"]["shape"].tolist() == [1, 48, 80, 3]
    run, _, _ = served("both")
    with pytest.raises(UserError, match="--height=26 --width=32: the network takes sides .* multiples of 4"):
        tflite.export_variants(run, tmp_path, height=26)
