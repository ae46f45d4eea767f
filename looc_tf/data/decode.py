"""Bytes to a square picture with TensorFlow operations alone: training and the exported model share one function.

JPEG (grey, RGB, CMYK; EXIF orientation obeyed), PNG (any mode, 16 bit), GIF (first frame) and BMP (uncompressed).
Transparent pixels are laid over white. What 16 bits and several bands become is said by the rule of the data set. The
header is read before any pixel: a picture that claims more than `MAX_PIXELS` is refused, not decoded. Of a GIF nothing
behind the first frame is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import tensorflow as tf

from looc_tf.data.gif import first_frame
from looc_tf.data.pixels import PLAIN, Pixels

MAX_PIXELS = 100_000_000
LARGE = 1 << 25  # pixels: a picture of more is decoded alone
_AT_ONCE = 8  # pictures of up to LARGE pixels that are held in full together; more would not be faster on most machines
JPEG, PNG, GIF, BMP, OTHER = range(5)
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")
SCAN = b"\xff\xda"  # begins one; within the data of a scan it never stands
TOO_MANY_SCANS = "more scans than a JPEG of that size needs"
_STRIP = 1 << 20  # pixels that are laid over white at a time
_EXIF_BYTES = 4096  # the orientation tag sits in the first directory of the first or second segment


def decode_square(data: tf.Tensor, size: int, rule: Pixels = PLAIN) -> tf.Tensor:
    """The largest centred square of an encoded picture, resized with antialiasing.

    Args:
        data: scalar string, the bytes of a picture file.
        size: pixels of the side.
        rule: what becomes of 16 bits, and which bands are used.

    Returns:
        uint8 [size, size, C]: RGB, or the bands that the rule names.

    Raises:
        tf.errors.InvalidArgumentError: unknown format, broken file, or more than `MAX_PIXELS` pixels.

    Example:
        >>> decode_square(tf.io.encode_png(tf.zeros([40, 60, 3], tf.uint8)), 32).shape
        TensorShape([32, 32, 3])
    """
    kind = _kind(data)
    with _only_where(kind != OTHER, "Expected the bytes of a JPEG, PNG, GIF or BMP picture."):
        whole = data, tf.zeros([2], tf.int64)
        data, frame = tf.cond(kind == GIF, lambda: first_frame(data), lambda: whole)
        height, width = tf.unstack(tf.maximum(_dimensions(data, kind), frame))
    most = MAX_PIXELS * max(1, len(rule.bands))  # bands may come one below the other
    message = f"Expected a picture of 1 to {most:,} pixels. Received height and width"
    with _only_where((height * width <= most) & (height * width > 0), message, height, width):
        data = tf.identity(data)
    return square(_pixels(data, kind, rule), size)


def decode_squares(encoded: tf.Tensor, size: int, rule: Pixels = PLAIN) -> tf.Tensor:
    """`decode_square` of a batch, string [B] -> uint8 [B, size, size, C], in bounded memory.

    At most `_AT_ONCE` pictures are decoded at the same time and, as soon as one of them has more than `LARGE` pixels,
    one after the other: whatever the pictures are, about 3 GB.

    Raises:
        tf.errors.InvalidArgumentError: as `decode_square`, of any of them.
    """
    spec = tf.TensorSpec([size, size, rule.channels], tf.uint8)
    one = tf.function(
        lambda data: decode_square(data, size, rule), input_signature=[tf.TensorSpec([], tf.string)], autograph=False
    )

    def several(at_once: int) -> tf.Tensor:
        return tf.map_fn(one, encoded, fn_output_signature=spec, parallel_iterations=at_once)

    claims = tf.map_fn(_pixel_count, encoded, fn_output_signature=tf.int64, parallel_iterations=_AT_ONCE)
    return tf.cond(tf.reduce_any(claims > LARGE), lambda: several(1), lambda: several(_AT_ONCE))


def _pixel_count(data: tf.Tensor) -> tf.Tensor:
    return tf.reduce_prod(_dimensions(data, _kind(data)))


def square(image: tf.Tensor, size: int) -> tf.Tensor:
    """Centre crop to a square, then antialiased bilinear resize: uint8 [H, W, C] -> uint8 [size, size, C]."""
    channels = image.shape[-1]
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[top : top + side, left : left + side]
    image = tf.image.resize(image, [size, size], antialias=True)
    return tf.ensure_shape(tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8), [size, size, channels])


def _only_where(holds: tf.Tensor, *message: str | tf.Tensor) -> AbstractContextManager:
    """What is made within runs only where this holds; elsewhere it ends in `InvalidArgumentError`."""
    check = tf.debugging.Assert(holds, list(message))
    return tf.control_dependencies([check] if check is not None else [])  # None: checked already, in eager code


def _kind(data: tf.Tensor) -> tf.Tensor:
    """Format from the first bytes; a file's name is never asked."""
    matches = [tf.strings.substr(data, 0, len(mark)) == mark for mark in SIGNATURES]
    return tf.argmax(tf.stack([*matches, tf.constant(True)]), output_type=tf.int32)


def _numbers(data: tf.Tensor, start: int | tf.Tensor, length: int) -> tf.Tensor:
    """int64 [length]: bytes from `start` on, zeros behind the end of the data."""
    size = tf.strings.length(data)
    chunk = tf.strings.substr(data, tf.minimum(start, size), length)
    values = tf.cast(tf.io.decode_raw(chunk, tf.uint8), tf.int64)
    return tf.ensure_shape(tf.pad(values, [[0, length - tf.size(values)]]), [length])


def _dimensions(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    """int64 [height, width] as the header states them; of a GIF those of the screen."""
    powers = tf.constant([1, 1 << 8, 1 << 16, 1 << 24], tf.int64)

    def png() -> tf.Tensor:
        values = _numbers(data, 16, 8)
        return tf.stack([tf.reduce_sum(values[4:] * powers[::-1]), tf.reduce_sum(values[:4] * powers[::-1])])

    def gif() -> tf.Tensor:
        values = tf.reshape(_numbers(data, 6, 4), [2, 2])
        return tf.reduce_sum(values * powers[:2], axis=1)[::-1]

    def bmp() -> tf.Tensor:
        values = tf.reshape(_numbers(data, 18, 8), [2, 4])
        width, height = tf.unstack(tf.cast(tf.cast(tf.reduce_sum(values * powers, axis=1), tf.uint32), tf.int32))
        return tf.cast(tf.stack([tf.abs(height), width]), tf.int64)  # a negative height means "from the top down"

    def jpeg() -> tf.Tensor:
        return tf.cast(tf.image.extract_jpeg_shape(data)[:2], tf.int64)

    return tf.ensure_shape(tf.switch_case(kind, [jpeg, png, gif, bmp, lambda: tf.zeros([2], tf.int64)]), [2])


def _pixels(data: tf.Tensor, kind: tf.Tensor, rule: Pixels) -> tf.Tensor:
    """uint8 [H, W, C] of a whole picture, by the rule."""

    def jpeg() -> tf.Tensor:
        with _only_where(_scans(data) <= most_scans(tf.strings.length(data)), TOO_MANY_SCANS):
            return _upright(tf.io.decode_jpeg(data, channels=3), _orientation(data))

    def png() -> tf.Tensor:
        if rule.bands:
            return _named_bands(data, rule)
        if rule.plain:
            return _over_white(tf.io.decode_png(data, channels=4), _opaque(data))
        return tf.cond(_is_deep(data), lambda: _deep(data, rule), lambda: _shallow(data, rule))

    def gif() -> tf.Tensor:
        return tf.io.decode_image(data, channels=3, expand_animations=False)

    def ruled(read: Callable[[], tf.Tensor]) -> Callable[[], tf.Tensor]:
        return read if rule.plain else lambda: rule.graph(read())

    readers = [ruled(jpeg), png, ruled(gif), ruled(lambda: _bitmap(data))]
    image = tf.switch_case(kind, [*readers, lambda: tf.zeros([1, 1, rule.channels], tf.uint8)])
    return tf.ensure_shape(image, [None, None, rule.channels])


def _is_deep(data: tf.Tensor) -> tf.Tensor:
    """Whether a PNG has 16 bits."""
    return _numbers(data, 24, 1)[0] == 16


def _deep(data: tf.Tensor, rule: Pixels) -> tf.Tensor:
    """A PNG of 16 bits; its alpha, which is no intensity, keeps the upper 8."""
    image = tf.io.decode_png(data, channels=4, dtype=tf.uint16)
    alpha = tf.cast(tf.bitwise.right_shift(image[:, :, 3:], tf.constant(8, tf.uint16)), tf.uint8)
    return _over_white(tf.concat([rule.graph(image[:, :, :3]), alpha], axis=-1), tf.constant(255, tf.uint8))


def _shallow(data: tf.Tensor, rule: Pixels) -> tf.Tensor:
    """A PNG of at most 8 bits."""
    image = tf.io.decode_png(data, channels=4)
    return _over_white(tf.concat([rule.graph(image[:, :, :3]), image[:, :, 3:]], axis=-1), _opaque(data))


def _named_bands(data: tf.Tensor, rule: Pixels) -> tf.Tensor:
    """The bands of a PNG, or of one that holds just these one below the other (`pixels.stacked_png`)."""
    count = len(rule.bands)

    def deep() -> tf.Tensor:
        return rule.graph(tf.io.decode_png(data, dtype=tf.uint16))

    def shallow() -> tf.Tensor:
        image = tf.io.decode_png(data)
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        if rule.bands == (0,):  # which any picture has
            return rule.graph(image)
        stacked = (tf.shape(image)[2] == 1) & (height % count == 0)
        apart = lambda: tf.transpose(tf.reshape(image, [count, height // count, width]), [1, 2, 0])  # noqa: E731
        own = Pixels(tuple(range(count)), rule.ranges, rule.missing, rule.kind)
        return tf.cond(stacked, lambda: own.graph(apart()), lambda: rule.graph(image))

    return tf.ensure_shape(tf.cond(_is_deep(data), deep, shallow), [None, None, count])


def most_scans(length: int | tf.Tensor) -> int | tf.Tensor:
    """How often `SCAN` may stand in a JPEG of so many bytes: ten scans are many, but more may be anywhere by chance.

    A scan of a few bytes makes the decoder walk through the whole picture, 30 ms for 100 million pixels: without a
    bound, a file of 1 MB could take a quarter of an hour.
    """
    return 100 + length // (1 << 14)


def _scans(data: tf.Tensor) -> tf.Tensor:
    values = tf.io.decode_raw(data, tf.uint8)
    return tf.math.count_nonzero((values[:-1] == SCAN[0]) & (values[1:] == SCAN[1]), dtype=tf.int32)


def _opaque(data: tf.Tensor) -> tf.Tensor:
    """uint8: the alpha that TensorFlow gives to PNGs without one; of 1, 2 and 4 bits it is 1, 3 and 15, not 255."""
    depth = tf.clip_by_value(_numbers(data, 24, 1)[0], 1, 8)
    return tf.cast(tf.bitwise.left_shift(tf.constant(1, tf.int64), depth) - 1, tf.uint8)


def _bitmap(data: tf.Tensor) -> tf.Tensor:
    """An uncompressed BMP; 8-bit ones hold indices into a palette, which TensorFlow would return as grey values."""
    bits, packing = _numbers(data, 28, 1)[0], _numbers(data, 30, 1)[0]
    with _only_where((packing == 0) & (bits >= 8), "Expected an uncompressed BMP of 8, 24 or 32 bits per pixel."):
        image = tf.io.decode_bmp(data)

    def paint() -> tf.Tensor:
        start = 14 + tf.cast(
            _numbers(data, 14, 1)[0], tf.int32
        )  # file header, then an info header that states its length
        palette = tf.reshape(_numbers(data, start, 4 * 256), [256, 4])[:, 2::-1]  # stored as blue, green, red, 0
        return tf.cast(tf.gather(palette, tf.cast(image[:, :, 0], tf.int32)), tf.uint8)

    return tf.ensure_shape(tf.cond(bits == 8, paint, lambda: image[:, :, :3]), [None, None, 3])


def _over_white(image: tf.Tensor, opaque: tf.Tensor) -> tf.Tensor:
    """uint8 [H, W, 4] -> uint8 [H, W, 3]; a picture without transparency passes unchanged."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    rows = tf.maximum(1, _STRIP // width)

    def blend(start: tf.Tensor) -> tf.Tensor:
        strip = tf.cast(image[start : start + rows], tf.float32)
        color, alpha = strip[:, :, :3], strip[:, :, 3:] / 255.0
        return tf.cast(tf.round(color * alpha + 255.0 * (1.0 - alpha)), tf.uint8)

    def strips() -> tf.Tensor:  # as floats, the whole picture would take many times its memory
        count = (height + rows - 1) // rows
        done = tf.TensorArray(tf.uint8, count, element_shape=[None, None, 3], infer_shape=False)
        done = tf.while_loop(
            lambda number, _: number < count,
            lambda number, done: (number + 1, done.write(number, blend(number * rows))),
            (0, done),
            parallel_iterations=1,
        )[1]
        return done.concat()

    return tf.cond(tf.reduce_all(image[:, :, 3] == opaque), lambda: image[:, :, :3], strips)


def _orientation(data: tf.Tensor) -> tf.Tensor:
    """EXIF orientation 1..8 of a JPEG, 1 where there is none (Exif 2.3, section 4.6.4, tag 0x0112)."""
    head = _numbers(data, 0, _EXIF_BYTES)
    mark = tf.constant(list(b"Exif\0\0"), tf.int64)
    found = tf.reduce_all(tf.stack([head[i : _EXIF_BYTES - 6 + i] == mark[i] for i in range(6)]), axis=0)
    start = tf.cast(tf.argmax(found), tf.int32) + 6

    def read() -> tf.Tensor:
        tiff = _numbers(data, start, _EXIF_BYTES)
        big = tiff[0] == ord("M")
        entries = tf.cast(_integer(tiff[4:8], big), tf.int32) + 2  # behind the count of the first directory
        entries = tf.clip_by_value(entries, 0, _EXIF_BYTES - 32 * 12)
        table = tf.reshape(tiff[entries : entries + 32 * 12], [32, 12])
        tags = tf.where(big, table[:, 0] * 256 + table[:, 1], table[:, 1] * 256 + table[:, 0])
        values = tf.where(big, table[:, 9], table[:, 8])
        value = tf.reduce_sum(
            tf.where((tags == 0x0112) & (tf.cumsum(tf.cast(tags == 0x0112, tf.int32)) == 1), values, 0)
        )
        return tf.where((value >= 1) & (value <= 8), value, 1)

    return tf.cast(tf.cond(tf.reduce_any(found), read, lambda: tf.constant(1, tf.int64)), tf.int32)


def _integer(values: tf.Tensor, big: tf.Tensor) -> tf.Tensor:
    weights = tf.constant([1, 1 << 8, 1 << 16, 1 << 24], tf.int64)
    return tf.minimum(tf.reduce_sum(values * tf.where(big, weights[::-1], weights)), _EXIF_BYTES)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Undoes an EXIF orientation: 5..8 are transposed, and each value mirrors other axes."""
    image = tf.cond(orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    across = tf.reduce_any(orientation == tf.constant([2, 3, 6, 7]))
    down = tf.reduce_any(orientation == tf.constant([3, 4, 7, 8]))
    image = tf.cond(across, lambda: image[:, ::-1], lambda: image)
    return tf.cond(down, lambda: image[::-1], lambda: image)
