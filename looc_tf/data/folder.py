"""A folder of pictures: split folders, class folders, both, or flat; labels also from a table beside them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from looc_tf.data.extensions import EXTENSIONS, is_picture, kind
from looc_tf.data.ingest import read_file
from looc_tf.data.labels import LabelFile, labelled
from looc_tf.data.layout import first_layout, layout
from looc_tf.data.table import RULES, Table, objects
from looc_tf.errors import UserError, reason

__all__ = ["EXTENSIONS", "read_folder", "readable_name", "walk"]

STYLIZED = "stylized"
SEEN = "folders seen already"
COPIES = "stylized copies of nothing"


@dataclass
class _Listing:
    """What lies below a folder, paths relative to it and sorted."""

    pictures: list[PurePosixPath] = field(default_factory=list)
    others: list[PurePosixPath] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # what could not be looked at, and why
    passed_over: Counter[str] = field(default_factory=Counter)


def read_folder(root: Path, labels: LabelFile | None = None, rules: int = RULES) -> Table:
    """Lists `root`; no picture is opened.

    What the folders say of split and class is told in `looc_tf.data.layout`; a table of labels (`labels.csv`) may lie
    beside the pictures, see `looc_tf.data.labels`. `root/stylized/` may mirror the tree with a stylised copy of every
    picture. Hidden files are not looked at; what is no picture is counted in `passed_over`. Each real directory is read
    once, so symbolic links may form loops.

    Args:
        root: the folder.
        labels: the table of labels to read; None for the one that lies there, if any.
        rules: 1 to read it as the runs did that know no others: no pools, masks or tables, nothing without extension.

    Raises:
        UserError: the folder holds no picture or cannot be read, or a table of labels does not fit it.
    """
    listing = _list(root, rules)
    copies = _take_copies(listing, rules)
    if not listing.pictures:
        raise UserError(
            f"Expected pictures in {str(root)!r}. Found {_census(listing)}. Name a folder of JPEG, PNG, ... files."
        )
    found = layout(listing.pictures) if rules > 1 else first_layout(listing.pictures)
    found = replace(found, classes=[readable_name(name) for name in found.classes])
    pictures = found.pictures
    table = labelled(root, found, listing.others, labels)
    numbers = {name: number for number, name in enumerate(table.names)}
    listing.passed_over.update(found.passed_over)
    listing.passed_over.update(kind(path) for path in listing.others if path not in table.files)
    return Table(
        ids=objects([readable_name(path) for path in pictures]),
        splits=np.array(table.splits),
        labels={"label": np.array([numbers.get(name, -1) for name in table.classes], np.int64)},
        fields={"label": table.names} if table.names else {},
        picture=lambda row: read_file(root / pictures[row]),
        stylized=_stylized(root, pictures, copies) if copies else None,
        skipped=tuple(listing.skipped),
        passed_over=dict(listing.passed_over.most_common()),
        notes=table.notes,
        rules=rules,
    )


def _list(root: Path, rules: int) -> _Listing:
    """Everything visible below `root`."""
    listing, unreadable = _Listing(), []

    def refuse(error: OSError) -> None:
        unreadable.append((os.path.relpath(error.filename, root), error.strerror or "unreadable"))

    paths = sorted(walk(root, refuse, lambda folder: listing.passed_over.update([SEEN]), rules > 1))
    if unreadable and not paths:
        raise UserError(
            f"Expected a readable folder. {str(root)!r} cannot be listed: {unreadable[0][1]}. Check its permissions."
        )
    listing.skipped += unreadable
    for path in paths:
        try:
            taken = is_picture(root / path) if rules > 1 else path.suffix.lower() in EXTENSIONS
            (listing.pictures if taken else listing.others).append(path)
        except OSError as error:
            listing.skipped.append((readable_name(path), reason(error)))
    return listing


def walk(
    root: Path,
    refuse: Callable[[OSError], None],
    again: Callable[[str], object] = lambda folder: None,
    links_last: bool = True,
) -> Iterator[PurePosixPath]:
    """Visible files below `root`, relative to it, one at a time.

    Args:
        root: a folder.
        refuse: is told of folders that cannot be listed.
        again: is told of folders that were listed before, which a link leads to.
        links_last: whether a folder goes before the links beside it, so that it is read under its own name.
    """
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:  # a symbolic link back to where we have been
            folders.clear()
            again(folder)
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if links_last:
            folders.sort(key=lambda name: os.path.islink(os.path.join(folder, name)))
        base = PurePosixPath(Path(folder).relative_to(root).as_posix())
        yield from (base / name for name in sorted(files) if not name.startswith("."))


def readable_name(path: PurePosixPath | str) -> str:
    """A path as text on every machine: bytes of it that are no UTF-8 become escapes such as `\\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _take_copies(listing: _Listing, rules: int) -> set[PurePosixPath]:
    """Takes the stylised copies out of the pictures, if `stylized` mirrors the others: it may be a class."""
    below = [path for path in listing.pictures if path.parts[0] == STYLIZED]
    others = [path for path in listing.pictures if path.parts[0] != STYLIZED]
    copies = {PurePosixPath(*path.parts[1:]) for path in below}
    mirrored = {path.with_suffix("") for path in others} if copies else set()
    copies = {path for path in copies if path.with_suffix("") in mirrored}
    if copies or (below and rules == 1):
        listing.pictures = others
        listing.passed_over[COPIES] += len(below) - len(copies)
        listing.passed_over += Counter()  # leaves out what was counted as none
    return copies


def _stylized(root: Path, pictures: list[PurePosixPath], copies: set[PurePosixPath]) -> Callable[[int], bytes]:
    by_stem = {path.with_suffix(""): path for path in sorted(copies)}

    def read(row: int) -> bytes:
        copy = by_stem.get(pictures[row].with_suffix(""))
        if copy is None:
            raise ValueError(f"no stylised copy in {STYLIZED}/")
        return read_file(root / STYLIZED / copy)

    return read


def _census(listing: _Listing) -> str:
    if not listing.others:
        return "no files"
    extensions: Iterable[str] = sorted({kind(path) for path in listing.others})
    return f"{len(listing.others)} other files ({', '.join(list(extensions)[:6])})"
