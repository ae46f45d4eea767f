"""Encoded rows to squares in memory: decodes in batches, transcodes what TensorFlow cannot read, names the broken."""

from __future__ import annotations

import contextlib
import io
import stat
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, Union

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

from looc_tf.data import tiff
from looc_tf.data.decode import (
    LARGE,
    MAX_PIXELS,
    SCAN,
    TOO_MANY_SCANS,
    decode_square,
    decode_squares,
    most_scans,
    square,
)
from looc_tf.data.pixels import PLAIN, Pixels, wanted
from looc_tf.data.raw import check_bands, open_image, read_raw
from looc_tf.data.swift import swift_square
from looc_tf.errors import out_of_memory, printable, reason
from looc_tf.progress import stages

Broken = tuple[str, str]  # id, reason
Readable = tuple[bytes, np.ndarray]  # what TensorFlow decodes, and uint8 [size, size, C]
Checked = Union[Readable, str]  # or why there is none
Named = TypeVar(
    "Named", bound=tuple[Any, Union[bytes, str, np.ndarray]]
)  # a picture's id or row; its bytes or why there are none
FAULTS = (ValueError, OSError, KeyError, MemoryError, tf.errors.OpError)  # what reading a broken picture may raise
LARGEST = 4 * MAX_PIXELS + (1 << 20)  # bytes: an uncompressed picture with alpha
_SPARE = 1 << 26  # bytes that an ordinary picture can be read in
_PORTION = 1 << 26  # bytes of encoded pictures, about: a batch of large photographs is a smaller batch
_FEW, _LIGHT = 64, 1 << 22  # pictures, and bytes of them, that are decoded before the traced call would be ready
_ALONE = threading.RLock()  # held while a picture of more than LARGE pixels is decoded


def why_broken(error: Exception) -> str:
    """Why a picture cannot be read, in one line, from one of `FAULTS`.

    Raises:
        Exception: the same error, where not this picture is too large, but no memory is left for any.
    """
    if out_of_memory(error) is None:
        return reason(error)
    try:
        np.empty(_SPARE, np.uint8)
    except MemoryError:
        raise error from None
    return "too large for the memory"


def read_file(path: Path) -> bytes:
    """The bytes of a picture file; `ValueError` where reading would not end: a pipe, a device, a huge file."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a file but a folder, pipe, socket or device")
    if status.st_size > LARGEST:
        raise ValueError(f"{status.st_size:,} bytes; at most {LARGEST:,} are read")
    return path.read_bytes()


def transcode(data: bytes, rule: Pixels = PLAIN) -> bytes:
    """PNG bytes of a picture in any format that is read here (WebP, TIFF, PPM, CMYK or palette BMP, ...).

    EXIF orientation is applied. What 16-bit and float pixels become, and which bands are used, is said by the rule; by
    the plain one their upper 8 bits are kept.

    Raises:
        ValueError: not a picture, a broken one, one of more than `MAX_PIXELS` pixels, or of other bands.
    """
    if not data:
        raise ValueError("empty file")
    try:
        if not rule.plain and (ruled := _by_rule(data, rule)):
            return ruled
        check_bands(data)
        with open_image(data) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read")
            if image.format == "JPEG" and data.count(SCAN) > most_scans(len(data)):
                raise ValueError(TOO_MANY_SCANS)
            with _alone_if_large(image.width * image.height):
                upright = _eight_bits(ImageOps.exif_transpose(image))
                if max(rule.bands, default=0) >= len(upright.getbands()):
                    raise ValueError(wanted(len(upright.getbands()), rule.bands))
                out = io.BytesIO()
                upright.save(out, "PNG", compress_level=1)
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    except UnidentifiedImageError as error:
        raise ValueError("not a picture in any known format") from error
    except (OSError, SyntaxError, EOFError, ZeroDivisionError, TypeError, IndexError, KeyError) as error:
        raise ValueError(f"not a readable picture ({reason(error)})") from error
    return out.getvalue()


def _by_rule(data: bytes, rule: Pixels) -> bytes | None:
    """PNG of a picture that is no ordinary one of 8 bits; None for those, which the rule is given when decoded."""
    with _alone_if_large(_claimed(data)):
        raw = read_raw(data, MAX_PIXELS, bool(rule.bands))
        return raw.picture(rule) if raw else None


@contextlib.contextmanager
def _alone_if_large(pixels: int) -> Iterator[None]:
    """Several threads decode; two pictures of the largest kind at the same time would be too much for the memory."""
    if pixels <= LARGE:
        yield
        return
    with _ALONE, contextlib.ExitStack() as stack:
        if pixels > (Image.MAX_IMAGE_PIXELS or pixels):  # Pillow warns of it once more where it loads a TIFF
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _claimed(data: bytes) -> int:
    """Pixels that a picture's header states, 0 where none are found."""
    try:
        if data.startswith(tiff.MARKS):  # Pillow complains of many bands, in the log
            height, width, bands = tiff.read_page(data).shape
            return height * width * max(1, bands // 3)
        with open_image(data) as image:
            return image.width * image.height
    except Exception:  # Pillow raises whatever a broken header leads it into; the decoder then says what is wrong
        return 0


def _eight_bits(image):
    if image.mode.startswith(("I", "F")):  # 16-bit or float grey: Pillow's own conversion clips at 255
        pixels = np.asarray(image, np.float64)
        top = 65535.0 if pixels.max(initial=0) > 255 else 255.0 if pixels.max(initial=0) > 1 else 1.0
        return Image.fromarray(np.clip(pixels * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    transparent = image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def decode_one(data: bytes | np.ndarray, size: int, rule: Pixels = PLAIN) -> np.ndarray:
    """uint8 [size, size, C] of one picture in any format, or of its intensities [H, W, bands] or [H, W].

    Raises `ValueError` with a reason of one line.

    Runs eagerly, kernel by kernel, in the calling thread: safe inside `tf.numpy_function`, where calling a
    `tf.function` could wait for the very threads that wait for it.
    """
    if isinstance(data, bytes):
        return readable(data, size, rule)[1]
    values = rule.eight_bits(data)
    return values if values.shape[:2] == (size, size) else square(tf.constant(values), size).numpy()


def readable(data: bytes, size: int, rule: Pixels = PLAIN) -> Readable:
    """`decode_one` with the bytes that TensorFlow decodes: the same ones or, in another format, a PNG of them."""
    if rule.plain:
        with contextlib.suppress(tf.errors.OpError):  # of a broken one it is said below what is wrong
            pixels = swift_square(data, size)
            if pixels is not None:
                return data, pixels
    with _alone_if_large(_claimed(data)):
        try:
            return data, decode_square(tf.constant(data), size, rule).numpy()
        except tf.errors.OpError:
            data = transcode(data, rule)
            return data, decode_square(tf.constant(data), size, rule).numpy()


def square_of(raw: np.ndarray, size: int, rule: Pixels = PLAIN) -> np.ndarray:
    """uint8 [size, size, C] of intensities in memory, [H, W, bands] or [H, W]: as `decode_one` of a file of them."""
    return square(tf.constant(rule.eight_bits(raw)), size).numpy()


def readable_batch(batch: Sequence[bytes], size: int, rule: Pixels = PLAIN) -> list[Checked]:
    """`readable` of each picture, in one traced call where they are many and sound; a broken one is the reason."""
    if len(batch) <= _FEW and sum(map(len, batch)) <= _LIGHT:
        return [_attempt(data, size, rule) for data in batch]
    with contextlib.suppress(*FAULTS):
        return list(zip(batch, _decoder(size, rule)(tf.constant(batch)).numpy()))
    return [_attempt(data, size, rule) for data in batch]


def _attempt(data: bytes, size: int, rule: Pixels) -> Checked:
    try:
        return readable(data, size, rule)
    except FAULTS as error:
        return why_broken(error)


@lru_cache(maxsize=8)
def _decoder(size: int, rule: Pixels) -> Callable[[tf.Tensor], tf.Tensor]:
    """string [B] -> uint8 [B, size, size, C] in one traced call; one bad picture fails the whole batch."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def decode(encoded: tf.Tensor) -> tf.Tensor:
        return decode_squares(encoded, size, rule)

    return decode


def decode_all(
    read: Callable[[int], bytes | np.ndarray],
    names: np.ndarray,
    size: int,
    rule: Pixels = PLAIN,
    batch: int = 256,
) -> tuple[np.ndarray, np.ndarray, list[Broken]]:
    """Decodes every row.

    Args:
        read: row -> encoded bytes, or pixels.
        names: [N] ids, for the report.
        size: pixels of the side.
        rule: of the data set.
        batch: pictures per call, fewer where they are large.

    Returns:
        uint8 [N, size, size, C]; bool [N], which are good; (id, reason) of those that are not.
    """
    count, broken = len(names), []
    images, good = np.zeros((count, size, size, rule.channels), np.uint8), np.ones(count, bool)
    with stages(after=2.0) as show:
        for portion in portions(_rows(read, count, size, rule), batch):
            files = [data for _, data in portion if isinstance(data, bytes)]
            decoded = iter(readable_batch(files, size, rule) if files else [])
            for row, data in portion:
                result = next(decoded) if isinstance(data, bytes) else data
                if isinstance(result, np.ndarray):
                    images[row] = result
                elif isinstance(result, str):
                    good[row] = False
                    broken.append((str(names[row]), result))
                else:
                    images[row] = result[1]
            show("decoding pictures", portion[-1][0] + 1, count)
    return images, good, broken


def _rows(
    read: Callable[[int], bytes | np.ndarray], count: int, size: int, rule: Pixels
) -> Iterator[tuple[int, bytes | np.ndarray | str]]:
    """(row, bytes or why there are none) of all rows; of pixels the square, so that no larger ones are held."""
    for row in range(count):
        try:
            data = read(row)
            yield row, data if isinstance(data, bytes) else decode_one(data, size, rule)
        except FAULTS as error:
            yield row, why_broken(error)


def portions(pictures: Iterable[Named], most: int) -> Iterator[list[Named]]:
    """Encoded pictures, or why there are none, in lists: of at most `most` and, where they are large, of fewer."""
    portion: list[Named] = []
    held = 0
    for picture in pictures:
        portion.append(picture)
        held += len(picture[1]) if isinstance(picture[1], bytes) else 0
        if len(portion) == most or held >= _PORTION:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


def summary(skipped: Iterable[Broken], show: int = 5) -> str:
    """`"2 pictures skipped: a.jpg (empty file), b.png (...)"`, or "" where nothing was skipped."""
    skipped = list(skipped)
    if not skipped:
        return ""
    named = ", ".join(printable(f"{name} ({why})") for name, why in skipped[:show])
    more = f" and {len(skipped) - show} more" if len(skipped) > show else ""
    return f"{len(skipped)} picture{'s' if len(skipped) != 1 else ''} skipped: {named}{more}"
