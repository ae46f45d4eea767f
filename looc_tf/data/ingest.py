"""Encoded rows to squares in memory: decodes in batches, transcodes what TensorFlow cannot read, names the broken."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

from looc_tf.data.decode import MAX_PIXELS, decode_square

Broken = tuple[str, str]  # id, reason
FAULTS = (ValueError, OSError, KeyError, tf.errors.OpError)  # what reading a broken picture may raise


def transcode(data: bytes) -> bytes:
    """PNG bytes of a picture in any format that Pillow reads (WebP, TIFF, PPM, CMYK or palette BMP, ...).

    EXIF orientation is applied; 16-bit and float pixels keep their upper 8 bits.

    Raises:
        ValueError: not a picture, a broken one, or one of more than `MAX_PIXELS` pixels.
    """
    if not data:
        raise ValueError("empty file")
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read")
            image = _eight_bits(ImageOps.exif_transpose(image))
            out = io.BytesIO()
            image.save(out, "PNG", compress_level=1)
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    except UnidentifiedImageError as error:
        raise ValueError("not a picture in any known format") from error
    except (OSError, SyntaxError, EOFError, ZeroDivisionError, TypeError, IndexError, KeyError) as error:
        raise ValueError(f"not a readable picture ({brief(error)})") from error
    return out.getvalue()


def _eight_bits(image):
    if image.mode.startswith(("I", "F")):  # 16-bit or float grey: Pillow's own conversion clips at 255
        pixels = np.asarray(image, np.float64)
        top = 65535.0 if pixels.max(initial=0) > 255 else 255.0 if pixels.max(initial=0) > 1 else 1.0
        return Image.fromarray(np.clip(pixels * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    transparent = image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def decode_one(data: bytes, size: int) -> np.ndarray:
    """uint8 [size, size, 3] of one picture in any format; raises `ValueError` with a reason of one line.

    Runs eagerly, kernel by kernel, in the calling thread: safe inside `tf.numpy_function`, where calling a
    `tf.function` could wait for the very threads that wait for it.
    """
    return readable(data, size)[1]


def readable(data: bytes, size: int) -> tuple[bytes, np.ndarray]:
    """`decode_one` with the bytes that TensorFlow decodes: the same ones or, in a format for Pillow, a PNG of them."""
    try:
        return data, decode_square(tf.constant(data), size).numpy()
    except tf.errors.OpError:
        data = transcode(data)
        return data, decode_square(tf.constant(data), size).numpy()


def readable_batch(batch: Sequence[bytes], size: int) -> list[tuple[bytes, np.ndarray] | Exception]:
    """`readable` of each picture, in one traced call where all are sound; a broken one is its error."""
    try:
        return list(zip(batch, _decoder(size)(tf.constant(batch)).numpy()))
    except FAULTS:
        return [_attempt(data, size) for data in batch]


def _attempt(data: bytes, size: int) -> tuple[bytes, np.ndarray] | Exception:
    try:
        return readable(data, size)
    except FAULTS as error:
        return error


@lru_cache(maxsize=8)
def _decoder(size: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """string [B] -> uint8 [B, size, size, 3] in one traced call; one bad picture fails the whole batch."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def decode(encoded: tf.Tensor) -> tf.Tensor:
        spec = tf.TensorSpec([size, size, 3], tf.uint8)
        return tf.map_fn(
            lambda data: decode_square(data, size), encoded, fn_output_signature=spec, parallel_iterations=16
        )

    return decode


def decode_all(
    read: Callable[[int], bytes], names: np.ndarray, size: int, batch: int = 256
) -> tuple[np.ndarray, np.ndarray, list[Broken]]:
    """Decodes every row.

    Args:
        read: row -> encoded bytes.
        names: [N] ids, for the report.
        size: pixels of the side.
        batch: pictures per call.

    Returns:
        uint8 [N, size, size, 3]; bool [N], which are good; (id, reason) of those that are not.
    """
    count, broken = len(names), []
    images, good = np.zeros((count, size, size, 3), np.uint8), np.ones(count, bool)
    with progress(count, "decoding pictures") as advance:
        for start in range(0, count, batch):
            rows = range(start, min(start + batch, count))
            try:
                images[rows.start : rows.stop] = _decoder(size)(tf.constant([read(row) for row in rows])).numpy()
            except FAULTS:  # one of them is broken, or of a format for Pillow: one by one, then
                for row in rows:
                    try:
                        images[row] = decode_one(read(row), size)
                    except FAULTS as error:
                        good[row] = False
                        broken.append((str(names[row]), brief(error)))
            advance(len(rows))
    return images, good, broken


@contextmanager
def progress(total: int, label: str, after: float = 2.0):
    """Yields `advance(count)`; a bar appears on stderr once the work has taken `after` seconds, on a terminal only."""
    started, done, bar = time.monotonic(), 0, None

    def advance(count: int) -> None:
        nonlocal done, bar
        done += count
        if bar is None and sys.stderr.isatty() and time.monotonic() - started > after and done < total:
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.start()
            bar.add_task(label, total=total)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def brief(error: BaseException) -> str:
    """The first line of an error, without addresses."""
    line = (str(error) or type(error).__name__).splitlines()[0]
    return line if len(line) <= 120 else line[:117] + "..."


def summary(skipped: Iterable[Broken], show: int = 5) -> str:
    """`"2 pictures skipped: a.jpg (empty file), b.png (...)"`, or "" where nothing was skipped."""
    skipped = list(skipped)
    if not skipped:
        return ""
    named = ", ".join(f"{name} ({reason})" for name, reason in skipped[:show])
    more = f" and {len(skipped) - show} more" if len(skipped) > show else ""
    return f"{len(skipped)} picture{'s' if len(skipped) != 1 else ''} skipped: {named}{more}"
