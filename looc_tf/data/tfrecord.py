"""TFRecord files of `tf.Example`, indexed once so that any record can be read at any time."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from looc_tf.data.beside import class_names, recorded_pixels
from looc_tf.data.encoded import encoded
from looc_tf.data.layout import kind_of
from looc_tf.data.records import records, stamp
from looc_tf.data.splits import ALIASES
from looc_tf.data.table import RULES, Table, objects
from looc_tf.errors import UserError

_SPLIT = re.compile(rf"(?:^|[-_.])({'|'.join(sorted(ALIASES, key=len, reverse=True))})(?=[-_.]|$)", re.IGNORECASE)


_LONGEST_ID = 4096  # bytes
_MOST_CLASSES = 1_000_000


@dataclass(frozen=True)
class Keys:
    """Under which keys of an Example things are looked for, in this order."""

    image: tuple[str, ...] = ("image", "image/encoded")
    label: tuple[str, ...] = ("label", "image/class/label", "image/class/text")
    text: tuple[str, ...] = ("image/class/text",)  # the class's name, beside its number
    id: tuple[str, ...] = ("id", "image/filename")
    stylized: tuple[str, ...] = ("stylized", "image/stylized")


@dataclass(frozen=True)
class Example:
    """A `tf.Example` of a record file, or why there is none with a picture.

    Attributes:
        name: file and number.
        offset, length: of its bytes in the file.
        features: key -> feature.
        picture: the bytes of the picture.
        broken: why there is no picture, else "".
    """

    name: str
    offset: int
    length: int
    features: Any = field(default_factory=dict)
    picture: bytes = b""
    broken: str = ""

    def id(self, keys: Keys) -> str:
        """Its own id, else its name."""
        return _text(self.features, keys.id, self.name)


def examples(file: Path, keys: Keys) -> Iterator[Example]:
    """All Examples of a file in order. Training and embedding both read by this, so they leave out the same ones.

    Raises:
        UserError: the file cannot be read.
    """
    for record in records(file):
        name, length = f"{file.name}:{record.number}", len(record.payload)
        try:
            if record.broken:
                raise ValueError(record.broken)
            features = _features(record.payload)
            yield Example(name, record.offset, length, features, _bytes(features, keys.image))
        except ValueError as error:
            yield Example(name, record.offset, length, broken=str(error))


@dataclass
class _Index:
    """What one pass over the files notes of every record: where it is, and all but its pictures."""

    keys: Keys
    labels: dict[str, list]
    positions: list[tuple[Path, int, int]] = field(default_factory=list)  # file, offset of the payload, length
    splits: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    stylized: bool = False
    texts: dict[int, set[str]] = field(default_factory=dict)  # number of a class -> its names

    def scan(self, file: Path, split: str) -> None:
        for example in examples(file, self.keys):
            if example.broken:
                self.skipped.append((example.name, example.broken))
                continue
            self.positions.append((file, example.offset, example.length))
            self.splits.append(split)
            self.ids.append(example.id(self.keys))
            self.stylized |= any(key in example.features for key in self.keys.stylized)
            for key, values in self.labels.items():
                values.append(_label(example.features, self.keys.label if key == "label" else (key,)))
            label = self.labels["label"][-1]
            if isinstance(label, int) and label >= 0:
                self.texts.setdefault(label, set()).add(_text(example.features, self.keys.text, ""))

    def read(self, row: int, keys: Sequence[str]) -> bytes:
        file, offset, length = self.positions[row]
        with open(file, "rb") as handle:
            return _bytes(_features(_read_at(handle, length, offset)), keys)

    def class_names(self) -> dict[int, str]:
        """Number -> name, where each class has one of its own; {} elsewhere."""
        names = {number: next(iter(texts)) for number, texts in self.texts.items() if len(texts) == 1}
        return names if len(set(names.values()) - {""}) == len(self.texts) else {}


def read_tfrecord(
    files: Sequence[Path],
    *,
    fields: Mapping[str, tuple[str, ...]] | None = None,
    split: Callable[[Path], str] | None = None,
    keys: Keys | None = None,
    rules: int = RULES,
) -> Table:
    """Indexes record files of `tf.Example`.

    Keys: the picture's bytes in `image` or `image/encoded`; optionally an integer (or string) class in `label` or
    `image/class/label`, a string `id`, a stylised copy in `stylized` or `image/stylized`. The split is read from the
    file's name (`cifar10-train.tfrecord-00000-of-00004`). Class names come from `labels.txt` beside the files, and a
    file `NAME.labels.txt`, as TFDS writes it, makes `NAME` a further label field. Without such a file names are
    those of `image/class/text`, if each number has one, and classes may be numbered from 1.

    Args:
        files: uncompressed record files.
        fields: label field -> class names, where they are known already.
        split: file -> its split; by name if None.
        keys: where to look in an Example.
        rules: 1 where classes are those from 0 to the largest number, whatever it is.

    Raises:
        UserError: a file cannot be read, no record holds a picture, or a label exceeds its class names.
    """
    files, keys = sorted(files), keys or Keys()
    fields = class_names(files) if fields is None else fields
    index = _index(tuple((file, (split or split_of)(file), stamp(file)) for file in files), keys, tuple(fields))
    if not index.positions:
        reason = f" The first problem: {': '.join(index.skipped[0])}." if index.skipped else ""
        where = f"a picture under {' or '.join(keys.image)}"
        raise UserError(f"Expected tf.Examples with {where}. {str(files[0])!r} holds none.{reason}")
    labels = dict(index.labels)
    if rules > 1:
        labels["label"], fields = _from_nought(labels["label"], fields, index.class_names())
    named = {name: _numbered(name, values, fields.get(name)) for name, values in labels.items()}
    return Table(
        ids=objects(_unique(index.ids, index.positions)),
        splits=np.array(index.splits),
        labels={name: numbers for name, (numbers, _) in named.items()},
        fields={name: classes for name, (_, classes) in named.items() if classes},
        picture=lambda row: index.read(row, keys.image),
        stylized=(lambda row: index.read(row, keys.stylized)) if index.stylized else None,
        skipped=tuple(index.skipped),
        rules=rules,
        pixels=recorded_pixels(files),
    )


@lru_cache(maxsize=2)  # a training opens its set twice: to train, and for the pictures that it is watched on
def _index(parts: tuple[tuple[Path, str, tuple[int, ...]], ...], keys: Keys, fields: tuple[str, ...]) -> _Index:
    """The index of files, each with its split and its `stamp`: all their bytes are read, once until one changes."""
    index = _Index(keys, {name: [] for name in ("label", *(name for name in fields if name != "label"))})
    for file, split, _ in parts:
        index.scan(file, split)
    return index


def split_of(file: Path) -> str:
    """The last split that a file's name mentions, "" for none."""
    found = _SPLIT.findall(file.name)
    return ALIASES[found[-1].lower()] if found else ""


def split_above(file: Path) -> str:
    """The split that a file's name mentions, else the one that the name of its folder declares."""
    folder = kind_of(file.parent.name)
    return split_of(file) or (folder if folder in ALIASES else "")


def _read_at(handle: BinaryIO, length: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(handle.fileno(), length, offset)
    handle.seek(offset)  # on Windows
    return handle.read(length)


def _features(payload: bytes):
    try:
        return tf.train.Example.FromString(payload).features.feature
    except DecodeError as error:
        raise ValueError("not a tf.Example") from error


def _bytes(example, keys: Sequence[str]) -> bytes:
    for key in keys:
        if key in example and example[key].bytes_list.value:
            return encoded(example[key].bytes_list.value[0], example)
    raise ValueError(f"no bytes under {' or '.join(keys)} but {', '.join(sorted(example)) or 'nothing'}")


def id_text(value: bytes) -> str:
    """An Example's id as text: what is no UTF-8 replaced, cut off where it is longer than any name of a file."""
    return value[:_LONGEST_ID].decode("utf-8", "replace")


def _text(example, keys: Sequence[str], default: str) -> str:
    for key in keys:
        if key in example and example[key].bytes_list.value:
            return id_text(example[key].bytes_list.value[0])
    return default


def _label(example, keys: Sequence[str]) -> int | str:
    for key in keys:
        if key in example and example[key].int64_list.value:
            return int(example[key].int64_list.value[0])
        if key in example and example[key].bytes_list.value:
            return id_text(example[key].bytes_list.value[0])
    return -1


def _from_nought(
    values: list, fields: Mapping[str, tuple[str, ...]], texts: Mapping[int, str]
) -> tuple[list, Mapping[str, tuple[str, ...]]]:
    """Class numbers from 0 on where they were from 1 on, or have names of their own that no file beside them gives."""
    numbers = {value for value in values if isinstance(value, int) and value >= 0}
    names = fields.get("label")
    if not numbers or any(isinstance(value, str) for value in values):
        return values, fields
    if names:
        first = 1 if min(numbers) == 1 and max(numbers) == len(names) else 0
        return [value - first if value >= 0 else value for value in values], fields
    if not texts and (len(numbers) < 2 or numbers != set(range(1, max(numbers) + 1))):
        return values, fields
    order = sorted(texts) if texts else list(range(1, max(numbers) + 1))
    place = {number: position for position, number in enumerate(order)}
    named = tuple(texts.get(number, str(number)) for number in order)
    return [place.get(value, -1) for value in values], {**fields, "label": named}


def _numbered(name: str, values: list, classes: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers and names of a label field; string labels are numbered in sorted order."""
    texts = {value for value in values if isinstance(value, str)}
    if texts:
        classes = classes if classes and texts <= set(classes) else tuple(sorted(texts))
        numbers = {text: number for number, text in enumerate(classes)}
        values = [numbers.get(value, -1) for value in values]
    array = np.array(values, np.int64)
    top = int(array.max(initial=-1))
    if classes and top >= len(classes):
        raise UserError(
            f"Expected {name!r} below {len(classes)}, the number of class names. Received {top}. Correct the names."
        )
    if not classes and top >= _MOST_CLASSES:
        raise UserError(
            f"Expected {name!r} below {_MOST_CLASSES:,}, a class number. Received {top}. Number the classes from 0."
        )
    return array, classes or tuple(str(number) for number in range(top + 1))


def _unique(ids: list[str], positions: list[tuple[Path, int, int]]) -> list[str]:
    """Ids that repeat (the same file name in two classes) get the place of their record appended."""
    counts = Counter(ids)
    return [
        f"{name}@{file.name}:{offset}" if counts[name] > 1 else name for name, (file, offset, _) in zip(ids, positions)
    ]
