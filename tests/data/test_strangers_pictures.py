"""Files of strangers: what is opened, what is refused, and what it costs."""

import io
import os
import pathlib
import re
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import picture_cases
import pytest
from PIL import Image

from keras_gans.data import images, picture_files
from keras_gans.data.picture_files import BadImage

ROOT = pathlib.Path(__file__).parents[2]
RNG = np.random.default_rng(0)
PICTURE = Image.fromarray(RNG.integers(0, 256, [6, 9, 3], np.uint8))


def saved(kind, **options):
    out = io.BytesIO()
    PICTURE.save(out, kind, **options)
    return out.getvalue()


def png(width, height):
    """A grey PNG that promises a size, with some rows."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(10**6), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "PCX", "SGI", "TGA", "ICO"]
)
def test_every_format_is_read_and_keeps_its_pixels_when_the_file_is_closed(kind):
    if kind not in picture_files.formats():
        pytest.skip(f"this Pillow has no {kind}")
    exact = {"WEBP": {"lossless": True}, "JPEG2000": {"irreversible": False}, "ICO": {"sizes": [PICTURE.size]}}
    picture = images.upright(saved(kind, **exact.get(kind, {})), 3)
    assert picture.size == (9, 6)
    difference = np.abs(np.asarray(picture.resize((9, 6))).astype(int) - np.asarray(PICTURE))
    assert difference.max() <= {"JPEG": 255, "AVIF": 255, "GIF": 60}.get(kind, 0)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n%%EOF\n"


def test_postscript_starts_no_program(tmp_path, monkeypatch):
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran\nexit 1\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ghostscript.parent}:{os.environ['PATH']}")
    with pytest.raises(BadImage, match=r"not an image that Pillow knows \(it is PostScript or PDF, which is never run\)"):
        images.decode(POSTSCRIPT, 8, 3)
    assert not (tmp_path / "ran").exists()


def test_every_opening_names_its_formats():
    """Pillow tries all formats, those that start programs too, unless a call names some."""
    for folder in ("keras_gans", "benchmarks", "export", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            for call in re.findall(r"Image\.open\((.*)", path.read_text(encoding="utf-8")):
                assert "formats=" in call, f"{path}: Image.open({call}"


@pytest.mark.parametrize(
    "make", [lambda path: os.mkfifo(path), lambda path: os.symlink("/dev/zero", path), lambda path: path.mkdir()]
)
def test_only_regular_files_are_read(tmp_path, make):
    make(tmp_path / "a.png")
    start = time.monotonic()
    with pytest.raises(BadImage, match="unreadable: (no regular file|Is a directory)"):
        images.decode(tmp_path / "a.png", 8, 3)
    assert time.monotonic() - start < 2


def test_files_have_a_size_limit(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(saved("PNG"))
    monkeypatch.setattr(picture_files, "FILE_BYTES", 50)
    with pytest.raises(BadImage, match="too large: .* bytes are more than 50"):
        images.decode(tmp_path / "a.png", 8, 3)


@pytest.mark.parametrize(
    "size, reason",
    [
        ((1, 80_000_000), "has a side of more than 65536 pixels"),
        ((12_000, 12_000), "12000x12000 is more than 134217728 pixels"),
        ((20_000, 20_000), "too large: more than 134217728 pixels"),  # Pillow's own limit
        ((2**31 - 1, 2**31 - 1), "too large"),
    ],
)
def test_sizes_are_bounded_before_anything_is_decoded(size, reason):
    start = time.monotonic()
    with pytest.raises(BadImage, match=reason):
        images.decode(png(*size), 8, 1)
    assert time.monotonic() - start < 1


def test_the_limit_can_be_raised(monkeypatch):
    monkeypatch.setitem(picture_files._limit, "pixels", 50)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    with pytest.raises(BadImage, match=r"9x6 is more than 50 pixels \(--max_pixels takes more\)"):
        images.decode(saved("PNG"), 8, 3)
    picture_files.allow(54)
    assert images.decode(saved("PNG"), None, 3).shape == (6, 9, 3)


def test_a_gif_is_bounded_by_its_frame():
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, 60_000, 60_000, 0)
    data = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6) + frame + b"\x02\x02\x4c\x01\x00;"
    with pytest.raises(BadImage, match="too large"):
        images.decode(data, 8, 3)


def test_a_strip_is_not_resized_into_gigabytes():
    strip = Image.new("RGB", (2, 8000))
    with pytest.raises(BadImage, match="too long: 2x8000 would become 286x1144000 pixels; cut it into pieces"):
        images.fit(strip, 256, load_size=286)
    assert images.fit(Image.new("RGB", (20, 80)), 8, load_size=16).size == (16, 64)


def test_room_is_taken_by_pixels():
    room, inside, most = picture_files._Room(100), [0], [0]
    lock = threading.Lock()

    def work(size):
        with room.take(size):
            with lock:
                inside[0] += min(size[0] * size[1], 100)
                most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            with lock:
                inside[0] -= min(size[0] * size[1], 100)

    threads = [threading.Thread(target=work, args=[size]) for size in [(5, 8), (50, 50), (10, 6)] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most[0] == 100 and room.free == 100


MEASURE = """
import re, sys
from keras_gans.data import images
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
images.decode(sys.argv[1], 8, 3)
images.digest(sys.argv[1])
before = peak()
images.decode(sys.argv[2], 8, 3)
images.digest(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peaks are read as Linux tells them")
def test_memory_of_a_large_picture(tmp_path):
    """Of 36 million pixels, decoded and hashed: 16 bytes for each at most."""
    PICTURE.save(tmp_path / "a.png")
    Image.new("RGB", (6000, 6000), "red").save(tmp_path / "b.jpg", quality=10)
    words = [sys.executable, "-c", MEASURE, tmp_path / "a.png", tmp_path / "b.jpg"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    assert 3 * 36e6 < int(done.stdout) < 16 * 36e6


def test_photographs_of_phones(tmp_path):
    """HEIC, with an orientation and a colour profile."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    rgb = np.ascontiguousarray(picture_cases.smooth(3))
    exif = Image.Exif()
    exif[0x0112] = 6
    try:
        picture_files.reads_heif()
        icc = picture_cases.PROFILES["display p3"]
        Image.fromarray(rgb).save(tmp_path / "a.heic", quality=-1, chroma=444, icc_profile=icc, exif=exif.tobytes())
    except Exception as error:
        pytest.skip(f"pillow-heif {pillow_heif.__version__} does not write HEIC here: {error}")
    wanted = np.rot90(picture_cases.by_littlecms(Image.fromarray(rgb), icc), -1)
    made = images.decode(tmp_path / "a.heic", None, 3)
    assert made.shape == wanted.shape and np.abs(made.astype(int) - wanted).max() <= 12  # YCbCr of 8 bits
    assert picture_files.suffixes()[-2:] == (".heic", ".heif")


def test_photographs_of_phones_are_named_where_they_cannot_be_read(monkeypatch):
    monkeypatch.setattr(picture_files, "reads_heif", lambda: False)
    monkeypatch.setattr(picture_files, "formats", lambda: ("PNG",))
    with pytest.raises(BadImage, match=r"not an image that Pillow knows \(HEIC needs pip install 'keras-gans\[heic\]'\)"):
        images.decode(b"\0\0\0\x18ftypheic" + bytes(12), 8, 3)


def test_orientation_is_known_without_decoding():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved("JPEG", exif=exif)
    with picture_files.open_image(data) as opened:
        assert (opened.size, images.upright_size(opened)) == ((9, 6), (6, 9))
    assert images.digest(data)[0] == images.upright(data, 3).size == (6, 9)
