"""What lies beside record files and is said of all their records: class names, and the rule of the pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from looc_tf.data.pixels import Pixels
from looc_tf.errors import UserError

PIXELS_FILE = "pixels.json"
PACKED_FILE = "packed.json"


@dataclass(frozen=True)
class Packed:
    """What `looc pack` says of the record files that it wrote.

    Attributes:
        parts: "train", "validation" or "test" -> pictures.
        fields: label field -> class names.
        size: pixels of the side of the squares that it wrote; None for pictures as they came.
    """

    parts: Mapping[str, int]
    fields: Mapping[str, tuple[str, ...]]
    size: int | None = None


def packed(files: Sequence[Path]) -> Packed | None:
    """What lies beside record files that `looc pack` wrote; None beside others."""
    for path in sorted(folder / PACKED_FILE for folder in {file.parent for file in files}):
        if path.is_file():
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
                fields = {str(field): tuple(map(str, names)) for field, names in said["fields"].items()}
                size = None if said["size"] is None else int(said["size"])
                return Packed({str(part): int(count) for part, count in said["parts"].items()}, fields, size)
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise UserError(f"Expected {path} as looc pack wrote it. Pack the pictures again.") from error
    return None


def _folders(files: Sequence[Path]) -> set[Path]:
    """Where something is said of all records: beside the files, or above TFX's `Split-NAME` folders."""
    return {file.parent.parent if file.parent.name.startswith("Split-") else file.parent for file in files}


def recorded_pixels(files: Sequence[Path]) -> Pixels | None:
    """The rule by which the pictures became 8 bits when they were written, from `pixels.json`."""
    for path in sorted(folder / PIXELS_FILE for folder in _folders(files)):
        if path.is_file():
            try:
                return Pixels.recorded(json.loads(path.read_text(encoding="utf-8")))
            except ValueError as error:
                raise UserError(f"Expected {path} as looc wrote it. {error}. Write the records again.") from error
    return None


def class_names(files: Sequence[Path]) -> dict[str, tuple[str, ...]]:
    """Class names from `labels.txt` and `NAME.labels.txt`, where something is said of all records."""
    names = {}
    for path in sorted({path for folder in _folders(files) for path in folder.glob("*labels.txt")}):
        name = "label" if path.name == "labels.txt" else path.name[: -len(".labels.txt")]
        names[name] = tuple(
            line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
        )
    return names
