"""What lies beside record files and is said of all their records: class names, and the rule of the pixels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from looc_tf.data.pixels import Pixels
from looc_tf.errors import UserError

PIXELS_FILE = "pixels.json"


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
