"""The one place where images change form: files to uint8, uint8 to the model's [-1, 1] and back."""

import io
import os
import pathlib

import numpy as np
from PIL import Image, ImageOps

from keras_gans.errors import UserError

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


class BadImage(UserError):
    """An image that cannot be read; the message is the reason, without the path."""


def to_model(images):
    """Turns uint8 [0, 255] into float32 [-1, 1]: x / 127.5 - 1.

    Args:
        images: uint8 NumPy array or tensor of any shape.

    Returns:
        float32 of the same kind and shape.
    """
    if isinstance(images, np.ndarray):
        return images.astype(np.float32) / np.float32(127.5) - np.float32(1)
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_uint8(images):
    """Turns float [-1, 1] into uint8 [0, 255]: floor(x * 127.5 + 128), clamped; the inverse of `to_model`.

    Args:
        images: float NumPy array or tensor of any shape and precision.

    Returns:
        uint8 of the same kind and shape.
    """
    if isinstance(images, np.ndarray):
        scaled = np.floor(images.astype(np.float32) * np.float32(127.5) + np.float32(128))
        return np.clip(scaled, 0, 255).astype(np.uint8)
    import tensorflow as tf

    return tf.cast(tf.clip_by_value(tf.floor(tf.cast(images, tf.float32) * 127.5 + 128.0), 0, 255), tf.uint8)


def decode(image, size, channels, resize="lanczos", crop="center", load_size=None):
    """Reads one image file of any common kind at the size and channels of a recipe.

    Args:
        image: the file's bytes, or its path.
        size: height and width of the result, in pixels; None keeps the image's own.
        channels: 1 (grey) or 3 (RGB).
        resize, crop, load_size: as in `fit`.

    Returns:
        uint8 [size, size, channels]; with a `load_size` [at least size, at least size, channels].

    Raises:
        BadImage: empty, unreadable, truncated, more pixels than `PIL.Image.MAX_IMAGE_PIXELS`, or too small for a
            `load_size` of 0.
    """
    picture = upright(image, channels)
    return to_pixels(picture if size is None else fit(picture, size, resize, crop, load_size))


def upright(image, channels):
    """Reads one image file of any common kind in 8 bits.

    Turned upright by its EXIF orientation; alpha and transparent colours are laid over white; 16-bit grey is scaled
    (65535 -> 255), not clipped; CMYK and other colour spaces become sRGB by Pillow's formulas (embedded ICC profiles
    are not applied); colour becomes grey by ITU-R 601 luma; of an animation the first frame is taken.

    Args:
        image: the file's bytes, or its path.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        A `PIL.Image.Image`.

    Raises:
        BadImage: empty, unreadable, truncated, or more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    with open_image(image) as opened:
        try:
            whole = ImageOps.exif_transpose(opened)
        except Exception as error:  # Pillow's parsers raise what they stumble over: OSError, IndexError, ...
            raise BadImage(_reason(error)) from error
        return _flat(whole, "L" if channels == 1 else "RGB")


def to_pixels(picture):
    """Returns the uint8 [height, width, 1 or 3] of an 8-bit Pillow image."""
    pixels = np.asarray(picture)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def open_image(image):
    """Opens an image's header with Pillow (size and mode are known, pixels are not read).

    Args:
        image: the file's bytes, or its path.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        BadImage: empty, not an image, or too many pixels.
    """
    is_path = isinstance(image, (str, os.PathLike))
    try:
        if (pathlib.Path(image).stat().st_size if is_path else len(image)) == 0:
            raise BadImage("unreadable: the file is empty")
        opened = Image.open(image if is_path else io.BytesIO(image))
    except Image.UnidentifiedImageError as error:
        raise BadImage("unreadable: not an image that Pillow knows") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadImage(_reason(error)) from error
    limit = Image.MAX_IMAGE_PIXELS
    if limit and opened.width * opened.height > limit:  # Pillow itself only warns up to twice the limit
        opened.close()
        raise BadImage(f"too large: {opened.width}x{opened.height} is more than {limit} pixels")
    return opened


def _reason(error):
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: more than {2 * Image.MAX_IMAGE_PIXELS} pixels"
    truncated = "truncat" in text.lower() or "unexpected end" in text.lower() or isinstance(error, EOFError)
    return f"{'truncated' if truncated else 'unreadable'}: {text}"


def _flat(image, mode):
    """Returns `image` in 8 bits, opaque, in `mode` ("L" or "RGB")."""
    try:
        if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion to "L" clips
            values = np.asarray(image).astype(np.int64)
            if values.min() < 0 or values.max() > 65535:
                raise BadImage("wrong mode: 32-bit grey has no known range; save it with 8 or 16 bits")
            image = Image.fromarray(((values + 128) // 257).astype(np.uint8))
        if image.mode == "F":
            raise BadImage("wrong mode: floating-point grey has no known range; save it with 8 or 16 bits")
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):  # not all of them convert to "L" directly
            image = image.convert("RGB")
        return image.convert(mode)
    except (OSError, ValueError) as error:
        raise BadImage(f"wrong mode: {image.mode} does not convert to {mode}") from error


def fit(picture, size, resize="lanczos", crop="center", load_size=None):
    """Resizes a Pillow image to a square, or to what squares are cut from. 28x28 (MNIST and its kin) is padded to 32x32
    with black first.

    Args:
        picture: 8-bit `PIL.Image.Image`, grey or RGB.
        size: side of the square, in pixels.
        resize: the filter, a key of `FILTERS`; antialiased, as Pillow's are.
        crop: "center" brings the shorter side to `size` and cuts the longer one about the centre, "none" squashes, "pad"
            makes it square with black on both sides of the shorter one.
        load_size: None for the square; N brings the shorter side to N and keeps the longer one (crop "none" and "pad":
            N x N); 0 keeps the picture as it is.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        BadImage: `load_size` is 0 and a side is shorter than `size`.
    """
    if picture.size == (28, 28) and size != 28:
        picture = ImageOps.expand(picture, border=2, fill=0)
    if crop == "pad" and load_size != 0:
        picture = _squared(picture)
    width, height = picture.size
    side = min(width, height)
    if load_size == 0:
        if side < size:
            raise BadImage(too_small(picture.size, size))
        return picture
    box = None
    if load_size is None:
        wanted = size, size
        if crop == "center":
            left, top = (width - side) / 2, (height - side) / 2
            # The box is resampled with the pixels around it: the same as to resize the whole image, then to cut it.
            box = (left, top, left + side, top + side)
    else:
        wanted = tuple(round(length * load_size / side) if crop == "center" else load_size for length in picture.size)
    return picture if picture.size == wanted else picture.resize(wanted, FILTERS[resize], box=box)


def _squared(picture):
    longer = max(picture.size)
    square = Image.new(picture.mode, (longer, longer))
    square.paste(picture, tuple((longer - length) // 2 for length in picture.size))
    return square


def too_small(have, size):
    """Returns what is wrong with an image of (width, height) `have` where sides of `size` are wanted."""
    return f"too small: {have[0]}x{have[1]}, wanted at least {size}x{size}"


def different_sizes(a, b):
    """Returns what is wrong with a pair of (width, height) `a` and `b`."""
    return f"different sizes: A is {a[0]}x{a[1]}, B is {b[0]}x{b[1]}"


def window(pixels, place, shape):
    """Cuts a window out of a picture.

    Args:
        pixels: [H, W, c], H >= h and W >= w.
        place: two numbers from [0, 1): where the window lies along the height and the width; 1/2 is the centre.
        shape: (h, w, c).

    Returns:
        The view [h, w, c].
    """
    top, left = (int(part * (whole - wanted + 1)) for part, whole, wanted in zip(place, pixels.shape, shape))
    return pixels[top : top + shape[0], left : left + shape[1]]


def encode_png(pixels):
    """Returns the PNG bytes of uint8 `pixels` [height, width, 1 or 3]."""
    out = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[-1] == 1 else pixels).save(out, "PNG")
    return out.getvalue()
