"""Pictures to look at: grids of samples, and animations."""

import math
import pathlib

import numpy as np
from PIL import Image

from keras_gans import files
from keras_gans.errors import UserError

_PADDING = 2  # black pixels around every image of a grid
_COLORS = 256  # of a GIF palette


def grid(images, columns=None):
    """Lays images out in rows, 2 black pixels around each.

    Args:
        images: uint8 [n, height, width, channels], n at least 1.
        columns: images in a row; default: as near to a square as n allows, wider rather than taller.

    Returns:
        uint8 [rows * (height + 2) + 2, columns * (width + 2) + 2, channels]; cells without an image stay black.

    Raises:
        ValueError: no images, or not uint8 NHWC.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
        raise ValueError(
            f"a grid takes uint8 [n, height, width, channels] with n > 0, not {images.dtype} {list(images.shape)}"
        )
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height + _PADDING, width + _PADDING, channels), np.uint8)
    cells[:count, _PADDING:, _PADDING:] = images
    cells = cells.reshape(rows, columns, *cells.shape[1:])
    sheet = cells.transpose(0, 2, 1, 3, 4).reshape(rows * cells.shape[2], columns * cells.shape[3], channels)
    return np.pad(sheet, ((0, _PADDING), (0, _PADDING), (0, 0)))


def table(columns):
    """Lays images out in columns that belong together, a row for each example.

    Args:
        columns: list of uint8 [n, height, width, channels], alike but for the size; a smaller one is enlarged by whole
            pixels as far as it fits.

    Returns:
        uint8 [n * (height + 2) + 2, columns * (width + 2) + 2, channels].
    """
    height, width = (max(images.shape[axis] for images in columns) for axis in (1, 2))

    def enlarged(images):
        factor = min(height // images.shape[1], width // images.shape[2])
        images = np.repeat(np.repeat(images, factor, axis=1), factor, axis=2)
        return np.pad(images, [(0, 0), (0, height - images.shape[1]), (0, width - images.shape[2]), (0, 0)])

    rows = np.stack([enlarged(images) for images in columns], axis=1)
    return grid(rows.reshape(-1, *rows.shape[2:]), len(columns))


def write_png(path, image):
    """Writes one picture, whole or not at all.

    Args:
        path: of the PNG file; parent folders are made.
        image: uint8 [height, width, channels], 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.

    Raises:
        UserError: the folder cannot be written.
    """
    with files.whole(path) as temporary:
        _pillow(image).save(temporary, "PNG")


def write_animation(path, frames, fps=25):
    """Writes frames as an endlessly repeated GIF or as an MP4 video (H.264), whole or not at all.

    A GIF of grey frames is exact; one of colour frames has the 256 colours that suit each frame best. It counts time
    in hundredths of a second, at least two, so that its rate is the nearest that can be had. MP4 needs even sides: an
    odd one grows by one pixel, a copy of the border.

    Args:
        path: a file name that ends in .gif or .mp4; parent folders are made.
        frames: iterable of uint8 [height, width, channels], 1 or 3 channels, all of one shape; at least one.
        fps: frames per second.

    Raises:
        UserError: another suffix, no imageio-ffmpeg for an MP4, or a folder that cannot be written.
    """
    path = pathlib.Path(path)
    writers = {".gif": _write_gif, ".mp4": _write_mp4}
    if path.suffix.lower() not in writers:
        raise UserError(f"cannot write an animation as {path.name!r}: its name should end in .gif or .mp4")
    with files.whole(path) as temporary:
        writers[path.suffix.lower()](temporary, iter(frames), fps)


def _pillow(image):
    image = np.asarray(image)
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _write_gif(path, frames, fps):
    pictures = (_pillow(frame) for frame in frames)
    # K-means after the median cut gains 3 dB on 64x64 colour drawings (48.5 dB against 45.6).
    pictures = (p if p.mode == "L" else p.quantize(_COLORS, Image.Quantize.MEDIANCUT, kmeans=3) for p in pictures)
    milliseconds = max(2, round(100 / fps)) * 10
    next(pictures).save(path, "GIF", save_all=True, append_images=pictures, duration=milliseconds, loop=0)


def _write_mp4(path, frames, fps):
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError("an MP4 needs imageio-ffmpeg: pip install 'keras-gans[video]', or write a .gif") from error
    writer = None
    for frame in frames:
        frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
        if writer is None:
            height, width, channels = frame.shape
            # A macro block of 1 keeps imageio from resizing the frames to multiples of 16.
            writer = imageio_ffmpeg.write_frames(
                str(path), (width, height), pix_fmt_in="gray" if channels == 1 else "rgb24", fps=fps, macro_block_size=1
            )
            writer.send(None)
        writer.send(np.ascontiguousarray(frame))
    writer.close()
