"""Styles as users give them: pictures of any shape, weights, strengths, colours to keep and regions to stay in."""

import numpy as np
from PIL import Image

from keras_gans.errors import UserError

LONGEST = 4  # times the shorter side; what is longer is cut about the centre


def fit_style(picture, size):
    """Brings the shorter side of a style to `size` pixels, as `xunhuang1995/AdaIN-style` does.

    Args:
        picture: uint8 [h, w, 3] of any size; one pixel becomes a plain of its colour.
        size: in pixels.

    Returns:
        uint8 [h', w', 3] with min(h', w') = size and max(h', w') at most 4 * size.
    """
    height, width = picture.shape[:2]
    most = LONGEST * min(height, width)
    top, left = max(0, height - most) // 2, max(0, width - most) // 2
    cut = picture[top : top + most, left : left + most]
    scale = size / min(height, width)
    sides = [max(size, round(side * scale)) for side in cut.shape[1::-1]]
    return np.asarray(Image.fromarray(cut).resize(sides, Image.Resampling.LANCZOS))


def check_alpha(alpha):
    """Refuses a strength outside [0, 1].

    Raises:
        UserError: it is outside, or not a number.
    """
    if not 0 <= alpha <= 1:
        raise UserError(f"alpha={alpha} is not possible; take 0 (the photograph) to 1 (the whole style)")


def blend_weights(weights, count):
    """Returns the shares of several styles.

    Args:
        weights: one number for each style, 0 or more, not all 0; None for equal shares.
        count: of styles.

    Returns:
        float32 [count] that sums to one.

    Raises:
        UserError: no styles, another number of weights, or weights that are no shares.
    """
    if count < 1:
        raise UserError("there is no style; give at least one picture")
    weights = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (count,):
        raise UserError(f"{weights.size} weights do not fit {count} styles; give one for each")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise UserError(
            f"style weights {', '.join(f'{weight:g}' for weight in weights)} are no shares; take numbers "
            "of 0 or more, at least one above 0"
        )
    return (weights / weights.sum()).astype(np.float32)


def keep_chroma(stylized, content):
    """Gives a stylised picture the colours of its content: luma of the one, chroma (BT.601) of the other.

    The luminance-only transfer of Gatys et al. 2016 ("Preserving Color in Neural Artistic Style Transfer", section 4).

    Args:
        stylized, content: uint8 [h, w, 3].

    Returns:
        uint8 [h, w, 3].
    """
    luma = Image.fromarray(stylized).convert("YCbCr").getchannel("Y")
    _, blue, red = Image.fromarray(content).convert("YCbCr").split()
    return np.asarray(Image.merge("YCbCr", (luma, blue, red)).convert("RGB"))


def match_colors(style, content):
    """Gives a style the colours of the content before it is used: the same mean and covariance of RGB.

    The linear colour transfer of Gatys et al. 2016 ("Preserving Color in Neural Artistic Style Transfer", section 3),
    by symmetric square roots, as CORAL in `xunhuang1995/AdaIN-style`.

    Args:
        style: uint8 [h', w', 3].
        content: uint8 [h, w, 3].

    Returns:
        uint8 [h', w', 3].
    """
    pixels, targets = (picture.reshape(-1, 3).astype(np.float64) for picture in (style, content))
    matched = (pixels - pixels.mean(0)) @ _root(pixels, -0.5) @ _root(targets, 0.5) + targets.mean(0)
    return np.clip(np.rint(matched), 0, 255).astype(np.uint8).reshape(style.shape)


def _root(pixels, power):
    """Returns the covariance of colours [n, 3] to a power; noise of one grey level keeps flat colours from zero."""
    values, vectors = np.linalg.eigh(np.cov(pixels.T, ddof=0) + np.eye(3))
    return (vectors * values**power) @ vectors.T


def paint_regions(content, pictures, masks):
    """Puts stylised pictures together by region; where no mask is white the content shows.

    Args:
        content: uint8 [h, w, 3].
        pictures: list of uint8 [h, w, 3], the content in each style.
        masks: list of uint8 [h', w'] of any size, one for each picture: 255 where it belongs; greys blend, overlaps
            share.

    Returns:
        uint8 [h, w, 3].

    Raises:
        UserError: another number of masks.
    """
    if len(masks) != len(pictures):
        raise UserError(f"{len(masks)} masks do not fit {len(pictures)} styles; give one for each")
    size = content.shape[1::-1]
    shares = np.stack([np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR)) for mask in masks])
    shares = (shares.astype(np.float32) / 255)[..., None]
    total = shares.sum(0)
    painted = (shares / np.maximum(total, 1) * np.stack(pictures)).sum(0) + np.maximum(1 - total, 0) * content
    return np.rint(painted).astype(np.uint8)
