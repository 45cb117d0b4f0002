"""The pass over both sides: protocol, cache, subsets, mistakes."""

import json

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.metrics import Evaluator, evaluate, statistics


class Pixels:
    """An extractor whose features are four pixels; it counts its images."""

    name, dims, classes, batch_size = "pixels", 4, 2, 64

    def __init__(self):
        self.seen = 0

    def extract(self, images):
        self.seen += len(images)
        features = images.reshape(len(images), -1)[:, :4].astype(np.float32) / 255
        share = features[:, :1]
        return features, np.concatenate([share, 1 - share], axis=1)

    def protocol(self):
        return {"extractor": self.name, "weights_sha256": "00", "resize": "none"}


class Noise:
    """A source of random images, sorted by brightness."""

    def __init__(self, count=300, fingerprint="abc"):
        rng = np.random.default_rng(0)
        self.images = np.sort(rng.integers(0, 256, [count, 32, 32, 1], np.uint8), axis=0)
        self.count, self.fingerprint, self.spec, self.image_shape = count, fingerprint, "test:noise", (32, 32, 1)

    def in_order(self):
        return tf.data.Dataset.from_tensor_slices((self.images, np.zeros(self.count, np.int32)))

    def stream(self, seed, start=0):
        return self.in_order().shuffle(self.count, seed=seed, reshuffle_each_iteration=False).repeat()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GANS_CACHE", str(tmp_path))
    return tmp_path / "stats"


def batches(images, size=50):
    return (images[start : start + size] for start in range(0, len(images), size))


def fakes(count=300, size=32):
    return np.random.default_rng(1).integers(0, 200, [count, size, size, 1], np.uint8)


ALL = ("fid", "kid:subsets=10", "precision_recall", "density_coverage", "inception_score", "sliced_wasserstein")


def test_all_scores_in_one_pass_with_their_own_names_and_protocol():
    extractor = Pixels()
    records = evaluate(Noise(), batches(fakes()), ALL, extractor, count=200, seed=7)
    assert [record["name"] for record in records] == [
        "fd_pixels",
        "kd_pixels",
        "precision_pixels",
        "recall_pixels",
        "density_pixels",
        "coverage_pixels",
        "classifier_score_pixels",
        "sliced_wasserstein_32",
        "sliced_wasserstein_16",
        "sliced_wasserstein",
    ]
    assert extractor.seen == 400
    for record in records:
        assert json.loads(json.dumps(record)) == record
        assert np.isfinite(record["value"])
        assert {"quantization", "image_shape", "split", "versions"} <= set(record["protocol"])
    shared = {
        "extractor": "pixels",
        "weights_sha256": "00",
        "resize": "none",
        "count_real": 200,
        "count_fake": 200,
        "reference": "test:noise",
        "fingerprint": "abc",
        "seed": 7,
        "subset": "drawn with the seed",
    }
    assert shared.items() <= records[0]["protocol"].items()
    assert records[1]["protocol"]["subset_size"] == 100 and records[1]["standard_error"] > 0
    assert "subsets of 100 instead of 1000" in records[1]["warnings"][0]
    assert records[-1]["protocol"]["extractor"] is None


def test_scores_on_the_features_that_a_run_was_trained_on_say_so(capsys):
    evaluator = Evaluator(("kid:subsets=2", "sliced_wasserstein"), Pixels(), Noise(), trained_on="pixels")
    for _ in range(2):
        kid, *others = evaluator.run(batches(fakes()))
    assert kid["note"].startswith("biased: the run was trained on the features of pixels")
    assert others and not any("note" in record for record in others)  # of pixels themselves, not of features
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")] == [
        f"note: scores on pixels are {kid['note']}"
    ]
    (other,) = Evaluator(("kid:subsets=2",), Pixels(), Noise(), trained_on="vgg16").run(batches(fakes()))
    assert "note" not in other and "note" not in capsys.readouterr().err


def test_names_of_the_inception_network():
    extractor = Pixels()
    extractor.name = "inception2015"
    records = evaluate(Noise(), batches(fakes()), ["fd", "kd", "inception_score"], extractor)
    assert [record["name"] for record in records] == ["fid", "kid", "inception_score"]


def test_features_are_as_extracted_and_moments_see_every_image(monkeypatch):
    monkeypatch.setattr(statistics, "FEATURES_CAP", 120)
    images, extractor = fakes(200), Pixels()
    gathered = statistics.gather(batches(images), extractor, {"moments", "features", "probabilities"}, 200, "real")
    expected = extractor.extract(images)[0]
    np.testing.assert_array_equal(gathered.features, expected[:120])
    assert gathered.probabilities.shape == (120, 2) and gathered.gaussian.count == 200
    np.testing.assert_allclose(gathered.gaussian.mean, expected.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(gathered.gaussian.covariance, np.cov(expected, rowvar=False), rtol=1e-6)


def test_the_real_side_is_gathered_once_and_cached_on_disk(cache):
    extractor, source = Pixels(), Noise()
    evaluator = Evaluator(["fid", "kid"], extractor, source)
    first = evaluator.run(batches(fakes()))
    assert evaluator.run(lambda: batches(fakes())) == first
    assert extractor.seen == 3 * 300
    again = Pixels()
    assert evaluate(source, batches(fakes()), ["fid", "kid"], again) == first
    assert again.seen == 300
    (stored,) = cache.iterdir()
    stored.write_bytes(stored.read_bytes()[:1000])  # a damaged file is made anew
    assert evaluate(source, batches(fakes()), ["fid", "kid"], again) == first
    other = Pixels()
    evaluate(Noise(fingerprint="changed"), batches(fakes()), ["fid", "kid"], other)
    assert other.seen == 600


def test_a_part_of_the_reals_is_not_its_beginning():
    source = Noise()
    drawn = Evaluator(["fid"], Pixels(), source, count=60).real_statistics().gaussian.mean
    everything = Evaluator(["fid"], Pixels(), source).real_statistics().gaussian.mean
    beginning = Pixels().extract(source.images[:60])[0].mean(axis=0)
    assert np.abs(drawn - everything).max() < 0.1 < np.abs(beginning - everything).min()


def test_fewer_images_than_features_is_said(capsys):
    extractor = Pixels()
    (record,) = evaluate(Noise(), batches(fakes(4)), ["fid"], extractor)
    assert "fd_pixels from 4 images with 4 features" in record["warnings"][0]
    assert record["warnings"][0] in capsys.readouterr().err
    (record,) = evaluate(Noise(), batches(fakes(50)), ["fid"], extractor)
    assert not record["warnings"]


@pytest.mark.parametrize(
    "images, metric, message",
    [
        (fakes(1), "fid", "at least 2 generated images, not 1"),
        (fakes(0), "fid", "at least 2 generated images, not 0"),
        (fakes(3), "precision_recall", "3-th neighbours"),
        (fakes(20, size=16), "fid", "16x16 pixels and the real ones 32x32"),
        (fakes(20), "ppl", "does not compare two sets"),
        (fakes(20), "fidd", "did you mean 'fid'"),
    ],
)
def test_mistakes_are_one_line(images, metric, message):
    with pytest.raises(UserError, match=message) as error:
        evaluate(Noise(), batches(images), [metric], Pixels())
    assert "\n" not in str(error.value)


def test_inception_score_leaves_the_reals_alone():
    extractor = Pixels()
    (record,) = evaluate(Noise(), batches(fakes(150)), ["inception_score:splits=5"], extractor)
    assert extractor.seen == 150
    assert record["protocol"]["count_real"] == 0 and record["protocol"]["splits"] == 5


def test_no_classes_no_inception_score():
    extractor = Pixels()
    extractor.classes = 0
    with pytest.raises(UserError, match="needs class probabilities"):
        evaluate(Noise(), batches(fakes()), ["inception_score"], extractor)
