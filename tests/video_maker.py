"""Small videos of known frames for the tests, written by PyAV itself."""

import fractions

import numpy as np


def write(path, frames, codec="libx264", fps=10, form="yuv420p", times=None, ratio=None, tags=(), turn=None, sound=None):
    """Writes a video.

    Args:
        path: of the file; its ending names the container.
        frames: list of uint8 [h, w, 3].
        codec, form: of FFmpeg.
        fps: frames a second; with `times`, ticks a second.
        times: of each frame, in ticks.
        ratio: a pixel's width by its height.
        tags: of the coder: colorspace, color_range, ... in the numbers of ISO/IEC 23091-2. The pixels follow the first two.
        turn: keyword arguments of `VideoStream.set_display_rotation`.
        sound: codec of a tone of 440 Hz that is as long.
    """
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=fps)
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = form
        if ratio is not None:
            video.codec_context.sample_aspect_ratio = ratio
        tags = dict(tags)
        for name, value in tags.items():
            setattr(video.codec_context, name, value)
        if turn is not None:
            video.set_display_rotation(**turn)
        audio = None if sound is None else container.add_stream(sound, rate=8000, layout="mono")
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            matrix = {6: 5}.get(tags.get("colorspace", 5), tags.get("colorspace", 5))
            ranges = {"src_color_range": 2, "dst_color_range": tags.get("color_range", 1)}
            picture = picture.reformat(format=form, src_colorspace=matrix, dst_colorspace=matrix, **ranges)
            picture.pts = number if times is None else times[number]
            picture.time_base = fractions.Fraction(1, fps)
            container.mux(video.encode(picture))
            if audio is not None:
                moments = np.arange(8000 * number // fps, 8000 * (number + 1) // fps)
                wave = (8000 * np.sin(2 * np.pi * 440 * moments / 8000)).astype(np.int16)[None]
                piece = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
                piece.sample_rate, piece.pts = 8000, int(moments[0])
                container.mux(audio.encode(piece))
        for stream in filter(None, (video, audio)):
            container.mux(stream.encode())


def read(path, matrix=None):
    """Returns uint8 [n, h, w, 3] by a matrix in swscale's numbers (5: BT.601, 1: BT.709), default the tagged one; and times."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        matrix = {6: 5}.get(matrix or frames[0].colorspace, matrix or frames[0].colorspace)
        way = {"src_colorspace": matrix, "src_color_range": 1, "dst_color_range": 2, "interpolation": 4 | 0x40000 | 0x2000}
        pixels = [frame.reformat(format="rgb24", **way).to_ndarray() for frame in frames]
        return np.stack(pixels), [frame.pts * frame.time_base for frame in frames]


def patches(height=64, width=96):
    """Returns uint8 [height, width, 3] of six plain colours, and their [2, 3, 3]."""
    colors = np.array([[[200, 30, 60], [30, 180, 40], [40, 60, 220]], [[230, 220, 40], [128, 128, 128], [250, 120, 10]]])
    return np.kron(colors, np.ones((height // 2, width // 3, 1))).astype(np.uint8), colors


def middles(picture):
    """Returns [2, 3, 3]: the mean colours of the six patches, without their borders."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 3
    return picture.reshape(2, height, 3, width, 3)[:, 8:-8, :, 8:-8].mean((1, 3))
