"""Picture files inside a graph: decoded as docs/pictures.md promises it, refused by their header where they are too large."""

import tensorflow as tf

from keras_gans.data.paintings import LONGEST
from keras_gans.exporting import picture_colors, picture_headers

FORMATS = "PNG, JPEG, WebP, GIF or BMP"
PROMISE = (
    "Files are turned upright by their EXIF orientation; colours become sRGB by RGB matrix profiles, and other profiles are "
    "refused; alpha, transparent colours and what a GIF's frame does not cover are laid over white; of 16-bit channels the "
    "upper 8 bits are taken, of an animated GIF the first frame; animated WebP, and BMP that are packed or not of 8, 24 or 32 "
    "bits, are refused."
)
LEAST_SIDE = 16  # pixels of what a network is given, as in `keras_gans.using.translator`


def decode(data, channels, most):
    """Decodes one picture file; of an animation the first frame.

    As in `keras_gans.data.images.upright`: turned by EXIF orientation, in sRGB by a matrix profile, alpha and transparent
    colours over white, colour to grey by ITU-R 601 luma. Of 16-bit channels the upper 8 bits are taken.

    Args:
        data: string [], the file.
        channels: 1 (grey) or 3 (RGB).
        most: pixels that a picture may have.

    Returns:
        uint8 [h, w, channels]. The graph fails (invalid argument) for anything but these formats, for damaged files, for
        animated WebP (TensorFlow's decoder writes beyond its memory where it has no alpha), for colour profiles other
        than `picture_colors.Profile` takes, for kinds of BMP that it would get wrong, and for more pixels than `most`,
        before they are decoded.
    """
    colors = _rgb(data, most)
    if channels == 1:
        weights = tf.constant([19595, 38470, 7471])  # 0.299, 0.587, 0.114 times 2^16, as Pillow has them
        luma = tf.reduce_sum(tf.cast(colors, tf.int32) * weights, -1, keepdims=True)
        colors = tf.cast(tf.bitwise.right_shift(luma + 2**15, 16), tf.uint8)
    return tf.ensure_shape(colors, [None, None, channels])


# One function for all signatures: it is traced once, and stands once in a model. There is nothing in it to convert, and
# looking for it takes seconds.
@tf.function(input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.int64)], autograph=False)
def _rgb(data, most):
    """Returns a file's colours, uint8 [h, w, 3]; see `decode`."""
    is_gif, is_bmp = picture_headers.starts(data, b"GIF8"), picture_headers.starts(data, b"BM")
    is_jpeg = picture_headers.starts(data, b"\xff\xd8\xff")
    size = picture_headers.size(data)
    nowhere = tf.zeros([2, 2], tf.int64)
    data, frame = tf.cond(is_gif, lambda: picture_headers.first_frame(data), lambda: (data, nowhere))
    size = tf.maximum(size, tf.reduce_sum(frame, 0))
    profile, orientation, has_clear_color = picture_headers.metadata(data)
    refusals = [
        (tf.reduce_min(size) > 0, [f"not a {FORMATS} file"]),
        (~picture_headers.is_animated_webp(data), ["animated WebP is not taken; send a still picture"]),
        # The product of two sides may overflow.
        (
            size[0] <= most // tf.maximum(size[1], 1),
            [tf.strings.format("at most {} pixels are taken, not {}", [most, size])],
        ),
        (
            ~is_bmp | picture_headers.is_plain_bmp(data),
            ["this kind of BMP is not taken; send 8, 24 or 32 bits, uncompressed"],
        ),
    ]
    for right, words in refusals:
        with tf.control_dependencies([tf.debugging.Assert(right, words)]):
            data = tf.identity(data)
    pixels = tf.case(
        [
            # Of JPEG's ways to compute, this is Pillow's.
            (is_jpeg, lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")),
            (is_gif, lambda: _on_canvas(data, frame, size)),
            (is_bmp, lambda: _decode_bmp(data)),
            # With four channels a transparent colour becomes alpha; without one, they spoil pictures of one bit.
            (has_clear_color, lambda: tf.io.decode_png(data, channels=4)),
        ],
        default=lambda: tf.io.decode_image(data, channels=0, expand_animations=False),
    )
    count = tf.shape(pixels)[2]
    has_alpha = 1 - count % 2
    colors = pixels[..., : count - has_alpha]
    colors = tf.cond(tf.strings.length(profile) > 0, lambda: _to_srgb(colors, profile, data, is_jpeg), lambda: colors)
    colors = tf.cond(has_alpha == 1, lambda: _over_white(colors, pixels[..., -1:]), lambda: colors)
    return _upright(tf.broadcast_to(colors, tf.concat([tf.shape(colors)[:2], [3]], 0)), orientation)


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


def _over_white(colors, alpha):
    """Lays uint8 [h, w, c] over white by alpha uint8 [h, w, 1]."""
    alpha = tf.cast(alpha, tf.int32)
    return tf.cast((tf.cast(colors, tf.int32) * alpha + 255 * (255 - alpha) + 127) // 255, tf.uint8)


def _to_srgb(colors, profile, data, is_jpeg):
    """Applies a colour profile to uint8 [h, w, 1 or 3]; its result is [h, w, 3]."""
    read = picture_colors.Profile(profile)
    is_cmyk = tf.cond(is_jpeg, lambda: tf.image.extract_jpeg_shape(data)[2] == 4, lambda: False)
    words = "its colour profile is not taken, since it is no matrix profile of RGB; convert the picture to sRGB"
    with tf.control_dependencies([tf.debugging.Assert(read.is_taken & ~is_cmyk, [words])]):
        colors = tf.identity(colors)
    return read.to_srgb(tf.broadcast_to(colors, tf.concat([tf.shape(colors)[:2], [3]], 0)))


def _upright(pixels, orientation):
    """Turns [h, w, c] by an EXIF orientation, 1 to 8."""
    for orientations, turned in (
        ((5, 6, 7, 8), lambda pixels: tf.transpose(pixels, [1, 0, 2])),
        ((2, 3, 6, 7), lambda pixels: pixels[:, ::-1]),
        ((3, 4, 7, 8), lambda pixels: pixels[::-1]),
    ):
        wanted = tf.reduce_any(orientation == tf.constant(orientations, tf.int64))
        pixels = tf.cond(wanted, lambda turned=turned, pixels=pixels: turned(pixels), lambda pixels=pixels: pixels)
    return pixels


def _on_canvas(data, frame, size):
    """Decodes a GIF of one frame; its canvas is white where the frame is not."""
    top, left = tf.unstack(tf.cast(frame[0], tf.int32))
    pixels = tf.io.decode_gif(data)[0]
    height, width = tf.unstack(tf.cast(size, tf.int32))
    below, right = height - top - tf.shape(pixels)[0], width - left - tf.shape(pixels)[1]
    return tf.pad(pixels, [[top, below], [left, right], [0, 0]], constant_values=255)


def _decode_bmp(data):
    """Decodes a BMP that `picture_headers.is_plain_bmp` takes; TensorFlow gives the numbers of a palette's colours, and the
    fourth byte as alpha, which it is by a mask only."""
    pixels = tf.io.decode_bmp(data, channels=0)
    return tf.switch_case(
        tf.shape(pixels)[2] // 2,
        [
            lambda: tf.gather(picture_headers.bmp_palette(data), tf.cast(pixels[..., 0], tf.int32)),
            lambda: pixels,
            lambda: tf.cond(picture_headers.bmp_has_alpha(data), lambda: pixels, lambda: pixels[..., :3]),
        ],
    )
