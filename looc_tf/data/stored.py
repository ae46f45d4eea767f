"""What was found of a data set, kept in a file so that the next start need not look again.

Such a file is a line of JSON and behind it the numbers of a few columns. It may be damaged, of another version or from
somebody else: all that is taken from it are numbers and texts as many as the file is long, never code, and a file that
does not fit is as good as none. Nothing depends on it being there.

They lie in one folder of the user: `$LOOC_CACHE`, else `$XDG_CACHE_HOME/looc_tf`, else `~/.cache/looc_tf`, and nowhere
with LOOC_CACHE=none. Beside the pictures nothing is written: such folders are shared, read-only, or under version
control.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from looc_tf.errors import UserError
from looc_tf.files import write_atomically

Columns = dict[str, np.ndarray]

FORMAT = 1  # of these files; another number is as good as no file
MOST_BYTES, MOST_FILES = 1 << 30, 256  # of the folder: what was not used for longest goes
LARGEST_HEAD = 1 << 16  # bytes of the line of JSON
_KINDS = ("|u1", "<i4", "<u4", "<i8")
_SUFFIX = ".looc"
_LOST = (OSError, ValueError, KeyError, TypeError, MemoryError)  # what reading any file at all may raise


def folder() -> Path | None:
    """Where these files are kept; None for nowhere."""
    own = os.environ.get("LOOC_CACHE", "")
    if own:
        return None if own.lower() == "none" else Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(shared) if os.path.isabs(shared) else Path("~/.cache").expanduser()) / "looc_tf"


def place(kind: str, *key: object) -> Path | None:
    """The file in which something of this kind is kept under this key; None for none."""
    kept = folder()
    digest = hashlib.sha256("\0".join(map(str, key)).encode("utf-8", "backslashreplace")).hexdigest()
    return kept and kept / f"{kind}-{digest[:32]}{_SUFFIX}"


def read(path: Path | None) -> Columns | None:
    """The columns of a file; None where there is none that is whole and of this version."""
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            head = json.loads(file.readline(LARGEST_HEAD))
            body = file.read(MOST_BYTES)
        if head["looc"] != FORMAT or head["sum"] != zlib.crc32(body):
            return None
        columns = _columns(head["columns"], body)
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used
        return columns
    except _LOST:
        return None


def _columns(listed: Sequence[Sequence], body: bytes) -> Columns:
    columns, start = {}, 0
    for name, kind, count in listed:
        if kind not in _KINDS or not isinstance(count, int) or count < 0:
            raise ValueError(name)
        columns[str(name)] = np.frombuffer(body, kind, count, start)  # raises where it is longer than the file
        start += columns[str(name)].nbytes
    if start != len(body):
        raise ValueError("more or less than is listed")
    return columns


def write(path: Path | None, columns: Mapping[str, np.ndarray]) -> None:
    """Keeps columns of numbers in a file, whole or, where it cannot be written, not at all."""
    if path is None:
        return
    with contextlib.suppress(OSError, UserError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content(columns))
        if path.parent == folder():
            _sweep(path.parent)


def content(columns: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of such a file."""
    listed = [(name, values.dtype.str, int(values.size)) for name, values in columns.items()]
    body = b"".join(values.tobytes() for values in columns.values())
    head = {"looc": FORMAT, "sum": zlib.crc32(body), "columns": listed}
    return json.dumps(head).encode() + b"\n" + body


def _sweep(kept: Path) -> None:
    """Removes what was not used for longest where there is more than a user expects in a cache."""
    files = [(file.stat(), file) for file in kept.glob(f"*{_SUFFIX}")]
    held = 0
    for number, (status, file) in enumerate(sorted(files, key=lambda one: -one[0].st_mtime_ns), 1):
        held += status.st_size
        if number > 1 and (number > MOST_FILES or held > MOST_BYTES):
            file.unlink(missing_ok=True)


def texts(name: str, values: Sequence[str]) -> Columns:
    """Two columns that hold texts, names of files that are no UTF-8 among them."""
    parts = [value.encode("utf-8", "surrogateescape") for value in values]
    lengths = np.fromiter(map(len, parts), "<i4", len(parts))
    return {name: np.frombuffer(b"".join(parts), np.uint8), f"{name}.lengths": lengths}


def texts_of(columns: Columns, name: str) -> list[str]:
    """The inverse of `texts`; `ValueError` or `KeyError` where they are none."""
    data, lengths = columns[name].tobytes(), columns[f"{name}.lengths"]
    if (lengths < 0).any() or int(lengths.sum(dtype=np.int64)) != len(data):
        raise ValueError(name)
    return list(_cut(data, lengths.tolist()))


def _cut(data: bytes, lengths: list[int]) -> Iterator[str]:
    start = 0
    for length in lengths:
        yield data[start : start + length].decode("utf-8", "surrogateescape")
        start += length
