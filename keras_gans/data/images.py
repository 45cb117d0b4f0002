"""The one place where images change form: files to uint8, uint8 to the model's [-1, 1] and back."""

import hashlib
import io

import numpy as np
from PIL import ExifTags, Image, ImageOps

from keras_gans.data import profiles
from keras_gans.data.picture_files import BadImage, open_image, reason, room

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
CLEAR = {
    "L;2": lambda level: 85 * level,
    "L;4": lambda level: 17 * level,
    "RGB;16B": lambda color: tuple(level // 256 for level in color),
}
"""What a PNG's transparent colour is among the pixels, by how they are stored, where Pillow leaves it as it is stored."""
MOST_RESIZED = 2**26  # pixels of what a picture is brought to for `--load_size`; strips are bounded by it
STRIP = 2**24  # bytes of pixels that are hashed at once


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
        BadImage: empty, unreadable, truncated, more pixels than `--max_pixels`, too small for a `load_size` of 0, or too
            long for another.
    """
    with open_image(image) as opened, room.take(opened.size):
        picture = _upright(opened, channels)
        return to_pixels(picture if size is None else fit(picture, size, resize, crop, load_size))


def upright(image, channels):
    """Reads one image file of any common kind in 8 bits, as docs/pictures.md promises it.

    Turned upright by its EXIF orientation; colours become sRGB by the ICC profile in the file, else CMYK and other colour
    spaces by Pillow's formulas; alpha, transparent colours and what a GIF's first frame does not cover are laid over
    white; 16-bit grey is scaled (65535 -> 255), not clipped; colour becomes grey by ITU-R 601 luma; of an animation the
    first frame is taken.

    Args:
        image: the file's bytes, or its path.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        A `PIL.Image.Image`.

    Raises:
        BadImage: empty, unreadable, truncated, or more pixels than `--max_pixels`.
    """
    with open_image(image) as opened, room.take(opened.size):
        return _upright(opened, channels)


def layers(image):
    """Reads one image file of any common kind, its alpha apart.

    Args:
        image: the file's bytes, or its path.

    Returns:
        uint8 [height, width, 3], the colours as of `upright`, but not laid over white; where nothing is to be seen they
        are white. And its alpha uint8 [height, width], 0 where nothing is to be seen; None if it has none.

    Raises:
        BadImage: as of `upright`.
    """
    with open_image(image) as opened, room.take(opened.size):
        picture = _colours(_turned(opened))
        if picture.mode != "RGBA":
            return to_pixels(_converted(picture, "RGB")), None
        pixels = np.asarray(picture)
        alpha = pixels[..., 3]
        return np.where(alpha[..., None] == 0, np.uint8(255), pixels[..., :3]), alpha


def upright_size(opened):
    """Returns (width, height) of an opened picture when it is turned as its EXIF data say; no pixels are read."""
    try:
        turned = opened.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    except Exception:  # damaged EXIF data turn nothing
        turned = False
    return opened.size[::-1] if turned else opened.size


def digest(image):
    """Decodes one image file as RGB and keeps a hash of it only.

    Args:
        image: the file's bytes, or its path.

    Returns:
        (width, height), upright; and the SHA-256 of size and pixels, bytes.

    Raises:
        BadImage: as of `upright`.
    """
    with open_image(image) as opened, room.take(opened.size):
        picture = _upright(opened, 3)
        width, height = picture.size
        found, rows = hashlib.sha256(repr(picture.size).encode()), max(1, STRIP // (3 * width))
        for top in range(0, height, rows):
            found.update(picture.crop((0, top, width, min(top + rows, height))).tobytes())
        return picture.size, found.digest()


def _upright(opened, channels):
    picture = _colours(_turned(opened))
    try:
        if picture.mode == "RGBA":
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    except MemoryError as error:
        raise BadImage(reason(error)) from error
    return _converted(picture, "L" if channels == 1 else "RGB")


def _turned(opened):
    """Decodes a picture and turns it upright."""
    try:
        covered = opened.tile[0][1] if opened.format == "GIF" and opened.tile else None
        stored = opened.tile[0][3] if opened.format == "PNG" and opened.tile else None
        opened.load()
        if stored in CLEAR and "transparency" in opened.info:
            opened.info["transparency"] = CLEAR[stored](opened.info["transparency"])
        if covered not in (None, (0, 0, *opened.size)):
            # A part of the canvas without a frame is transparent, as in browsers; Pillow gives it the colour number 0.
            whole = Image.new("RGBA", opened.size)
            whole.paste(opened.convert("RGBA").crop(covered), covered[:2])
            return whole
        ImageOps.exif_transpose(opened, in_place=True)
    except Exception as error:  # Pillow's parsers raise what they stumble over: OSError, IndexError, ...
        raise BadImage(reason(error)) from error
    return opened


def to_pixels(picture):
    """Returns the uint8 [height, width, 1 or 3] of an 8-bit Pillow image."""
    pixels = np.asarray(picture)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _colours(image):
    """Returns `image` with 8 bits for each channel, in sRGB; as RGBA where it is not opaque."""
    profile, is_grey = image.info.get("icc_profile"), image.mode in GREY_MODES
    try:
        if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion to "L" clips
            values = np.asarray(image)
            if values.min() < 0 or values.max() > 65535:
                raise BadImage("wrong mode: 32-bit grey has no known range; save it with 8 or 16 bits")
            clear = image.info.get("transparency")
            image = Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
            if clear is not None:
                image.putalpha(Image.fromarray(np.where(values == clear, np.uint8(0), np.uint8(255))))
        if image.mode == "F":
            raise BadImage("wrong mode: floating-point grey has no known range; save it with 8 or 16 bits")
        if image.has_transparency_data and image.mode != "RGBA":
            image = image.convert("RGBA")
        return profiles.to_srgb(image, profile, is_grey) if profile else image
    except (OSError, ValueError) as error:
        raise BadImage(f"wrong mode: {image.mode} does not convert to RGBA") from error
    except MemoryError as error:
        raise BadImage(reason(error)) from error


def _converted(image, mode):
    """Returns an 8-bit image in `mode`, "L" or "RGB"."""
    try:
        if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):  # not all of them convert to "L" directly
            image = image.convert("RGB")
        return image if image.mode == mode else image.convert(mode)
    except (OSError, ValueError) as error:
        raise BadImage(f"wrong mode: {image.mode} does not convert to {mode}") from error
    except MemoryError as error:
        raise BadImage(reason(error)) from error


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
        BadImage: `load_size` is 0 and a side is shorter than `size`, or a strip would become more than
            `MOST_RESIZED` pixels.
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
    if wanted[0] * wanted[1] > max(MOST_RESIZED, size * size):
        raise BadImage(f"too long: {width}x{height} would become {wanted[0]}x{wanted[1]} pixels; cut it into pieces")
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
