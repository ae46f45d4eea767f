"""Encoded pictures from anywhere, one after the other, read ahead by a few threads."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Optional, Union

from looc_tf.data.census import bounded, many, passed_over_line
from looc_tf.data.decode import SIGNATURES
from looc_tf.data.extensions import is_picture, kind
from looc_tf.data.folder import readable_name, walk
from looc_tf.data.ingest import read_file, transcode
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.data.records import record_files
from looc_tf.data.tfrecord import Keys, examples
from looc_tf.errors import UserError, printable, reason

Read = Callable[[], bytes]  # it may raise: the picture is then a broken one
Item = tuple[str, Read]  # id, how to read it
Picture = tuple[str, Union[bytes, str]]  # id, what TensorFlow decodes or why it cannot be read

_READERS, _AHEAD = 4, 32


@dataclass(frozen=True)
class Pictures:
    """What is to be embedded, how many that is where it is known without reading, and what is left aside.

    Attributes:
        items: the pictures.
        count: of them.
        passed_over: kind -> files that are no pictures.
    """

    items: Iterable[Item]
    count: Optional[int] = None
    passed_over: Mapping[str, int] = field(default_factory=dict)

    def census(self, name: str | Path) -> str:
        """One line, as trainings begin with; "" where the number is not known."""
        if self.count is None:
            return ""
        said = f"{printable(str(name), 200)}: {many(self.count, 'picture')}"
        return said + (f"; {passed_over_line(self.passed_over)}" if self.passed_over else "")


def find(images: str | Path) -> Pictures:
    """The pictures in a folder at any depth, in TFRecord files of `tf.Example` (one, or a folder of them), or one file.

    Ids are paths relative to the folder, or an Example's `id`, else its file and number; no list of them is made.

    Raises:
        UserError: nothing there.
    """
    path = Path(images)
    files = record_files(path) if path.exists() else []
    if files:
        return Pictures(_records(files))
    if path.is_file():
        return Pictures([(readable_name(path.name), partial(read_file, path))], 1)
    if not path.is_dir():
        raise UserError(f"Expected a folder of pictures, a picture or a TFRecord file. {path} does not exist.")
    others: Counter[str] = Counter()
    count = sum(1 for _ in _files(path, others))
    if not count:
        said = f" {passed_over_line(bounded(others))}." if others else ""
        raise UserError(
            f"Expected pictures in {path}. Found none, at any depth.{said} "
            "Name a folder that holds JPEG, PNG, ... files."
        )
    return Pictures(_files(path, Counter()), count, bounded(others))


def read_ahead(items: Iterable[Item], rule: Pixels = PLAIN) -> Iterator[Picture]:
    """Reads pictures in order while the caller computes; formats that TensorFlow cannot decode are transcoded.

    Args:
        items: the pictures.
        rule: by which their pixels become 8 bits.
    """
    waiting: deque[tuple[str, Future]] = deque()
    with ThreadPoolExecutor(_READERS, "read") as pool:
        for name, read in items:
            waiting.append((name, pool.submit(_load, read, rule)))
            if len(waiting) > _AHEAD:
                name, future = waiting.popleft()
                yield name, future.result()
        for name, future in waiting:
            yield name, future.result()


def _load(read: Read, rule: Pixels) -> bytes | str:
    try:
        data = read()
        return data if data.startswith(SIGNATURES) else transcode(data, rule)
    except (ValueError, OSError) as error:
        return reason(error)


def _files(root: Path, others: Counter[str]) -> Iterator[Item]:
    """The pictures below a folder; `others` counts what is none, by kind."""

    def refuse(error: OSError) -> None:
        raise UserError(
            f"Expected a readable folder. {error.filename}: {reason(error)}. Check its permissions."
        ) from error

    for path in walk(root, refuse):
        if _is_picture(root / path):
            yield readable_name(path), partial(read_file, root / path)
        else:
            others[kind(path)] += 1


def _is_picture(path: Path) -> bool:
    try:
        return is_picture(path)
    except OSError:  # a link to nothing: reading it says so
        return True


def _records(files: Iterable[Path]) -> Iterator[Item]:
    keys = Keys()
    for file in files:
        for example in examples(file, keys):
            if example.broken:
                yield example.name, partial(_refuse, example.broken)
            else:
                yield example.id(keys), partial(bytes, example.picture)


def _refuse(why: str) -> bytes:
    raise ValueError(why)
