"""Exported style transfer against Keras: vectors of styles, pictures in a style, the pair of models for phones."""

import json

import numpy as np
import pytest
import tensorflow as tf
import through_c_api
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps
from skimage.metrics import peak_signal_noise_ratio
from translation_runs import make_run, pictures

from keras_gans.data import images, paintings
from keras_gans.errors import UserError
from keras_gans.exporting import families, picture_files, stylizers, tflite
from keras_gans.trained.trained import Trained
from keras_gans.using import Translator
from keras_gans.using.stylizer import Stylizer

SIZES = ((33, 47), (3, 2), (16, 90))


@pytest.fixture(scope="module")
def pair(served, tmp_path_factory):
    """The models of a run of any style, for pictures of 40 x 32: {name less "any_style_": path}."""
    models = tflite.export_variants(
        served("any")[0],
        tmp_path_factory.mktemp("pair"),
        variants=("float32", "float16"),
        keep=("float16",),
        height=40,
        width=32,
    )
    return {model.name.removeprefix("any_style_"): model.path for model in models}


def files(*given):
    return np.array([images.encode_png(picture) for picture in given], object)


def decoded(made):
    return [tf.io.decode_png(file).numpy() for file in made]


def drawn(run, content, chosen, alpha=1.0, weights=None):
    network = run.generator
    translator = Translator(network.transfer_network())
    return Stylizer(translator, network, chosen, weights=weights, alpha=alpha, style_size=256)(content)


@pytest.mark.parametrize(
    "name, signatures",
    [
        (
            "any",
            {
                "serving_default": {"images", "style"},
                "encode_style": {"style_bytes"},
                "stylize": {"content_bytes", "style_bytes", "alpha"},
            },
        ),
        ("numbered", {"serving_default": {"images", "weights"}, "stylize": {"content_bytes", "weights", "alpha"}}),
    ],
)
def test_signatures_are_those_of_the_card(served, name, signatures):
    _, path, _ = served(name)
    card = json.loads((path / "model_card.json").read_text())
    assert {name: set(sides["inputs"]) for name, sides in card["signatures"].items()} == signatures
    assert card["differences_from_keras"]["serving_default, v1 Session"] <= 1e-5


def test_tensors_of_any_size_answer_as_keras(served):
    random = np.random.default_rng(0)
    given = random.uniform(-1, 1, (3, 20, 44, 3)).astype(np.float32)
    for name, chosen in (
        ("any", {"style": random.normal(0, 3, (3, 6))}),
        ("numbered", {"weights": random.uniform(0, 1, (3, 3))}),
    ):
        run, _, call = served(name)
        (style,) = chosen.values()
        expected = np.asarray(run.generator.transfer_network()([given, style], training=False))
        made = call("serving_default", {"images": given} | chosen)["generated"]
        assert expected.std() > 0.1 and np.abs(expected[0] - expected[1]).max() > 0.5
        np.testing.assert_allclose(made, expected, atol=1e-5, rtol=0)


def test_a_style_is_a_vector_that_blends(served):
    run, _, call = served("any")
    given = pictures((256, 300, 3), (270, 256, 3))
    vectors = call("encode_style", {"style_bytes": files(*given)})["style"]
    expected = [run.generator.style(images.to_model(picture[None]))[0] for picture in given]
    np.testing.assert_allclose(vectors, expected, atol=1e-4, rtol=0)
    (content,) = pictures((40, 32, 3), seed=9)
    blend = call("serving_default", {"images": images.to_model(content[None]), "style": vectors.mean(0)[None]})["generated"]
    assert np.abs(images.to_uint8(blend[0]).astype(int) - drawn(run, content, given)).max() <= 1


def test_files_in_any_style_answer_as_the_verb(served):
    run, _, call = served("any")
    contents, painted = pictures(*((*size, 3) for size in SIZES)), pictures((256, 280, 3), (300, 256, 3))
    alpha = [1.0, 0.25, 0.0]
    made = decoded(
        call("stylize", {"content_bytes": files(*contents), "style_bytes": files(*painted), "alpha": alpha})["images_bytes"]
    )
    for number, (content, one) in enumerate(zip(contents, made)):
        expected = drawn(run, content, [painted[number % 2]], alpha[number])
        # The smallest is its own style, brought to 256 pixels by another library.
        assert one.shape == content.shape and np.abs(one.astype(int) - expected).max() <= (3 if number == 1 else 1)
    assert made[0].std() > 10


def test_files_in_numbered_styles_answer_as_the_verb(served):
    run, _, call = served("numbered")
    contents = pictures(*((*size, 3) for size in SIZES))
    given = {
        "content_bytes": files(*contents),
        "weights": np.array([[1, 0, 3]], np.float32),
        "alpha": np.array([0.5], np.float32),
    }
    for content, one in zip(contents, decoded(call("stylize", given)["images_bytes"]), strict=True):
        expected = drawn(run, content, [0, 2], 0.5, weights=[1, 3])
        assert one.shape == content.shape and np.abs(one.astype(int) - expected).max() <= 1


def test_adain_answers_as_keras(served, tmp_path):
    """Its signatures are those of any style; the export itself is that of the others."""
    run = Trained.open(make_run(tmp_path, "adain"))
    signatures = {endpoint.name: endpoint for endpoint in families.of(run).endpoints(run)}
    assert list(signatures) == ["serving_default", "encode_style", "stylize"]
    content, style = pictures((32, 40, 3), (256, 256, 3))
    vectors = signatures["encode_style"].function(tf.constant(files(style)))["style"]
    assert vectors.shape == (1, 16)
    given = tf.constant(files(content)), tf.constant(files(style)), tf.constant([0.5])
    (made,) = decoded(signatures["stylize"].function(*given)["images_bytes"].numpy())
    assert np.abs(made.astype(int) - drawn(run, content, [style], 0.5)).max() <= 1


@pytest.mark.parametrize("sides", [(1, 1), (5, 90), (300, 200), (7, 400), (256, 256), (600, 500)])
def test_styles_are_brought_to_size_as_pillow_does(sides):
    (picture,) = pictures((*sides, 3))
    expected = paintings.fit_style(picture, 64)
    made = picture_files.fitted(tf.constant(picture), 64).numpy()
    assert made.shape == expected.shape and np.abs(made.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "name, changes, words",
    [
        ("any", {"alpha": [1.5]}, "alpha must be from 0 to 1, not"),
        ("any", {"alpha": [np.nan]}, "alpha must be from 0 to 1"),
        ("any", {"alpha": []}, "at least one style and one alpha"),
        ("any", {"style_bytes": []}, "at least one style"),
        ("any", {"style_bytes": [b"PK\x03\x04"]}, "not a PNG"),
        ("any", {"content_bytes": [b""]}, "not a PNG"),
        ("numbered", {"weights": [[0, 0, 0]]}, "weights must be 0 or more"),
        ("numbered", {"weights": [[2, -1, 0]]}, "weights must be 0 or more"),
    ],
)
def test_what_does_not_fit_is_an_invalid_argument(served, name, changes, words):
    _, _, call = served(name)
    (picture,) = pictures((16, 16, 3))
    given = {"content_bytes": files(picture), "alpha": np.ones(1)}
    given |= {"style_bytes": files(picture)} if name == "any" else {"weights": np.ones([1, 3])}
    given |= {key: np.array(value, object if key.endswith("_bytes") else np.float32) for key, value in changes.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        call("stylize", given)


@pytest.mark.parametrize("shape", [(1, 18, 20, 3), (1, 4, 4, 3)])
def test_sides_that_the_network_does_not_take(served, shape):
    with pytest.raises(tf.errors.InvalidArgumentError, match="height and width must be multiples of 4, at least 8, not"):
        served("any")[2]("serving_default", {"images": np.zeros(shape), "style": np.zeros([1, 6])})


def test_a_style_for_each_image(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="a row for each image is wanted"):
        served("any")[2]("serving_default", {"images": np.zeros([1, 8, 8, 3]), "style": np.zeros([2, 6])})


def test_c_api_answers_as_keras(served):
    assert through_c_api.assert_answers_as_keras(served, ["any", "numbered"]) == 3 + 2


def test_the_pair_is_computed_once_and_applied(served, pair):
    network = served("any")[0].generator
    assert set(pair) == {f"{part}_{variant}" for part in ("predict", "transfer") for variant in ("float32", "float16")}
    painting, content = pictures((256, 256, 3), (40, 32, 3))
    for variant, floor in (("float32", 80), ("float16", 45)):
        predict, transfer = (
            Interpreter(model_path=str(pair[f"{part}_{variant}"])).get_signature_runner("serving_default")
            for part in ("predict", "transfer")
        )
        assert predict.get_input_details()["images"]["shape_signature"].tolist() == [1, 256, 256, 3]
        assert transfer.get_input_details()["style"]["shape_signature"].tolist() == [1, 1, 1, 6]
        style = predict(images=painting[None].astype(np.float32) / 255)["style"]
        made = transfer(images=content[None].astype(np.float32) / 255, style=style)["images"]
        expected = (network([images.to_model(content[None]), images.to_model(painting[None])], training=False) + 1) / 2
        assert made.shape == (1, 40, 32, 3) and np.std(expected) > 0.05
        assert floor < peak_signal_noise_ratio(np.asarray(expected), made, data_range=1.0) < 150
    assert pair["predict_float16"].stat().st_size < 0.65 * pair["predict_float32"].stat().st_size


def test_adain_on_a_small_encoder_is_a_pair_too(tmp_path):
    run = Trained.open(make_run(tmp_path, "quick"))
    last = run.generator.decoder.layers[-1].kernel
    last.assign(10 * last)  # random weights draw next to nothing
    models = {model.name: model.path for model in tflite.export_variants(run, tmp_path, height=40, width=32)}
    predict, transfer = (
        Interpreter(model_path=str(models[f"quick_style_{part}_float32"])).get_signature_runner()
        for part in ("predict", "transfer")
    )
    painting, content = pictures((256, 256, 3), (40, 32, 3))
    style = predict(images=painting[None].astype(np.float32) / 255)["style"]
    made = transfer(images=content[None].astype(np.float32) / 255, style=style)["images"]
    expected = (run.generator([images.to_model(content[None]), images.to_model(painting[None])], training=False) + 1) / 2
    assert np.std(expected) > 0.05 and 80 < peak_signal_noise_ratio(np.clip(expected, 0, 1), made, data_range=1.0) < 200
    test_the_pair_has_fast_operators_of_static_shape(models)


def test_the_pair_has_fast_operators_of_static_shape(pair):
    for path in pair.values():
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        operators = {operator["op_name"] for operator in interpreter._get_ops_details()}
        assert "CONV_2D" in operators and not operators & {"MIRROR_PAD", "TILE", "CUSTOM"}, operators
        assert not any("Flex" in name for name in operators)
        assert all((tensor["shape_signature"] > 0).all() for tensor in interpreter.get_input_details())


@pytest.mark.parametrize("name", ["any", "numbered"])
def test_pictures_that_are_named_are_measured_on(served, tmp_path, name):
    """Of a run that was imported; one folder gives contents and styles."""
    imported = Trained.open(served(name)[0].directory)
    imported.record = {key: value for key, value in imported.record.items() if key != "recipe"} | {"imported": {}}
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(pictures(*[(40, 48, 3)] * 3)):
        (tmp_path / f"photos/{number}.png").write_bytes(images.encode_png(picture))
    phones = stylizers.phone(imported, 32, 32)
    with pytest.raises(UserError, match="has no data of its own; name some"):
        [endpoint.examples() for endpoint in phones.values()]
    imported.pictures = f"folder:{tmp_path / 'photos'}"
    given, _ = phones["" if name == "numbered" else "_style_transfer"].examples()
    expected = images.upright(images.encode_png(pictures((40, 48, 3))[0]), 3)
    expected = np.asarray(ImageOps.fit(expected, (32, 32), Image.Resampling.LANCZOS)) / 255
    assert np.abs(given["images"] - expected).max((1, 2, 3)).min() < 1e-6


def test_a_filter_of_numbered_styles_and_any_size(served, tmp_path):
    run = served("numbered")[0]
    (model,) = tflite.export_variants(run, tmp_path, resizable=True, height=32, width=32)
    assert model.name == "numbered_resizable_float32"
    call = Interpreter(model_path=str(model.path)).get_signature_runner()
    given = np.random.default_rng(0).uniform(0, 1, (1, 24, 44, 3)).astype(np.float32)
    weights = np.array([[0.5, 0, 0.5]], np.float32)
    expected = (np.asarray(run.generator([2 * given - 1, weights], training=False)) + 1) / 2
    assert peak_signal_noise_ratio(expected, call(images=given, weights=weights)["images"], data_range=1.0) > 80
    with pytest.raises(UserError, match="--height=30 --width=384: the network takes sides .* multiples of 4"):
        tflite.export_variants(run, tmp_path, height=30)
