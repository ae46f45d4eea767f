"""TFRecord files of `tf.Example`, indexed once so that any record can be read at any time."""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from looc_tf.data.splits import ALIASES
from looc_tf.data.table import Table, objects
from looc_tf.errors import UserError

IMAGE = ("image", "image/encoded")
LABEL = ("label", "image/class/label", "image/class/text")
ID = ("id", "image/filename", "file_name")
STYLIZED = ("stylized", "image/stylized")
_SPLIT = re.compile(rf"(?:^|[-_.])({'|'.join(sorted(ALIASES, key=len, reverse=True))})(?=[-_.]|$)", re.IGNORECASE)

Position = tuple[Path, int, int]  # file, offset of the payload, length


def read_tfrecord(files: Sequence[Path], *, fields: dict[str, tuple[str, ...]] | None = None, split: Callable | None = None) -> Table:
    """Indexes record files of `tf.Example`.

    Keys: the picture's bytes in `image` or `image/encoded`; optionally an integer (or string) class in `label` or
    `image/class/label`, a string `id`, a stylised copy in `stylized` or `image/stylized`. The split is read from the file's
    name (`cifar10-train.tfrecord-00000-of-00004`). Class names come from `labels.txt` beside the files, and a file
    `NAME.labels.txt`, as TFDS writes it, makes `NAME` a further label field.

    Args:
        files: uncompressed record files.
        fields: label field -> class names, where they are known already.
        split: file -> its split; by name if None.

    Raises:
        UserError: no record holds a picture.
    """
    files = sorted(files)
    fields = dict(fields) if fields is not None else _class_names(files)
    extra = [name for name in fields if name != "label"]
    positions, splits, ids, skipped = [], [], [], []
    labels: dict[str, list] = {name: [] for name in ("label", *extra)}
    styled = False
    for file in files:
        part = (split or split_of)(file)
        for number, (offset, payload) in enumerate(_records(file, skipped)):
            name = f"{file.name}:{number}"
            try:
                example = tf.train.Example.FromString(payload).features.feature
                _bytes(example, IMAGE)
            except (ValueError, KeyError, tf.errors.OpError) as error:
                skipped.append((name, str(error).strip("'\"") or "not a tf.Example"))
                continue
            except Exception as error:  # protobuf's DecodeError derives from Exception alone
                skipped.append((name, f"not a tf.Example ({error})"))
                continue
            positions.append((file, offset, len(payload)))
            splits.append(part)
            ids.append(_text(example, ID, name))
            labels["label"].append(_label(example, LABEL))
            for key in extra:
                labels[key].append(_label(example, (key,)))
            styled = styled or any(key in example for key in STYLIZED)
    if not positions:
        reason = f" First record: {skipped[0][1]}." if skipped else ""
        raise UserError(f"Expected tf.Examples with a picture in {' or '.join(IMAGE)} in {files[0]}. Found none.{reason}")
    numbers, names = {}, {}
    for key, values in labels.items():
        numbers[key], classes = _numbered(key, values, fields.get(key))
        if classes:
            names[key] = classes
    return Table(
        ids=objects(ids),
        splits=np.array(splits),
        labels=numbers,
        fields=names,
        picture=lambda row: _bytes(_example(positions[row]), IMAGE),
        stylized=(lambda row: _bytes(_example(positions[row]), STYLIZED)) if styled else None,
        skipped=tuple(skipped),
    )


def split_of(file: Path) -> str:
    """The last split that a file's name mentions, "" for none."""
    found = _SPLIT.findall(file.name)
    return ALIASES[found[-1].lower()] if found else ""


def _records(file: Path, skipped: list[tuple[str, str]]):
    """(offset, payload) of every record: length (8 bytes), its CRC (4), payload, its CRC (4)."""
    size = os.path.getsize(file)
    if size == 0:
        return
    with open(file, "rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as view:
        position = 0
        while position < size:
            length = struct.unpack_from("<Q", view, position)[0] if position + 12 <= size else size
            if position + length + 16 > size:
                skipped.append((f"{file.name}@{position}", "the record file is truncated or not a TFRecord file"))
                return
            yield position + 12, view[position + 12 : position + 12 + length]
            position += length + 16


def _example(position: Position):
    file, offset, length = position
    with open(file, "rb") as handle:
        return tf.train.Example.FromString(os.pread(handle.fileno(), length, offset)).features.feature


def _bytes(example, keys: Sequence[str]) -> bytes:
    for key in keys:
        if key in example and example[key].bytes_list.value:
            return example[key].bytes_list.value[0]
    raise KeyError(f"no bytes under {' or '.join(keys)}; the record holds {', '.join(sorted(example)) or 'nothing'}")


def _text(example, keys: Sequence[str], default: str) -> str:
    for key in keys:
        if key in example and example[key].bytes_list.value:
            return example[key].bytes_list.value[0].decode("utf-8", "replace")
    return default


def _label(example, keys: Sequence[str]) -> int | str:
    for key in keys:
        if key in example and example[key].int64_list.value:
            return int(example[key].int64_list.value[0])
        if key in example and example[key].bytes_list.value:
            return example[key].bytes_list.value[0].decode("utf-8", "replace")
    return -1


def _numbered(key: str, values: list, classes: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers and names of a label field; string labels are numbered in sorted order."""
    texts = sorted({value for value in values if isinstance(value, str)})
    if texts:
        classes = classes if classes and set(texts) <= set(classes) else tuple(texts)
        values = [classes.index(value) if isinstance(value, str) else -1 for value in values]
    numbers = np.array(values, np.int64)
    top = int(numbers.max(initial=-1))
    if classes and top >= len(classes):
        raise UserError(f"Expected {key!r} below {len(classes)}, the number of its class names. Received {top}. Correct the names' file.")
    return numbers, classes or tuple(str(number) for number in range(top + 1))


def _class_names(files: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    names = {}
    for path in sorted({path for file in files for path in file.parent.glob("*labels.txt")}):
        key = "label" if path.name == "labels.txt" else path.name[: -len(".labels.txt")]
        names[key] = tuple(path.read_text(encoding="utf-8").split("\n"))
        names[key] = tuple(line.strip() for line in names[key] if line.strip())
    return names
