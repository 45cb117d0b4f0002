import gzip
import hashlib
import importlib.resources

import numpy as np
import pytest
from PIL import Image

from keras_gans import data
from keras_gans.errors import UserError

FOLDER = importlib.resources.files("keras_gans.data") / "embedded"


def arrays(source):
    images, labels = zip(*source.in_order().batch(5000).as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def original():
    raw = gzip.decompress((FOLDER / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.array(list(raw[16:]), np.uint8).reshape(10000, 28, 28)


@pytest.mark.parametrize(
    "name, sha256",
    [
        # As TFDS registers them (tensorflow_datasets/url_checksums/fashion_mnist.txt).
        ("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        ("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ],
)
def test_files_are_the_originals(name, sha256):
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == sha256


def test_notice_travels():
    notice = (FOLDER / "NOTICE.md").read_text()
    assert "Copyright © 2017 Zalando SE" in notice and "Permission is hereby granted" in notice


def test_fashion_is_padded_to_32_and_split_8000_to_2000():
    train, train_labels = arrays(data.open_source("embedded:fashion"))
    holdout, holdout_labels = arrays(data.open_source("embedded:fashion", split="holdout"))
    assert train.shape == (8000, 32, 32, 1) and holdout.shape == (2000, 32, 32, 1)
    both = np.concatenate([train, holdout])[..., 0]
    np.testing.assert_array_equal(both[:, 2:30, 2:30], original())
    assert both.sum() == original().sum(dtype=np.int64)  # the rim is 0
    labels = np.concatenate([train_labels, holdout_labels])
    np.testing.assert_array_equal(np.bincount(labels), [1000] * 10)
    assert labels[:3].tolist() == [9, 2, 1]  # the published start: ankle boot, pullover, trouser


def test_fashion_at_other_sizes_and_channels():
    source = data.open_source("embedded:fashion", image_size=28, channels=3, split="holdout")
    assert source.image_shape == (28, 28, 3)
    np.testing.assert_array_equal(arrays(source)[0], np.stack([original()[8000:]] * 3, axis=-1))
    images, _ = arrays(data.open_source("embedded:fashion", image_size=16, split="holdout", resize="bilinear"))
    wanted = Image.fromarray(np.pad(original()[8001], 2)).resize((16, 16), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(images[1, :, :, 0], wanted)


@pytest.mark.parametrize("name, count, radius, std", [("ring8", 8, 1, 0.01), ("grid25", 25, None, 0.05)])
def test_points(name, count, radius, std):
    source = data.open_source(f"embedded:{name}")
    points, labels = arrays(source)
    assert points.shape == (90000, 2) and points.dtype == np.float32 and source.image_shape == (2,)
    assert source.modes.shape == (count, 2) and source.std == std
    if radius:
        np.testing.assert_allclose(np.linalg.norm(source.modes, axis=1), radius, rtol=1e-6)
    else:
        assert {tuple(mode) for mode in source.modes} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    distance = np.linalg.norm(points[:, None] - source.modes, axis=-1)
    np.testing.assert_array_equal(distance.argmin(axis=1), labels)
    share = np.bincount(labels) / 90000 * count
    np.testing.assert_allclose(share, 1, atol=0.09)  # 5 standard deviations of the rarest case
    np.testing.assert_allclose((points - source.modes[labels]).std(axis=0), std, rtol=0.015)
    again, _ = arrays(data.open_source(f"embedded:{name}"))
    np.testing.assert_array_equal(points, again)
    batch = next(iter(data.batches(source, 16, seed=0)))  # model space already: the points themselves
    assert {tuple(p) for p in batch.numpy()} <= {tuple(p) for p in points}


def test_holdout_of_points_is_disjoint():
    train, holdout, both = (arrays(data.open_source("embedded:ring8", split=s))[0] for s in ("train", "holdout", "all"))
    assert len(train) + len(holdout) == len(both) == 100_000
    assert {p.tobytes() for p in train}.isdisjoint({p.tobytes() for p in holdout})


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(spec="embedded:fashon"), "unknown embedded data 'fashon'; known: fashion, ring8, grid25; did you mean"),
        (dict(spec="foldr:x"), "unknown data scheme 'foldr'; known: .*; did you mean 'folder'?"),
        (dict(spec="fashion"), "names no data; it looks like SCHEME:WHERE"),
        (dict(spec="embedded:fashion", channels=4), "--channels=4 is not possible; take 1"),
        (dict(spec="embedded:fashion", split="test"), "unknown split 'test'; known: train, holdout, all"),
    ],
)
def test_mistakes_end_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        data.open_source(**arguments)
    assert "\n" not in str(error.value)
