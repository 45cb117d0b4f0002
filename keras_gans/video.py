"""Videos written: MP4 of H.264, tagged with its colours, every frame at its own time."""

import contextlib
import dataclasses
import fractions

import numpy as np

from keras_gans.errors import UserError

_OLDEST = 18  # of PyAV: the first that scales by exact flags, and knows display matrices
TICKS = fractions.Fraction(1, 90000)  # seconds; divides the rates of film and television
_FINEST = 10**6  # ticks of a second, above which a time base is replaced by `TICKS`
_QUALITY = {"crf": "18", "preset": "medium"}  # of x264: hard to tell from the original
_COPIED = ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")  # sound that MP4 holds and players play
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)  # samples per second
BT709, UNSPECIFIED, BT601 = 1, 2, 6  # of ISO/IEC 23091-2, which names matrices, primaries and transfers by numbers
_SWSCALE = {BT601: 5}  # swscale's own name of a matrix, where it is another
FULL, LIMITED = 2, 1  # ranges


def library():
    """Returns the module av (PyAV).

    Raises:
        UserError: it is not installed, or too old.
    """
    try:
        import av
        import av.video.reformatter
    except ImportError as error:
        raise UserError("videos need PyAV: pip install 'keras-gans[video]', or name a folder of frames or a .gif") from error
    if int(av.__version__.split(".")[0]) < _OLDEST:
        raise UserError(f"videos need PyAV {_OLDEST} or later, not {av.__version__}: pip install -U 'keras-gans[video]'")
    return av


@dataclasses.dataclass(frozen=True)
class Colors:
    """How a video codes its colours, in the numbers of ISO/IEC 23091-2.

    Attributes:
        matrix: from RGB to luma and chroma (1: BT.709, 6: BT.601, 9: BT.2020).
        primaries, transfer: of RGB.
    """

    matrix: int
    primaries: int
    transfer: int

    @classmethod
    def of_size(cls, width, height):
        """Returns what players take untagged video of a size in pixels for: BT.709 from HD on, BT.601 below."""
        return cls(*[BT709 if width >= 1280 or height > 576 else BT601] * 3)


def converted(frame, form, colors, to, width=None, height=None):
    """Changes a frame between RGB and luma and chroma.

    Args:
        frame: `av.VideoFrame`, RGB or in its own form.
        form: name of the new form, such as "rgb24" or "yuv420p".
        colors: matrix of the side that is not RGB.
        to: `FULL` (RGB) or `LIMITED`, the range of the result.
        width, height: of the result, in pixels; default: the frame's.

    Returns:
        `av.VideoFrame`.
    """
    ways = library().video.reformatter.Interpolation
    matrix = _SWSCALE.get(colors.matrix, colors.matrix)
    return frame.reformat(
        width,
        height,
        form,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=frame.color_range or (FULL if frame.format.is_rgb else LIMITED),
        dst_color_range=to,
        # The default is up to 3 levels off on a plain patch.
        interpolation=int(ways.BICUBIC | ways.ACCURATE_RND | ways.FULL_CHR_H_INT),
    )


class Writer:
    """An MP4 that grows frame by frame; a context, at whose end the file is complete.

    H.264 needs even sides: an odd one grows by one pixel, a copy of the border. Frames are decoded in the order in which
    they are shown, so that every player finds their times.

    Args:
        path: of the file.
        rate: frames per second, about: a `Fraction`, for the level that players look at.
        ticks: seconds of a tick of the times that `write` takes, a `Fraction`. Default `TICKS`.
        colors: `Colors`; default: those of the frames' size.
    """

    def __init__(self, path, rate, ticks=TICKS, colors=None):
        self._ticks = ticks if ticks.numerator < 2**31 and ticks.denominator <= _FINEST else TICKS
        self._scale, self._colors = ticks / self._ticks, colors
        self._container = library().open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._video = self._container.add_stream("libx264", rate=rate, options=_QUALITY)
        self._last, self._end, self._ends, self._sounds = None, 0, {}, []

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            if kind is None and self._last is not None:
                self._mux(self._video.encode())
                for sound in self._sounds:
                    sound.until(None)
        except BaseException:
            self._abandon()
            raise
        if kind is None:
            self._container.close()
        else:
            self._abandon()

    def _abandon(self):
        with contextlib.suppress(library().FFmpegError):  # what went wrong before is said
            self._container.close()

    def add_sound(self, streams):
        """Takes over sound, before the first frame: copied where MP4 holds it, else as AAC.

        Args:
            streams: of one `av` input container, which this object then reads, and which is closed after this object.
                Those that FFmpeg has no decoder for are left out.
        """
        streams = [stream for stream in streams if stream.codec_context is not None]
        if streams:
            self._sounds.append(_Sound(self._container, streams))

    def write(self, frame, start=None, duration=1):
        """Adds a frame.

        Args:
            frame: uint8 [height, width, 1 or 3], all of one shape.
            start: when it is shown, in ticks; default: at the end of the frame before.
            duration: how long, in ticks; of all but the last frame the next one's start decides. Default 1.
        """
        frame = np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")
        if self._last is None:
            self._describe(*frame.shape[:2])
        picture = np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))
        picture = library().VideoFrame.from_ndarray(picture, format="rgb24")
        picture = converted(picture, "yuv420p", self._colors, LIMITED)
        start = self._end if start is None else round(start * self._scale)
        self._last = picture.pts = start if self._last is None else max(start, self._last + 1)
        picture.time_base = self._ticks
        self._end = self._last + max(1, round(duration * self._scale))
        self._ends[self._last] = self._end
        self._mux(self._video.encode(picture))
        for sound in self._sounds:
            sound.until(self._last * self._ticks)

    def _describe(self, height, width):
        self._colors = self._colors or Colors.of_size(width, height)
        context = self._video.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.max_b_frames = 0
        context.time_base = self._video.time_base = self._ticks
        context.color_range, context.colorspace = LIMITED, self._colors.matrix
        context.color_primaries, context.color_trc = self._colors.primaries, self._colors.transfer

    def _mux(self, packets):
        for packet in packets:
            if packet.pts in self._ends:
                packet.duration = self._ends.pop(packet.pts) - packet.pts
            self._container.mux(packet)


class _Sound:
    """Sound on its way from one container to another."""

    def __init__(self, container, streams):
        self._container, self._made = container, {}
        for stream in streams:
            copied = stream.codec_context.codec.canonical_name in _COPIED
            made = container.add_stream_from_template(stream) if copied else _add_aac(container, stream.codec_context)
            made.metadata.update({key: value for key, value in stream.metadata.items() if key == "language"})
            self._made[stream.index] = made, copied
        self._packets = streams[0].container.demux(*streams)
        self._next = next(self._packets, None)

    def until(self, time):
        """Brings what starts before a time in seconds; None: all."""
        while self._next is not None:
            packet, (made, copied) = self._next, self._made[self._next.stream.index]
            if time is not None and packet.dts is not None and packet.dts * packet.time_base > time:
                return
            if not copied:
                for frame in packet.decode():
                    self._container.mux(made.encode(frame))
                if packet.dts is None:  # the last of its stream
                    self._container.mux(made.encode())
            elif packet.dts is not None:
                packet.stream = made
                self._container.mux(packet)
            self._next = next(self._packets, None)


def _add_aac(container, context):
    rate, channels = context.sample_rate, context.layout.nb_channels
    stream = container.add_stream("aac", rate=rate if rate in _AAC_RATES else 48000)
    stream.layout = "mono" if channels == 1 else "stereo"
    return stream
