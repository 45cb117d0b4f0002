"""Decoding of picture files inside a graph, against Pillow."""

import io
import struct
import zlib

import numpy as np
import picture_cases
import pytest
import tensorflow as tf
from helpers import ROOT
from PIL import Image

from keras_gans.data import images
from keras_gans.exporting import picture_files

MOST = 100_000


CASES = picture_cases.cases()


@pytest.fixture(scope="module")
def decode():
    """Compiled decoders, by channels."""
    signature = [tf.TensorSpec([], tf.string)]
    return {
        channels: tf.function(lambda data, channels=channels: picture_files.decode(data, channels, MOST), signature)
        for channels in (1, 3)
    }


@pytest.fixture(scope="module")
def decoded(decode):
    """What the decoders give of all files, or raise; together, since what tests reset has TensorFlow compile anew."""
    files = {("file", name): data for name, data in FILES.items()}
    files |= {("bad", name): data for name, (data, _) in BAD.items()}
    files |= {("case", name): case.data for name, case in CASES.items()}
    found = {}
    for name, data in files.items():
        for channels in (1, 3):
            try:
                found[*name, channels] = decode[channels](data).numpy()
            except tf.errors.OpError as error:
                found[*name, channels] = error
    return found


def picture(height=61, width=70):
    """A smooth picture, uint8 [h, w, 4] with alpha."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 7, 4), np.uint8)
    return np.asarray(Image.fromarray(coarse, "RGBA").resize((width, height), Image.Resampling.BICUBIC))


def file(mode, kind, pixels=None, **options):
    """A picture file in a Pillow mode and format."""
    image = Image.fromarray(picture() if pixels is None else pixels, "RGBA")
    image = image if mode == "RGBA" else image.convert("RGB").convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width, height):
    """A PNG whose header promises a size, with a few rows only."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


FILES = {
    "png": file("RGB", "PNG"),
    "png alpha": file("RGBA", "PNG"),
    "png grey": file("L", "PNG"),
    "png one bit": file("1", "PNG"),
    "png palette": file("P", "PNG"),
    "png palette with a transparent colour": file("P", "PNG", transparency=3),
    "png grey with alpha": file("LA", "PNG"),
    "jpeg": file("RGB", "JPEG"),
    "jpeg grey": file("L", "JPEG"),
    "jpeg progressive": file("RGB", "JPEG", progressive=True),
    "jpeg 4:4:4": file("RGB", "JPEG", subsampling=0),
    "jpeg cmyk": file("CMYK", "JPEG"),
    "webp": file("RGB", "WEBP"),
    "webp lossless": file("RGB", "WEBP", lossless=True),
    "webp alpha": file("RGBA", "WEBP"),
    "gif": file("RGB", "GIF"),
    "bmp": file("RGB", "BMP"),
    "bmp grey": file("L", "BMP"),
    "one pixel": file("RGB", "PNG", picture()[:1, :1]),
    "animated": file("RGB", "GIF", save_all=True, append_images=[Image.new("RGB", (70, 61), "red")]),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_pillows(decoded, name, channels):
    expected = images.decode(FILES[name], None, channels)
    pixels = decoded["file", name, channels]
    assert pixels.shape == expected.shape and (name == "one pixel" or expected.std() > 20)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", FILES)
def test_size_is_read_from_the_header(name):
    with Image.open(io.BytesIO(FILES[name])) as opened:
        assert tuple(picture_files.picture_headers.size(tf.constant(FILES[name])).numpy()) == (opened.height, opened.width)


def test_later_frames_of_a_gif_are_not_decoded(decode):
    """Their sizes are not bounded by the file's, and the decoder would take memory for all."""
    second = file("RGB", "GIF", save_all=True, append_images=[Image.new("RGB", (70, 61), "red")])
    at = second.rindex(struct.pack("<BHHHH", 0x2C, 0, 0, 70, 61))
    bomb = second[: at + 5] + struct.pack("<HH", 60000, 60000) + second[at + 9 :]
    np.testing.assert_array_equal(decode[3](bomb), decode[3](second))


def test_a_gif_of_tiny_blocks_is_the_same(decode):
    """A block may have any length up to 255; the walk over them must not depend on it."""
    whole = FILES["gif"]
    start = whole.index(struct.pack("<BHHHH", 0x2C, 0, 0, 70, 61)) + 10
    start += 3 * 2 ** ((whole[start - 1] & 7) + 1) * (whole[start - 1] >> 7) + 1
    content, place = b"", start
    while whole[place]:
        content += whole[place + 1 : place + 1 + whole[place]]
        place += whole[place] + 1
    for length in (1, 7, 254):
        blocks = b"".join(
            bytes([len(content[i : i + length])]) + content[i : i + length] for i in range(0, len(content), length)
        )
        np.testing.assert_array_equal(decode[3](whole[:start] + blocks + b"\0;"), decode[3](whole))


def lossless_webp(width, height):
    return (
        b"RIFF"
        + bytes(4)
        + b"WEBPVP8L"
        + bytes(4)
        + b"\x2f"
        + struct.pack("<I", (height - 1) << 14 | (width - 1))
        + bytes(20)
    )


BAD = {
    "png": (png_of_size(20000, 30000), "at most 100000 pixels are taken, not.*30000 20000"),
    "png bomb": (png_of_size(50000, 50000), "at most 100000 pixels are taken, not.*50000 50000"),
    "png beyond 32 bits": (png_of_size(2**31 - 1, 2**31 - 1), "at most 100000"),
    "png overflow": (png_of_size(2**32 - 1, 2**32 - 1), "at most 100000"),
    "jpeg": (
        file("RGB", "JPEG").replace(struct.pack(">HH", 61, 70), struct.pack(">HH", 60000, 50000), 1),
        "at most 100000 pixels are taken, not.*60000 50000",
    ),
    "gif": (b"GIF89a" + struct.pack("<HH", 60000, 50000) + FILES["gif"][10:], "not.*50000 60000"),
    "bmp": (FILES["bmp"][:18] + struct.pack("<ii", 50000, -40000) + FILES["bmp"][26:], "not.*40000 50000"),
    "webp": (lossless_webp(16000, 15000), "not.*15000 16000"),
    "tiff": (file("RGB", "TIFF"), "not a PNG, JPEG, WebP, GIF or BMP file"),
    "zip": (b"PK\x03\x04" + bytes(100), "not a PNG, JPEG, WebP, GIF or BMP file"),
    "empty": (b"", "not a PNG, JPEG, WebP, GIF or BMP file"),
    "one byte": (b"\x89", "not a PNG, JPEG, WebP, GIF or BMP file"),
    "header only": (b"\x89PNG\r\n\x1a\n", "not a PNG, JPEG, WebP, GIF or BMP file"),
    "animated webp": (
        file("RGB", "WEBP", save_all=True, append_images=[Image.new("RGB", (70, 61), "red")]),
        "animated WebP is not taken; send a still picture",
    ),
    "gif frame": (
        FILES["gif"].replace(struct.pack("<HHHH", 0, 0, 70, 61), struct.pack("<HHHH", 0, 0, 60000, 50000), 1),
        "at most 100000 pixels are taken, not.*50000 60000",
    ),
    "gif frame far away": (
        FILES["gif"].replace(struct.pack("<HHHH", 0, 0, 70, 61), struct.pack("<HHHH", 50000, 40000, 70, 61), 1),
        "at most 100000 pixels are taken, not.*40061 50070",
    ),
    "truncated png": (FILES["png"][:300], "Invalid PNG data"),
    "truncated jpeg": (FILES["jpeg"][:600], "Invalid JPEG data"),
    "truncated webp": (FILES["webp"][:100], "(?i)webp"),
    "truncated gif": (FILES["gif"][:100], "(?i)gif"),
    "truncated bmp": (FILES["bmp"][:100], "Input size should match"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_as_invalid_arguments(decoded, name):
    words = BAD[name][1]
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        raise decoded["bad", name, 3]


@pytest.mark.parametrize("name", CASES)
def test_kinds_of_pictures_are_right_or_refused(decoded, name):
    case, made = CASES[name], decoded["case", name, 3]
    if case.refused:
        with pytest.raises(tf.errors.InvalidArgumentError, match=case.refused):
            raise made
        return
    assert made.shape == case.shows.shape
    assert np.abs(made.astype(int) - case.shows).max() <= 1


def test_refusals_stand_in_the_contract():
    contract = (ROOT / "docs/pictures.md").read_text(encoding="utf-8")
    assert {case.refused for case in CASES.values() if case.refused and case.refused not in contract} == set()


def test_pixels_of_srgb_stay_bit_for_bit_in_the_graph(decoded):
    for name in ("srgb", "little cms's srgb"):
        np.testing.assert_array_equal(decoded["case", f"png, profile: {name}", 3], CASES["png"].shows)


def test_grey_is_made_of_what_is_shown(decoded):
    for name in ("png alpha, profile", "gif, frame inside, transparent colour", "jpeg, orientation 6"):
        grey = images.decode(CASES[name].data, None, 1)
        assert np.abs(decoded["case", name, 1].astype(int) - grey).max() <= 1


def test_the_path_to_a_profile_has_an_end(decode):
    """Files of chunks of nothing."""
    png, jpeg = CASES["png"].data, CASES["jpeg, orientation 1"].data
    many = picture_files.picture_headers._MOST_CHUNKS + 1
    for data, at, part in ((png, 33, chunk(b"teXt", b"")), (jpeg, 2, b"\xff\xfe\0\2")):
        with pytest.raises(tf.errors.InvalidArgumentError, match="more than 16384 chunks are not taken"):
            decode[3](data[:at] + many * part + data[at:])
