"""Picture files of strangers: read and opened under limits, here and nowhere else.

Only these formats are tried, whatever a file is called: Pillow knows others that start programs (EPS runs Ghostscript).
Only regular files are read, up to `FILE_BYTES`; a picture has at most `max_pixels()` pixels and sides of `LONGEST_SIDE`,
which its header says before anything is decoded; what is decoded at the same time has at most `ROOM` pixels together.
"""

import contextlib
import functools
import importlib.util
import io
import os
import stat
import threading
import warnings

from PIL import Image

from keras_gans.errors import UserError

FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (),
    "WEBP": (".webp",),
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "JPEG2000": (".jp2", ".j2k"),
    "PCX": (".pcx",),
    "PSD": (".psd",),
    "SGI": (".sgi",),
    "ICO": (".ico",),
    "TGA": (".tga",),
    "HEIF": (),
}
"""Formats that are tried, in this order (TGA, which has no mark of its own, late), and the endings of their files."""

HEIF = (".heic", ".heif")  # phones' photographs, read where the package pillow-heif is installed
PIXELS = 2**27  # of a picture: photographs of 108 million pixels pass
LONGEST_SIDE = 2**16  # a row or column costs memory of its own
FILE_BYTES = 2**30
ROOM = 2**27  # pixels that are decoded at the same time

_limit = {"pixels": PIXELS}
# Pillow warns of sizes and damage; what is wrong with a file is decided, and said in one line, here.
warnings.filterwarnings("ignore", module=r"PIL\.(Image|\w+ImagePlugin)$")


class BadImage(UserError):
    """An image that cannot be read; the message is the reason, without the path."""


def max_pixels():
    """Returns how many pixels a picture may have."""
    return _limit["pixels"]


def allow(pixels):
    """Changes how many pixels a picture may have, in the whole process (`--max_pixels`)."""
    _limit["pixels"] = pixels
    if Image.MAX_IMAGE_PIXELS is not None:  # Pillow itself refuses twice as many
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, pixels)


@functools.cache
def reads_heif():
    """Returns whether HEIC and HEIF files can be read: the package pillow-heif is installed."""
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.register_heif_opener()
    return True


@functools.cache
def formats():
    """Returns the names of the formats that this Pillow reads, of `FORMATS`."""
    reads_heif()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def suffixes():
    """Returns the endings of the files that are taken for pictures, in small letters."""
    return tuple(ending for endings in FORMATS.values() for ending in endings) + (HEIF if reads_heif() else ())


def read_file(path):
    """Returns the bytes of a file.

    Args:
        path: of a regular file, or a link to one.

    Raises:
        BadImage: it cannot be read, is a folder, pipe, socket or device, or larger than `FILE_BYTES`.
    """
    try:
        # A pipe that nobody writes to would be waited for.
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(file, "rb") as opened:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise BadImage("unreadable: no regular file, but a folder, pipe, socket or device")
            if status.st_size > FILE_BYTES:
                raise BadImage(f"too large: {status.st_size} bytes are more than {FILE_BYTES}")
            return opened.read(FILE_BYTES)
    except (OSError, ValueError) as error:
        raise BadImage(f"unreadable: {getattr(error, 'strerror', None) or error}") from error


def open_image(image):
    """Opens an image's header with Pillow (size and mode are known, pixels are not read).

    Args:
        image: the file's bytes, or its path.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        BadImage: no regular file, empty, not an image, or too many pixels.
    """
    data = read_file(image) if isinstance(image, (str, os.PathLike)) else image
    if not data:
        raise BadImage("unreadable: the file is empty")
    try:
        opened = Image.open(io.BytesIO(data), formats=formats())
    except Image.UnidentifiedImageError as error:
        raise BadImage(f"unreadable: not an image that Pillow knows{_kind_of(data)}") from error
    except Exception as error:  # Pillow's parsers raise what they stumble over
        raise BadImage(reason(error)) from error
    width, height = opened.size
    try:
        if width * height > max_pixels():
            raise BadImage(f"too large: {width}x{height} is more than {max_pixels()} pixels (--max_pixels takes more)")
        if max(width, height) > LONGEST_SIDE:
            raise BadImage(f"too large: {width}x{height} has a side of more than {LONGEST_SIDE} pixels")
    except BadImage:
        opened.close()
        raise
    return opened


def _kind_of(data):
    """Returns in brackets what a file is that is often taken for a picture, or an empty string."""
    if data[4:8] == b"ftyp" and not reads_heif():
        return " (HEIC needs pip install 'keras-gans[heic]')"
    if data.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6", b"%PDF")):
        return " (it is PostScript or PDF, which is never run)"
    return ""


def reason(error):
    """Returns in one line what an exception of Pillow says is wrong with a file."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: more than {max_pixels()} pixels (--max_pixels takes more)"
    if isinstance(error, MemoryError):
        return "too large: the memory does not suffice"
    truncated = "truncat" in text.lower() or "unexpected end" in text.lower() or isinstance(error, EOFError)
    return f"{'truncated' if truncated else 'unreadable'}: {text[:200]}"


class _Room:
    """Pixels that are decoded at the same time, over all threads; a larger picture waits until it is alone."""

    def __init__(self, pixels):
        self.pixels = self.free = pixels
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def take(self, size):
        wanted = min(size[0] * size[1], self.pixels)
        with self._changed:
            self._changed.wait_for(lambda: self.free >= wanted)
            self.free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self.free += wanted
                self._changed.notify_all()


room = _Room(ROOM)
"""Where pictures are decoded: `with room.take(picture.size): ...`; not to be taken twice by one thread."""
