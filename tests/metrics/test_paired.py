"""PSNR, SSIM and MS-SSIM against scikit-image and TensorFlow; luma by hand; the summary over pairs."""

import numpy as np
import pytest
import skimage.color
import skimage.metrics
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.metrics.paired import luma, ms_ssim, psnr, score_pairs, ssim
from keras_gans.registry import SCORES


def pair(height=48, width=64, channels=3, noise=25, seed=0):
    """A smooth picture and a noisy one, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 8
    picture = 128 + 90 * np.stack([np.sin(x + y * (1 + c)) for c in range(channels)], -1)
    noisy = picture + rng.normal(size=picture.shape) * noise
    return [np.clip(image, 0, 255).astype(np.uint8) for image in (picture, noisy)]


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_and_ssim_equal_scikit_image(channels):
    reference, generated = pair(channels=channels)
    expected = skimage.metrics.peak_signal_noise_ratio(reference, generated, data_range=255)
    assert psnr(reference, generated) == pytest.approx(expected, rel=1e-9)
    expected = skimage.metrics.structural_similarity(
        reference, generated, data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(reference, generated) == pytest.approx(expected, rel=1e-9)
    assert 0.2 < expected < 0.9


def naive_ms_ssim(x, y):
    """Five scales with explicit 11x11 windows (Wang et al. 2003), one channel."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def local(image):
        return np.einsum("hwij,ij->hw", np.lib.stride_tricks.sliding_window_view(image, (11, 11)), window)

    result, c1, c2 = 1.0, 2.55**2, 7.65**2
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        mx, my = local(x), local(y)
        contrast = (2 * (local(x * y) - mx * my) + c2) / (local(x * x) - mx**2 + local(y * y) - my**2 + c2)
        luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        result *= (luminance * contrast if scale == 4 else contrast).mean() ** weight
        if scale < 4:
            x, y = ((i[::2, ::2] + i[1::2, ::2] + i[::2, 1::2] + i[1::2, 1::2]) / 4 for i in (x, y))
    return result


def test_ms_ssim_equals_the_paper_and_tensorflow():
    reference, generated = pair(192, 176, 1)
    expected = naive_ms_ssim(reference[..., 0].astype(float), generated[..., 0].astype(float))
    assert ms_ssim(reference, generated) == pytest.approx(expected, rel=1e-9)
    reference, generated = pair(192, 208)
    expected = tf.image.ssim_multiscale(reference, generated, 255).numpy()  # float32
    assert ms_ssim(reference, generated) == pytest.approx(expected, rel=1e-4)
    assert 0.5 < expected < 0.99


def test_luma_is_studio_range():
    pixels = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [10, 200, 60]]], np.uint8)
    expected = skimage.color.rgb2ycbcr(pixels)[..., :1]
    np.testing.assert_allclose(luma(pixels), expected, atol=1e-9)
    np.testing.assert_allclose(luma(pixels)[0, :2, 0], [16, 235], atol=1e-9)
    np.testing.assert_allclose(luma(np.array([[[255]]], np.uint8)), [[[235]]], atol=1e-9)


def test_color_and_border_change_what_is_compared():
    reference, generated = pair()
    inner = reference[4:-4, 4:-4], generated[4:-4, 4:-4]
    score = SCORES.create("psnr:color=y,crop_border=4")
    assert score(reference, generated) == pytest.approx(psnr(luma(inner[0]), luma(inner[1])), rel=1e-12)
    assert score.summary([30.0]).name == "psnr_y"
    damaged = reference.copy()
    damaged[:4] = 0
    assert SCORES.create("ssim:crop_border=4")(reference, damaged) == pytest.approx(1)


def test_mean_and_standard_error_over_pairs():
    pairs = [pair(noise=noise) for noise in (5, 10, 20)]
    (record,) = score_pairs(pairs, [SCORES.create("psnr")], {"reference": "folder:a"})
    values = [psnr(*one) for one in pairs]
    assert record["value"] == pytest.approx(np.mean(values))
    assert record["standard_error"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    assert record["higher_is_better"] and record["protocol"]["count_real"] == 3
    assert psnr(pairs[0][0], pairs[0][0]) == np.inf


@pytest.mark.parametrize(
    "spec, size, message",
    [
        ("ssim", 10, "at least 11x11"),
        ("ms_ssim", 175, "at least 176x176"),
        ("psnr:crop_border=8", 16, "leaves nothing"),
        ("psnr:crop_border=-1", 16, "0 or more"),
        ("ssim:color=hsv", 16, "color=rgb or color=y"),
    ],
)
def test_mistakes_are_one_line(spec, size, message):
    image = np.zeros([size, size, 3], np.uint8)
    with pytest.raises(UserError, match=message) as error:
        SCORES.create(spec)(image, image)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="no pairs"):
        score_pairs([], [SCORES.create("psnr")], {})
