"""TFRecord files of `tf.Example`, indexed once so that any record can be read at any time."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from looc_tf.data.beside import class_names, packed, recorded_pixels
from looc_tf.data.class_numbers import from_nought, numbered
from looc_tf.data.encoded import encoded
from looc_tf.data.index import FileIndex, Scan, Tell, indices
from looc_tf.data.layout import kind_of
from looc_tf.data.records import records, stamp
from looc_tf.data.splits import ALIASES
from looc_tf.data.table import RULES, Table, objects
from looc_tf.errors import UserError

_SPLIT = re.compile(rf"(?:^|[-_.])({'|'.join(sorted(ALIASES, key=len, reverse=True))})(?=[-_.]|$)", re.IGNORECASE)

_LONGEST_ID = 4096  # bytes


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
        sum: the checksum of its bytes, as the file states it.
    """

    name: str
    offset: int
    length: int
    features: Any = field(default_factory=dict)
    picture: bytes = b""
    broken: str = ""
    sum: int = 0

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
            yield Example(name, record.offset, length, features, _bytes(features, keys.image), sum=record.sum)
        except ValueError as error:
            yield Example(name, record.offset, length, broken=str(error))


def scan(file: Path, keys: Keys, fields: Sequence[str], tell: Tell) -> FileIndex:
    """The index of a file: all of its bytes are read, and `tell` is told how many were.

    Raises:
        UserError: it cannot be read.
    """
    index = FileIndex(file, stamp(file), labels={name: [] for name in fields})
    for example in examples(file, keys):
        tell(example.offset)
        if example.broken:
            index.skipped.append((example.name, example.broken))
            continue
        index.offsets.append(example.offset)
        index.lengths.append(example.length)
        index.sums.append(example.sum)
        index.ids.append(example.id(keys))
        index.stylized |= any(key in example.features for key in keys.stylized)
        for key, values in index.labels.items():
            values.append(_label(example.features, keys.label if key == "label" else (key,)))
        label = index.labels["label"][-1]
        if isinstance(label, int) and label >= 0:
            index.texts.setdefault(label, set()).add(_text(example.features, keys.text, ""))
    return index


class _Index:
    """The index of several files, each with its split."""

    def __init__(self, files: Sequence[FileIndex], splits: Sequence[str]):
        self.files = list(files)
        counts = [len(file.ids) for file in files]
        self.starts = np.cumsum([0, *counts])
        self.ids = [name for file in files for name in file.ids]
        self.splits = [split for split, count in zip(splits, counts) for _ in range(count)]
        self.labels = {name: [value for file in files for value in file.labels[name]] for name in files[0].labels}
        self.skipped = [one for file in files for one in file.skipped]
        self.stylized = any(file.stylized for file in files)

    def read(self, row: int, keys: Sequence[str]) -> bytes:
        file, place = self.place(row)
        return _bytes(_features(file.read(place)), keys)

    def place(self, row: int) -> tuple[FileIndex, int]:
        """In which file a row is, and where among its records with a picture."""
        number = int(np.searchsorted(self.starts, row, "right")) - 1
        return self.files[number], row - int(self.starts[number])

    def stamp(self) -> str:
        """Changes when the contents of the files do."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.file.name}\0{len(file.ids)}\0".encode("utf-8", "backslashreplace"))
            digest.update(np.asarray(file.sums, "<u4").tobytes())
        return digest.hexdigest()

    def class_names(self) -> dict[int, str]:
        """Number -> name, where each class has one of its own; {} elsewhere."""
        texts: dict[int, set[str]] = {}
        for file in self.files:
            for number, some in file.texts.items():
                texts.setdefault(number, set()).update(some)
        names = {number: next(iter(some)) for number, some in texts.items() if len(some) == 1}
        return names if len(set(names.values()) - {""}) == len(texts) else {}


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
    those of `image/class/text`, if each number has one, and classes may be numbered from 1. Files that `looc pack`
    wrote say all of this themselves.

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
    said = packed(files) if fields is None else None
    if fields is None:
        fields = said.fields if said else class_names(files)
    index = _index(tuple((file, (split or split_of)(file), stamp(file)) for file in files), keys, tuple(fields))
    if not index.ids:
        reason = f" The first problem: {': '.join(index.skipped[0])}." if index.skipped else ""
        where = f"a picture under {' or '.join(keys.image)}"
        raise UserError(f"Expected tf.Examples with {where}. {str(files[0])!r} holds none.{reason}")
    labels = dict(index.labels)
    if rules > 1 and said is None:
        labels["label"], fields = from_nought(labels["label"], fields, index.class_names())
    named = {name: numbered(name, values, fields.get(name)) for name, values in labels.items()}
    return Table(
        ids=objects(_unique(index)),
        splits=np.array(index.splits),
        labels={name: numbers for name, (numbers, _) in named.items()},
        fields={name: classes for name, (_, classes) in named.items() if classes},
        picture=lambda row: index.read(row, keys.image),
        stylized=(lambda row: index.read(row, keys.stylized)) if index.stylized else None,
        skipped=tuple(index.skipped),
        rules=rules,
        pixels=recorded_pixels(files),
        stamp=index.stamp(),
        assigned=said is not None and set(index.splits) == set(said.parts),
        checked=said is not None,
        held=said.size if said else None,
    )


@lru_cache(maxsize=2)  # a training opens its set twice: to train, and for the pictures that it is watched on
def _index(parts: tuple[tuple[Path, str, tuple[int, ...]], ...], keys: Keys, fields: tuple[str, ...]) -> _Index:
    """The index of files, each with its split and its `stamp`: looked for once until one of them changes."""
    files, splits = [file for file, _, _ in parts], [split for _, split, _ in parts]
    return _Index(indices(files, *how(keys, fields)), splits)


def how(keys: Keys, fields: Sequence[str]) -> tuple[tuple[str, ...], Scan]:
    """What an index depends on beside its files, and what makes the one of a file."""
    columns = ("label", *(name for name in fields if name != "label"))
    return (repr(keys), *columns), lambda file, tell: scan(file, keys, columns, tell)


def split_of(file: Path) -> str:
    """The last split that a file's name mentions, "" for none."""
    found = _SPLIT.findall(file.name)
    return ALIASES[found[-1].lower()] if found else ""


def split_above(file: Path) -> str:
    """The split that a file's name mentions, else the one that the name of its folder declares."""
    folder = kind_of(file.parent.name)
    return split_of(file) or (folder if folder in ALIASES else "")


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


def _unique(index: _Index) -> list[str]:
    """Ids that repeat (the same file name in two classes) get the place of their record appended."""
    counts = Counter(index.ids)

    def unique(row: int, name: str) -> str:
        if counts[name] == 1:
            return name
        file, place = index.place(row)
        return f"{name}@{file.file.name}:{file.offsets[place]}"

    return [unique(row, name) for row, name in enumerate(index.ids)]
