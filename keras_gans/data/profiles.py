"""Colour profiles (ICC): colours become those of sRGB, by littleCMS."""

import functools
import io
import itertools
import sys

import numpy as np
from PIL import Image, ImageCms

PROFILE_BYTES = 2**22  # those of printers have about a million
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # Pillow's modes by the colour space of a profile
_GRID = list(itertools.product(range(0, 256, 15), repeat=3))
_said = set()


def to_srgb(image, profile, is_grey):
    """Turns the colours of an 8-bit picture into those of sRGB, by the perceptual intent.

    A profile that changes no colour by more than a level is taken for sRGB's own, and the picture stays as it is. One that
    is damaged, larger than `PROFILE_BYTES`, or of another colour space than the picture is left out, as in browsers; this
    is said on stderr, once for each reason.

    Args:
        image: 8-bit `PIL.Image.Image`; alpha, if there is any, as RGBA.
        profile: bytes, the profile in the picture's file.
        is_grey: whether the picture is grey, which RGB and RGBA do not show.

    Returns:
        A `PIL.Image.Image`; RGB, or RGBA of the same alpha.
    """
    try:
        space, transform = _transform(profile)
        if space != "RGB" and not (is_grey if space == "GRAY" else image.mode == _MODES[space]):
            raise ValueError(f"a profile of {space} does not fit a picture of {image.mode}")
        if space == "RGB" and image.mode in ("CMYK", "LAB"):
            raise ValueError(f"a profile of RGB does not fit a picture of {image.mode}")
        if transform is None:
            return image
        made = ImageCms.applyTransform(image if image.mode == _MODES[space] else image.convert(_MODES[space]), transform)
    except (ValueError, ImageCms.PyCMSError) as error:
        _say(str(error))
        return image
    if image.mode == "RGBA":
        made.putalpha(image.getchannel("A"))
    return made


@functools.lru_cache(maxsize=8)
def _transform(profile):
    """Returns the colour space of a profile, a key of `_MODES`, and its transform; None where nothing changes.

    Raises:
        ValueError: it cannot be used.
    """
    if len(profile) > PROFILE_BYTES:
        raise ValueError(f"{len(profile)} bytes are more than {PROFILE_BYTES}")
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        transform = None
        if space in _MODES:
            transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), _MODES[space], "RGB")
    except Exception as error:  # littleCMS and its binding raise what they stumble over
        raise ValueError("it is damaged, or none that littleCMS can use") from error
    if transform is None:
        raise ValueError(f"its colour space {space!r} is none of {', '.join(_MODES)}")
    if space == "RGB":
        grid = np.array([_GRID], np.uint8)
        made = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), transform))
        if np.abs(made.astype(int) - grid).max() <= 1:
            return space, None
    return space, transform


def _say(reason):
    if reason not in _said:
        _said.add(reason)
        print(f"a colour profile is left out, the picture taken for sRGB (said once): {reason}", file=sys.stderr)
