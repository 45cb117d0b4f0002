"""Kinds of picture files, what they show over white in sRGB, and the words with which graphs refuse some of them.

What they show is known from the pixels that were written, or comes from Pillow and littleCMS alone. docs/pictures.md is the
contract.
"""

import dataclasses
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

HEIGHT, WIDTH = 20, 26
MASKS = (0xFF0000, 0xFF00, 0xFF)
D50 = (0.9642, 1.0, 0.8249)
RED, GREEN, BLUE = (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141)  # sRGB's, by D50
P3 = (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)


@dataclasses.dataclass
class Case:
    """A file; `shows` uint8 [h, w, 3]; `refused`, a pattern of the graph's words, or None where it gives the same."""

    data: bytes
    shows: np.ndarray
    refused: str | None = None


def smooth(channels=4):
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 4), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))[..., :channels]


def over_white(pixels, alpha):
    alpha = alpha[..., None] / 255
    return np.rint(pixels * alpha + 255 * (1 - alpha)).astype(np.uint8)


def saved(pixels, kind, **options):
    out = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(out, kind, **options)
    return out.getvalue()


# === ICC profiles ===


def fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def para(kind, *numbers):
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + fixed(*numbers)


def curv(*values):
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


SRGB_CURVE = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def table(channels):
    """A table of two points for each channel, to Lab."""
    points = np.random.default_rng(8).integers(0, 256, (2**channels, 3), np.uint8)
    points[:, 1:] = 128 + (points[:, 1:].astype(int) - 128) // 4  # colours that sRGB has
    curve, matrix = bytes(range(256)), fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    return b"mft1" + bytes(4) + bytes([channels, 3, 2, 0]) + matrix + channels * curve + points.tobytes() + 3 * curve


def profile(columns=(RED, GREEN, BLUE), curve=SRGB_CURVE, space=b"RGB ", more=(), connection=b"XYZ "):
    tags = [(b"wtpt", b"XYZ " + bytes(4) + fixed(*D50))]
    if space == b"GRAY":
        tags.append((b"kTRC", curve))
    elif connection == b"XYZ ":
        tags += [(name, b"XYZ " + bytes(4) + fixed(*column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns)]
        tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    tags += more
    table, body, place = b"", b"", 132 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content
    header = bytes(8) + struct.pack(">I", 0x02400000) + b"mntr" + space + connection + bytes(12) + b"acsp" + bytes(28)
    header += fixed(*D50) + bytes(48)
    whole = header + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


PROFILES = {
    "srgb": profile(),
    "little cms's srgb": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    "red and blue swapped": profile((BLUE, GREEN, RED)),
    "display p3": profile(P3),
    "a power": profile(P3, curv(round(2.2 * 256))),
    "linear": profile(curve=curv()),
    "a table": profile(P3, curv(*(round(65535 * (level / 99) ** 1.8) for level in range(100)))),
    "formula 0": profile(P3, para(0, 2.0)),
    "formula 1": profile(P3, para(1, 2.0, 1 / 0.95, -0.05 / 0.95)),
    "formula 2": profile(P3, para(2, 1.8, 1 / 0.9, -0.1 / 0.9, 0)),
    "formula 4": profile(P3, para(4, 1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081, 0, 0)),
}
GREY_PROFILE = profile(curve=curv(round(1.6 * 256)), space=b"GRAY")
RGB_TABLE = profile(more=[(b"A2B0", table(3))], connection=b"Lab ")
CMYK_TABLE = profile(more=[(b"A2B0", table(4))], connection=b"Lab ", space=b"CMYK")
DAMAGED = b"no profile" * 20


def by_littlecms(image, icc):
    """What Pillow and littleCMS make of a Pillow image."""
    given, made = io.BytesIO(icc), ImageCms.createProfile("sRGB")
    return np.asarray(ImageCms.profileToProfile(image, given, made, outputMode="RGB"))


# === Files that Pillow does not write ===


def bmp(pixels, bits=32, masks=None, palette=b"", kind=None, header=40, rows=None):
    """A BMP of uint8 [h, w, c] in the file's order of bytes (or of rows that are packed already), from the bottom up."""
    height, width = pixels.shape[:2]
    rows = rows or b"".join(row.tobytes() + bytes(-row.nbytes % 4) for row in pixels[::-1])
    kind = kind if kind is not None else 3 if masks else 0
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, kind, len(rows), 0, 0, len(palette) // 4, 0)
    info += struct.pack(f"<{len(masks)}I", *masks) if masks else b""
    info += bytes(max(0, header - len(info))) + palette
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(rows), 0, 0, 14 + len(info)) + info + rows


def gif(numbers, screen, place, palette, clear=None):
    """A GIF of a frame of palette's numbers uint8 [h, w] at (left, top) of a screen (width, height)."""
    frame = Image.fromarray(numbers).convert("P")
    frame.putpalette(palette)
    whole = saved(frame, "GIF", optimize=False)
    size = struct.pack("<HH", *frame.size)
    at = whole.index(b"\x2c" + bytes(4) + size)
    control = b"" if clear is None else struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1, 0, clear, 0)
    start = b"GIF89a" + struct.pack("<HH", *screen) + whole[10:at] + control
    return start + b"\x2c" + struct.pack("<HH", *place) + size + whole[at + 9 :]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def grey_png(bits, levels, clear):
    """A grey PNG of few bits, with a transparent level; levels are [h, w], as they are stored."""
    height, width = levels.shape
    flat = [format(level, f"0{bits}b") for level in levels.reshape(-1)]
    rows = ["".join(flat[row * width : (row + 1) * width]) for row in range(height)]
    packed = b"".join(b"\0" + int(row, 2).to_bytes(len(row) // 8, "big") for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"tRNS", struct.pack(">H", clear)), chunk(b"IDAT", zlib.compress(packed))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def exif(orientation, little=True):
    """EXIF data with another entry before the orientation."""
    order = "<" if little else ">"
    entries = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0) + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return (b"II" if little else b"MM") + struct.pack(order + "HIH", 42, 8, 2) + entries + bytes(4)


TURNS = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x.transpose(1, 0, 2), 2),
    8: np.rot90,
}


def cases():
    """Returns the cases, {name: Case}."""
    return {**_bmp(), **_gif(), **_png(), **_webp(), **_profiles(), **_turned(), **_others()}


def _bmp():
    rgba = smooth()
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    bgr, zero = rgb[..., ::-1], np.zeros_like(alpha[..., None])
    shown = over_white(rgb, alpha)
    palette = np.random.default_rng(1).integers(0, 256, (200, 4), np.uint8)
    numbers = np.random.default_rng(2).integers(0, 200, (HEIGHT, WIDTH), np.uint8)
    colors = palette[numbers][..., 2::-1]
    half = numbers // 16
    other = "this kind of BMP is not taken"
    with_alpha = np.concatenate([bgr, alpha[..., None]], -1)
    return {
        "bmp": Case(bmp(bgr, 24), rgb),
        "bmp from the top": Case(bmp(bgr[::-1], 24).replace(struct.pack("<i", HEIGHT), struct.pack("<i", -HEIGHT), 1), rgb),
        "bmp 32 bits, fourth byte 0": Case(bmp(np.concatenate([bgr, zero], -1)), rgb),
        "bmp 32 bits, fourth byte not used": Case(bmp(with_alpha), rgb),
        "bmp 32 bits, masks": Case(bmp(with_alpha, masks=MASKS), rgb),
        "bmp 32 bits, masks with alpha": Case(bmp(with_alpha, masks=(*MASKS, 0xFF000000), header=56), shown),
        "bmp 32 bits, masks of another order": Case(
            bmp(rgba, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000), header=56), shown, other
        ),
        "bmp palette": Case(bmp(numbers, 8, palette=palette.tobytes()), colors),
        "bmp palette, later header": Case(bmp(numbers, 8, palette=palette.tobytes(), header=108), colors),
        "bmp 4 bits": Case(
            bmp(half[:, ::2] * 16 + half[:, 1::2], 4, palette=palette[:16].tobytes()).replace(
                struct.pack("<i", WIDTH // 2), struct.pack("<i", WIDTH), 1
            ),
            palette[half][..., 2::-1],
            other,
        ),
        "bmp packed": Case(
            bmp(
                numbers,
                8,
                palette=palette.tobytes(),
                kind=1,
                rows=b"".join(b"".join(bytes([1, level]) for level in row) + bytes(2) for row in numbers[::-1]) + b"\0\1",
            ),
            colors,
            other,
        ),
    }


def _gif():
    palette = np.random.default_rng(3).integers(0, 256, (256, 3), np.uint8)
    numbers = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    colors, words = palette[numbers], palette.tobytes()
    clear = np.where((numbers == 7)[..., None], np.uint8(255), colors)

    def placed(pixels, screen, place):
        whole = np.full((screen[1], screen[0], 3), 255, np.uint8)
        whole[place[1] : place[1] + HEIGHT, place[0] : place[0] + WIDTH] = pixels
        return whole

    screen, place = (WIDTH + 9, HEIGHT + 5), (4, 3)
    animated = [Image.fromarray(numbers).convert("P"), Image.fromarray(255 - numbers).convert("P")]
    animated[0].putpalette(words)
    return {
        "gif": Case(gif(numbers, (WIDTH, HEIGHT), (0, 0), words), colors),
        "gif, transparent colour": Case(gif(numbers, (WIDTH, HEIGHT), (0, 0), words, 7), clear),
        "gif, frame in a corner": Case(gif(numbers, screen, (0, 0), words), placed(colors, screen, (0, 0))),
        "gif, frame inside": Case(gif(numbers, screen, place, words), placed(colors, screen, place)),
        "gif, frame inside, transparent colour": Case(gif(numbers, screen, place, words, 7), placed(clear, screen, place)),
        "gif, frame beyond the screen": Case(gif(numbers, (9, 5), (0, 0), words), colors),
        "gif, animated": Case(saved(animated[0], "GIF", save_all=True, append_images=animated[1:], optimize=False), colors),
    }


def _png():
    rgba = smooth()
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    grey = np.ascontiguousarray(rgb[..., 0])
    few = np.random.default_rng(5).integers(0, 4, (HEIGHT, 24), np.uint8)
    wide = rgb.astype(np.uint16) * 257
    palette = np.random.default_rng(6).integers(0, 256, (4, 3), np.uint8)
    indexed = Image.fromarray(few).convert("P")
    indexed.putpalette(palette.tobytes())

    def grey_over(levels, clear):
        return np.where(clear[..., None], np.uint8(255), np.repeat(levels[..., None], 3, -1)).astype(np.uint8)

    at = np.all(rgb == rgb[4, 4], -1)
    shares = np.array([255, 100, 0, 255], np.uint8)
    return {
        "png": Case(saved(rgb, "PNG"), rgb),
        "png alpha": Case(saved(rgba, "PNG"), over_white(rgb, alpha)),
        "png grey": Case(saved(grey, "PNG"), np.repeat(grey[..., None], 3, -1)),
        "png grey, alpha": Case(
            saved(np.stack([grey, alpha], -1), "PNG"), over_white(np.repeat(grey[..., None], 3, -1), alpha)
        ),
        "png grey, transparent level": Case(
            saved(grey, "PNG", transparency=int(grey[4, 4])), grey_over(grey, grey == grey[4, 4])
        ),
        "png grey of 1 bit, transparent level": Case(grey_png(1, few % 2, 1), grey_over(few % 2 * 255, few % 2 == 1)),
        "png grey of 2 bits, transparent level": Case(grey_png(2, few, 2), grey_over(few * 85, few == 2)),
        "png grey of 4 bits, transparent level": Case(grey_png(4, few * 3, 6), grey_over(few * 51, few == 2)),
        "png grey of 16 bits": Case(saved(wide[..., 0], "PNG"), np.repeat(grey[..., None], 3, -1)),
        "png grey of 16 bits, transparent level": Case(
            grey_png(16, wide[..., 0], int(wide[4, 4, 0])), grey_over(grey, grey == grey[4, 4])
        ),
        "png transparent colour": Case(
            saved(rgb, "PNG", transparency=tuple(rgb[4, 4].tolist())), np.where(at[..., None], np.uint8(255), rgb)
        ),
        "png palette": Case(saved(indexed, "PNG"), palette[few]),
        "png palette, transparent colour": Case(
            saved(indexed, "PNG", transparency=2), np.where((few == 2)[..., None], np.uint8(255), palette[few])
        ),
        "png palette, shares of colours": Case(
            saved(indexed, "PNG", transparency=shares.tobytes()), over_white(palette[few], shares[few])
        ),
    }


def _webp():
    rgba = smooth()
    one = Image.fromarray(rgba[..., :3])
    two = Image.fromarray(255 - rgba[..., :3])
    return {
        "webp alpha": Case(saved(rgba, "WEBP", lossless=True, exact=True), over_white(rgba[..., :3], rgba[..., 3])),
        "webp, animated": Case(
            saved(one, "WEBP", lossless=True, save_all=True, append_images=[two]),
            rgba[..., :3],
            "animated WebP is not taken",
        ),
    }


def _profiles():
    rgba = smooth()
    rgb = np.ascontiguousarray(rgba[..., :3])
    image, kinds = Image.fromarray(rgb), {}
    for name, icc in PROFILES.items():
        kinds[f"png, profile: {name}"] = Case(saved(rgb, "PNG", icc_profile=icc), by_littlecms(image, icc))
    swapped = PROFILES["red and blue swapped"]
    shown = by_littlecms(image, swapped)
    jpeg = saved(rgb, "JPEG", quality=95, icc_profile=swapped)
    ink = saved(image.convert("CMYK"), "JPEG", icc_profile=CMYK_TABLE)
    grey = Image.fromarray(rgb[..., 0])
    grey_shown, grey_linear = by_littlecms(grey, GREY_PROFILE), profile(curve=curv(), space=b"GRAY")
    grey_power = by_littlecms(grey.convert("RGB"), PROFILES["a power"])
    few = Image.fromarray(rgb).quantize(16)
    refused = "its colour profile is not taken, since it is no matrix profile of RGB; convert the picture to sRGB"
    large = profile((BLUE, GREEN, RED), more=[(b"text", np.random.default_rng(0).bytes(70_000))])
    lifted = profile(P3, para(2, 2.0, 0.8, 0.1, 0.1))  # its black is no black
    spoiled = profile((BLUE, GREEN, RED), more=[(b"A2B0", b"mft1" + bytes(40))])
    return kinds | {
        "png alpha, profile": Case(saved(rgba, "PNG", icc_profile=swapped), over_white(shown, rgba[..., 3])),
        "png palette, profile": Case(saved(few, "PNG", icc_profile=swapped), by_littlecms(few.convert("RGB"), swapped)),
        "png grey, profile of colours": Case(saved(grey, "PNG", icc_profile=PROFILES["a power"]), grey_power),
        "jpeg, profile": Case(jpeg, by_littlecms(Image.open(io.BytesIO(jpeg), formats=["JPEG"]), swapped)),
        "webp alpha, profile": Case(
            saved(rgba, "WEBP", lossless=True, exact=True, icc_profile=swapped), over_white(shown, rgba[..., 3])
        ),
        "png grey, profile of grey": Case(saved(grey, "PNG", icc_profile=GREY_PROFILE), grey_shown, refused),
        "jpeg grey, linear profile of grey": Case(
            saved(grey, "JPEG", quality=100, icc_profile=grey_linear),
            by_littlecms(Image.open(io.BytesIO(saved(grey, "JPEG", quality=100)), formats=["JPEG"]), grey_linear),
            refused,
        ),
        "png, profile of tables": Case(saved(rgb, "PNG", icc_profile=RGB_TABLE), by_littlecms(image, RGB_TABLE), refused),
        "jpeg cmyk, profile": Case(ink, by_littlecms(Image.open(io.BytesIO(ink), formats=["JPEG"]), CMYK_TABLE), refused),
        "jpeg cmyk, profile of colours": Case(
            saved(image.convert("CMYK"), "JPEG", icc_profile=swapped),
            np.asarray(Image.open(io.BytesIO(saved(image.convert("CMYK"), "JPEG")), formats=["JPEG"]).convert("RGB")),
            refused,
        ),
        "png, large profile": Case(saved(rgb, "PNG", icc_profile=large), shown, refused),
        "jpeg, profile in pieces": Case(
            saved(rgb, "JPEG", quality=100, subsampling=0, icc_profile=large),
            by_littlecms(Image.open(io.BytesIO(saved(rgb, "JPEG", quality=100, subsampling=0)), formats=["JPEG"]), large),
            refused,
        ),
        "png, profile without black": Case(saved(rgb, "PNG", icc_profile=lifted), by_littlecms(image, lifted), refused),
        "png, damaged profile": Case(saved(rgb, "PNG", icc_profile=DAMAGED), rgb, refused),
        "png, profile of another space": Case(saved(rgb, "PNG", icc_profile=GREY_PROFILE), rgb, refused),
        "png, damaged table in a profile": Case(saved(rgb, "PNG", icc_profile=spoiled), rgb, refused),
    }


def _turned():
    rgb = np.ascontiguousarray(smooth(3))
    jpeg = np.asarray(Image.open(io.BytesIO(saved(rgb, "JPEG")), formats=["JPEG"]))
    made = {
        f"jpeg, orientation {number}": Case(saved(rgb, "JPEG", exif=b"Exif\0\0" + exif(number, number % 2 == 0)), turn(jpeg))
        for number, turn in TURNS.items()
    }
    return made | {
        "png, orientation": Case(saved(rgb, "PNG", exif=exif(6)), TURNS[6](rgb)),
        "webp, orientation": Case(saved(rgb, "WEBP", lossless=True, exif=exif(8, False)), TURNS[8](rgb)),
        "jpeg, wrong orientation": Case(saved(rgb, "JPEG", exif=b"Exif\0\0" + exif(9)), jpeg),
        "jpeg, damaged orientation": Case(saved(rgb, "JPEG", exif=b"Exif\0\0" + exif(6)[:12]), jpeg),
    }


def _others():
    rgb = np.ascontiguousarray(smooth(3))
    return {
        "tiff": Case(saved(rgb, "TIFF"), rgb, "not a PNG, JPEG, WebP, GIF or BMP file"),
        "jpeg 2000": Case(saved(rgb, "JPEG2000", irreversible=False), rgb, "not a PNG, JPEG, WebP, GIF or BMP file"),
    }
