"""Video files of strangers: read under limits, frame by frame, as they are shown."""

import dataclasses
import fractions
import os
import re
import stat

import numpy as np

from keras_gans import video
from keras_gans.data.picture_files import BadImage, max_pixels

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
# FFmpeg also knows lists of other files and addresses (HLS, DASH, concat), which it would open.
_LIMITS = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi", "protocol_whitelist": "file"}
FRAME_PIXELS = 2**25  # 8K; the decoder and the encoder keep some dozens of frames
_RATE = fractions.Fraction(25)  # frames per second of a video that does not say
_RATES = (1, 300)  # what is believed
_MATRICES = (0, 1, 4, 5, 6, 7, 9)  # RGB itself, BT.709, FCC, BT.601 (two numbers), SMPTE 240M, BT.2020


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame of a video, as it is shown.

    Attributes:
        pixels: uint8 [h, w, 3].
        start, duration: in ticks of `VideoFile.ticks`; start may be None (after the frame before).
    """

    pixels: np.ndarray
    start: int | None
    duration: int


class VideoFile:
    """A video file whose header has been read; a context.

    Args:
        path: of a regular file, or a link to one.

    Attributes:
        rate: frames per second, a `Fraction`: the mean, for videos of variable rate.
        ticks: seconds of a tick, a `Fraction`.
        colors: `keras_gans.video.Colors` as tagged; what is not tagged is as players take it, by the size.
        length: number of frames, as far as the header tells, at least 1.

    Raises:
        BadImage: no regular file, no video, too large a frame, or colours of an unknown kind.
        UserError: PyAV is not installed.
    """

    def __init__(self, path):
        self._container = open_container(path)
        try:
            self._read_header()
        except BaseException:
            self._container.close()
            raise

    def _read_header(self):
        self._stream = stream = self._container.streams.best("video")
        if stream is None:
            raise BadImage("unreadable: a file without a video")
        context = stream.codec_context
        if context is None:
            raise BadImage("unreadable: a video in a code that this ffmpeg does not decode")
        ratio = stream.sample_aspect_ratio or fractions.Fraction(1)
        width, height = context.width, context.height
        _check_size(width, height)
        # Pixels that are no squares become squares; none are lost.
        self._size = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
        _check_size(*self._size)
        if context.colorspace not in (*_MATRICES, video.UNSPECIFIED):
            raise BadImage(f"unreadable: colours by matrix {context.colorspace} of ISO/IEC 23091-2")
        expected = video.Colors.of_size(width, height)
        tagged = video.Colors(context.colorspace, context.color_primaries, context.color_trc)
        self.colors = video.Colors(
            expected.matrix if tagged.matrix in (0, video.UNSPECIFIED) else tagged.matrix,
            expected.primaries if tagged.primaries in (0, video.UNSPECIFIED) else tagged.primaries,
            expected.transfer if tagged.transfer in (0, video.UNSPECIFIED) else tagged.transfer,
        )
        self.ticks = stream.time_base
        rate = stream.average_rate or stream.guessed_rate or _RATE
        self.rate = min(max(rate, _RATES[0]), _RATES[1])
        self._seconds = _seconds(self._container, stream)
        self.length = max(1, stream.frames or round((self._seconds or 0) * self.rate))

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self._container.close()

    def frames(self):
        """Yields each `Frame`: upright, of square pixels, of the first one's size; alpha is laid over white.

        Raises:
            BadImage: damage, an end before the one that the header tells, or no frames at all.
        """
        stream, end, matrix = self._stream, None, None
        stream.thread_type = "AUTO"
        stream.codec_context.options = _decoder_limits()
        usual = max(1, round(1 / (self.rate * self.ticks)))
        try:
            for packet in self._container.demux(stream):
                if packet.is_corrupt:
                    raise BadImage("truncated: the video breaks off")
                for frame in packet.decode():
                    if end is None:  # asked once: frames that were asked are freed late
                        matrix = frame.side_data.get("DISPLAYMATRIX")
                        matrix = None if matrix is None else np.frombuffer(bytes(matrix), np.int32).tolist()
                    duration = frame.duration or usual
                    yield Frame(_upright(self._shown(frame), matrix), frame.pts, duration)
                    end = (frame.pts or 0) + duration
        except video.library().FFmpegError as error:
            raise BadImage(f"truncated or damaged: {error.strerror}" + _after(end and end * self.ticks)) from error
        if end is None:
            raise BadImage("unreadable: a video without frames")
        end = float(end * self.ticks) - float((stream.start_time or 0) * self.ticks)
        # Some headers are a frame or two off; Matroska and AVI have no other word of what is missing.
        if self._seconds is not None and end < self._seconds - min(1.0, 0.1 * self._seconds + 2 / self.rate):
            raise BadImage("truncated: the video breaks off" + _after(end) + f" of {self._seconds:.1f} s")

    def _shown(self, frame):
        clear = any(component.is_alpha for component in frame.format.components)
        rgb = video.converted(frame, "rgba" if clear else "rgb24", self.colors, video.FULL, *self._size)
        pixels = rgb.to_ndarray()
        if clear:
            alpha = pixels[..., 3:].astype(np.float32) / 255
            pixels = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
        return pixels


def open_container(path):
    """Opens a video file as `av.container.InputContainer`; the formats are those that stand alone.

    Raises:
        BadImage: no regular file, or no video.
        UserError: PyAV is not installed.
    """
    av = video.library()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe that nobody writes to would be waited for
            raise BadImage("unreadable: no regular file, but a folder, pipe, socket or device")
        # Without the prefix FFmpeg takes what stands in front of a colon for a protocol.
        limits = _LIMITS | _decoder_limits()  # FFmpeg decodes some frames to complete what headers say
        return av.open("file:" + os.path.abspath(path), options=limits, metadata_errors="replace")
    except OSError as error:
        raise BadImage(f"unreadable: {error.strerror}") from error
    except av.FFmpegError as error:
        raise BadImage("unreadable: no video that ffmpeg knows") from error


def _seconds(container, stream):
    """Returns how long a stream is, as far as the header tells, else None."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    for name, value in stream.metadata.items():  # Matroska: "DURATION" or "DURATION-eng"
        if name.upper().startswith("DURATION") and re.fullmatch(r"\d+:\d\d:\d\d(\.\d+)?", value):
            hours, minutes, seconds = value.split(":")
            return 3600.0 * int(hours) + 60 * int(minutes) + float(seconds)
    return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None


def _most():
    return min(FRAME_PIXELS, max_pixels())


def _decoder_limits():
    return {"max_pixels": str(2 * _most() + 2**20)}  # of sides that it rounds up; what is shown is checked to the pixel


def _check_size(width, height):
    if not 0 < width * height <= _most():
        size = f"{width}x{height}" if width and height else "no known size"  # FFmpeg forgets what it refuses
        raise BadImage(f"too large: frames of {size}; a video has at most {_most()} pixels a frame")


def _after(seconds):
    return f" after {float(seconds):.1f} s" if seconds and seconds > 0 else ""


def _upright(pixels, matrix):
    """Turns pixels by quarters, and mirrors them, as the display matrix of a video says."""
    if matrix is None:
        return pixels
    a, b, _, c, d = matrix[:5]  # x' = a x + c y, y' = b x + d y
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, right, down = pixels.transpose(1, 0, 2), c, b
    else:
        right, down = a, d
    return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])
