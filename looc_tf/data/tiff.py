"""The first page of a TIFF as numbers: any count of bands, of 1 to 64 bits, whole or floating; within bounds.

Pillow reads at most four bands, of few depths. What this module does not unpack itself (LZW, PackBits) it gives to
Pillow as a grey picture of bytes, whose size is known; so nothing swells beyond what the header claims, and that is
checked first (TIFF 6.0; BigTIFF; TIFF Technical Note 3 for the floating predictor; GDAL's tag of "no data").
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_BYTES = 1 << 30  # of the numbers of a page, unpacked
ALPHA, UNSPECIFIED = (1, 2), 0  # values of EXTRA
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL, ORIENTATION = 254, 256, 257, 258, 259, 262, 266, 274
SAMPLES, ROWS, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, EXTRA, FORMAT = 277, 278, 284, 317, 322, 323, 338, 339
OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS, NO_DATA = 273, 279, 324, 325, 42113
CMYK = 5
_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_WHOLE, _SIGNED, _FLOAT = 1, 2, 3
_PLAIN, _LZW, _DEFLATE, _PACKBITS = 1, 5, (8, 32946), 32773
_CHUNK = 1 << 20  # odd-sized numbers that are unpacked at a time


@dataclass(frozen=True)
class Page:
    """The header of the first page.

    Attributes:
        data: the whole file.
        order: "<" or ">".
        tags: number -> values.
        more: whether other pages follow that are no smaller copies or masks of this one.
    """

    data: bytes
    order: Literal["<", ">"]
    tags: dict[int, tuple]
    more: bool

    def value(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        return int(self.tags.get(tag, (default,))[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, bands."""
        return self.value(HEIGHT), self.value(WIDTH), self.value(SAMPLES, 1)

    @property
    def bits(self) -> int:
        """Of one number."""
        return self.value(BITS, 1)

    @property
    def extra(self) -> int | None:
        """What the last band is declared to be, None where nothing is said."""
        return int(self.tags[EXTRA][-1]) if self.tags.get(EXTRA) else None

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers, in this machine's order of bytes."""
        kind = self.value(FORMAT, _WHOLE)
        name = {_WHOLE: "uint", _SIGNED: "int", _FLOAT: "float", 4: "uint"}.get(kind)
        size = next((size for size in (8, 16, 32, 64) if self.bits <= size), 0)
        odd = self.bits != size and kind != _WHOLE
        if name is None or not size or odd or (name == "float" and size == 8) or len(set(self.tags.get(BITS, ()))) > 1:
            raise ValueError(f"TIFF of {self.bits} bits in sample format {kind} is not read")
        return np.dtype(f"{name}{size}")

    @property
    def missing(self) -> tuple[float, ...]:
        """The value that GDAL writes for "no data", if it says one."""
        text = b"".join(self.tags.get(NO_DATA, ())).split(b"\0")[0].strip()
        try:
            return (float(text),) if text and math.isfinite(float(text)) else ()
        except ValueError:
            return ()


def read_page(data: bytes) -> Page:
    """The header of the first page of a TIFF; no pixel is read.

    Raises:
        ValueError: it is broken.
    """
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = b"+" in data[2:4]
    try:
        (first,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        tags, following = _directory(data, order, big, first)
        more = False
        if following:
            more = not int(_directory(data, order, big, following)[0].get(SUBFILE, (0,))[0]) & 5
    except (struct.error, OverflowError) as error:
        raise ValueError("TIFF whose header is cut short") from error
    return Page(data, order, tags, more)


def _directory(data: bytes, order: str, big: bool, at: int) -> tuple[dict[int, tuple], int]:
    """The tags of a directory, and where the next one is."""
    offset, inline, head = ("Q", 8, "HHQ") if big else ("I", 4, "HHI")
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    at += 8 if big else 2
    if count > 4096:
        raise ValueError(f"TIFF with {count} tags")
    tags = {}
    for _ in range(count):
        tag, kind, number = struct.unpack_from(order + head, data, at)
        place = at + struct.calcsize(order + head)
        at = place + inline
        if kind not in _TYPES:
            continue
        size = number * struct.calcsize(_TYPES[kind])
        if size > inline:
            (place,) = struct.unpack_from(order + offset, data, place)
        if place + size > len(data):
            raise ValueError("TIFF whose header is cut short")
        tags[tag] = struct.unpack_from(f"{order}{number}{_TYPES[kind]}", data, place)
    (following,) = struct.unpack_from(order + offset, data, at) if at + inline <= len(data) else (0,)
    return {tag: values for tag, values in tags.items() if values}, following


def read_values(page: Page, most_pixels: int) -> np.ndarray:
    """The numbers of a page, [H, W, bands], upright.

    Raises:
        ValueError: too large, cut short, or packed in a way that is not read.
    """
    height, width, bands = page.shape
    if not 0 < height * width <= most_pixels:
        raise ValueError(f"{width} x {height} pixels; at most {most_pixels:,} are read")
    if not 0 < bands * height * width * page.dtype.itemsize <= MOST_BYTES:
        raise ValueError(f"{bands} bands of {width} x {height} {page.dtype}; at most {MOST_BYTES:,} bytes are read")
    if page.value(FILL, 1) != 1:
        raise ValueError("TIFF with bits in reverse order is not read")
    values = np.zeros(page.shape, page.dtype)
    for segment, top, left, band, shape in _segments(page):
        rows = _numbers(page, segment, shape)[: height - top, : width - left]
        values[top : top + shape[0], left : left + shape[1], band : band + shape[2]] = rows
    return _upright(values, page.value(ORIENTATION, 1))


def _segments(page: Page) -> Iterator[tuple[bytes, int, int, int, tuple[int, int, int]]]:
    """Of each strip or tile its bytes as they are stored, top, left, first band, and (height, width, bands)."""
    height, width, bands = page.shape
    tiled = TILE_OFFSETS in page.tags
    tall = page.value(TILE_HEIGHT) if tiled else min(page.value(ROWS, height) or height, height)
    wide = page.value(TILE_WIDTH) if tiled else width
    deep = 1 if page.value(PLANAR, 1) == 2 else bands
    if tall < 1 or wide < 1 or tall * wide * deep * page.dtype.itemsize > MOST_BYTES:
        raise ValueError("TIFF whose strips or tiles have no possible size")
    places = [
        (top, left, band) for band in range(0, bands, deep) for top in range(0, height, tall)
        for left in range(0, width, wide)
    ]  # fmt: skip
    offsets, counts = (page.tags.get(tag, ()) for tag in ((TILE_OFFSETS, TILE_COUNTS) if tiled else (OFFSETS, COUNTS)))
    if min(len(offsets), len(counts)) < len(places):
        raise ValueError("TIFF with fewer strips or tiles than it needs")
    for (top, left, band), offset, count in zip(places, offsets, counts):
        if offset + count > len(page.data):
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
