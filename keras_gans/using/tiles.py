"""Networks without global statistics over large pictures: one tile at a time."""

import math

import numpy as np

from keras_gans.data import images


def side(pixels, multiple):
    """Returns the largest tile side up to `pixels` that is a multiple, and at least two of them (tiles overlap)."""
    return max(2, pixels // multiple) * multiple


def cut(function, image, window, halo, multiple, scale, channels, report=lambda fraction: None):
    """Takes a picture through a function in tiles, of each of which the borders are cut off.

    Where the function reaches no farther than `halo`, the result is that of the whole picture.

    Args:
        function: (uint8 [h, w, c], number of the tile) -> float32 [h * scale, w * scale, channels] in [-1, 1].
        image: uint8 [H, W, c], sides multiples of `multiple`.
        window: side of a tile in pixels, a multiple of `multiple`; one of a smaller picture is as high or wide as that.
        halo: pixels around a tile that only help; raised to a multiple, but no more than leaves half of the tile.
        multiple, scale: of the network.
        channels: of the result.
        report: called with the fraction done.

    Returns:
        uint8 [H * scale, W * scale, channels].
    """
    halo = min(math.ceil(halo / multiple), window // multiple // 4) * multiple
    rows, columns = (_windows(length, window, 2 * halo, multiple) for length in image.shape[:2])
    made = np.empty((image.shape[0] * scale, image.shape[1] * scale, channels), np.uint8)
    for done, (row, column) in enumerate((row, column) for row in _owned(rows) for column in _owned(columns)):
        (top, bottom, first, last), (left, right, begin, end) = row, column
        tile = function(image[top:bottom, left:right], done)
        tile = tile[(first - top) * scale : (last - top) * scale, (begin - left) * scale : (end - left) * scale]
        made[first * scale : last * scale, begin * scale : end * scale] = images.to_uint8(tile)
        report((done + 1) / (len(rows) * len(columns)))
    return made


def blend(function, image, window, multiple, scale, channels, report=lambda fraction: None):
    """Takes a picture through a function in tiles that overlap by a quarter, and fades from each to the next.

    Args:
        function, image, window, multiple, scale, channels, report: see `cut`; `window` is at least twice `multiple`.

    Returns:
        uint8 [H * scale, W * scale, channels].
    """
    rows, columns = (_windows(length, window, window // 4, multiple) for length in image.shape[:2])
    down, across = (_ramps(windows, scale) for windows in (rows, columns))
    made = np.zeros((image.shape[0] * scale, image.shape[1] * scale, channels), np.float32)
    done = 0
    for (top, bottom), weights in zip(rows, down):
        for (left, right), others in zip(columns, across):
            tile = function(image[top:bottom, left:right], done)
            tile = tile * (weights[:, None, None] * others[:, None])
            made[top * scale : bottom * scale, left * scale : right * scale] += tile
            done += 1
            report(done / (len(rows) * len(columns)))
    # By rows, so that there is no second float copy.
    return np.concatenate([images.to_uint8(made[top : top + window]) for top in range(0, len(made), window)])


def _windows(length, window, overlap, multiple):
    """Returns (start, stop) of windows that cover an axis, at multiples, and overlap by `overlap` or more."""
    if length <= window:
        return [(0, length)]
    step = max(1, (window - overlap) // multiple) * multiple
    starts = list(range(0, length - window, step)) + [length - window]
    return [(start, start + window) for start in starts]


def _owned(windows):
    """Adds to each window what it alone gives: up to the middle of what it shares with the next."""
    borders = [0] + [(stop + start) // 2 for (_, stop), (start, _) in zip(windows, windows[1:])] + [windows[-1][1]]
    return [(*window, first, last) for window, first, last in zip(windows, borders, borders[1:])]


def _ramps(windows, scale):
    """Returns weights of each window's rows, [height * scale]: linear where windows overlap, everywhere of sum one."""
    total = np.zeros(windows[-1][1] * scale)
    ramps = []
    for index, (start, stop) in enumerate(windows):
        ramp = np.ones((stop - start) * scale)
        if index:
            shared = (windows[index - 1][1] - start) * scale
            ramp[:shared] = (np.arange(shared) + 0.5) / shared
        if index + 1 < len(windows):
            shared = (stop - windows[index + 1][0]) * scale
            ramp[-shared:] = np.minimum(ramp[-shared:], (np.arange(shared)[::-1] + 0.5) / shared)
        ramps.append(ramp)
        total[start * scale : stop * scale] += ramp
    return [(ramp / total[start * scale : stop * scale]).astype(np.float32) for ramp, (start, stop) in zip(ramps, windows)]
