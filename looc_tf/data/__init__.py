"""Pictures by name: `factors`, any TFDS name, a folder of pictures, or TFRecord files of `tf.Example`.

>>> from looc_tf import data
>>> data.SPLITS
('train', 'validation', 'test')
"""

from __future__ import annotations

import glob
import numbers
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from looc_tf import config
from looc_tf.data.arrays import parts_of, source_of
from looc_tf.data.census import Census, census_of
from looc_tf.data.folder import read_folder
from looc_tf.data.ingest import summary
from looc_tf.data.labels import NONE, LabelFile
from looc_tf.data.pixels import Pixels
from looc_tf.data.places import is_path, missing, place_of
from looc_tf.data.records import record_files, records_below
from looc_tf.data.source import BUDGET, Source
from looc_tf.data.splits import SPLITS, assign, canonical, select
from looc_tf.data.survey import Given, enlarged, find
from looc_tf.data.table import RULES, Table
from looc_tf.data.tfrecord import read_tfrecord, split_above
from looc_tf.errors import UserError

__all__ = [
    "SPLITS",
    "Census",
    "Pixels",
    "Source",
    "census_of",
    "load",
    "open_parts",
    "open_source",
    "parts_of",
    "read_table",
    "reading",
    "record_files",
    "source_of",
    "summary",
    "table_reading",
]


def open_source(
    name: str | os.PathLike,
    split: str = "train",
    *,
    size: int,
    limit: int | None = None,
    budget: int = BUDGET,
    data_dir: str | os.PathLike | None = None,
    labels: str | os.PathLike | None = None,
    label_columns: Sequence[str] = (),
    rules: int = RULES,
    bands: Sequence[int] | None = None,
    range: Given = None,
    pixels: Pixels | None = None,
) -> Source:
    """Opens one split of a set of pictures.

    Args:
        name: "factors", a TFDS name, a folder of pictures, or a TFRecord file, glob or folder.
        split: "train", "validation" or "test"; where the origin declares none it is cut 80/10/10 by a hash of the id.
        size: pictures are held as squares of this side, in pixels.
        limit: at most so many pictures, chosen by a hash of their id, hence the same ones everywhere.
        budget: bytes of decoded pictures held in memory; a larger set is decoded at each fetch.
        data_dir: where TFDS keeps prepared sets; TFDS's own default (or TFDS_DATA_DIR) if None.
        labels, label_columns, rules: as `data.labels` and the others of a config: a CSV file with the labels of a
            folder's pictures.
        bands: which bands of a picture are its channels, counted from 0; RGB, or grey repeated to it, if None.
        range: the values that become 0 and 255, or a pair for each channel; found from a sample of the whole set if
            None. Pictures of 8 bits then stay as they are.
        pixels: the rule that is made of these two, where it is known already, such as that of a training.

    Raises:
        UserError: nothing there, nothing readable, an empty split, or bands that must be named.

    Example:
        >>> source = open_source("factors", "test", size=64)
        >>> len(source), source.fields["label"][:2]
        (2000, ('arrow', 'bell'))
    """
    _check_name(name)
    split = canonical(split)
    if isinstance(size, bool) or not isinstance(size, numbers.Integral):
        raise UserError(f"Expected one size in pixels, of the side of a square, such as 64. Received size={size!r}.")
    if size < 1 or (limit is not None and limit < 1):
        raise UserError(f"Expected a size and a limit of at least 1. Received size={size}, limit={limit}.")
    table = read_table(name, data_dir, labels=labels, label_columns=label_columns, rules=rules)
    splits = assign(table)
    part = select(table, split, str(name), limit, splits)
    rule, remarks = (pixels, ()) if pixels else find(table, str(name), bands, range)
    remarks = (*remarks, *enlarged(table, size))
    census = Census.of(table, splits, str(name)).limited(split, part)
    held: dict[str, Any] = {"size": size, "budget": budget, "pixels": rule, "remarks": remarks}
    return Source(part, name=str(name), split=split, census=census, **held)


def open_parts(
    name: str | os.PathLike,
    *,
    size: int,
    labels: str | os.PathLike | None = None,
    label_columns: Sequence[str] = (),
    rules: int = RULES,
    bands: Sequence[int] | None = None,
    range: Given = None,
    pixels: Pixels | None = None,
) -> dict[str, Source]:
    """{"train", "validation", "test"} of a set, as `open_source` opens them; a set may have no "validation"."""
    table = read_table(name, labels=labels, label_columns=label_columns, rules=rules)
    rule = pixels or find(table, str(name), bands, range)[0]
    assigned = assign(table)
    splits = [split for split in SPLITS if split != "validation" or bool((assigned == "validation").any())]
    parts = {split: select(table, split, str(name), splits=assigned) for split in splits}
    census = Census.of(table, assigned, str(name))
    held: dict[str, Any] = {"name": str(name), "size": size, "census": census, "pixels": rule}
    return {split: Source(part, split=split, **held) for split, part in parts.items()}


def reading(data: config.Data) -> dict[str, Any]:
    """The arguments of `open_source` and `open_parts` that say how the pictures of a config are read."""
    return {**table_reading(data), "bands": data.bands, "range": data.range}


def table_reading(data: config.Data) -> dict[str, Any]:
    """Those of `read_table`."""
    return {"labels": data.labels, "label_columns": data.label_columns, "rules": data.rules}


def load(name: str | os.PathLike, split: str = "train", *, size: int) -> tf.data.Dataset:
    """The elements of `open_source`, in order: {image: uint8 [size, size, C], label: int64, id: string, ...}.

    Example:
        >>> first = next(iter(load("factors", "test", size=64)))
        >>> first["image"].shape, int(first["label"])
        (TensorShape([64, 64, 3]), 7)
    """
    return open_source(name, split, size=size).dataset()


def read_table(
    name: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    *,
    labels: str | os.PathLike | None = None,
    label_columns: Sequence[str] = (),
    rules: int = RULES,
) -> Table:
    """All rows of a set, undecoded: what is on the disk under `name` first, else the TFDS set of that name."""
    _check_name(name)
    place = place_of(name)
    path, files = Path(place), record_files(place)
    if path.is_dir() and not files:
        return _below(path, LabelFile("" if labels is None else os.fspath(labels), tuple(label_columns)), rules)
    if labels is not None and os.fspath(labels).lower() != NONE:
        raise UserError(f"Expected a folder of pictures beside data.labels. Received {str(name)!r}. Leave labels out.")
    if files:
        return read_tfrecord(files, rules=rules)
    if path.is_file():
        raise UserError(
            f"Expected a folder of pictures or a *.tfrecord* file. Received the file {str(path)!r}. "
            "Name the folder it lies in, or unpack it if it is an archive."
        )
    if glob.has_magic(place):
        raise UserError(f"Expected TFRecord files. Nothing matches {str(name)!r}.")
    if is_path(str(name)) or place != str(name):
        raise missing(place)
    from looc_tf.data.named import read_named  # imports tensorflow-datasets: seconds

    return read_named(str(name), data_dir, rules)


def _below(path: Path, labels: LabelFile, rules: int) -> Table:
    """A folder of pictures or, where it holds none, of folders of record files."""
    try:
        return read_folder(path, labels, rules)
    except UserError:
        files = records_below(path)
        if not files:
            raise
        return read_tfrecord(files, split=split_above, rules=rules)


def _check_name(name: object) -> None:
    """Pictures in memory have another door than those that are opened by name."""
    if not isinstance(name, (str, os.PathLike)):
        raise UserError(
            f"Expected a name or a path of pictures. Received {type(name).__name__}. "
            "Of pictures in memory make a source: looc_tf.source_of(images, labels)."
        )
