"""Encoded pictures from anywhere, one after the other, read ahead by a few threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Optional, Union

from looc_tf.data.decode import SIGNATURES
from looc_tf.data.folder import EXTENSIONS, readable_name, walk
from looc_tf.data.ingest import read_file, transcode
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.data.records import record_files
from looc_tf.data.tfrecord import Keys, examples
from looc_tf.errors import UserError, reason

Read = Callable[[], bytes]  # it may raise: the picture is then a broken one
Item = tuple[str, Read]  # id, how to read it
Picture = tuple[str, Union[bytes, str]]  # id, what TensorFlow decodes or why it cannot be read

_READERS, _AHEAD = 4, 32


@dataclass(frozen=True)
class Pictures:
    """What is to be embedded, and how many that is where it is known without reading."""

    items: Iterable[Item]
    count: Optional[int] = None


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
    count = sum(1 for _ in _files(path))
    if not count:
        raise UserError(
            f"Expected pictures in {path}. Found none, at any depth. Name a folder that holds JPEG, PNG, ... files."
        )
    return Pictures(_files(path), count)


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


def _files(root: Path) -> Iterator[Item]:
    def refuse(error: OSError) -> None:
        raise UserError(
            f"Expected a readable folder. {error.filename}: {reason(error)}. Check its permissions."
        ) from error

    for path in walk(root, refuse):
        if path.suffix.lower() in EXTENSIONS:
            yield readable_name(path), partial(read_file, root / path)


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
