import gzip
import hashlib
import json
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

import keras_gans.data
from keras_gans.errors import UserError
from keras_gans.features.base import FeatureExtractor
from keras_gans.features.fashion import WEIGHTS
from keras_gans.registry import EXTRACTORS


class Means(FeatureExtractor):
    """Channel means, to watch the batching."""

    name, dims = "means", 3

    def network(self, images):
        self.traces = getattr(self, "traces", 0) + 1
        return keras.ops.mean(keras.ops.cast(images, "float32"), [1, 2]), None


@pytest.fixture(scope="module")
def fashion():
    return EXTRACTORS.create("fashion:batch_size=16")


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("count", [0, 1, 8, 19])
def test_any_count_and_size_gives_the_rows_in_order(count):
    images = noise(count, 5, 7, 3)
    features = Means(batch_size=8)(images)
    assert features.shape == (count, 3) and features.dtype == np.float32
    np.testing.assert_allclose(features, images.mean((1, 2)), atol=1e-4)


def test_last_batch_and_other_sizes_do_not_retrace():
    means = Means(batch_size=8)
    for shape in [(8, 4, 4, 3), (11, 4, 4, 3), (3, 9, 5, 1)]:
        means(noise(*shape))
    assert means.traces == 1


@pytest.mark.parametrize(
    "images", [np.zeros([2, 4, 4, 3], np.float32), np.zeros([2, 4, 4, 4], np.uint8), np.zeros([4, 4, 3], np.uint8)]
)
def test_what_is_no_batch_of_uint8_images_is_refused(images):
    with pytest.raises(UserError, match="uint8 images of shape"):
        Means()(images)


def test_probabilities_without_a_classifier_are_refused():
    with pytest.raises(UserError, match="means has no classes"):
        Means().probabilities(noise(1, 4, 4, 3))


def test_protocol_is_json_and_names_the_weights(fashion):
    protocol = json.loads(json.dumps(fashion.protocol()))
    assert protocol["extractor"] == "fashion" and protocol["dims"] == 128
    assert protocol["weights_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


def test_fashion_probabilities_sum_to_one(fashion):
    features, probabilities = fashion.extract(noise(5, 32, 32, 1))
    assert features.shape == (5, 128) and probabilities.shape == (5, 10) and fashion.classes == 10
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(fashion.probabilities(noise(5, 32, 32, 1)), probabilities, atol=1e-6)


def test_fashion_sees_luma_padding_and_resized_pictures(fashion):
    colour = noise(4, 32, 32, 3)
    luma = np.stack([Image.fromarray(image).convert("L") for image in colour])[..., None]
    np.testing.assert_allclose(fashion(colour), fashion(luma), atol=0.05)  # Pillow rounds luma to 8 bits
    small = noise(4, 28, 28, 1)
    np.testing.assert_array_equal(fashion(small), fashion(np.pad(small, [(0, 0), (2, 2), (2, 2), (0, 0)])))
    large = noise(4, 64, 48, 1)
    resized = np.stack([Image.fromarray(image[..., 0]).resize((32, 32), Image.BICUBIC) for image in large])[..., None]
    np.testing.assert_allclose(fashion(large), fashion(resized), atol=0.05)


def test_fashion_recognises_the_embedded_test_images(fashion):
    folder = pathlib.Path(keras_gans.data.__file__).parent / "embedded"
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)[:1000]
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:1000]
    accuracy = np.mean(fashion.probabilities(images).argmax(1) == labels)
    stated = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))["test_accuracy"]
    assert stated >= 0.915 and abs(accuracy - stated) < 0.03
