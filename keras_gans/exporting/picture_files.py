"""Picture files inside a graph: decoded as Pillow does it, refused by their header where they are too large."""

import tensorflow as tf

from keras_gans.data.paintings import LONGEST

FORMATS = "PNG, JPEG, WebP, GIF or BMP"
LEAST_SIDE = 16  # pixels of what a network is given, as in `keras_gans.using.translator`
_HEADER = 32  # bytes that hold the size of all but JPEG
_MOST_PARTS = 2**16  # blocks of a GIF's first frame that are no 255 bytes long


def decode(data, channels, most):
    """Decodes one picture file; of an animation the first frame.

    As in `keras_gans.data.images.upright`: alpha is laid over white, colour becomes grey by ITU-R 601 luma. Unlike there,
    EXIF orientation is not looked at, and of 16-bit channels the upper 8 bits are taken.

    Args:
        data: string [], the file.
        channels: 1 (grey) or 3 (RGB).
        most: pixels that a picture may have.

    Returns:
        uint8 [h, w, channels]. The graph fails (invalid argument) for anything but these formats, for damaged files, for
        animated WebP (TensorFlow's decoder writes beyond its memory where it has no alpha), and for more pixels than
        `most`, before they are decoded.
    """
    is_gif = _starts(data, b"GIF8")
    data, frame = tf.cond(is_gif, lambda: _first_frame(data), lambda: (data, tf.zeros([2], tf.int64)))
    size = tf.maximum(_size(data), frame)
    known = tf.debugging.Assert(tf.reduce_min(size) > 0, [f"not a {FORMATS} file"])
    still = tf.debugging.Assert(~_is_animated_webp(data), ["animated WebP is not taken; send a still picture"])
    with tf.control_dependencies([known, still]):
        fits = size[0] <= most // tf.maximum(size[1], 1)  # the product of two sides may overflow
        bounded = tf.debugging.Assert(fits, [f"at most {most} pixels are taken, not", size])
    with tf.control_dependencies([bounded]):
        data = tf.identity(data)
    # Of JPEG's ways to compute, this is Pillow's.
    colors = tf.cond(
        _starts(data, b"\xff\xd8\xff"),
        lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: _opaque(tf.io.decode_image(data, channels=0, expand_animations=False)),
    )
    if channels == 1:
        weights = tf.constant([19595, 38470, 7471])  # 0.299, 0.587, 0.114 times 2^16, as Pillow has them
        luma = tf.reduce_sum(tf.cast(colors, tf.int32) * weights, -1, keepdims=True)
        colors = tf.cast(tf.bitwise.right_shift(luma + 2**15, 16), tf.uint8)
    return tf.ensure_shape(colors, [None, None, channels])


def padded(image, multiple):
    """Continues a picture by its reflection, below and to the right, to sides that a network takes.

    Args:
        image: [h, w, c].
        multiple: of which its sides are to be multiples; they become `LEAST_SIDE` at least.
    """
    for axis, side in enumerate(tf.unstack(tf.shape(image)[:2])):
        whole = -(-tf.maximum(side, LEAST_SIDE) // multiple) * multiple
        period = tf.maximum(2 * side - 2, 1)
        place = tf.range(whole) % period
        image = tf.gather(image, tf.minimum(place, period - place), axis=axis)
    return image


def fitted(picture, size):
    """Brings the shorter side of a style to `size` pixels, as `keras_gans.data.paintings.fit_style` does but for rounding.

    Args:
        picture: uint8 [h, w, 3].
        size: in pixels.

    Returns:
        uint8 [h', w', 3].
    """
    sides = tf.shape(picture)[:2]
    shorter = tf.reduce_min(sides)
    most = LONGEST * shorter
    top, left = tf.unstack(tf.maximum(sides - most, 0) // 2)
    cut = picture[top : top + most, left : left + most]
    exact = tf.cast(tf.shape(cut)[:2], tf.float64) * (size / tf.cast(shorter, tf.float64))
    resized = tf.image.resize(cut, tf.maximum(size, tf.cast(tf.round(exact), tf.int32)), "lanczos3", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def _opaque(pixels):
    """Turns uint8 [h, w, 1 to 4], grey or RGB with or without alpha, into RGB over white."""
    height, width, count = tf.unstack(tf.shape(pixels))
    has_alpha = 1 - count % 2
    alpha = tf.where(has_alpha == 1, tf.cast(pixels[..., -1:], tf.int32), 255)
    color = tf.broadcast_to(tf.cast(pixels[..., : count - has_alpha], tf.int32), [height, width, 3])
    return tf.cast((color * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)


def _starts(data, prefix):
    return tf.strings.substr(data, 0, len(prefix)) == prefix


def _bytes(text):
    return tf.cast(tf.io.decode_raw(text, tf.uint8), tf.int64)


def _is_animated_webp(data):
    """Whether a WebP file bears the mark of an animation."""
    header = tf.strings.substr(data, 0, _HEADER) + b"\0" * _HEADER
    extended = _starts(header, b"RIFF") & (tf.strings.substr(header, 8, 8) == b"WEBPVP8X")
    return extended & (_bytes(tf.strings.substr(header, 20, 1))[0] // 2 % 2 == 1)


def _first_frame(data):
    """Cuts a GIF off behind its first frame: TensorFlow's decoder takes memory for all of them, whatever the screen's size.

    Args:
        data: string [], a file that starts as a GIF.

    Returns:
        The shorter file; and (height, width) of the frame, int64 [2]; (0, 0) where there is none.
    """
    byte = tf.concat([_bytes(data), tf.zeros([16], tf.int64)], 0)  # what is read behind the end is 0
    end = tf.size(byte, tf.int64) - 16

    def table(flags):
        return tf.where(flags // 128 == 1, 3 * 2 ** (flags % 8 + 1), 0)

    def skipped(start):
        """Returns where a chain of blocks ends: each is its length, and so many bytes."""

        def step(place):
            # Most blocks are full, and a run of these is passed at once.
            full = byte[place:end:256] == 255
            run = tf.argmin(tf.cast(tf.concat([full, [False]], 0), tf.int32), output_type=tf.int64)
            place += 256 * run
            length = byte[tf.minimum(place, end)]
            return tf.minimum(place + tf.where(length > 0, length + 1, 0), end)

        last = tf.while_loop(
            lambda place: (place < end) & (byte[tf.minimum(place, end)] > 0),
            lambda place: (step(place),),
            (start,),
            maximum_iterations=_MOST_PARTS,
        )[0]
        return tf.minimum(last + 1, end)

    def is_extension(place):
        return (place < end) & (byte[tf.minimum(place, end)] == 0x21)

    start = tf.minimum(13 + table(byte[10]), end)
    start = tf.while_loop(
        is_extension, lambda place: (skipped(tf.minimum(place + 2, end)),), (start,), maximum_iterations=_MOST_PARTS
    )[0]
    at = byte[start : start + 10]  # 0x2C, left, top, width, height, flags
    found = (start + 10 < end) & (at[0] == 0x2C)
    # The frame's place counts too: it must lie inside the picture that is bounded.
    frame = tf.stack([at[3] + 256 * at[4] + at[7] + 256 * at[8], at[1] + 256 * at[2] + at[5] + 256 * at[6]])
    stop = skipped(tf.minimum(start + 10 + table(at[9]) + 1, end))
    whole = tf.strings.substr(data, 0, tf.cast(stop, tf.int32)) + b"\x3b"
    return tf.cond(found, lambda: (whole, frame), lambda: (data, tf.zeros([2], tf.int64)))


def _size(data):
    """Reads (height, width) of a picture file, int64 [2], from its header; (0, 0) of anything else."""
    header = tf.strings.substr(data, 0, _HEADER) + b"\0" * _HEADER
    byte = tf.cast(tf.io.decode_raw(tf.strings.substr(header, 0, _HEADER), tf.uint8), tf.int64)

    def little(at, count):
        return sum(byte[at + index] * 256**index for index in range(count))

    def big(at, count):
        return sum(byte[at + index] * 256 ** (count - 1 - index) for index in range(count))

    def webp():
        # The extended, the lossless and the lossy format, by its specification.
        lossless = little(21, 4)
        return tf.case(
            [
                (tf.strings.substr(header, 12, 4) == b"VP8X", lambda: tf.stack([little(27, 3) + 1, little(24, 3) + 1])),
                (
                    tf.strings.substr(header, 12, 4) == b"VP8L",
                    lambda: tf.stack([lossless // 2**14 % 2**14 + 1, lossless % 2**14 + 1]),
                ),
            ],
            default=lambda: tf.stack([little(28, 2) % 2**14, little(26, 2) % 2**14]),
        )

    return tf.case(
        [
            (_starts(header, b"\x89PNG\r\n\x1a\n"), lambda: tf.stack([big(20, 4), big(16, 4)])),
            (_starts(header, b"\xff\xd8\xff"), lambda: tf.cast(tf.image.extract_jpeg_shape(data)[:2], tf.int64)),
            (_starts(header, b"GIF8"), lambda: tf.stack([little(8, 2), little(6, 2)])),
            # Rows from the top down are written as a negative height.
            (
                _starts(header, b"BM"),
                lambda: tf.stack([tf.abs(tf.cast(tf.cast(little(22, 4), tf.int32), tf.int64)), little(18, 4)]),
            ),
            (_starts(header, b"RIFF") & (tf.strings.substr(header, 8, 4) == b"WEBP"), webp),
        ],
        default=lambda: tf.zeros([2], tf.int64),
    )
