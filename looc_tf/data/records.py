"""TFRecord files, record by record: a damaged one is named, and what follows it is read.

A record is the length of its payload (8 bytes), the checksum of that (4), the payload, and the checksum of that (4).
TensorFlow's data sets end a file at its first checksum that does not match. Here its reader is asked for one record at
a time, at a place that is known; behind a damaged length the next place is searched for.
"""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tensorflow as tf
from tensorflow.python.lib.io.tf_record import tf_record_random_reader  # documented, but not among the public names

from looc_tf.data import ingest
from looc_tf.data.checksum import masked_checksums
from looc_tf.errors import UserError, reason

LARGEST = 2 * ingest.LARGEST + (1 << 20)  # bytes of a payload: a picture, its stylised copy, and what is said of them
_HEAD, _FOOT, _AROUND = 12, 4, 16  # bytes before a payload, behind it, and around it
STAMP, _INT64 = 5, (1 << 63) - 1  # numbers of a stamp, and the largest one
_BLOCKS = 1 << 12, 1 << 20  # bytes in which the next record is searched, at first and at most
_SUFFIXES = frozenset({".tfrec", ".tfr"})
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_CUT = "cut short here, compressed, or not a TFRecord file"


@dataclass(frozen=True)
class Record:
    """One record of a file, or why there is none where one should be.

    Attributes:
        number: of the record in its file; a gap of unknown length counts as one.
        offset: of the payload, in bytes.
        payload: what was written.
        broken: why that cannot be had, else "".
        sum: the checksum of the payload, as the file states it.
    """

    number: int
    offset: int
    payload: bytes = b""
    broken: str = ""
    sum: int = 0


def is_record_file(path: Path) -> bool:
    """Whether a file is one of TFRecords, by its name."""
    return ".tfrecord" in path.name and path.is_file()


def holds_records(path: Path) -> bool:
    """Whether a file is one of TFRecords, by its name or, where that says nothing, by the head of its first record."""
    if is_record_file(path) or (path.suffix.lower() in _SUFFIXES and path.is_file()):
        return True
    if (path.suffix and not _SHARD.search(path.name)) or not path.is_file():
        return False
    try:
        with open(path, "rb") as file:
            return _is_head(file.read(_HEAD))
    except OSError:
        return False


def record_files(name: str | os.PathLike) -> list[Path]:
    """The record files that a name means, sorted: those of a folder, the file itself, or whatever a glob matches."""
    path = Path(os.path.expanduser(name))
    if path.is_dir():
        return sorted(file for file in path.iterdir() if holds_records(file))
    if path.exists() or not glob.has_magic(str(name)):
        return [path] if holds_records(path) else []
    return sorted(Path(file) for file in glob.glob(str(path)) if os.path.isfile(file))


def records_below(folder: Path) -> list[Path]:
    """The record files in the folders of a folder, such as those of its splits, sorted."""
    below = (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return sorted(file for path in below for file in record_files(path))


def stamp(file: Path) -> tuple[int, ...]:
    """Numbers that change when a file does: where it is on the disk, its size, its times.

    Raises:
        UserError: it is not there.
    """
    with reading(file):
        status = file.stat()
    numbers = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return tuple(number & _INT64 for number in numbers)


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turns a failure of the disk inside of the block into a `UserError` of one line."""
    try:
        yield
    except OSError as error:
        raise UserError(f"Expected readable record files. {str(file)!r}: {reason(error)}.") from error


def records(file: Path) -> Iterator[Record]:
    """All records of a file in order, and one that is `broken` for each gap between them.

    Raises:
        UserError: the file cannot be read.
    """
    with reading(file), open(file, "rb") as handle, closing(tf_record_random_reader(os.fsencode(file))) as reader:
        size, position, number = os.path.getsize(file), 0, 0
        while position < size:
            handle.seek(position)
            head = handle.read(_HEAD)
            length = int.from_bytes(head[:8], "little")
            payload, broken, tail = b"", _CUT, b""
            after = position + length + _AROUND if len(head) == _HEAD else size + 1
            if after <= size and length <= LARGEST:
                payload, broken = _payload(reader, position)
            if broken:
                after, broken = _behind(handle, position, size, head, length)
            else:
                handle.seek(after - _FOOT)
                tail = handle.read(_FOOT)
            yield Record(number, position + _HEAD, payload, broken, int.from_bytes(tail, "little"))
            position, number = after, number + 1


def bytes_at(file: Path, offset: int, length: int) -> bytes:
    """Bytes of a file; fewer where it ends before."""
    with open(file, "rb") as handle:
        if hasattr(os, "pread"):
            return os.pread(handle.fileno(), length, offset)
        handle.seek(offset)  # on Windows
        return handle.read(length)


def sums_hold(file: Path, offsets: np.ndarray, lengths: np.ndarray, sums: np.ndarray) -> bool:
    """Whether the records at these places still state these lengths and checksums; payloads are not read."""
    with open(file, "rb", buffering=0) as handle:
        for offset, length, known in zip(offsets.tolist(), lengths.tolist(), sums.tolist()):
            handle.seek(offset - _HEAD)
            head = handle.read(8)
            handle.seek(offset + length)
            if int.from_bytes(head, "little") != length or int.from_bytes(handle.read(_FOOT), "little") != known:
                return False
    return True


def _payload(reader, position: int) -> tuple[bytes, str]:
    """The payload of the record at a place, or why its checksums do not let it pass."""
    try:
        return reader.read(position)[0], ""
    except (tf.errors.DataLossError, IndexError):  # the latter: the file has become shorter
        return b"", "damaged"
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, reason(error)) from error


def _behind(handle: BinaryIO, position: int, size: int, head: bytes, length: int) -> tuple[int, str]:
    """Where to go on behind a record that cannot be read, and what is wrong with it."""
    after = position + length + _AROUND
    if _is_head(head) and after <= size:
        large = length > LARGEST
        return after, f"{length:,} bytes; at most {LARGEST:,} are read" if large else f"damaged at byte {position:,}"
    found = _next_head(handle, position + 1, size)
    if found is None:
        return size, f"{_CUT}: byte {position:,} of {size:,}"
    return found, f"damaged at byte {position:,}; the next one is at byte {found:,}"


def _next_head(handle: BinaryIO, start: int, size: int) -> int | None:
    """The first place from `start` on at which a record may begin that ends within the file."""
    count, most = _BLOCKS
    while start + _AROUND < size:
        handle.seek(start)
        for place, length in _heads(handle.read(count + _HEAD - 1)):
            if start + place + length + _AROUND <= size:
                return start + place
        start, count = start + count, min(2 * count, most)
    return None


def _is_head(head: bytes) -> bool:
    return bool(_heads(head, most=1 << 63))


def _heads(block: bytes, most: int = LARGEST) -> list[tuple[int, int]]:
    """(place, length) of all that can be the head of a record: a length of 1 to `most` bytes, and its checksum."""
    count = len(block) - _HEAD + 1
    if count < 1:
        return []
    lengths: np.ndarray = np.ndarray((count,), "<u8", block, 0, (1,))  # views that overlap: a number at every byte
    checksums: np.ndarray = np.ndarray((count,), "<u4", block, 8, (1,))
    digits: np.ndarray = np.ndarray((count, 8), np.uint8, block, 0, (1, 1))
    places = np.flatnonzero((lengths > 0) & (lengths <= most))
    places = places[masked_checksums(digits[places]) == checksums[places]]
    return [(int(place), int(lengths[place])) for place in places]
