"""Exports of style-based generators: w, truncation and noise as SavedModel signatures and TFLite inputs."""

import json

import numpy as np
import pytest
import tensorflow as tf
import through_c_api
from ai_edge_litert.interpreter import Interpreter

from keras_gans.data.images import to_uint8
from keras_gans.exporting import measuring, parity, tflite
from keras_gans.serving.client import Client
from keras_gans.serving.signatures import Signature
from keras_gans.using.latents import Painter, noise_images, noise_layers

LABEL = tf.constant([2, 0, 1, 1, 0])


@pytest.fixture
def styled(served):
    """(`Trained`, version folder, `call` as TF Serving calls)"""
    return served("styled")


def latents(run, count=5):
    return np.asarray(run.draw_latent(count, 9))


def test_signatures_are_named_and_described(styled):
    run, path, _ = styled
    card = json.loads((path / "model_card.json").read_text())["signatures"]
    assert {name: list(sides["inputs"]) for name, sides in card.items()} == {
        "serving_default": ["latent", "label"],
        "sample": ["seed", "count", "label", "psi"],
        "sample_png": ["seed", "count", "label", "psi"],
        "map": ["latent", "label", "psi"],
        "synthesize": ["w", "noise", "seed"],
    }
    assert card["synthesize"]["inputs"]["w"] == "float32 [n, 4, 10], from map"


@pytest.mark.parametrize("psi", [-1.0, 0.0, 0.5, 1.0])
def test_samples_and_w_are_truncated(styled, psi):
    run, _, call = styled
    drawn = call("sample", {"seed": np.int64(4), "count": np.int32(5), "label": LABEL.numpy(), "psi": np.float32(psi)})[
        "images"
    ]
    expected = Painter(run, psi).of_latents(run.draw_latent(5, 4), LABEL.numpy())
    np.testing.assert_allclose(drawn.astype(int), expected, atol=1)
    assert (np.ptp(expected, axis=0).mean() > 20) == (psi != 0)
    w = call("map", {"latent": latents(run), "label": LABEL.numpy(), "psi": np.float32(psi)})["w"]
    np.testing.assert_allclose(w, run.generator.styles(tf.constant(latents(run)), LABEL, truncation=psi), atol=1e-5)


def test_synthesis_takes_every_w_and_mode_of_noise(styled):
    run, _, call = styled
    w = np.random.default_rng(0).normal(size=(3, 4, 10)).astype(np.float32)  # another one for each layer
    made = {}
    for mode, seed in [("constant", 0), ("none", 0), ("random", 1), ("random", 2**40)]:
        images = call("synthesize", {"w": w, "noise": np.array(mode.encode(), object), "seed": np.int64(seed)})["images"]
        expected = run.generator.synthesize(tf.constant(w), mode, seed)
        np.testing.assert_allclose(images, np.clip(expected, -1, 1), atol=1e-5)
        made[mode, seed] = images
    for one in made:
        for other in made:
            assert one == other or np.abs(made[one] - made[other]).mean() > 0.02, (one, other)


def test_c_api_answers_as_keras(served):
    assert through_c_api.assert_answers_as_keras(served, ["styled"]) == 5


def test_client_sends_no_truncation_unless_asked():
    seen = []

    class Answering(Client):
        def __init__(self):
            pass

        def signatures(self):
            return {
                "sample_png": Signature({"seed": None, "count": None, "psi": None}, {}),
                "old": Signature({"seed": None}, {}),
            }

        def predict(self, inputs, signature):
            seen.append(inputs)
            return {"images_bytes": []}

    client = Answering()
    client.sample(2, 5)
    client.sample(2, 5, psi=0.5)
    client.sample(2, 5, signature="old")
    assert seen == [{"seed": 5, "count": 2, "psi": 1.0}, {"seed": 5, "count": 2, "psi": 0.5}, {"seed": 5, "count": 2}]


@pytest.mark.parametrize(
    "signature, inputs, message",
    [
        ("map", {"psi": np.float32(2.5)}, "psi must be from -2 to 2, not"),
        ("sample", {"psi": np.float32(np.nan)}, "psi must be from -2 to 2, not"),
        ("synthesize", {"noise": np.array(b"loud", object)}, "noise must be constant, none or random, not"),
    ],
)
def test_what_is_out_of_range_is_an_invalid_argument(styled, signature, inputs, message):
    run, _, call = styled
    given = {
        "map": {"latent": latents(run), "label": LABEL.numpy()},
        "sample": {"seed": np.int64(0), "count": np.int32(2), "label": np.array([0], np.int32)},
        "synthesize": {"w": np.zeros((1, 4, 10), np.float32), "seed": np.int64(0)},
    }[signature]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call(signature, given | inputs)


@pytest.fixture(scope="module")
def phones(served, tmp_path_factory):
    """File name without ending -> the interpreter's `call`; timing is not the point here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_SECONDS", 0.0)
        models = tflite.export_variants(served("styled")[0], tmp_path_factory.mktemp("phone"))
    return {model.name: Interpreter(model_path=str(model.path)).get_signature_runner() for model in models}


def test_phone_has_constant_noise_or_takes_it_as_inputs(served, phones):
    run = served("styled")[0]
    assert list(phones) == ["styled_float32", "styled_noise_float32"]
    latent, label = latents(run), LABEL.numpy()
    layers = noise_layers(run.generator)
    random = np.random.default_rng(1)
    given = {layer.name: random.normal(size=(5, *layer.constant.shape)).astype(np.float32) for layer in layers}
    assert set(phones["styled_noise_float32"].get_input_details()) == {"latent", "label", *given}
    own, drawn, none = [], [], []
    for row in range(5):
        inputs = {"latent": latent[row : row + 1], "label": label[row : row + 1]}
        noise = {name: images[row : row + 1] for name, images in given.items()}
        own.append(phones["styled_float32"](**inputs)["images"])
        drawn.append(phones["styled_noise_float32"](**inputs, **noise)["images"])
        none.append(
            phones["styled_noise_float32"](**inputs, **{name: 0 * images for name, images in noise.items()})["images"]
        )
    styles = run.generator.styles(tf.constant(latent), LABEL)
    expected = {"constant": run.generator.synthesize(styles), "none": run.generator.synthesize(styles, "none")}
    rows = []
    for row in range(5):
        with noise_images(layers, [images[row] for images in given.values()]):
            rows.append(run.generator.synthesize(styles[row : row + 1]))
    expected["drawn"] = np.concatenate(rows)
    for name, made in {"constant": own, "none": none, "drawn": drawn}.items():
        images = np.concatenate(made)
        assert 70 < parity.psnr(images, (np.clip(expected[name], -1, 1) + 1) / 2) < 200, name
        assert images.min() >= 0 and images.max() <= 1
    assert np.abs(np.concatenate(drawn) - np.concatenate(none)).mean() > 0.01
    assert to_uint8(np.asarray(expected["constant"])).std() > 30
