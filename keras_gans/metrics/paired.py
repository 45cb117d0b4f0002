"""Scores of images that have a right answer: PSNR, SSIM, MS-SSIM and LPIPS.

All take images in 0..255 and compute in float64. `color="y"` compares BT.601 luma of studio range (16 to 235), not
rounded, and `crop_border` cuts that many pixels from each edge, as the super-resolution papers do.
"""

import numpy as np
from scipy import ndimage

from keras_gans.errors import UserError
from keras_gans.metrics.records import name_with, record
from keras_gans.metrics.scores import PairScore, Result
from keras_gans.registry import SCORES

PEAK = 255.0
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, from the finest scale


def luma(image):
    """Returns the BT.601 studio-range luma, float64 [h, w, 1], of an RGB or grey image [h, w, c] in 0..255."""
    image = np.asarray(image, np.float64)
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
    return 16 + image @ np.array([[65.481], [128.553], [24.966]]) / 255


def psnr(reference, generated):
    """Returns the peak signal-to-noise ratio in dB, infinite for equal images [h, w, c]."""
    error = np.mean((np.asarray(reference, np.float64) - generated) ** 2)
    return 10 * np.log10(PEAK**2 / error) if error else np.inf


def _similarity(reference, generated):
    """Means over the window positions inside the image, per channel: SSIM, and its contrast-structure factor [c]."""

    def blur(x):
        # 11x11 Gaussian of sigma 1.5 (Wang et al. 2004); windows that reach over the edge are cut off.
        return ndimage.gaussian_filter(x, 1.5, radius=5, axes=(0, 1))[5:-5, 5:-5]

    x, y = np.asarray(reference, np.float64), np.asarray(generated, np.float64)
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_x, mean_y = blur(x), blur(y)
    products = mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    contrast = (2 * (blur(x * y) - products) + c2) / (blur(x * x + y * y) - squares + c2)
    luminance = (2 * products + c1) / (squares + c1)
    return (luminance * contrast).mean(axis=(0, 1)), contrast.mean(axis=(0, 1))


def ssim(reference, generated):
    """Returns the structural similarity (Wang et al. 2004), the mean over channels, of images [h, w, c].

    Scikit-image's `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255`.

    Raises:
        UserError: less than 11 pixels a side.
    """
    if min(reference.shape[:2]) < 11:
        raise UserError(f"ssim needs images of at least 11x11 pixels, not {reference.shape[1]}x{reference.shape[0]}")
    return float(_similarity(reference, generated)[0].mean())


def ms_ssim(reference, generated):
    """Returns the multi-scale structural similarity over five scales (Wang et al. 2003), of images [h, w, c].

    Scales are means of 2x2 pixels. Negative factors count as 0, as in `tf.image.ssim_multiscale`.

    Raises:
        UserError: less than 176 pixels a side.
    """
    height, width, channels = reference.shape
    if min(height, width) < 176:
        raise UserError(f"ms_ssim needs images of at least 176x176 pixels, not {width}x{height}; ssim needs 11x11")
    factors = []
    for scale in range(len(_SCALE_WEIGHTS)):
        if scale:
            reference, generated = _halve(reference), _halve(generated)
        similarity, contrast = _similarity(reference, generated)
        factors.append(contrast)
    factors[-1] = similarity
    weights = np.array(_SCALE_WEIGHTS)[:, None]
    return float(np.prod(np.maximum(factors, 0) ** weights, axis=0).mean())


def _halve(image):
    height, width, channels = image.shape
    even = image[: height // 2 * 2, : width // 2 * 2]
    return even.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))


class PixelScore(PairScore):
    """A formula on pixels; subclasses name it.

    Args:
        color: `rgb` (all channels as they are) or `y` (luma).
        crop_border: pixels cut from each edge; default 0.

    Raises:
        UserError: another color, or a negative crop_border.
    """

    name = formula = None

    def __init__(self, color="rgb", crop_border=0):
        if color not in ("rgb", "y"):
            raise UserError(f"{self.name} compares color=rgb or color=y, not {color!r}")
        if crop_border < 0:
            raise UserError(f"crop_border={crop_border} is not possible; take 0 or more pixels")
        self.color, self.crop_border = color, crop_border

    def _prepared(self, image):
        border = self.crop_border
        image = image[border : image.shape[0] - border, border : image.shape[1] - border]
        if not image.size:
            raise UserError(f"crop_border={border} leaves nothing of an image; take less")
        return luma(image) if self.color == "y" else image

    def __call__(self, reference, generated):
        return type(self).formula(self._prepared(reference), self._prepared(generated))

    def summary(self, values):
        protocol = {
            "extractor": None,
            "weights_sha256": None,
            "resize": None,
            "crop_border": self.crop_border,
            "color": "BT.601 luma, 16..235, not rounded" if self.color == "y" else "all channels",
        }
        return _mean(self.name + ("_y" if self.color == "y" else ""), values, True, protocol)


def _mean(name, values, higher_is_better, protocol):
    deviation = np.std(values, ddof=1) if len(values) > 1 and np.isfinite(values).all() else None
    error = None if deviation is None else deviation / np.sqrt(len(values))
    return Result(name, np.mean(values), higher_is_better, error, deviation, protocol)


@SCORES.register("psnr")
class PSNR(PixelScore):
    """Peak signal-to-noise ratio in dB, the mean over images; higher is better. Arguments: see `PixelScore`."""

    name, formula = "psnr", staticmethod(psnr)


@SCORES.register("ssim")
class SSIM(PixelScore):
    """Structural similarity (Wang et al. 2004), at most 1, higher is better. Arguments: see `PixelScore`."""

    name, formula = "ssim", staticmethod(ssim)


@SCORES.register("ms_ssim")
class MSSSIM(PixelScore):
    """Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003), at most 1, higher is better. Arguments: see `PixelScore`."""

    name, formula = "ms_ssim", staticmethod(ms_ssim)


@SCORES.register("lpips")
class PairLPIPS(PairScore):
    """`lpips_alex` or `lpips_vgg`: the learned perceptual distance; lower is better.

    Args:
        net: `alex` (default, as most papers report) or `vgg`.
        path: the backbone's weight file; by default it is looked up or downloaded.
    """

    def __init__(self, net="alex", path=None):
        from keras_gans.features.lpips import LPIPS

        self._distance = LPIPS(net, path, batch_size=1)  # pairs may differ in size from one another

    def __call__(self, reference, generated):
        return float(self._distance(reference[None], generated[None])[0])

    def summary(self, values):
        return _mean(name_with("lpips", self._distance.net), values, False, self._distance.protocol())


def score_pairs(pairs, scores, protocol):
    """Scores pairs of images, one pair at a time.

    Args:
        pairs: iterable of (reference, generated), uint8 [h, w, c] of equal shape within each pair.
        scores: `PairScore`s.
        protocol: dict of what the caller knows: reference, fingerprint.

    Returns:
        A list of records, see `Evaluator.run`.

    Raises:
        UserError: no pairs.
    """
    values = [[score(reference, generated) for score in scores] for reference, generated in pairs]
    if not values:
        raise UserError("there are no pairs to compare; give two folders with the same file names")
    protocol = protocol | {"quantization": "uint8 images", "count_real": len(values), "count_fake": len(values)}
    return [record(score.summary(column), protocol) for score, column in zip(scores, np.transpose(values))]
