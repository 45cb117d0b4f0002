"""ADA's filters, noise and cutout against NumPy and SciPy."""

import math

import numpy as np
import tensorflow as tf
from scipy import ndimage

from keras_gans.augment import corruption
from keras_gans.augment.draw import Draw

SEED = tf.constant([3, 5], tf.int32)
COUNT = 20_000


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def close(value, expected, deviation):
    """Within five standard errors."""
    return abs(value - expected) < 5 * deviation / math.sqrt(COUNT)


def test_bands_share_the_spectrum():
    filters = corruption.band_filters()
    np.testing.assert_allclose(filters.sum(axis=0), np.eye(43)[21], atol=1e-12)
    np.testing.assert_allclose(filters, filters[:, ::-1], atol=1e-15)
    response = np.abs(np.fft.rfft(filters, 512))  # frequencies 0 to 256 / 512
    # Octaves: each band passes more than any other at the middle (in octaves) of its own.
    for band, frequency in enumerate((11, 45, 91, 181)):
        assert response[:, frequency].argmax() == band and response[band, frequency] > 0.7
    np.testing.assert_allclose(response[:, 0], [1, 0, 0, 0], atol=1e-10)
    np.testing.assert_allclose(response[:, 256], [0, 0, 0, 1], atol=1e-10)


def test_amplify_agrees_with_scipy():
    images, gains = noise(3, 9, 40, 2), noise(3, 4) + 1  # the reflection repeats several times in 9 pixels
    result = corruption.amplify(images, tf.constant(gains))
    for image, gain, ours in zip(images, gains, result):
        taps = gain @ corruption.band_filters()
        expected = ndimage.correlate1d(ndimage.correlate1d(image, taps, 0, mode="mirror"), taps, 1, mode="mirror")
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


def test_gains():
    gains = corruption.draw_gains(Draw(SEED, COUNT, 1.0)).numpy()
    # What normalises cancels in the ratio of two bands; each has log2 N(0, 1).
    ratio = np.log2(gains[:, 1:] / gains[:, :1])
    np.testing.assert_allclose(np.cov(ratio.T), np.eye(3) + 1, atol=5 * 2 * math.sqrt(2 / COUNT))
    gains = corruption.draw_gains(Draw(SEED, COUNT, 0.3)).numpy()
    assert close(np.mean((gains == 1).all(axis=1)), 0.7**4, 0.43)
    # Where one band alone is amplified, the expected power stays.
    changed = np.abs(gains - np.median(gains, axis=1, keepdims=True)) > 1e-6
    alone = gains[changed.sum(axis=1) == 1]
    assert len(alone) > COUNT / 3
    np.testing.assert_allclose(alone**2 @ np.array([10, 1, 1, 1]) / 13, 1, rtol=1e-5)


def test_noise():
    images = np.full([2000, 8, 8, 3], 0.25, np.float32)
    added = corruption.add_noise(images, Draw(SEED, 2000, 0.4)).numpy() - images
    sigma = added.reshape(2000, -1).std(axis=1)
    noisy = sigma > 0
    assert abs(noisy.mean() - 0.4) < 5 * 0.49 / math.sqrt(2000)
    # |N(0, 0.1^2)| has mean 0.1 sqrt(2 / pi) and standard deviation 0.1 sqrt(1 - 2 / pi).
    assert abs(sigma[noisy].mean() - 0.0798) < 5 * 0.0603 / math.sqrt(noisy.sum())
    score = added[noisy] / sigma[noisy][:, None, None, None]
    assert abs(score.mean()) < 0.01 and abs(np.mean(np.abs(score) < 1) - 0.683) < 0.01
    channels = score.reshape(-1, 3)
    assert abs(np.corrcoef(channels.T)[0, 1]) < 0.03  # drawn for every channel


def test_cutout():
    images = noise(3, 8, 12, 2)
    middle, size = tf.constant([[0.5, 0.5], [0.0, 0.9], [0.3, 0.3]]), tf.constant([[0.5], [0.5], [0.0]])
    expected = images.copy()
    expected[0, 2:6, 3:9] = 0
    expected[1, :2, 8:] = 0
    np.testing.assert_array_equal(corruption.cut_out(images, middle, size), expected)


def test_cutout_draws():
    middle, size = (value.numpy() for value in corruption.draw_cutout(Draw(SEED, COUNT, 0.3)))
    assert set(np.unique(size)) == {0.0, 0.5} and close(np.mean(size > 0), 0.3, 0.46)
    assert close(middle[:, 0].mean(), 0.5, 0.29) and close(np.corrcoef(middle.T)[0, 1], 0, 1)
    assert 0 <= middle.min() < 0.001 and 0.999 < middle.max() < 1
