"""The origin of the pictures: whether ImportExampleGen can read it, and a version that changes when they do."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from looc_tf.data import records
from looc_tf.data.folder import walk
from looc_tf.data.splits import ALIASES, SPLITS
from looc_tf.data.tfrecord import split_of
from looc_tf.errors import UserError


@dataclass(frozen=True)
class RecordFiles:
    """Record files for ImportExampleGen: a folder, and the pattern of each split ("" where none is named)."""

    folder: str
    patterns: dict[str, str]


def record_files(data: str) -> RecordFiles | None:
    """The TFRecord files that `data` means, if ImportExampleGen can tell their splits apart by a pattern; else None."""
    files = _records(data)
    if not files or len({file.parent for file in files}) > 1:
        return None
    splits: dict[str, list[Path]] = {}
    for file in files:
        splits.setdefault(split_of(file), []).append(file)
    folder = files[0].parent.absolute()
    if set(splits) == {""}:
        return RecordFiles(str(folder), {"": files[0].name if len(files) == 1 else "*.tfrecord*"})
    patterns = {split: _pattern(split, own, folder) for split, own in splits.items() if split}
    if "" in splits or not all(patterns.values()):
        return None
    return RecordFiles(str(folder), {split: patterns[split] for split in SPLITS if split in patterns})


def _records(data: str) -> list[Path]:
    """The files that the library reads as record files and whose name says so, which ImportExampleGen goes by."""
    return [file for file in records.record_files(data) if records.is_record_file(file)]


def _pattern(split: str, own: list[Path], folder: Path) -> str:
    """A pattern that the record files of a split match and nothing else in the folder does, or an empty text."""
    names = {file.name for file in folder.iterdir()}
    for alias in (alias for alias, meant in ALIASES.items() if meant == split):
        pattern = f"*{alias}*.tfrecord*"
        if {name for name in names if fnmatch(name, pattern)} == {file.name for file in own}:
            return pattern
    return ""


def data_version(data: str) -> str:
    """16 digits that change with the names, sizes and times of the files behind `data`; empty for a TFDS name.

    Raises:
        UserError: the folder cannot be listed.
    """
    path = Path(os.path.expanduser(data))
    files = [path / file for file in sorted(walk(path, _refuse))] if path.is_dir() else records.record_files(data)
    if not files:
        return ""
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _refuse(error: OSError) -> None:
    raise UserError(f"Expected a readable folder. {error.filename} cannot be listed: {error.strerror}.")
