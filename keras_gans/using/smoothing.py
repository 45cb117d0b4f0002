"""Smoothing over time for filters of video, without optical flow: what stays the same in the input stays in the output.

A filter that sees one frame at a time draws noise, and every shift of the camera, anew: the result flickers. Each output
is blended here with the blended outputs before it, pixel by pixel, by as much as the input there stayed the same. The
input is compared with the equally blended inputs before it and not with the last frame alone, so that a slow change adds
up until it closes the gate: what is shown never belongs to an input that is further away than the gate is wide. A camera
that pans is followed by one shift of the whole picture (phase correlation of two frames, Kuglin and Hines 1975).
"""

import numpy as np
from PIL import Image
from scipy import fft, ndimage

_WIDTH = 4.0  # grey levels of change at which the gate is at 1/e: above the noise of cameras; wider ones leave more ghosts
_NEAR = 5  # pixels a side over which change is averaged, so that noise does not count
_LOOK = 512  # pixels a side of the middle of the picture, where the shift is looked for
_BETTER = 0.8  # of the change must be left, at most, for a shift to be believed


class Smoother:
    """Smooths the outputs of a filter on the frames of one film, called with them in their order.

    Args:
        strength: share of the past in a pixel that does not change, 0 (none) to below 1; the noise that a filter makes
            of an unmoved picture falls to sqrt((1 - strength) / (1 + strength)): to 0.33 at 0.8.

    Raises:
        ValueError: a strength outside its range.
    """

    def __init__(self, strength):
        if not 0 <= strength < 1:
            raise ValueError(f"strength {strength} is not from 0 to below 1")
        self._strength, self._input, self._output, self._frame = strength, None, None, None

    def __call__(self, frame, output):
        """Returns an output, smoothed.

        Args:
            frame: the filter's input, uint8 [h, w, 3].
            output: what the filter made of it, uint8 [h', w', 1 or 3]; h' and w' may be multiples.

        Returns:
            uint8, of the output's shape.
        """
        new_input, new_output = frame.astype(np.float32), output.astype(np.float32)
        if self._input is not None and self._input.shape == frame.shape and self._output.shape == output.shape:
            shift = _shift(self._frame, frame)
            scale = (output.shape[0] / frame.shape[0], output.shape[1] / frame.shape[1])
            before, valid = _moved(self._input, shift)
            change = ndimage.uniform_filter(np.abs(new_input - before).mean(-1), _NEAR)
            keep = self._strength * valid * np.exp(-np.square(change / _WIDTH))
            new_input += keep[..., None] * (before - new_input)
            before, _ = _moved(self._output, [round(part * factor) for part, factor in zip(shift, scale)])
            if output.shape[:2] != frame.shape[:2]:
                keep = np.asarray(Image.fromarray(keep).resize(output.shape[1::-1], Image.Resampling.BILINEAR))
            new_output += keep[..., None] * (before - new_output)
        self._input, self._output, self._frame = new_input, new_output, frame
        return np.rint(new_output).astype(np.uint8)


def _shift(before, after):
    """Returns by how many pixels (down, right) the picture has moved; (0, 0) where no shift explains the change."""
    height, width = (min(side, _LOOK) for side in after.shape[:2])
    top, left = (after.shape[0] - height) // 2, (after.shape[1] - width) // 2
    old, new = (frame[top : top + height, left : left + width].astype(np.float32).mean(-1) for frame in (before, after))
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    spectra = [fft.rfft2((part - part.mean()) * window) for part in (old, new)]
    product = spectra[1] * spectra[0].conj()
    peak = fft.irfft2(product / (np.abs(product) + 1e-6), (height, width)).argmax()
    down, right = divmod(int(peak), width)
    shift = (down - height * (down > height // 2), right - width * (right > width // 2))
    moved, valid = _moved(old, shift)
    left_over = np.abs(new - moved)[valid > 0]
    still = np.abs(new - old).mean()
    return shift if left_over.size * 2 > new.size and left_over.mean() < _BETTER * still else (0, 0)


def _moved(picture, shift):
    """Returns a picture moved by (down, right) pixels, and 1 where it is known, else 0: float32 [h, w]."""
    down, right = shift
    valid = np.zeros(picture.shape[:2], np.float32)
    height, width = valid.shape
    if abs(down) >= height or abs(right) >= width:
        return picture, valid
    if not down and not right:
        return picture, valid + 1
    moved = np.zeros_like(picture)
    to = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    of = slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0))
    moved[to], valid[to] = picture[of], 1
    return moved, valid
