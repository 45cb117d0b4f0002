"""Videos of strangers: what is shown, with which colours, when; and what is refused."""

import fractions
import os

import numpy as np
import pytest
import video_maker

from keras_gans.data import video_files
from keras_gans.data.picture_files import BadImage
from keras_gans.data.video_files import VideoFile

av = pytest.importorskip("av", reason="the video extra is not installed")
CORNER = np.zeros((32, 48, 3), np.uint8)
CORNER[:12, :20] = 200  # upper left


def read(path):
    with VideoFile(path) as opened:
        return list(opened.frames())


@pytest.mark.parametrize("ratio, shape", [(2, (32, 96)), (fractions.Fraction(1, 2), (64, 48)), (1, (32, 48))])
def test_pixels_become_squares(tmp_path, ratio, shape):
    video_maker.write(tmp_path / "a.mp4", [CORNER] * 2, ratio=fractions.Fraction(ratio))
    frames = read(tmp_path / "a.mp4")
    assert [frame.pixels.shape for frame in frames] == [(*shape, 3)] * 2
    lit = frames[0].pixels[..., 0] > 100
    assert abs(lit.mean() - (CORNER[..., 0] > 100).mean()) < 0.02


@pytest.mark.parametrize(
    "turn, wanted",
    [
        ({"degrees": 90}, np.rot90(CORNER)),
        ({"degrees": -90}, np.rot90(CORNER, -1)),
        ({"degrees": 180}, np.rot90(CORNER, 2)),
        ({"degrees": 0, "hflip": True}, CORNER[:, ::-1]),
        ({"degrees": 0, "vflip": True}, CORNER[::-1]),
        ({"degrees": 0}, CORNER),
    ],
)
def test_is_turned_as_the_display_matrix_says(tmp_path, turn, wanted):
    video_maker.write(tmp_path / "a.mp4", [CORNER] * 2, turn=turn)
    for frame in read(tmp_path / "a.mp4"):
        assert frame.pixels.shape == wanted.shape
        assert np.abs(frame.pixels.astype(int) - wanted).mean() < 3


@pytest.mark.parametrize(
    "height, width, tags, colors",
    [
        (64, 96, {}, (6, 6, 6)),  # small and untagged: BT.601
        (64, 96, {"colorspace": 1, "color_primaries": 1, "color_trc": 1}, (1, 1, 1)),
        (64, 96, {"colorspace": 9, "color_primaries": 9, "color_trc": 18}, (9, 9, 18)),  # HLG
        (64, 96, {"color_range": 2}, (6, 6, 6)),
        (720, 1278, {"colorspace": 6, "color_primaries": 6, "color_trc": 6}, (6, 6, 6)),
    ],
)
def test_colours_are_decoded_by_the_own_matrix(tmp_path, height, width, tags, colors):
    picture, expected = video_maker.patches(height, width)
    video_maker.write(tmp_path / "a.mkv", [picture], tags=tags)
    with VideoFile(tmp_path / "a.mkv") as opened:
        assert (opened.colors.matrix, opened.colors.primaries, opened.colors.transfer) == colors
        (frame,) = opened.frames()
    assert np.abs(video_maker.middles(frame.pixels) - expected).max() < 4


def test_hd_without_tags_is_bt709(tmp_path):
    picture, expected = video_maker.patches(720, 1278)
    video_maker.write(tmp_path / "a.mp4", [picture])  # by BT.601, so that it shows
    with VideoFile(tmp_path / "a.mp4") as opened:
        assert opened.colors.matrix == 1
        (frame,) = opened.frames()
    assert np.abs(video_maker.middles(frame.pixels) - expected).max() > 10


def test_alpha_is_laid_over_white(tmp_path):
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = 8, 6, "rgba"
        pixels = np.full((6, 8, 4), 100, np.uint8)
        pixels[:, 4:, 3] = 0
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
        container.mux(stream.encode())
    (frame,) = read(tmp_path / "a.mov")
    assert np.all(frame.pixels[:, 4:] == 255)
    assert np.all(frame.pixels[:, :4] == round(100 * 100 / 255 + 155))


def cut(data):
    return data[: len(data) * 7 // 10]


def damaged(data):
    data = np.frombuffer(data, np.uint8).copy()
    data[len(data) // 3 : len(data) // 2] ^= 85
    return data.tobytes()


@pytest.mark.parametrize(
    "name, change", [("a.mp4", cut), ("a.mkv", cut), ("a.avi", cut), ("a.mp4", damaged), ("a.mkv", damaged)]
)
def test_damage_is_one_line(tmp_path, name, change):
    noise = np.random.default_rng(0).integers(0, 256, (30, 32, 48, 3), np.uint8)
    video_maker.write(tmp_path / name, list(noise), codec="mpeg4" if name == "a.avi" else "libx264")
    assert len(read(tmp_path / name)) == 30
    (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    with pytest.raises(BadImage, match="^(truncated|unreadable)[^\n]*$"):
        read(tmp_path / name)


def test_what_is_no_video_is_one_line(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    video_maker.write(tmp_path / "good.mp4", [CORNER])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path}/good.mp4\n")
    (tmp_path / "list.mkv").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/good.mp4\n#EXT-X-ENDLIST\n")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert len(read(tmp_path / "good.mp4")) == 1
    for name, message in (
        ("sound.mp4", "a file without a video"),
        ("empty.mp4", "no video that ffmpeg knows"),
        ("list.mp4", "no video that ffmpeg knows"),
        ("list.mkv", "no video that ffmpeg knows"),
        ("pipe.mp4", "no regular file"),
        ("nowhere.mp4", "No such file"),
    ):
        with pytest.raises(BadImage, match=f"^unreadable: [^\n]*{message}[^\n]*$"):
            read(tmp_path / name)


@pytest.mark.parametrize("name, codec, ratio", [("a.mp4", "libx264", 1), ("a.avi", "mpeg4", 1), ("a.mp4", "libx264", 5)])
def test_frames_that_are_too_large_are_refused(tmp_path, monkeypatch, name, codec, ratio):
    video_maker.write(tmp_path / name, [CORNER], codec=codec, ratio=fractions.Fraction(ratio))
    monkeypatch.setattr(video_files, "FRAME_PIXELS", 32 * 48 * ratio)
    assert len(read(tmp_path / name)) == 1
    monkeypatch.setattr(video_files, "FRAME_PIXELS", 32 * 48 * ratio - 1)
    with pytest.raises(BadImage, match=r"^too large: frames of .* at most \d+ pixels a frame$"):
        read(tmp_path / name)
