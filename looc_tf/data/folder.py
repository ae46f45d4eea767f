"""A folder of pictures: split folders, class folders, both, or flat without labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from looc_tf.data.ingest import read_file
from looc_tf.data.splits import ALIASES
from looc_tf.data.table import Table, objects
from looc_tf.errors import UserError

STYLIZED = "stylized"
WITHOUT = "without extension"
EXTENSIONS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .ppm .pgm .pbm .pnm .tga .jp2".split()
)


def read_folder(root: Path) -> Table:
    """Lists `root`; no picture is opened.

    Below an optional split folder (`train`, `val` | `valid` | `validation`, `test`) the first folder is the class;
    pictures without a class folder have no label. `root/stylized/` may mirror the tree with a stylised copy of every
    picture. Hidden files, and files whose extension is not a picture's, are passed over. Each real directory is read
    once, so symbolic links may form loops.

    Raises:
        UserError: the folder holds no picture, or cannot be read.
    """
    paths, unreadable = _list(root)
    copies = {PurePosixPath(*path.parts[1:]) for path in paths if path.parts[0] == STYLIZED}
    mirrored = {path.with_suffix("") for path in copies}
    paths = [path for path in paths if not (path.parts[0] == STYLIZED and mirrored)]
    pictures = [path for path in paths if path.suffix.lower() in EXTENSIONS]
    if not pictures:
        raise UserError(
            f"Expected pictures in {str(root)!r}. Found {_census(paths)}. Name a folder of JPEG, PNG, ... files."
        )
    splits, classes = _layout(pictures)
    classes = [readable_name(name) for name in classes]
    names = tuple(sorted({name for name in classes if name}))
    numbers = {name: number for number, name in enumerate(names)}
    return Table(
        ids=objects([readable_name(path) for path in pictures]),
        splits=np.array(splits),
        labels={"label": np.array([numbers.get(name, -1) for name in classes], np.int64)},
        fields={"label": names} if names else {},
        picture=lambda row: read_file(root / pictures[row]),
        stylized=_stylized(root, pictures, copies) if any(p.with_suffix("") in mirrored for p in pictures) else None,
        skipped=tuple(unreadable),
        passed_over=_kinds(path for path in paths if path.suffix.lower() not in EXTENSIONS),
    )


def _kinds(paths: Iterable[PurePosixPath]) -> dict[str, int]:
    """Files by extension, the most frequent first."""
    return dict(Counter(path.suffix.lower() or WITHOUT for path in sorted(paths)).most_common())


def _list(root: Path) -> tuple[list[PurePosixPath], list[tuple[str, str]]]:
    """Sorted paths of all visible files below `root`, relative to it, and the folders that could not be listed."""
    unreadable: list[tuple[str, str]] = []

    def refuse(error: OSError) -> None:
        unreadable.append((os.path.relpath(error.filename, root), error.strerror or "unreadable"))

    paths = sorted(walk(root, refuse))
    if unreadable and not paths:
        raise UserError(
            f"Expected a readable folder. {str(root)!r} cannot be listed: {unreadable[0][1]}. Check its permissions."
        )
    return paths, unreadable


def walk(root: Path, refuse: Callable[[OSError], None]) -> Iterator[PurePosixPath]:
    """Visible files below `root`, relative to it, one at a time; `refuse` is told of folders that cannot be listed."""
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:  # a symbolic link back to where we have been
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        base = PurePosixPath(Path(folder).relative_to(root).as_posix())
        yield from (base / name for name in sorted(files) if not name.startswith("."))


def readable_name(path: PurePosixPath | str) -> str:
    """A path as text on every machine: bytes of it that are no UTF-8 become escapes such as `\\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _layout(pictures: list[PurePosixPath]) -> tuple[list[str], list[str]]:
    """Split and class name of every picture ("" where there is none)."""
    tops = {path.parts[0].lower() for path in pictures if len(path.parts) > 1}
    declared = any(ALIASES.get(top) == "train" for top in tops) or (len(tops) > 1 and tops <= set(ALIASES))
    splits, classes = [], []
    for path in pictures:
        parts = path.parts[:-1]
        split = ALIASES.get(parts[0].lower(), "") if declared and parts else ""
        parts = parts[1:] if split else parts
        splits.append(split)
        classes.append(parts[0] if parts else "")
    return splits, classes


def _stylized(root: Path, pictures: list[PurePosixPath], copies: set[PurePosixPath]):
    by_stem = {path.with_suffix(""): path for path in sorted(copies)}

    def read(row: int) -> bytes:
        copy = by_stem.get(pictures[row].with_suffix(""))
        if copy is None:
            raise ValueError(f"no stylised copy in {STYLIZED}/")
        return read_file(root / STYLIZED / copy)

    return read


def _census(paths: list[PurePosixPath]) -> str:
    if not paths:
        return "no files"
    extensions = sorted({path.suffix.lower() or "no extension" for path in paths})
    return f"{len(paths)} other files ({', '.join(extensions[:6])})"
