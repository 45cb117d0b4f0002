"""How much a stylised video flickers, measured on a photograph that a camera pans over."""

import numpy as np

from keras_gans.errors import UserError


def flicker(stylize, photograph, size, step=3, frames=8):
    """The mean absolute difference between consecutive stylised frames where they show the same, in grey levels.

    The frames are windows of the photograph, each moved by `step` pixels down and to the right: unstylised, they agree
    exactly where they overlap, so their own flicker is 0.

    Args:
        stylize: function, uint8 [size, size, 3] -> uint8 [size, size, 3].
        photograph: uint8 [h, w, 3], at least `size + step * (frames - 1)` pixels a side.
        size: of a frame, in pixels.
        step: of the pan, in pixels a frame. Default 3: no divisor of what networks stride by.
        frames: how many. Default 8.

    Returns:
        A float, 0 to 255.

    Raises:
        UserError: a photograph that is too small.
    """
    wanted = size + step * (frames - 1)
    if min(photograph.shape[:2]) < wanted:
        raise UserError(
            f"a pan of {frames} frames of {size} pixels needs a photograph of at least {wanted} pixels a side, "
            f"not {photograph.shape[1]}x{photograph.shape[0]}"
        )
    differences, before = [], None
    for frame in range(frames):
        corner = step * frame
        after = stylize(photograph[corner : corner + size, corner : corner + size]).astype(np.float64)
        if before is not None:
            differences.append(np.abs(before[step:, step:] - after[:-step, :-step]).mean())
        before = after
    return float(np.mean(differences))
