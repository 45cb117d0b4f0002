"""Scores of whatever a notebook has: the same number for the same images in any form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gans as kg
from keras_gans.errors import UserError


class Pixels:
    """An extractor whose features are the first pixels."""

    name, dims, batch_size, classes = "pixels", 8, 64, None

    def extract(self, images):
        grey = images[..., :1].reshape(len(images), -1)
        return grey[:, :8].astype(np.float32) / 255, None

    def protocol(self):
        return {"extractor": "pixels", "weights_sha256": "00", "resize": "none"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GANS_CACHE", str(tmp_path / "cache"))


def images(count, seed):
    return np.random.default_rng(seed).integers(0, 256, [count, 8, 8, 1], np.uint8)


def folder(path, pictures):
    path.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture[..., 0]).save(path / f"{number:03d}.png")
    return path


def score(real, fake, **kwargs):
    (record,) = kg.metrics.evaluate(real, fake, metrics=["fd"], features=Pixels(), **kwargs)
    return record


def test_every_form_gives_one_number(tmp_path):
    real, fake = images(30, 0), images(20, 1) // 2
    wanted = score(real, fake)
    assert wanted["protocol"]["count_real"] == 30 and wanted["protocol"]["count_fake"] == 20
    as_float = (fake / 127.5 - 1).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((as_float, np.zeros(20, np.int32))).batch(7)
    reals, fakes = folder(tmp_path / "real", real), folder(tmp_path / "fake", fake)
    forms = [
        (real, as_float),
        (real, keras.ops.convert_to_tensor(as_float)),
        (tf.data.Dataset.from_tensor_slices(real).batch(4), dataset),
        (str(reals), fakes),
        (f"folder:{reals}", fake),
        (real, (fake[start : start + 5] for start in (0, 5, 10, 15))),
    ]
    for one, two in forms:
        np.testing.assert_allclose(score(one, two)["value"], wanted["value"], rtol=1e-5)
    other = score(fake, real)["value"]
    assert abs(other - wanted["value"]) < 1e-9 and wanted["value"] > 0.1  # a distance between two sets


def test_count_takes_a_part_of_both_sides():
    record = score(images(30, 0), images(20, 1), count=10)
    assert (record["protocol"]["count_real"], record["protocol"]["count_fake"]) == (10, 10)


@pytest.mark.parametrize(
    "real, said",
    [
        (np.zeros([4, 8, 8], np.uint8), r"\[count, height, width, channels\], not of shape \[4, 8, 8\]"),
        (np.full([4, 8, 8, 1], 255.0), r"should be in \[-1, 1\], and these go from 255 to 255"),
        (np.zeros([4, 8, 8, 1], np.int64), "should be uint8, or float"),
        (3, "not int"),
        (tf.data.Dataset.from_tensors(np.zeros([4, 8, 8, 1], np.uint8)).repeat(), "has no end"),
        ("folder:nowhere", "nowhere"),
    ],
)
def test_what_holds_no_images_is_refused(real, said):
    with pytest.raises(UserError, match=said):
        score(real, images(4, 0))
