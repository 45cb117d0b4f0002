"""`kg.export`: whatever makes images goes out by one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gans as kg
from keras_gans.errors import UserError


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Ten grey pictures of 16x16 pixels."""
    folder = tmp_path_factory.mktemp("pictures")
    drawn = np.random.default_rng(0).integers(0, 256, [10, 16, 16], np.uint8)
    for number, picture in enumerate(drawn):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


def test_a_keras_model_that_translates(pictures, tmp_path):
    model = keras.Sequential([keras.Input([16, 16, 1]), keras.layers.Conv2D(1, 3, padding="same", activation="tanh")])
    path = kg.export.saved_model(model, tmp_path / "served")
    assert path == tmp_path / "served" / "1"
    images = np.random.default_rng(1).uniform(-1, 1, [2, 16, 16, 1]).astype(np.float32)
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    (name,) = served.structured_input_signature[1]
    (made,) = served(**{name: images}).values()
    np.testing.assert_allclose(made, np.asarray(model(images)), atol=1e-5)
    (phone,) = kg.export.tflite(model, tmp_path / "phone", name="mine", data=f"folder:{pictures}")
    assert phone == tmp_path / "phone" / "mine_float32.tflite" and phone.is_file()


def test_what_makes_no_images_is_refused(tmp_path):
    uncalled = type("Uncalled", (keras.Model,), {})()
    for given, said in ((3, "int cannot be exported"), (uncalled, "Uncalled cannot be exported: .* never been called")):
        with pytest.raises(UserError, match=said) as caught:
            kg.export.saved_model(given, tmp_path / "served")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "served").exists()
