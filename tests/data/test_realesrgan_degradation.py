"""The degradation of Real-ESRGAN beside SciPy, NumPy and PyTorch; its statistics beside the authors': benchmarks/degradation.py."""

import io
import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy import ndimage, special, stats

from keras_gans import data
from keras_gans.data import degradations, pairs
from keras_gans.data.real_world import blur, realesrgan, resizing
from keras_gans.errors import UserError
from keras_gans.kernels.sharpen import usm_sharpen

RNG = np.random.default_rng(0)


def key(number):
    return tf.constant([number, 5])


def photo(size=64):
    """A picture, uint8, of shades, an edge and fine lines."""
    y, x = np.mgrid[:size, :size] / size
    values = [128 + 90 * np.sin(5 * x + 2 * y), np.where(x > y, 200, 60), 128 + 60 * np.sin(40 * x * y)]
    return np.stack(values, -1).astype(np.uint8)


# --- kernels and filters ---


def grid(radius=10):
    y, x = np.mgrid[-10:11, -10:11].astype(float)
    return y, x, (abs(y) <= radius) & (abs(x) <= radius)


@pytest.mark.parametrize("radius", [3, 10])
@pytest.mark.parametrize("kind, beta", [("gaussian", 1.0), ("generalized", 0.6), ("generalized", 3.0), ("plateau", 1.5)])
def test_bivariate_kernels_are_scipys(kind, beta, radius):
    y, x, inside = grid(radius)
    angle, sigmas = 0.4, np.array([2.0, 0.7])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = turn @ np.diag(sigmas**2) @ turn.T
    density = stats.multivariate_normal([0, 0], covariance).pdf(np.stack([x, y], -1))
    q = -2 * np.log(density / density.max())
    expected = np.where(inside, 1 / (1 + q**beta) if kind == "plateau" else np.exp(-(q**beta) / 2), 0)
    found = blur.gaussian(sigmas.astype(np.float32), angle, kind, beta, radius).numpy()
    np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-6)


@pytest.mark.parametrize("cutoff, radius", [(np.pi / 3, 3), (np.pi, 10)])
def test_sinc_is_scipys(cutoff, radius):
    y, x, inside = grid(radius)
    r = np.hypot(y, x)
    with np.errstate(invalid="ignore"):
        values = np.where(r > 0, cutoff * special.j1(cutoff * r) / (2 * np.pi * r), cutoff**2 / (4 * np.pi))
    expected = np.where(inside, values, 0)
    np.testing.assert_allclose(blur.sinc(cutoff, radius), expected / expected.sum(), atol=1e-6)


def test_kernels_are_drawn_as_the_options_say():
    draw = tf.function(lambda number: blur.draw_kernel(tf.stack([number, 5]), 3.0), autograph=False)
    kernels = np.stack([draw(number) for number in tf.range(600)])
    np.testing.assert_allclose(kernels.sum((1, 2)), 1, atol=1e-5)
    np.testing.assert_allclose(kernels, kernels[:, ::-1, ::-1], atol=1e-6)  # what `apply` relies on
    rings = (kernels < -1e-6).any((1, 2))
    assert abs(rings.mean() - 0.1) < 0.05  # four standard errors
    sizes = (np.abs(kernels[rings]).max(1) > 0).sum(1)
    assert set(sizes) <= set(range(7, 22, 2)) and len(set(sizes)) > 5
    even = np.abs(kernels - kernels.swapaxes(1, 2)).max((1, 2)) < 1e-6
    assert abs(even.mean() - (0.1 + 0.9 * 0.69)) < 0.08


@pytest.mark.parametrize("shape", [(40, 33, 3), (8, 16, 1)])
def test_filter_is_scipys_with_reflected_borders(shape):
    image = RNG.uniform(0, 255, shape).astype(np.float32)
    kernel = blur.gaussian((3.0, 1.0), 0.5).numpy()
    found = blur.apply(tf.constant(image), kernel).numpy()
    for channel in range(shape[2]):
        expected = ndimage.convolve(image[..., channel].astype(float), kernel.astype(float), mode="mirror")
        np.testing.assert_allclose(found[..., channel], expected, atol=1e-3)


def test_sharpening():
    image = np.zeros((60, 70, 1), np.float32) + 0.5
    image[:, 35:] = 0.7
    image[:, :10] += RNG.uniform(-0.01, 0.01, (60, 10, 1))  # below the threshold, though not near the edge
    taps = np.exp(-(np.arange(-25, 26) ** 2) / 128.0)
    taps /= taps.sum()

    def blurred(values):
        return ndimage.convolve1d(ndimage.convolve1d(values.astype(float), taps, 0, mode="mirror"), taps, 1, mode="mirror")

    residual = image - blurred(image)
    mask = blurred(np.abs(residual) > 10 / 255)
    expected = mask * np.clip(image + 0.5 * residual, 0, 1) + (1 - mask) * image
    found = usm_sharpen(image[None])[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.max() > 0.72 and found.min() < 0.48


@pytest.mark.parametrize("mode", resizing.MODES)
def test_resizing_is_pytorchs(mode):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    options = {} if mode == "area" else {"align_corners": False}
    image = RNG.uniform(0, 1, (37, 50, 3)).astype(np.float32)
    theirs = torch.tensor(image.transpose(2, 0, 1))[None]
    for factor in (0.153, 0.9, 1.0, 1.37):
        expected = torch.nn.functional.interpolate(theirs, scale_factor=factor, mode=mode, **options)[0].permute(1, 2, 0)
        found = resizing.resize(tf.constant(image), expected.shape[:2], mode, factor)
        np.testing.assert_allclose(found, expected, atol=2e-5)
    expected = torch.nn.functional.interpolate(theirs, size=(60, 13), mode=mode, **options)[0].permute(1, 2, 0)
    np.testing.assert_allclose(resizing.resize(tf.constant(image), (60, 13), mode), expected, atol=2e-5)


# --- noise ---


def test_shot_noise_has_the_moments_of_its_levels():
    image = np.repeat(np.array([20, 60, 180], np.float32), 4000).reshape(120, 100, 1)  # three levels: four photons in white
    noise = realesrgan.shot_noise(tf.constant(image), key(1)).numpy()
    for level in (20, 60, 180):
        part = noise[image == level]
        deviation = np.sqrt(level / 255 / 4) * 255
        assert abs(part.mean()) < 5 * deviation / np.sqrt(part.size)
        np.testing.assert_allclose(part.std(), deviation, rtol=0.07)
    image = RNG.permutation(np.arange(256)).reshape(16, 16, 1).repeat(16, 0).astype(np.float32)
    photons = (realesrgan.shot_noise(tf.constant(image), key(2)).numpy() + image) * 256 / 255
    np.testing.assert_allclose(photons, np.round(photons), atol=2e-3)  # of 256 in white


def test_noise_is_of_both_kinds_and_gray_in_two_of_five():
    @tf.function(autograph=False)
    def draw(image, number):
        seed = tf.stack([number, 5])
        return realesrgan.noisy(image, degradations.Uniforms(seed, 4), seed, realesrgan.FIRST)

    flat = np.full((20, 20, 3), 128, np.float32)
    noises = np.stack([draw(flat, number) for number in tf.range(400)]) - 128
    gray = np.abs(noises - noises[..., :1]).max((1, 2, 3)) < 1e-3
    assert abs(gray.mean() - 0.4) < 0.1
    # One level is one photon in white, so that shot noise has few values; Gaussian noise is never the same.
    shot = np.array([len(np.unique(noise)) for noise in noises]) < 60
    assert abs(shot.mean() - 0.5) < 0.1
    strengths = noises[~shot].std((1, 2, 3))
    np.testing.assert_allclose([strengths.mean(), strengths.std()], [15.5, 29 / np.sqrt(12)], rtol=0.16)


# --- the whole ---


def test_the_same_seed_gives_the_same_and_stages_go_on_from_one_another():
    degradation = degradations.DEGRADATIONS.create("realesrgan")
    stages = tf.function(degradation.stages, autograph=False)
    image = tf.constant(photo())
    found = [stages(image, key(number)) for number in (*range(40), 3)]
    np.testing.assert_array_equal(found[3]["last"], found[-1]["last"])
    assert len({each["last"].numpy().tobytes() for each in found[:-1]}) == 40
    assert all(each["last"].shape == (16, 16, 3) for each in found)
    first, second = ([len(each[name]) for each in found[:-1]] for name in ("resize 1", "resize 2"))
    assert min(first) >= 9 and max(first) <= 96 and abs(np.mean(np.less(first, 64)) - 0.7) < 0.25
    assert min(second) >= 4 and max(second) <= 19 and len(set(second)) > 6
    kept = [each for each in found[:-1] if (each["blur 2"].numpy() == each["jpeg 1"].numpy()).all()]
    assert 1 <= len(kept) <= 20  # one in five
    for name in ("noise 1", "jpeg 1", "noise 2"):
        assert all(each[name].numpy().min() >= 0 and each[name].numpy().max() <= 255 for each in found)


def test_jpeg_is_pillows():
    image = photo(32)

    def pillows(quality):
        out = io.BytesIO()
        Image.fromarray(image).save(out, "JPEG", quality=quality)
        return np.asarray(Image.open(out, formats=["JPEG"])).astype(float)

    for quality in (30, 62, 95):
        found = realesrgan.saved(tf.constant(image, tf.float32), tf.constant(quality)).numpy()
        assert (found == np.round(found)).all()
        assert np.abs(found - pillows(quality)).mean() < 0.5  # two builds of libjpeg upsample the colours


def test_gray_pictures():
    degradation = degradations.DEGRADATIONS.create("realesrgan:scale=2")
    found = [degradation(tf.constant(photo(32)[..., :1]), key(number)) for number in range(4)]
    assert {image.shape for image in found} == {(16, 16, 1)}


def test_windows_of_what_was_degraded_whole(tmp_path):
    for index in range(3):
        Image.fromarray(RNG.integers(0, 256, (48, 48, 3), np.uint8)).resize((96, 96)).save(tmp_path / f"{index}.png")
    spec = f"folder:{tmp_path}"
    degradation = degradations.Downscale(4)
    degradation.margin = 16
    source = pairs.DegradedSource(data.open_source(spec, 48, load_size=0, holdout="none"), degradation)
    assert (source.input_shape, source.image_shape) == ((8, 8, 3), (32, 32, 3))
    shown = list(itertools.islice(source.stream(1).as_numpy_iterator(), 12))
    for low, high in shown:  # but for the border, beyond which the filter looks
        inner = np.s_[2:-2, 2:-2]
        np.testing.assert_allclose(low[inner], degradation(tf.constant(high), None)[inner], atol=1)
    again = list(itertools.islice(source.stream(1, 7).as_numpy_iterator(), 5))
    for one, other in zip(shown[7:], again):  # as a run that goes on from its eighth picture
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    with pytest.raises(UserError, match="takes at least 48, --image_size and its margin"):
        data.open_source(spec, 32, load_size=40, degrade="realesrgan:margin=16")
    for wrong, message in (("realesrgan:margin=3", "multiple of the scale of 4, not 3"), ("realesrgan:scale=0", "not 0")):
        with pytest.raises(UserError, match=message):
            data.open_source(spec, 32, degrade=wrong)
    with pytest.raises(UserError, match="at least 16 that is a multiple of 4"):
        data.open_source(spec, 12, degrade="realesrgan")
