"""`pack`: pictures of any origin as record files of `tf.Example`, which are opened at once and read in few pieces."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from looc_tf.data.beside import PACKED_FILE, PIXELS_FILE
from looc_tf.data.census import Census
from looc_tf.data.index import write_beside
from looc_tf.data.ingest import FAULTS, portions, readable_batch, why_broken
from looc_tf.data.pixels import Pixels, png, stacked_png
from looc_tf.data.splits import SPLITS, assign, select
from looc_tf.data.survey import find
from looc_tf.data.table import Table
from looc_tf.data.tfrecord import Keys, how
from looc_tf.errors import UserError
from looc_tf.files import scratch, writing
from looc_tf.progress import stages

SHARD = 2048  # pictures in a file: 40 MB of JPEGs of 256 px
FORMATS = ("png", "jpeg")
QUALITY = 95
_CHECKED = 32  # pixels of the squares at which pictures are looked at that are kept as they came
_BATCH = 256

Show = Any


@dataclass(frozen=True)
class Shape:
    """As what pictures are written.

    Args:
        size: pixels of the side of the squares; None for the files as they came.
        format: of squares, "png" (the same bits) or "jpeg".
        quality: of JPEG, 1 to 100.
    """

    size: int | None = None
    format: str = FORMATS[0]
    quality: int = QUALITY

    def check(self, rule: Pixels) -> None:
        """Raises a `UserError` where pictures of this rule cannot be written so."""
        if self.format not in FORMATS:
            raise UserError(f"Expected the format png or jpeg. Received {self.format!r}.")
        if self.size is None:
            return
        if self.format == "jpeg" and rule.bands:
            raise UserError("Expected RGB or grey pictures for JPEG. These have named bands. Pack them as PNG.")
        if rule.ranges and rule.kind == "uint8":
            raise UserError(
                "A range of 8-bit pictures (data.range) would be applied again when the squares are read. "
                "Pack them as they came: --size original, and train with data.range."
            )

    def encoded(self, pixels: np.ndarray, rule: Pixels) -> bytes:
        """The file of a square, uint8 [S, S, C]."""
        if rule.bands:
            return stacked_png(pixels)
        if self.format == "png":
            return png(pixels)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=self.quality, subsampling=0)  # color in full: hue matters
        return out.getvalue()


@dataclass
class Packing:
    """What came of it.

    Attributes:
        path: the folder that was written.
        census: of the pictures that it was made of.
        parts: "train", "validation", "test" -> pictures that were written.
        skipped: (id, reason) of those that were not.
        bytes: that the files take.
    """

    path: Path
    census: Census
    parts: dict[str, int] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    bytes: int = 0


def pack(name: str | os.PathLike, table: Table, out: str | os.PathLike, shape: Shape, **seen: Any) -> Packing:
    """Writes the pictures of a table into the folder `out`, whole or not at all.

    `PART-00000-of-00004.tfrecord` hold 2,048 pictures each, in the order of the table: bytes of the picture, id, labels
    and, where there are such, the stylised copy. Beside them lie the class names, the index of the records, the rule by
    which deep pictures became 8 bits, and what they were made of. Opened by `looc_tf.open_source`, they are the same
    pictures, parts and labels in the same order as those of `name`; broken ones are left out.

    Args:
        name: what the pictures are called.
        table: all of them, of `looc_tf.data.read_table`.
        out: a folder that does not exist or is empty.
        shape: as what they are written.
        seen: `bands`, `given` (the range) of `survey.find`, and `limit` of the training part.

    Raises:
        UserError: there is something at `out`, a part holds no readable picture, or the shape does not fit.
    """
    path, limit = Path(out), seen.pop("limit", None)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} exists and is not empty. Choose another folder: -o.")
    rule, _ = find(table, str(name), **seen)
    shape.check(rule)
    splits = assign(table)
    parts = {
        part: select(table, part, str(name), limit if part == "train" else None, splits)
        for part in SPLITS
        if part == "train" or (splits == part).any()
    }
    census = Census.of(table, splits, str(name)).limited("train", parts["train"])
    done = Packing(path, census, skipped=list(table.skipped))
    with writing(path), scratch(path) as folder:
        with stages("{task.description}", "bar", "count", "left", after=1.0) as show:
            for part, rows in parts.items():
                done.parts[part] = _write_part(folder, part, rows, shape, rule, done.skipped, show)
        _write_beside(folder, str(name), table, shape, rule, done)
        done.bytes = sum(file.stat().st_size for file in folder.iterdir())
        folder.rename(path)
    done.census = census.turned_out(done.parts, len(done.skipped))
    return done


def _write_part(
    folder: Path, part: str, table: Table, shape: Shape, rule: Pixels, skipped: list[tuple[str, str]], show: Show
) -> int:
    """Writes the files of a part; returns how many pictures are in them."""
    written, files = 0, -(-len(table) // SHARD)
    for number in range(files):
        rows = range(number * SHARD, min(len(table), (number + 1) * SHARD))
        with tf.io.TFRecordWriter(str(folder / f"{part}-{number:05}-of-{files:05}.tfrecord")) as writer:
            for row, made in _made(table, rows, shape, rule):
                if isinstance(made, str):
                    skipped.append((str(table.ids[row]), made))
                else:
                    writer.write(_example(table, row, made))
                    written += 1
                show(f"packing {part}", row + 1, len(table))
    if not written:
        first = f" The first: {': '.join(skipped[-len(table)])}." if skipped else ""
        raise UserError(f"Expected readable pictures in the {part} part. All {len(table)} are broken.{first}")
    return written


def _made(
    table: Table, rows: Sequence[int], shape: Shape, rule: Pixels
) -> Iterator[tuple[int, Mapping[str, bytes] | str]]:
    """Row -> the files of its picture and of its stylised copy, or why there are none; in order."""
    copies = None if table.stylized is None else _as_written(table.stylized, rows, shape, rule)
    for row, image in _as_written(table.picture, rows, shape, rule):
        copy = b"" if copies is None else next(copies)[1]
        if isinstance(image, str):
            yield row, image
        elif isinstance(copy, str):
            yield row, f"stylised copy: {copy}"
        else:
            yield row, {"image": image} if copies is None else {"image": image, "stylized": copy}


def _as_written(read: Any, rows: Sequence[int], shape: Shape, rule: Pixels) -> Iterator[tuple[int, bytes | str]]:
    """Row -> the file that is written, or why the picture cannot be read."""
    for portion in portions(_read(read, rows), _BATCH):
        files = [data for _, data in portion if isinstance(data, bytes)]
        checked = iter(readable_batch(files, shape.size or _CHECKED, rule) if files else [])
        for row, data in portion:
            found = next(checked) if isinstance(data, bytes) else data
            if isinstance(found, str):
                yield row, found
            else:
                yield row, data if shape.size is None else shape.encoded(found[1], rule)


def _read(read: Any, rows: Sequence[int]) -> Iterator[tuple[int, bytes | str]]:
    for row in rows:
        try:
            yield row, read(row)
        except FAULTS as error:
            yield row, why_broken(error)


def _example(table: Table, row: int, files: Mapping[str, bytes]) -> bytes:
    values: dict[str, tf.train.Feature] = {}
    for key, data in {**files, "id": str(table.ids[row]).encode()}.items():
        values[key] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
    for key in table.fields:
        values[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=[int(table.labels[key][row])]))
    return tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString(deterministic=True)


def _write_beside(folder: Path, name: str, table: Table, shape: Shape, rule: Pixels, done: Packing) -> None:
    """What is said of all records: class names, the rule of their pixels, what they were made of, the index."""
    for key, names in table.fields.items():
        file = folder / ("labels.txt" if key == "label" else f"{key}.labels.txt")  # for other readers
        file.write_text("".join(f"{' '.join(one.split())}\n" for one in names), encoding="utf-8")
    said = {
        "of": name,
        "parts": done.parts,
        "fields": {key: list(names) for key, names in table.fields.items()},
        "size": shape.size,
        "format": shape.format if shape.size else None,
        "quality": shape.quality if shape.size and shape.format == "jpeg" else None,
        "skipped": len(done.skipped),
    }
    (folder / PACKED_FILE).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    recorded = rule if shape.size else table.pixels
    if recorded is not None and not recorded.plain:
        (folder / PIXELS_FILE).write_text(json.dumps(recorded.record()) + "\n", encoding="utf-8")
    write_beside(folder, sorted(folder.glob("*.tfrecord")), *how(Keys(), tuple(table.fields)))
