import hashlib

import keras
import numpy as np
import pytest

from keras_gans.errors import UserError
from keras_gans.features.keras_model import KerasFeatures
from keras_gans.registry import EXTRACTORS


def images(count=3, size=(8, 6), channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, *size, channels), np.uint8)


def network(shape=(8, 6, 3)):
    x = inputs = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="top")(x), name="tiny")


def test_output_and_layer_of_a_model():
    model = network()
    pixels = images().astype(np.float32) / 127.5 - 1
    features = KerasFeatures(model, batch_size=2)
    np.testing.assert_allclose(features(images()), model(pixels), atol=1e-5)
    assert features.name == "keras_tiny" and features.dims == 5 and features.resize.startswith("8x6")
    maps = KerasFeatures(model, layer="conv", batch_size=2)
    np.testing.assert_allclose(maps(images()), np.mean(model.get_layer("conv")(pixels), (1, 2)), atol=1e-5)
    assert maps.name == "keras_tiny_conv" and maps.dims == 4


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_preprocessing_is_kerass(mode):
    model = network((None, None, 3))
    pixels = keras.applications.imagenet_utils.preprocess_input(images().astype(np.float32), mode=mode)
    extractor = KerasFeatures(model, preprocess=mode, batch_size=3)
    np.testing.assert_allclose(extractor(images()), model(pixels), rtol=1e-4, atol=1e-4)
    assert extractor.resize == "none" and extractor.protocol()["preprocess"] == mode


def test_plain_scales_and_own_preprocessing():
    model = network()
    pixels = images().astype(np.float32)
    for preprocess, scaled in [("unit", pixels / 255), ("none", pixels), (lambda x: x * 2, pixels * 2)]:
        extractor = KerasFeatures(model, preprocess=preprocess, batch_size=3)
        np.testing.assert_allclose(extractor(images()), model(scaled), rtol=1e-4, atol=1e-4)


def test_a_grey_model_sees_luma():
    model = network((8, 6, 1))
    expected = model((images() @ np.array([0.299, 0.587, 0.114]))[..., None].astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(KerasFeatures(model, batch_size=3)(images()), expected, atol=1e-5)


def test_a_saved_model_by_name(tmp_path):
    model = network()
    model.save(tmp_path / "tiny.keras")
    extractor = EXTRACTORS.create(f"keras:path={tmp_path / 'tiny.keras'},layer=conv,preprocess=unit")
    np.testing.assert_allclose(extractor(images()), KerasFeatures(model, "conv", "unit")(images()), atol=1e-6)
    protocol = extractor.protocol()
    assert protocol["weights"] == "tiny.keras"
    assert protocol["weights_sha256"] == hashlib.sha256((tmp_path / "tiny.keras").read_bytes()).hexdigest()


def test_the_hash_of_a_model_follows_its_weights():
    model = network()
    before = KerasFeatures(model).weights_sha256
    assert KerasFeatures(model).weights_sha256 == before
    model.get_layer("top").bias.assign(np.ones(5))
    assert KerasFeatures(model).weights_sha256 != before


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"layer": "convolution"}, "tiny has no layer 'convolution'.*it has input_layer"),
        ({"preprocess": "imagenet"}, "unknown preprocessing 'imagenet'; known: tf"),
    ],
)
def test_wrong_arguments_end_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message):
        KerasFeatures(network(), **arguments)


def test_models_of_something_else_are_refused(tmp_path):
    vector = keras.Input([3])
    with pytest.raises(UserError, match="takes one image"):
        KerasFeatures(keras.Model(vector, keras.layers.Dense(2)(vector)))
    image = keras.Input([8, 8, 3])
    with pytest.raises(UserError, match="several outputs"):
        KerasFeatures(keras.Model(image, [image, image * 2]))
    with pytest.raises(UserError, match="does not exist"):
        EXTRACTORS.create(f"keras:path={tmp_path / 'none.keras'}")
    (tmp_path / "bad.keras").write_text("hello")
    with pytest.raises(UserError, match="cannot be loaded as a Keras model"):
        EXTRACTORS.create(f"keras:path={tmp_path / 'bad.keras'}")
