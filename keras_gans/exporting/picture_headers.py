"""What the headers of picture files say, read inside a graph: sizes, the first frame of a GIF, profiles, orientation."""

import tensorflow as tf

_HEADER = 32  # bytes that hold the size of all but JPEG
_MOST_PARTS = 2**16  # blocks of a GIF's first frame that are no 255 bytes long
_MOST_CHUNKS = 2**14  # of other files, and segments; usual ones of a PNG have 8192 bytes
_MOST_ENTRIES = 2**10  # of EXIF data
_MOST_PACKED = 2**16  # bytes of a PNG's packed colour profile; a thousand times as many when it is unpacked
_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"
UNREAD = b"?"
"""Stands for a colour profile that is there and not read: in pieces, or too large."""


def starts(data, prefix):
    """Whether a string starts with some bytes."""
    return tf.strings.substr(data, 0, len(prefix)) == prefix


def count_bytes(data):
    """Returns how many bytes a string has, int64 []."""
    return tf.cast(tf.strings.length(data), tf.int64)


def read(data, at, count):
    """Reads bytes of a string, int64 [count]; what lies behind its end is 0.

    Args:
        data: string [].
        at, count: scalars, 0 or more.
    """
    return tf.cast(_raw(data, at, count), tf.int64)


def _raw(data, at, count):
    text = cut(data, at, count)
    missing = tf.cast(count, tf.int64) - count_bytes(text)
    return tf.pad(tf.io.decode_raw(text, tf.uint8), [[0, missing]])


def cut(data, at, count):
    """Cuts bytes out of a string, fewer where it ends before."""
    end = count_bytes(data)
    at = tf.minimum(tf.cast(at, tf.int64), end)
    return tf.strings.substr(data, at, tf.minimum(tf.cast(count, tf.int64), end - at))


def number(data, at, count, little=True):
    """Reads a whole number of some bytes without sign, int64 []; count is a Python number."""
    powers = [256**index for index in range(count)]
    return tf.reduce_sum(read(data, at, count) * tf.constant(powers if little else powers[::-1], tf.int64))


def is_animated_webp(data):
    """Whether a WebP file bears the mark of an animation."""
    return _is_extended_webp(data) & (read(data, 20, 1)[0] // 2 % 2 == 1)


def _is_extended_webp(data):
    return starts(data, b"RIFF") & (cut(data, 8, 8) == b"WEBPVP8X")


def size(data):
    """Reads (height, width) of a picture file, int64 [2], from its header; (0, 0) of anything else."""
    header = cut(data, 0, _HEADER)

    def webp():
        # The extended, the lossless and the lossy format, by its specification.
        lossless = number(header, 21, 4)
        return tf.case(
            [
                (cut(header, 12, 4) == b"VP8X", lambda: tf.stack([number(header, 27, 3) + 1, number(header, 24, 3) + 1])),
                (
                    cut(header, 12, 4) == b"VP8L",
                    lambda: tf.stack([lossless // 2**14 % 2**14 + 1, lossless % 2**14 + 1]),
                ),
            ],
            default=lambda: tf.stack([number(header, 28, 2) % 2**14, number(header, 26, 2) % 2**14]),
        )

    return tf.case(
        [
            (starts(header, _PNG), lambda: tf.stack([number(header, at, 4, False) for at in (20, 16)])),
            (starts(header, b"\xff\xd8\xff"), lambda: tf.cast(tf.image.extract_jpeg_shape(data)[:2], tf.int64)),
            (starts(header, b"GIF8"), lambda: tf.stack([number(header, 8, 2), number(header, 6, 2)])),
            # Rows from the top down are written as a negative height.
            (
                starts(header, b"BM"),
                lambda: tf.stack(
                    [tf.abs(tf.cast(tf.cast(number(header, 22, 4), tf.int32), tf.int64)), number(header, 18, 4)]
                ),
            ),
            (starts(header, b"RIFF") & (cut(header, 8, 4) == b"WEBP"), webp),
        ],
        default=lambda: tf.zeros([2], tf.int64),
    )


def first_frame(data):
    """Makes a GIF of its first frame alone: TensorFlow's decoder takes memory for all of them, whatever the screen's size,
    loses the frame's place on the screen, and makes its transparent colour black. Here that colour becomes white.

    Args:
        data: string [], a file that starts as a GIF.

    Returns:
        The new file; and the frame's (top, left) and (height, width), int64 [2, 2]. Where there is no frame, the file as it
        is, and zeros.
    """
    byte = tf.pad(tf.io.decode_raw(data, tf.uint8), [[0, 16]])  # what is read behind the end is 0
    end = count_bytes(data)

    def at(place):
        return tf.cast(byte[tf.minimum(place, end)], tf.int64)

    def table(flags):
        """Returns how many bytes a table of colours has."""
        return tf.where(flags // 128 == 1, 3 * 2 ** (flags % 8 + 1), 0)

    def skipped(start):
        """Returns where a chain of blocks ends: each is its length, and so many bytes."""

        def step(place):
            # Most blocks are full, and a run of these is passed at once.
            full = byte[place:end:256] == 255
            run = tf.argmin(tf.cast(tf.concat([full, [False]], 0), tf.int32), output_type=tf.int64)
            place += 256 * run
            length = at(place)
            return tf.minimum(place + tf.where(length > 0, length + 1, 0), end)

        last = tf.while_loop(
            lambda place: (place < end) & (at(place) > 0),
            lambda place: (step(place),),
            (start,),
            maximum_iterations=_MOST_PARTS,
        )[0]
        return tf.minimum(last + 1, end)

    def extension(place, clear):
        """Passes an extension; that of the frame's control says which colour is transparent."""
        here = tf.logical_and(at(place + 1) == 0xF9, at(place + 3) % 2 == 1)
        clear = tf.where(at(place + 1) == 0xF9, tf.where(here, at(place + 6), -1), clear)
        return skipped(tf.minimum(place + 2, end)), clear

    colors = table(at(tf.constant(10, tf.int64)))
    start, clear = tf.while_loop(
        lambda place, clear: (place < end) & (at(place) == 0x21),
        extension,
        (tf.minimum(13 + colors, end), tf.constant(-1, tf.int64)),
        maximum_iterations=_MOST_PARTS,
    )
    described = read(data, start, 10)  # 0x2C, left, top, width, height, flags
    found = (start + 10 < end) & (described[0] == 0x2C)
    left, top, width, height = (described[index] + 256 * described[index + 1] for index in (1, 3, 5, 7))
    own = table(described[9])
    stop = skipped(tf.minimum(start + 10 + own + 1, end))

    def whitened(place, length):
        """Returns a table of colours whose transparent one is white."""
        before = tf.where((clear >= 0) & (3 * clear < length), 3 * clear, length)
        white = tf.where(before < length, b"\xff\xff\xff", b"")
        behind = tf.minimum(before + 3, length)
        return tf.strings.join([cut(data, place, before), white, cut(data, place + behind, length - behind)])

    def alone():
        sides = cut(data, start + 5, 4)
        parts = [cut(data, 0, 6), sides, cut(data, 10, 3), whitened(tf.constant(13, tf.int64), colors)]
        parts += [b"\x2c\0\0\0\0", sides, cut(data, start + 9, 1), whitened(start + 10, own)]
        return tf.strings.join([*parts, cut(data, start + 10 + own, stop - start - 10 - own), b"\x3b"])

    frame = tf.stack([tf.stack([top, left]), tf.stack([height, width])])
    return tf.cond(found, lambda: (alone(), frame), lambda: (data, tf.zeros([2, 2], tf.int64)))


def is_plain_bmp(data):
    """Whether a BMP has pixels of 8, 24 or 32 bits in TensorFlow's order, and is not packed."""
    header, bits, kind = number(data, 14, 4), number(data, 28, 2), number(data, 30, 4)
    # By masks: red, green and blue as without masks, and alpha in the fourth byte or nowhere.
    masks = (number(data, 54, 4) == 0xFF0000) & (number(data, 58, 4) == 0xFF00) & (number(data, 62, 4) == 0xFF)
    alpha = (header < 56) | (number(data, 66, 4) == 0) | (number(data, 66, 4) == 0xFF000000)
    plain = (kind == 0) & ((bits == 8) | (bits == 24) | (bits == 32))
    return (header >= 40) & (plain | ((kind == 3) & (bits == 32) & masks & alpha))


def bmp_has_alpha(data):
    """Whether the fourth byte of a BMP's pixels is alpha."""
    return (number(data, 30, 4) == 3) & (number(data, 14, 4) >= 56) & (number(data, 66, 4) == 0xFF000000)


def bmp_palette(data):
    """Reads the colours of a BMP with 8 bits, uint8 [256, 3]; those that it does not have are black."""
    count = number(data, 46, 4)
    count = tf.where((count > 0) & (count < 256), count, 256)
    entries = tf.pad(_raw(data, 14 + number(data, 14, 4), 4 * count), [[0, 4 * (256 - count)]])
    return tf.reshape(entries, [256, 4])[:, 2::-1]


def metadata(data):
    """Finds what a PNG, JPEG or WebP file says about its pixels.

    Args:
        data: string [], the file.

    Returns:
        The colour profile, string [], empty where there is none and `UNREAD` where it is not read; the EXIF orientation,
        int64 [], 1 to 8; and whether a PNG names a transparent colour, bool []. The graph fails (invalid argument) for a
        file of too many chunks or segments.
    """
    nothing = tf.constant(b"")
    profile, exif, clear = tf.case(
        [
            (starts(data, _PNG), lambda: _of_png(data)),
            (starts(data, b"\xff\xd8\xff"), lambda: (*_of_jpeg(data), nothing)),
            (_is_extended_webp(data), lambda: (*_of_webp(data), nothing)),
        ],
        default=lambda: (nothing, nothing, nothing),
    )
    orientation = tf.cond(tf.strings.length(exif) > 0, lambda: _orientation(exif), lambda: tf.constant(1, tf.int64))
    return profile, orientation, clear != b""


def _of_png(data):
    profile, exif, clear = _chunks(data, 8, [b"iCCP", b"eXIf", b"tRNS"], little=False)

    def unpacked():
        name = tf.argmin(read(profile, 0, 80))  # of at most 79 bytes, which end with a 0
        packed = cut(profile, name + 2, _MOST_PACKED)
        # The first bytes of zlib's format are checked here, since what fails there is no invalid argument.
        head = number(packed, 0, 2, little=False)
        readable = (head // 256 == 0x78) & (head % 31 == 0) & (tf.strings.length(packed) < _MOST_PACKED)
        return tf.cond(readable, lambda: tf.io.decode_compressed(packed, "ZLIB"), lambda: tf.constant(UNREAD))

    return tf.cond(tf.strings.length(profile) > 0, unpacked, lambda: tf.constant(b"")), exif, clear


def _of_webp(data):
    profile, exif = _chunks(data, 12, [b"ICCP", b"EXIF"], little=True)
    return profile, tf.cond(starts(exif, _EXIF), lambda: cut(exif, len(_EXIF), 2**16), lambda: exif)


def _chunks(data, start, names, little):
    """Finds the first chunk of each name.

    Args:
        data: string [], the file.
        start: where its first chunk lies.
        names: list of 4 bytes each.
        little: whether a chunk is its name, its length in little-endian order, and so many bytes to an even number (RIFF);
            or its length in the other order, its name, so many bytes and a checksum (PNG).

    Returns:
        Their contents, a tuple of strings [], empty where there is none.
    """
    end = count_bytes(data)

    def step(place, *found):
        name, length = cut(data, place + (0 if little else 4), 4), number(data, place + (4 if little else 0), 4, little)
        hits = [(name == wanted) & (known == b"") for wanted, known in zip(names, found)]
        content = cut(data, place + 8, tf.where(tf.reduce_any(hits), length, 0))
        found = [tf.where(hit, content, known) for hit, known in zip(hits, found)]
        return place + 8 + length + (length % 2 if little else 4), *found

    place, *found = tf.while_loop(
        lambda place, *found: place + 8 <= end,
        step,
        (tf.constant(start, tf.int64), *([tf.constant(b"")] * len(names))),
        maximum_iterations=_MOST_CHUNKS,
    )
    return _whole(place + 8 > end, found)


def _of_jpeg(data):
    end = count_bytes(data)

    def is_segment(place, *found):
        # Pixels follow a start of scan (0xDA).
        return (place + 4 <= end) & (number(data, place, 1) == 0xFF) & (number(data, place + 1, 1) != 0xDA)

    def step(place, profile, exif):
        marker, length = number(data, place + 1, 1), number(data, place + 2, 2, little=False)
        content = cut(data, place + 4, tf.maximum(length - 2, 0))
        is_profile, is_exif = (marker == 0xE2) & starts(content, _ICC), (marker == 0xE1) & starts(content, _EXIF)
        in_pieces = (number(content, len(_ICC) + 1, 1) != 1) | (profile != b"")
        body = tf.where(in_pieces, UNREAD, cut(content, len(_ICC) + 2, 2**16))
        profile = tf.where(is_profile, body, profile)
        exif = tf.where(is_exif & (exif == b""), cut(content, len(_EXIF), 2**16), exif)
        # Before a marker there may be any number of 0xFF.
        return place + tf.where(marker != 0xFF, 2 + length, 1), profile, exif

    place, *found = tf.while_loop(
        is_segment, step, (tf.constant(2, tf.int64), tf.constant(b""), tf.constant(b"")), maximum_iterations=_MOST_CHUNKS
    )
    return _whole(~is_segment(place), found)


def _whole(is_whole, found):
    with tf.control_dependencies([tf.debugging.Assert(is_whole, [f"more than {_MOST_CHUNKS} chunks are not taken"])]):
        return tuple(tf.identity(one) for one in found)


def _orientation(exif):
    """Reads the orientation out of EXIF data, a TIFF header and a list of entries; 1 where it does not say."""
    little = starts(exif, b"II")

    def of(ints):
        """Returns numbers of bytes int64 [..., count]."""
        powers = tf.constant([256**index for index in range(ints.shape[-1])], tf.int64)
        return tf.reduce_sum(ints * tf.where(little, powers, powers[::-1]), -1)

    start = of(tf.ensure_shape(read(exif, 4, 4), [4]))
    count = tf.minimum(of(tf.ensure_shape(read(exif, start, 2), [2])), _MOST_ENTRIES)
    entries = tf.reshape(read(exif, start + 2, 12 * count), [-1, 12])
    is_long = of(entries[:, 2:4]) == 4
    values = tf.where(is_long, of(entries[:, 8:12]), of(entries[:, 8:10]))
    wanted = (of(entries[:, :2]) == 0x0112) & (values >= 1) & (values <= 8)
    return tf.concat([tf.boolean_mask(values, wanted), [1]], 0)[0]
