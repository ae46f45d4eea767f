"""The header of a TIFF: the tags of its first page, of which no more is read than a picture needs."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PILLOWS = (*MARKS, b"MM*\0", b"II\0*")  # what Pillow takes for a TIFF
MOST_TAGS, MOST_VALUES = 4096, 1 << 20  # of a directory, and of one tag: a strip or tile has one
_SHARED = 1 << 12  # bytes: a small file whose tags share a few values
ALPHA, UNSPECIFIED = (1, 2), 0  # values of EXTRA
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL, ORIENTATION = 254, 256, 257, 258, 259, 262, 266, 274
SAMPLES, ROWS, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, EXTRA, FORMAT = 277, 278, 284, 317, 322, 323, 338, 339
OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS, NO_DATA = 273, 279, 324, 325, 42113
CMYK = 5
_KNOWN = frozenset((
    SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL, ORIENTATION, SAMPLES, ROWS, PLANAR, PREDICTOR,
    TILE_WIDTH, TILE_HEIGHT, EXTRA, FORMAT, OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS, NO_DATA,
))  # fmt: skip
_ASCII = 2
_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SIZES = {**{kind: struct.calcsize(f"={code}") for kind, code in _TYPES.items()}, 5: 8, 10: 8, 11: 4, 12: 8}
_WHOLE, _SIGNED, _FLOAT = 1, 2, 3


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
        tags, following = _directory(data, order, big, _first(data, order, big))
        more = False
        if following:
            more = not int(_directory(data, order, big, following)[0].get(SUBFILE, (0,))[0]) & 5
    except (struct.error, OverflowError) as error:
        raise ValueError("TIFF whose header is cut short") from error
    return Page(data, order, tags, more)


def check_header(data: bytes) -> None:
    """Whether Pillow may read the header of a file: it keeps the values of all tags, be they one block of the file.

    Raises:
        ValueError: the tags hold more than the file.
    """
    if not data.startswith(PILLOWS):
        return
    order, big = "<" if data[:2] == b"II" else ">", data[2:3] == b"+"  # as Pillow has it
    try:
        for _ in _entries(data, order, big, _first(data, order, big)):
            pass
    except (struct.error, OverflowError):  # cut short: Pillow reads no further
        return


def _first(data: bytes, order: str, big: bool) -> int:
    """Where the first directory is."""
    return struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]


def _entries(data: bytes, order: str, big: bool, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each tag of a directory its number, type, count of values, and where they are; then, as tag 0, of its end."""
    offset, inline, head = ("Q", 8, "HHQ") if big else ("I", 4, "HHI")
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    at += 8 if big else 2
    if count > MOST_TAGS:
        raise ValueError(f"TIFF with {count} tags; at most {MOST_TAGS:,} are read")
    held = 0
    for _ in range(count):
        tag, kind, number = struct.unpack_from(order + head, data, at)
        place = at + struct.calcsize(order + head)
        at = place + inline
        size = number * _SIZES.get(kind, 0)
        if size > inline:
            (place,) = struct.unpack_from(order + offset, data, place)
        held += size if place + size <= len(data) else 0
        if held > len(data) + _SHARED or (tag in _KNOWN and number > MOST_VALUES):
            raise ValueError("TIFF whose tags hold more than a picture needs")
        yield tag, kind, number, place
    yield 0, 0, 0, at


def _directory(data: bytes, order: str, big: bool, at: int) -> tuple[dict[int, tuple], int]:
    """The tags of a directory that are used here, and where the next one is."""
    *entries, (_, _, _, end) = _entries(data, order, big, at)
    tags = {}
    for tag, kind, number, place in entries:
        if tag not in _KNOWN or kind not in _TYPES or not number or (kind == _ASCII) != (tag == NO_DATA):
            continue
        if place + number * _SIZES[kind] > len(data):
            raise ValueError("TIFF whose header is cut short")
        tags[tag] = struct.unpack_from(f"{order}{number}{_TYPES[kind]}", data, place)
    offset = order + ("Q" if big else "I")
    (following,) = struct.unpack_from(offset, data, end) if end + struct.calcsize(offset) <= len(data) else (0,)
    return tags, following
