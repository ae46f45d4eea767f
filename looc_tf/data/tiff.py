"""The first page of a TIFF as numbers: any count of bands, of 1 to 64 bits, whole or floating; within bounds.

Pillow reads at most four bands, of few depths. What this module does not unpack itself (LZW, PackBits) it gives to
Pillow as a grey picture of bytes, whose size is known; so nothing swells beyond what the header claims, and that is
checked first, as is the size of the header itself (TIFF 6.0; BigTIFF; TIFF Technical Note 3 for the floating predictor;
GDAL's tag of "no data").
"""

from __future__ import annotations

import io
import itertools
import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from looc_tf.data.tiff_header import (
    ALPHA,
    BITS,
    CMYK,
    COMPRESSION,
    COUNTS,
    FILL,
    FORMAT,
    HEIGHT,
    MARKS,
    OFFSETS,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    ROWS,
    SAMPLES,
    TILE_COUNTS,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    UNSPECIFIED,
    WIDTH,
    Page,
    check_header,
    read_page,
)

__all__ = [
    "ALPHA",
    "CMYK",
    "COMPRESSION",
    "FILL",
    "FORMAT",
    "MARKS",
    "MOST_BYTES",
    "PHOTOMETRIC",
    "UNSPECIFIED",
    "Page",
    "check_header",
    "check_places",
    "read_page",
    "read_values",
]
MOST_BYTES = 1 << 30  # of the numbers of a page, unpacked
_PADDING = 1 << 28  # bytes, unpacked, by which the tiles may exceed twice their page
_NO_SIZE, _TOO_FEW = "TIFF whose strips or tiles have no possible size", "TIFF with fewer strips or tiles than it needs"
_PLAIN, _LZW, _DEFLATE, _PACKBITS = 1, 5, (8, 32946), 32773
_CHUNK = 1 << 20  # odd-sized numbers that are unpacked at a time


def read_values(page: Page, most_pixels: int) -> np.ndarray:
    """The numbers of a page, [H, W, bands], upright.

    Raises:
        ValueError: too large, cut short, or packed in a way that is not read.
    """
    height, width, bands = page.shape
    if min(height, width) < 1 or height * width > most_pixels:
        raise ValueError(f"{width} x {height} pixels; at most {most_pixels:,} are read")
    if not 0 < bands * height * width * page.dtype.itemsize <= MOST_BYTES:
        raise ValueError(f"{bands} bands of {width} x {height} {page.dtype}; at most {MOST_BYTES:,} bytes are read")
    if page.value(FILL, 1) != 1:
        raise ValueError("TIFF with bits in reverse order is not read")
    tall, wide, deep = _bounded_sides(page)
    values = np.zeros(page.shape, page.dtype)
    for segment, top, left, band, shape in _segments(page, tall, wide, deep):
        rows = _numbers(page, segment, shape)[: height - top, : width - left]
        values[top : top + shape[0], left : left + shape[1], band : band + shape[2]] = rows
    return _upright(values, page.value(ORIENTATION, 1))


def check_places(page: Page) -> None:
    """Whether all of a page is in the file: where strips or tiles are missing, Pillow makes it black.

    Raises:
        ValueError: it names fewer strips or tiles than it needs.
    """
    if 0 < len(_stored(page)[0]) < _sides(page)[3]:
        raise ValueError(_TOO_FEW)


def _sides(page: Page) -> tuple[int, int, int, int]:
    """Height, width and bands of a strip or tile, and how many of them make the page."""
    height, width, bands = page.shape
    tiled = TILE_OFFSETS in page.tags
    tall = page.value(TILE_HEIGHT) if tiled else min(page.value(ROWS, height) or height, height)
    wide = page.value(TILE_WIDTH) if tiled else width
    deep = 1 if page.value(PLANAR, 1) == 2 else bands
    if min(tall, wide, deep) < 1:
        raise ValueError(_NO_SIZE)
    return tall, wide, deep, -(-height // tall) * -(-width // wide) * (bands // deep)


def _bounded_sides(page: Page) -> tuple[int, int, int]:
    """Height, width and bands of a strip or tile, where the file has enough of them and they unpack to little more
    than the page: a file may hold one tile and name it for all places."""
    tall, wide, deep, needed = _sides(page)
    one, whole = (count * page.dtype.itemsize for count in (tall * wide * deep, math.prod(page.shape)))
    if one > MOST_BYTES or needed * one > 2 * whole + _PADDING:
        raise ValueError(_NO_SIZE)
    if min(map(len, _stored(page))) < needed:
        raise ValueError(_TOO_FEW)
    return tall, wide, deep


def _stored(page: Page) -> tuple[tuple, tuple]:
    """Where the strips or tiles are, and how many bytes each has."""
    places, sizes = (TILE_OFFSETS, TILE_COUNTS) if TILE_OFFSETS in page.tags else (OFFSETS, COUNTS)
    return page.tags.get(places, ()), page.tags.get(sizes, ())


def _segments(
    page: Page, tall: int, wide: int, deep: int
) -> Iterator[tuple[bytes, int, int, int, tuple[int, int, int]]]:
    """Of each strip or tile its bytes as they are stored, top, left, first band, and (height, width, bands)."""
    height, width, bands = page.shape
    tiled = TILE_OFFSETS in page.tags
    places = itertools.product(range(0, bands, deep), range(0, height, tall), range(0, width, wide))
    for (band, top, left), offset, count in zip(places, *_stored(page)):
        if min(offset, count) < 0 or offset + count > len(page.data):
            raise ValueError("TIFF that is cut short")
        shape = (tall if tiled else min(tall, height - top), wide, deep)
        yield page.data[offset : offset + count], top, left, band, shape


def _numbers(page: Page, stored: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The numbers of a strip or tile, [h, w, bands]."""
    height, width, bands = shape
    row = -(-width * bands * page.bits // 8)
    data = _unpacked(page.value(COMPRESSION, 1), stored, row, height)
    if len(data) < row * height:
        raise ValueError("TIFF that is cut short")
    rows = np.frombuffer(data, np.uint8, row * height).reshape(height, row)
    predictor = page.value(PREDICTOR, 1)
    if predictor == 3 and page.dtype.kind == "f":
        return _floating(rows, shape, page.dtype)
    if predictor not in (1, 2):
        raise ValueError(f"TIFF with predictor {predictor} is not read")
    if page.bits % 8 or page.bits == 24:
        values = _odd(rows, width * bands, page.bits, page.dtype).reshape(shape)
    else:
        values = rows.view(page.dtype.newbyteorder(page.order)).astype(page.dtype).reshape(shape)
    if predictor == 1:
        return values
    whole = np.dtype(f"uint{8 * page.dtype.itemsize}")  # differences of the bits, whatever they mean
    return np.cumsum(values.view(whole), axis=1, dtype=whole).view(page.dtype)


def _unpacked(compression: int, stored: bytes, row: int, height: int) -> bytes:
    if compression == _PLAIN:
        return stored
    if compression in _DEFLATE:
        try:
            return zlib.decompressobj().decompress(stored, row * height)
        except zlib.error as error:
            raise ValueError("TIFF whose packed data are damaged") from error
    if compression not in (_LZW, _PACKBITS):
        raise ValueError(f"TIFF of this kind with compression {compression} is not read; write it with LZW or deflate")
    tags = ((WIDTH, row), (HEIGHT, height), (BITS, 8), (COMPRESSION, compression), (PHOTOMETRIC, 1))
    tags += ((OFFSETS, 8), (SAMPLES, 1), (ROWS, height), (COUNTS, len(stored)))  # type: ignore[assignment]
    stored += b"\0" * (len(stored) % 2)
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    file = b"II*\0" + struct.pack("<I", 8 + len(stored)) + stored + directory + bytes(4)
    Image.init()
    with Image.OPEN["TIFF"][0](io.BytesIO(file), "") as image:
        return image.tobytes()


def _odd(rows: np.ndarray, count: int, bits: int, dtype: np.dtype) -> np.ndarray:
    """Numbers of 1, 4, 10, 12, 14, 24, ... bits, packed without a gap within a row, the highest bit first."""
    weights = (1 << np.arange(bits, dtype=np.int64)[::-1]).astype(dtype)
    values = np.empty((len(rows), count), dtype)
    step = max(1, _CHUNK // max(1, count))
    for start in range(0, len(rows), step):
        one = np.unpackbits(rows[start : start + step], axis=1)[:, : count * bits].reshape(-1, count, bits)
        values[start : start + step] = (one * weights).sum(axis=-1, dtype=dtype)
    return values


def _floating(rows: np.ndarray, shape: tuple[int, int, int], dtype: np.dtype) -> np.ndarray:
    """Undoes the floating predictor: differences of bytes, of which the highest of all numbers come first."""
    height, width, bands = shape
    summed = np.cumsum(rows.reshape(height, -1, bands), axis=1, dtype=np.uint8)
    planes = summed.reshape(height, dtype.itemsize, width * bands).transpose(0, 2, 1)
    return np.ascontiguousarray(planes).view(dtype.newbyteorder(">")).astype(dtype).reshape(shape)


def _upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Obeys the tag of orientation."""
    if orientation in (5, 6, 7, 8):
        values = values.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values[::-1] if orientation in (3, 4, 7, 8) else values
