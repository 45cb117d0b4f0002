"""DiffAugment against NumPy, with what was drawn recovered from the result."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.augment import diffaugment
from keras_gans.errors import UserError
from keras_gans.registry import AUGMENTS

SEED = tf.constant([3, 5], tf.int32)
COUNT = 4000


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def augment(policy, images, seed=SEED):
    return AUGMENTS.create(f"diffaugment:policy={policy}")(images, seed=seed).numpy()


@pytest.mark.parametrize("shape", [(8, 8), (9, 15)])
def test_translation(shape):
    """Every result is the image moved by at most 1/8 of its size, zeros coming in, and each move is as likely."""
    image = noise(1, *shape, 2)
    result = augment("translation", np.repeat(image, COUNT, axis=0))
    reach = [int(size / 8 + 0.5) for size in shape]
    padded = np.pad(image[0], [(reach[0], reach[0]), (reach[1], reach[1]), (0, 0)])
    shares = []
    for down in range(2 * reach[0] + 1):
        for right in range(2 * reach[1] + 1):
            moved = padded[down : down + shape[0], right : right + shape[1]]
            shares.append(np.mean((result == moved).all(axis=(1, 2, 3))))
    assert sum(shares) == pytest.approx(1)
    expected = 1 / len(shares)
    assert np.abs(np.array(shares) - expected).max() < 5 * np.sqrt(expected / COUNT)


@pytest.mark.parametrize("size, share", [(8, 0.5), (9, 0.5), (9, 0.2)])
def test_cutout(size, share):
    """Rows and columns that are cut form a run of a share of the size, which may stand over the border."""
    result = augment(f"cutout,cutout_share={share}", np.ones([COUNT, size, size, 1], np.float32))[..., 0]
    length = int(size * share + 0.5)
    cut = result == 0
    np.testing.assert_array_equal(cut | (result == 1), True)
    rows, columns = cut.any(axis=2), cut.any(axis=1)
    np.testing.assert_array_equal(cut, rows[:, :, None] & columns[:, None, :])
    middles = range(size + 1 - length % 2)
    runs = [[middle - length // 2 <= row < middle - length // 2 + length for row in range(size)] for middle in middles]
    for runs_seen in (rows, columns):
        shares = np.array([np.mean((runs_seen == run).all(axis=1)) for run in runs])
        assert shares.sum() == pytest.approx(1)
        assert np.abs(shares - 1 / len(runs)).max() < 5 * np.sqrt(1 / len(runs) / COUNT)
    np.testing.assert_allclose(np.corrcoef(rows[:, 0], columns[:, 0])[0, 1], 0, atol=5 / np.sqrt(COUNT))


def test_color():
    """Brightness, saturation and contrast are found from the result: they are what is left after undoing the others."""
    image = noise(1, 6, 6, 3)
    result = augment("color", np.repeat(image, COUNT, axis=0))
    brightness = result.mean(axis=(1, 2, 3)) - image.mean()
    grey = image.mean(axis=-1, keepdims=True)
    grey_result = result.mean(axis=-1, keepdims=True)
    contrast = grey_result.std(axis=(1, 2, 3)) / grey.std()
    chroma = np.linalg.norm((result - grey_result).reshape(COUNT, -1), axis=1) / np.linalg.norm(image - grey)
    saturation = chroma / contrast
    for values, low, high in ((brightness, -0.5, 0.5), (saturation, 0, 2), (contrast, 0.5, 1.5)):
        assert low - 1e-5 <= values.min() < low + 0.01 * (high - low)
        assert high + 1e-5 >= values.max() > high - 0.01 * (high - low)
        assert abs(values.mean() - (low + high) / 2) < 5 * (high - low) / np.sqrt(12 * COUNT)
    assert np.abs(np.corrcoef([brightness, saturation, contrast]) - np.eye(3)).max() < 5 / np.sqrt(COUNT)
    columns = [value[:, None, None, None] for value in (brightness, saturation, contrast)]
    expected = image + columns[0]
    expected = (expected - expected.mean(axis=-1, keepdims=True)) * columns[1] + expected.mean(axis=-1, keepdims=True)
    expected = (expected - (image.mean() + columns[0])) * columns[2] + (image.mean() + columns[0])
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)


def test_grey_images_have_no_saturation():
    image = noise(1, 6, 6, 1)
    result = augment("color", np.repeat(image, 100, axis=0))
    mean = result.mean(axis=(1, 2, 3), keepdims=True)
    contrast = result.std(axis=(1, 2, 3), keepdims=True) / image.std()
    np.testing.assert_allclose(result, (image - image.mean()) * contrast + mean, rtol=0, atol=1e-5)


def test_policies_come_in_the_order_given():
    """Cut out last, the hole is 0; cut out first, the colour changes it."""
    images = noise(4, 8, 8, 3) + 2
    assert (augment("color+cutout", images) == 0).any()
    assert not (augment("cutout+color", images) == 0).any()
    assert AUGMENTS.create("diffaugment").policy == list(diffaugment.POLICIES)


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(UserError, match=f"cutout_share must be above 0 and at most 1, not {share}"):
        AUGMENTS.create(f"diffaugment:cutout_share={share}")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_compiled(channels):
    images = noise(6, 10, 8, channels)
    part = AUGMENTS.create("diffaugment")
    compiled = tf.function(lambda x, seed: part(x, seed=seed), jit_compile=True)
    np.testing.assert_allclose(compiled(images, SEED), part(images, seed=SEED), rtol=0, atol=1e-6)
    assert np.abs(compiled(images, SEED + 1) - part(images, seed=SEED)).max() > 0.1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_dtype_stays(dtype):
    images = tf.cast(noise(4, 8, 8, 3), dtype)
    part = AUGMENTS.create("diffaugment")
    result = part(images, seed=SEED)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, tf.cast(part(tf.cast(images, "float32"), seed=SEED), dtype))


def test_unknown_batch_size():
    images = noise(3, 8, 8, 1)
    part = AUGMENTS.create("diffaugment")
    function = tf.function(lambda x: part(x, seed=SEED), input_signature=[tf.TensorSpec([None, 8, 8, 1])])
    np.testing.assert_allclose(function(images), part(images, seed=SEED), rtol=0, atol=1e-6)


def test_unknown_policy():
    with pytest.raises(UserError, match="no part 'colour'; known: color, translation, cutout; did you mean 'color'"):
        AUGMENTS.create("diffaugment:policy=colour+cutout")
