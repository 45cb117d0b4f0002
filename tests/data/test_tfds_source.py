import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_gans import data
from keras_gans.data import decoding
from keras_gans.data.source import FileSource
from keras_gans.errors import UserError

FASHION = pathlib.Path(__file__).parents[3] / "shared" / "data" / "fashion-mnist"


def pixels(split, count):
    return np.random.default_rng(len(split)).integers(0, 256, [count, 8, 8, 3], np.uint8)


class TinySquares(tfds.core.GeneratorBasedBuilder):
    """20 images to train on, 7 to test on."""

    VERSION = tfds.core.Version("1.0.0")
    COUNTS = {"train": 20, "test": 7}

    def _info(self):
        features = {"image": tfds.features.Image(shape=(8, 8, 3)), "label": tfds.features.ClassLabel(names=["up", "down"])}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, count) for split, count in self.COUNTS.items()}

    def _generate_examples(self, split, count):
        for number, image in enumerate(pixels(split, count)):
            yield number, {"image": image, "label": number % 2}


class TinyTrainOnly(TinySquares):
    """Only images to train on."""

    VERSION = tfds.core.Version("1.0.0")
    COUNTS = {"train": 20}


class TinyWords(tfds.core.GeneratorBasedBuilder):
    """No images."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"text": tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {"train": iter([(0, {"text": "a"})])}

    def _generate_examples(self):
        raise NotImplementedError


class TinyPairs(tfds.core.GeneratorBasedBuilder):
    """Three images to each example."""

    VERSION = tfds.core.Version("1.0.0")
    IMAGES = {"map": (8, 8, 1), "photo": (8, 8, 3), "other": (8, 8, 3)}

    def _info(self):
        features = {name: tfds.features.Image(shape=shape) for name, shape in self.IMAGES.items()}
        features["label"] = tfds.features.ClassLabel(names=["up", "down"])
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features), disable_shuffling=True)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(20):
            yield number, {name: picture(name, number) for name in self.IMAGES} | {"label": 0}


class TinyTwoImages(TinyPairs):
    """Two images to each example."""

    VERSION = tfds.core.Version("1.0.0")
    IMAGES = {"map": (8, 8, 1), "photo": (8, 8, 3)}


def picture(name, number):
    return np.random.default_rng([len(name), number]).integers(0, 256, TinyPairs.IMAGES[name], np.uint8)


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


def arrays(source):
    images, labels = zip(*source.in_order().batch(1000).as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_train_and_test_splits():
    train = data.open_source("tfds:tiny_squares", image_size=8)
    images, labels = arrays(train)
    np.testing.assert_array_equal(images, pixels("train", 20))
    np.testing.assert_array_equal(labels, np.arange(20) % 2)
    assert (train.class_names, train.name, train.image_shape) == (("up", "down"), "tiny_squares", (8, 8, 3))
    holdout = data.open_source("tfds:tiny_squares", image_size=8, split="holdout")
    np.testing.assert_array_equal(arrays(holdout)[0], pixels("test", 7))
    assert data.open_source("tfds:tiny_squares", image_size=8, split="all").count == 27


def test_chosen_and_only_splits_hold_out_every_tenth():
    for spec in ("tfds:tiny_squares@train", "tfds:tiny_train_only"):
        holdout = data.open_source(spec, image_size=8, split="holdout", holdout="every:10")
        np.testing.assert_array_equal(arrays(holdout)[0], pixels("train", 20)[[9, 19]])
        train = data.open_source(spec, image_size=8, holdout="every:10")
        np.testing.assert_array_equal(arrays(train)[0], np.delete(pixels("train", 20), [9, 19], axis=0))
    part = data.open_source("tfds:tiny_squares@train[5:8]", image_size=8, split="all")
    np.testing.assert_array_equal(arrays(part)[0], pixels("train", 20)[5:8])


def test_what_does_not_fit_in_memory_is_the_same(monkeypatch, data_dir):
    monkeypatch.setenv("XDG_CACHE_HOME", str(data_dir / "cache"))
    monkeypatch.setattr(decoding, "MEMORY", 100)
    source = data.open_source("tfds:tiny_squares", image_size=8)
    assert isinstance(source, FileSource)
    np.testing.assert_array_equal(arrays(source)[0], pixels("train", 20))


def test_the_same_examples_as_tfds_load():
    source = data.open_source("tfds:tiny_squares@test", image_size=8, split="all")
    wanted = [(e["image"].numpy(), e["label"].numpy()) for e in tfds.load("tiny_squares", split="test")]
    images, labels = arrays(source)
    np.testing.assert_array_equal(images, [image for image, _ in wanted])
    np.testing.assert_array_equal(labels, [label for _, label in wanted])


@pytest.mark.parametrize(
    "spec, message",
    [
        ("tfds:fashion_mnits", "tfds:fashion_mnits: TFDS knows no data set 'fashion_mnits'; did you mean 'fashion_mnist'?"),
        ("tfds:tiny_squares@tset", "no split 'tset'; known: train, test.*did you mean 'test'?"),
        ("tfds:tiny_squares/big", "tfds:tiny_squares/big: .*big"),
        ("tfds:tiny_words", "tfds:tiny_words has no image feature, only text"),
    ],
)
def test_mistakes_end_in_one_line(spec, message):
    with pytest.raises(UserError, match=message) as error:
        data.open_source(spec, image_size=8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "spec, names",
    [
        ("paired:tfds:tiny_two_images", ("map", "photo")),
        ("paired:tfds:tiny_pairs#other,map", ("other", "map")),
        ("paired:tfds:tiny_pairs@train#photo,other", ("photo", "other")),
    ],
)
def test_pairs_of_two_features(spec, names):
    for split, numbers in (("train", np.delete(np.arange(20), [9, 19])), ("holdout", [9, 19])):
        source = data.open_source(spec, image_size=8, split=split, holdout="every:10")
        sides = zip(*source.in_order().as_numpy_iterator(), strict=True)
        for found, name in zip(sides, names, strict=True):
            np.testing.assert_array_equal(np.stack(found), [picture(name, number) for number in numbers])
        assert source.input_shape == TinyPairs.IMAGES[names[0]] and source.image_shape == TinyPairs.IMAGES[names[1]]
        assert (source.kind, source.class_names, source.spec) == ("paired", (), spec)


def test_fingerprints_name_the_features():
    specs = ["paired:tfds:tiny_pairs#map,photo", "paired:tfds:tiny_pairs#photo,map", "tfds:tiny_pairs"]
    assert len({data.open_collection(spec).fingerprint for spec in specs}) == 3


@pytest.mark.parametrize(
    "spec, message",
    [
        (
            "paired:tfds:tiny_pairs",
            "the image features are map, photo, other; choose two, as in paired:tfds:tiny_pairs#map,other",
        ),
        ("paired:tfds:tiny_pairs#map,foto", "choose two, as in .*; did you mean 'photo'?"),
        ("paired:tfds:tiny_squares", "has only one image feature, image; pairs take a data set with two"),
        ("paired:tfds:tiny_words", "has no image feature, only text"),
    ],
)
def test_features_that_are_no_pair(spec, message):
    with pytest.raises(UserError, match=message) as error:
        data.open_source(spec, image_size=8)
    assert "\n" not in str(error.value)


def test_corrupt_file(data_dir):
    data.open_source("tfds:tiny_squares", image_size=8)
    (path,) = data_dir.rglob("*test.tfrecord*")
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path}, record 1: corrupt record") as error:
        data.open_source("tfds:tiny_squares", image_size=8, split="holdout")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs the original Fashion-MNIST files in ../shared/data")
def test_real_fashion_mnist_prepared_without_a_network(data_dir):
    config = tfds.download.DownloadConfig(manual_dir=FASHION, max_examples_per_split=300)
    wanted = tfds.load(
        "fashion_mnist",
        split="train",
        data_dir=data_dir,
        batch_size=-1,
        download_and_prepare_kwargs={"download_config": config},
    )
    source = data.open_source("tfds:fashion_mnist")
    images, labels = arrays(source)
    np.testing.assert_array_equal(images, np.pad(wanted["image"], [(0, 0), (2, 2), (2, 2), (0, 0)]))
    np.testing.assert_array_equal(labels, wanted["label"])
    assert source.num_classes == 10 and source.image_shape == (32, 32, 1)
    assert data.open_source("tfds:fashion_mnist", split="holdout").count == 300
