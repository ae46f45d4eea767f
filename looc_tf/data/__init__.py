"""Pictures by name: `factors`, any TFDS name, a folder of pictures, or TFRecord files of `tf.Example`."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import tensorflow as tf

from looc_tf.data.arrays import parts_of, source_of
from looc_tf.data.folder import read_folder
from looc_tf.data.ingest import summary
from looc_tf.data.records import record_files
from looc_tf.data.source import BUDGET, Source
from looc_tf.data.splits import SPLITS, assign, canonical, select
from looc_tf.data.table import Table
from looc_tf.data.tfrecord import read_tfrecord
from looc_tf.errors import UserError

__all__ = [
    "SPLITS",
    "Source",
    "load",
    "open_parts",
    "open_source",
    "parts_of",
    "read_table",
    "record_files",
    "source_of",
    "summary",
]


def open_source(
    name: str | os.PathLike,
    split: str = "train",
    *,
    size: int,
    limit: int | None = None,
    budget: int = BUDGET,
    data_dir: str | os.PathLike | None = None,
) -> Source:
    """Opens one split of a set of pictures.

    Args:
        name: "factors", a TFDS name, a folder of pictures, or a TFRecord file, glob or folder.
        split: "train", "validation" or "test"; where the origin declares none it is cut 80/10/10 by a hash of the id.
        size: pictures are held as squares of this side, in pixels.
        limit: at most so many pictures, chosen by a hash of their id, hence the same ones everywhere.
        budget: bytes of decoded pictures held in memory; a larger set is decoded at each fetch.
        data_dir: where TFDS keeps prepared sets; TFDS's own default (or TFDS_DATA_DIR) if None.

    Raises:
        UserError: nothing there, nothing readable, or an empty split.

    Example:
        >>> source = open_source("factors", "test", size=64)
        >>> len(source), source.fields["label"][:2]
        (2000, ('arrow', 'bell'))
    """
    _check_name(name)
    split = canonical(split)
    if size < 1 or (limit is not None and limit < 1):
        raise UserError(f"Expected a size and a limit of at least 1. Received size={size}, limit={limit}.")
    part = select(read_table(name, data_dir), split, str(name), limit)
    return Source(part, name=str(name), split=split, size=size, budget=budget)


def open_parts(name: str | os.PathLike, *, size: int) -> dict[str, Source]:
    """{"train", "validation", "test"} of a set, as `open_source` opens them; a set may have no "validation"."""
    table = read_table(name)
    has_validation = bool((assign(table) == "validation").any())
    splits = [split for split in SPLITS if split != "validation" or has_validation]
    parts = {split: select(table, split, str(name)) for split in splits}
    return {split: Source(part, name=str(name), split=split, size=size) for split, part in parts.items()}


def load(name: str | os.PathLike, split: str = "train", *, size: int) -> tf.data.Dataset:
    """The elements of `open_source`, in order: {image: uint8 [size, size, 3], label: int64, id: string, ...}."""
    return open_source(name, split, size=size).dataset()


def read_table(name: str | os.PathLike, data_dir: str | os.PathLike | None = None) -> Table:
    """All rows of a set, undecoded: what is on the disk under `name` first, else the TFDS set of that name."""
    _check_name(name)
    path, files = Path(os.path.expanduser(name)), record_files(name)
    if files:
        return read_tfrecord(files)
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        raise UserError(f"Expected a folder of pictures or a *.tfrecord* file. Received the file {str(path)!r}.")
    if glob.has_magic(str(name)):
        raise UserError(f"Expected TFRecord files. Nothing matches {str(name)!r}.")
    if str(name).startswith((".", "~", os.sep)) or not str(name):
        raise UserError(f"Expected a folder of pictures, TFRecord files or a TFDS name. {str(name)!r} does not exist.")
    from looc_tf.data.named import read_named  # imports tensorflow-datasets: seconds

    return read_named(str(name), data_dir)


def _check_name(name: object) -> None:
    """Pictures in memory have another door than those that are opened by name."""
    if not isinstance(name, (str, os.PathLike)):
        raise UserError(
            f"Expected a name or a path of pictures. Received {type(name).__name__}. "
            "Of pictures in memory make a source: looc_tf.source_of(images, labels)."
        )
