import io

import numpy as np
import pytest
from PIL import Image

from keras_gans.data import images, picture_files
from keras_gans.data.images import BadImage, decode

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, [6, 6, 3], np.uint8)
GREY = RNG.integers(0, 256, [6, 6], np.uint8)


def saved(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def luma(rgb):
    return rgb.astype(float) @ [0.299, 0.587, 0.114]


def test_grey_and_rgb_are_kept():
    np.testing.assert_array_equal(decode(saved(Image.fromarray(RGB)), 6, 3), RGB)
    np.testing.assert_array_equal(decode(saved(Image.fromarray(GREY)), 6, 1), GREY[..., None])
    np.testing.assert_array_equal(decode(saved(Image.fromarray(GREY)), 6, 3), np.stack([GREY] * 3, axis=-1))
    np.testing.assert_allclose(decode(saved(Image.fromarray(RGB)), 6, 1)[..., 0], luma(RGB), atol=1)


def test_16_bit_grey_is_scaled_not_clipped():
    values = np.linspace(0, 65535, 36).reshape(6, 6).astype(np.uint16)
    pixels = decode(saved(Image.fromarray(values)), 6, 1)[..., 0]
    np.testing.assert_array_equal(pixels, np.round(values / 257))
    tiff = decode(saved(Image.fromarray(values), "TIFF"), 6, 3)
    np.testing.assert_array_equal(tiff, np.stack([pixels] * 3, axis=-1))


def test_alpha_is_laid_over_white():
    alpha = RNG.integers(0, 256, [6, 6, 1], np.uint8)
    wanted = RGB * (alpha / 255.0) + 255 * (1 - alpha / 255.0)
    rgba = Image.fromarray(np.concatenate([RGB, alpha], axis=-1))
    np.testing.assert_allclose(decode(saved(rgba), 6, 3), wanted, atol=1)
    wanted = GREY * (alpha[..., 0] / 255.0) + 255 * (1 - alpha[..., 0] / 255.0)
    grey_alpha = Image.fromarray(np.stack([GREY, alpha[..., 0]], axis=-1))
    np.testing.assert_allclose(decode(saved(grey_alpha), 6, 1)[..., 0], wanted, atol=1)


def test_palette_with_a_transparent_colour():
    image = Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6) % 4, mode="P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]])
    numbers = np.arange(36).reshape(6, 6) % 4
    np.testing.assert_array_equal(decode(saved(image), 6, 3), colours[numbers])
    colours[1] = 255  # transparent: white
    for kind in ("PNG", "GIF"):
        np.testing.assert_array_equal(decode(saved(image, kind, transparency=1), 6, 3), colours[numbers])
    np.testing.assert_allclose(decode(saved(image, transparency=1), 6, 1)[..., 0], luma(colours)[numbers], atol=1)


def test_one_bit():
    bits = RNG.integers(0, 2, [6, 6]).astype(bool)
    np.testing.assert_array_equal(decode(saved(Image.fromarray(bits)), 6, 1)[..., 0], bits * 255)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk(kind):
    ink = np.full([8, 8, 4], [51, 102, 153, 64], np.uint8)
    wanted = (255 - ink[0, 0, :3].astype(float)) * (255 - 64) / 255  # (1 - c)(1 - k)
    pixels = decode(saved(Image.fromarray(ink, mode="CMYK"), kind), 8, 3)
    np.testing.assert_allclose(pixels, np.broadcast_to(wanted, [8, 8, 3]), atol=2)


@pytest.mark.parametrize(
    "orientation, upright",
    [
        (1, lambda x: x),
        (2, np.fliplr),
        (3, lambda x: np.rot90(x, 2)),
        (4, np.flipud),
        (5, lambda x: x.transpose(1, 0, 2)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: np.rot90(x.transpose(1, 0, 2), 2)),
        (8, np.rot90),
    ],
)
def test_exif_orientation(orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(RGB), exif=exif)
    np.testing.assert_array_equal(decode(data, 6, 3), upright(RGB))


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(np.full([4, 4], value, np.uint8)) for value in (10, 200)]
    assert (decode(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), 4, 1) == 10).all()


@pytest.mark.parametrize("shape, inside", [([8, 24], np.s_[:, 8:16]), ([24, 8], np.s_[8:16, :])])
def test_centre_crop(shape, inside):
    picture = RNG.integers(0, 256, [*shape, 3], np.uint8)
    np.testing.assert_array_equal(decode(saved(Image.fromarray(picture)), 8, 3), picture[inside])


@pytest.mark.parametrize("resize", list(images.FILTERS))
def test_shorter_side_is_resized_then_cut(resize):
    smooth = np.kron(RNG.integers(0, 256, [8, 12, 3]), np.ones([6, 6, 1])).astype(np.uint8)  # 48 x 72
    image = Image.fromarray(smooth)
    wanted = image.resize((24, 16), images.FILTERS[resize]).crop((4, 0, 20, 16))
    np.testing.assert_allclose(decode(saved(image), 16, 3, resize).astype(int), np.asarray(wanted), atol=1)
    squashed = image.resize((16, 16), images.FILTERS[resize])
    np.testing.assert_array_equal(decode(saved(image), 16, 3, resize, crop="none"), squashed)


def test_box_filter_is_the_mean():
    picture = RNG.integers(0, 256, [8, 8], np.uint8)
    wanted = picture.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    pixels = decode(saved(Image.fromarray(picture)), 4, 1, "box")[..., 0]
    np.testing.assert_allclose(pixels, wanted, atol=1.01)  # rounded once along each axis


def test_padded_pictures_are_whole_and_black_beside():
    picture = Image.fromarray(RNG.integers(1, 256, [4, 10, 3], np.uint8))
    wanted = np.zeros([10, 10, 3], np.uint8)
    wanted[3:7] = picture
    np.testing.assert_array_equal(images.fit(picture, 10, crop="pad"), wanted)
    whole = Image.fromarray(wanted).resize((6, 6), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(images.fit(picture, 6, "bicubic", "pad"), whole)
    np.testing.assert_array_equal(images.fit(picture, 4, "bicubic", "pad", load_size=6), whole)
    assert images.fit(picture, 4, crop="pad", load_size=0) is picture


def test_28x28_is_padded_with_black():
    digit = RNG.integers(1, 256, [28, 28], np.uint8)
    data = saved(Image.fromarray(digit))
    np.testing.assert_array_equal(decode(data, 32, 1)[..., 0], np.pad(digit, 2))
    np.testing.assert_array_equal(decode(data, 28, 1)[..., 0], digit)


def test_path_and_own_size(tmp_path):
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(RGB[:3])))
    np.testing.assert_array_equal(decode(tmp_path / "a.png", None, 3), RGB[:3])


NOISE = Image.fromarray(RNG.integers(0, 256, [64, 64, 3], np.uint8))


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "unreadable: the file is empty"),
        (b"some text", "unreadable: not an image that Pillow knows"),
        (saved(NOISE)[:5000], "truncated"),
        (saved(NOISE, "JPEG")[:1500], "truncated"),
        (saved(NOISE, "BMP")[:5000], "truncated"),
        (saved(NOISE, "GIF")[:2000], "truncated"),
        (saved(NOISE, "WEBP")[:1500], "unreadable|truncated"),
        (saved(Image.new("F", (4, 4)), "TIFF"), "wrong mode: floating-point grey has no known range"),
        (saved(Image.fromarray(np.full([4, 4], 70000, np.int32)), "TIFF"), "wrong mode: 32-bit grey has no known range"),
    ],
)
def test_bad_files_have_a_reason(data, reason):
    with pytest.raises(BadImage, match=reason) as error:
        decode(data, 8, 3)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("over", [1, 0])
def test_too_many_pixels_are_refused(monkeypatch, over):
    monkeypatch.setitem(picture_files._limit, "pixels", 64 * 64 - over)
    if over:
        with pytest.raises(BadImage, match=r"too large: 64x64 is more than 4095 pixels \(--max_pixels takes more\)"):
            decode(saved(NOISE), 8, 3)
    else:
        assert decode(saved(NOISE), 8, 3).shape == (8, 8, 3)
