"""From files to files: what is found, what is written under which name, and what is passed over."""

import numpy as np
import pytest
import video_maker
from PIL import Image, ImageSequence

from keras_gans import grids
from keras_gans.errors import UserError
from keras_gans.using import pictures


def inverted(image, item, report):
    assert image.dtype == np.uint8 and image.shape[2] == 3
    report(0.5)
    return 255 - image


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def process(source, out, function=inverted):
    return pictures.process(function, pictures.find(source, out), "inverting")


def test_folder_keeps_names_and_folders(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "deep/er/b.bmp", "c.jpg", "c.webp", ".hidden/d.png", ".e.png"):
        save(source / name, noise(10, 12, 3))
    (source / "notes.txt").write_text("no picture")
    assert process(source, out) == 0
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert made == ["a.png", "c.jpg.png", "c.webp.png", "deep/er/b.png"]
    np.testing.assert_array_equal(Image.open(out / "a.png"), 255 - noise(10, 12, 3))


def test_picture_is_upright_opaque_and_in_colour(tmp_path):
    pixels = noise(6, 9, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it
    save(tmp_path / "turned.png", pixels, exif=exif)
    alpha = np.where(np.arange(6)[:, None] < 3, 255, 0) + np.zeros((1, 9))
    save(tmp_path / "clear.png", np.concatenate([pixels, alpha[..., None]], -1).astype(np.uint8))
    save(tmp_path / "grey.png", pixels[..., 0])
    assert process(tmp_path, tmp_path / "out") == 0
    turned = Image.open(tmp_path / "out/turned.png")
    np.testing.assert_array_equal(turned, 255 - np.rot90(pixels, -1))
    assert turned.getexif().get(0x0112, 1) == 1
    clear = np.asarray(Image.open(tmp_path / "out/clear.png"))
    np.testing.assert_array_equal(clear[:3], 255 - pixels[:3])
    assert np.all(clear[3:] == 0)  # of white
    np.testing.assert_array_equal(Image.open(tmp_path / "out/grey.png"), 255 - np.repeat(pixels[..., :1], 3, -1))


def test_gif_stays_a_gif(tmp_path):
    frames = [np.full((8, 8, 1), level, np.uint8) for level in (0, 40, 90, 200)]
    grids.write_animation(tmp_path / "a.gif", frames, 10)
    grids.write_animation(tmp_path / "still.gif", frames[:1], 10)
    counts = []

    def function(image, item, report):
        counts.append(item.kind)
        return (255 - image)[..., :1]

    assert process(tmp_path, tmp_path / "out", function) == 0
    assert counts == ["animation"] * 4 + ["picture"]
    made = Image.open(tmp_path / "out/a.gif")
    assert made.info["duration"] == 100 and made.info["loop"] == 0
    assert [np.asarray(frame.convert("L")).mean() for frame in ImageSequence.Iterator(made)] == [255, 215, 165, 55]
    assert Image.open(tmp_path / "out/still.png").getpixel((0, 0)) == 255


def test_transparent_frames_are_laid_over_white(tmp_path):
    clear = [Image.new("RGBA", (8, 8), (level, 0, 0, 255)) for level in (100, 200)]
    for image in clear:
        image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    clear[0].save(tmp_path / "a.gif", save_all=True, append_images=clear[1:], duration=50, disposal=2)
    seen = []
    assert process(tmp_path / "a.gif", tmp_path / "out", lambda image, item, report: seen.append(image) or image) == 0
    assert all(np.all(image[:, :4] == 255) for image in seen)
    assert [image[0, 5, 0] for image in seen] == [100, 200]


@pytest.mark.parametrize("loop", [0, 3, None])
def test_gif_keeps_the_time_of_each_frame_and_its_repetitions(tmp_path, loop):
    frames = [Image.fromarray(noise(9, 11, 3, seed=seed)) for seed in range(4)]
    options = {} if loop is None else {"loop": loop}
    durations = [100, 30, 2000, 100]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=durations, **options)
    assert process(tmp_path / "a.gif", tmp_path / "out") == 0
    made = Image.open(tmp_path / "out/a.gif")
    assert made.info.get("loop") == loop
    assert [frame.info["duration"] for frame in ImageSequence.Iterator(made)] == durations
    before = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(tmp_path / "a.gif"))]
    after = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(made)]
    for old, new in zip(before, after, strict=True):  # 99 colours fit into a palette
        np.testing.assert_allclose(new, 255 - old, atol=2)


@pytest.mark.parametrize("scale", [1, 2])
def test_alpha_can_be_kept(tmp_path, scale):
    pixels, alpha = noise(6, 9, 3), noise(6, 9, 1, seed=1)
    alpha[0], seen = 0, []
    save(tmp_path / "clear.png", np.concatenate([pixels, alpha], -1))
    save(tmp_path / "opaque.png", pixels)

    def function(image, item, report):
        seen.append(image)
        return np.kron(255 - image, np.ones((scale, scale, 1), np.uint8))

    items = pictures.find(tmp_path, tmp_path / "out")
    assert pictures.process(function, items, "inverting", alpha="keep") == 0
    np.testing.assert_array_equal(seen[0], np.where(alpha == 0, np.uint8(255), pixels))
    clear = np.asarray(Image.open(tmp_path / "out/clear.png"))
    whole = Image.fromarray(alpha[..., 0]).resize((9 * scale, 6 * scale), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(clear[..., 3], whole)
    np.testing.assert_array_equal(clear[::scale, ::scale, :3], 255 - seen[0])
    assert Image.open(tmp_path / "out/opaque.png").mode == "RGB"


def test_alpha_of_grey_results_and_of_transparent_colours(tmp_path):
    clear = Image.fromarray(noise(6, 9) % 4).convert("P")
    clear.putpalette(noise(4, 3).tobytes())
    clear.save(tmp_path / "a.png", transparency=2)
    items = pictures.find(tmp_path / "a.png", tmp_path / "out")
    assert pictures.process(lambda image, item, report: image[..., :1], items, "greying", alpha="keep") == 0
    made = Image.open(tmp_path / "out/a.png")
    assert made.mode == "LA"
    np.testing.assert_array_equal(np.asarray(made)[..., 1], np.where(np.asarray(clear) == 2, 0, 255))


def test_an_animation_has_a_limit_of_pixels(tmp_path, monkeypatch, capsys):
    frames = [np.full((8, 8, 1), level, np.uint8) for level in (0, 40, 90)]
    grids.write_animation(tmp_path / "a.gif", frames, 10)
    save(tmp_path / "b.png", noise(8, 8, 3))
    monkeypatch.setattr(pictures, "MOST_ANIMATED", 3 * 64 - 1)
    assert process(tmp_path, tmp_path / "out") == 1
    line = f"passed over {tmp_path / 'a.gif'}: too long: 3 frames of 8x8 pixels"
    assert line in capsys.readouterr().err.splitlines()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]
    monkeypatch.setattr(pictures, "MOST_ANIMATED", 3 * 64)
    assert process(tmp_path, tmp_path / "all") == 0


def test_video_keeps_its_times_and_colours(tmp_path):
    av = pytest.importorskip("av", reason="the video extra is not installed")
    times, frames = [0, 2, 4, 60, 62, 120], [np.full((32, 48, 3), level, np.uint8) for level in range(20, 140, 20)]
    video_maker.write(tmp_path / "a.mkv", frames, fps=100, times=times)
    picture, colors = video_maker.patches(720, 1278)
    video_maker.write(tmp_path / "hd.mp4", [picture] * 2, tags={"colorspace": 1})
    assert process(tmp_path, tmp_path / "out") == 0
    pixels, kept = video_maker.read(tmp_path / "out/a.mp4")
    assert [100 * time for time in kept] == times
    np.testing.assert_allclose(pixels.mean((1, 2, 3)), 255 - np.arange(20, 140, 20), atol=2)
    with av.open(str(tmp_path / "out/hd.mp4")) as made:
        assert made.streams.video[0].codec_context.colorspace == 1
    made = video_maker.read(tmp_path / "out/hd.mp4")[0][0]
    assert np.abs(video_maker.middles(made) - (255 - colors)).max() < 4


@pytest.mark.parametrize(
    "name, codec, sound, kept",
    [("a.mp4", "libx264", "aac", "aac"), ("a.avi", "mpeg4", "pcm_s16le", "aac"), ("a.mkv", "libx264", "flac", "flac")],
)
def test_video_keeps_its_sound(tmp_path, name, codec, sound, kept):
    av = pytest.importorskip("av", reason="the video extra is not installed")
    video_maker.write(tmp_path / name, [noise(32, 48, 3)] * 20, codec=codec, sound=sound)
    assert process(tmp_path / name, tmp_path / "out") == 0

    def packets(path):
        with av.open(str(path)) as opened:
            return [bytes(packet) for packet in opened.demux(audio=0) if packet.size]

    with av.open(str(tmp_path / "out/a.mp4")) as made:
        assert [stream.type for stream in made.streams] == ["video", "audio"]
        assert made.streams.audio[0].codec_context.codec.canonical_name == kept
        wave = np.concatenate([frame.to_ndarray()[0] for frame in made.decode(audio=0)])
    if sound == kept:
        assert packets(tmp_path / name) == packets(tmp_path / "out/a.mp4")
    assert abs(len(wave) / 8000 - 2) < 0.3  # AAC adds up to two frames of 1024
    loudest = np.abs(np.fft.rfft(wave[4000:12000])).argmax()
    assert loudest == 440


def test_broken_video_is_one_line_and_leaves_no_half(tmp_path):
    pytest.importorskip("av", reason="the video extra is not installed")
    video_maker.write(tmp_path / "a.mkv", [noise(32, 48, 3, seed=seed) for seed in range(30)])
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="a.mkv could not be used: truncated: the video breaks off after [^\n]*$"):
        process(tmp_path / "a.mkv", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_each_film_is_smoothed_by_itself(tmp_path):
    for name, level in (("a.gif", 50), ("b.gif", 52)):
        grids.write_animation(tmp_path / name, [np.full((8, 8, 1), level + k, np.uint8) for k in (0, 2)], 10)
    save(tmp_path / "c.png", noise(8, 8, 3))
    items = pictures.find(tmp_path, tmp_path / "out")
    assert pictures.process(lambda image, item, report: image[..., :1], items, "smoothing", 0.9) == 0
    for name, level in (("a.gif", 50), ("b.gif", 52)):
        first, second = ImageSequence.all_frames(Image.open(tmp_path / "out" / name), lambda frame: frame.convert("L"))
        assert np.asarray(first).mean() == level and level <= np.asarray(second).mean() < level + 2
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/c.png")), noise(8, 8, 3)[..., 0])


def test_missing_pyav_is_said(tmp_path, monkeypatch):
    (tmp_path / "a.mov").write_bytes(b"film")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UserError, match=r"videos need PyAV: pip install 'keras-gans\[video\]'"):
        pictures.find(tmp_path, tmp_path / "out")


def test_bad_pictures_are_named_and_the_others_done(tmp_path, capsys):
    pytest.importorskip("av", reason="the video extra is not installed")
    source, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "z.png"):
        save(source / name, noise(40, 40, 3))
    (source / "empty.jpg").write_bytes(b"")
    (source / "half.png").write_bytes((source / "a.png").read_bytes()[:2000])
    (source / "text.gif").write_text("no picture")
    (source / "film.mp4").write_text("no film")
    assert process(source, out) == 4
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "z.png"]
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("passed over")]
    assert lines == [
        f"passed over {source / 'empty.jpg'}: unreadable: the file is empty",
        f"passed over {source / 'film.mp4'}: unreadable: no video that ffmpeg knows",
        lines[2],
        f"passed over {source / 'text.gif'}: unreadable: not an image that Pillow knows",
    ]
    assert "half.png: truncated" in lines[2]


@pytest.mark.parametrize("frames", [1, 3, 4])
def test_broken_gif_leaves_no_half(tmp_path, frames):
    grids.write_animation(tmp_path / "a.gif", [noise(64, 64, 1, seed=seed) for seed in range(4)], 10)
    data = (tmp_path / "a.gif").read_bytes()
    (tmp_path / "a.gif").write_bytes(data[: len(data) * frames // 4 - 200])
    with pytest.raises(UserError, match="a.gif could not be used: "):
        process(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_too_long_a_gif_is_refused(tmp_path, monkeypatch):
    grids.write_animation(tmp_path / "a.gif", [noise(8, 9, 1, seed=seed) for seed in range(4)], 10)
    monkeypatch.setattr(pictures, "MOST_ANIMATED", 4 * 8 * 9 - 1)
    with pytest.raises(UserError, match="a.gif could not be used: too long: 4 frames of 9x8 pixels"):
        process(tmp_path, tmp_path / "out")
    monkeypatch.setattr(pictures, "MOST_ANIMATED", 4 * 8 * 9)
    assert process(tmp_path, tmp_path / "out") == 0


def test_nothing_usable_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"bad")
    (tmp_path / "in/b.png").write_bytes(b"bad")
    with pytest.raises(UserError, match="b.png could not be used, nor could any of the other 1: unreadable"):
        process(tmp_path / "in", tmp_path / "out")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    for source, message in (
        ("nowhere", "does not exist; name a picture"),
        ("notes.txt", "is no picture: they end in .png"),
        ("empty", "no pictures in"),
    ):
        with pytest.raises(UserError, match=message):
            pictures.find(tmp_path / source, tmp_path / "out")
    with pytest.raises(UserError, match="notes.txt is a file; name a folder for the results"):
        pictures.find(tmp_path / "in", tmp_path / "notes.txt")


def test_inputs_are_never_overwritten_nor_results_taken_for_inputs(tmp_path):
    save(tmp_path / "a.png", noise(8, 8, 3))
    for source in (tmp_path, tmp_path / "a.png"):
        with pytest.raises(UserError, match="a.png would take the place of an input; name another folder"):
            pictures.find(source, tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UserError, match="would take the place of an input"):
        pictures.find(tmp_path / "a.png", tmp_path / "link")
    (tmp_path / "link").unlink()
    for _ in range(2):
        assert [item.name for item in pictures.find(tmp_path, tmp_path / "out")] == ["a.png"]
        assert process(tmp_path, tmp_path / "out") == 0


def test_unwritable_results_stop_everything(tmp_path):
    save(tmp_path / "a.png", noise(8, 8, 3))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        process(tmp_path / "a.png", tmp_path / "file" / "out")
