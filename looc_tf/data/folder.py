"""A folder of pictures: split folders, class folders, both, or flat; labels also from a table beside them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from looc_tf.data.extensions import EXTENSIONS, kind
from looc_tf.data.ingest import read_file
from looc_tf.data.labels import LabelFile, labelled
from looc_tf.data.layout import Layout, first_layout, layout
from looc_tf.data.listing import Listing, keep, listed, readable_name, walk
from looc_tf.data.table import RULES, Table, objects
from looc_tf.errors import UserError

__all__ = ["EXTENSIONS", "read_folder", "readable_name", "walk"]

STYLIZED = "stylized"
COPIES = "stylized copies of nothing"


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
    listing = listed(root, rules)
    copies, found = set(), listing.found
    if found is None:
        copies = _take_copies(listing, rules)
        found = _said(root, listing, rules)
        if not copies:
            keep(root, rules, listing, found)
    pictures = [str(path) for path in found.pictures]
    table = labelled(root, found, listing.others, labels)
    numbers = {name: number for number, name in enumerate(table.names)}
    listing.passed_over.update(found.passed_over)
    listing.passed_over.update(kind(path) for path in listing.others if path not in table.files)
    return Table(
        ids=objects([name if name.isascii() else readable_name(name) for name in pictures]),
        splits=np.array(table.splits),
        labels={"label": np.array([numbers.get(name, -1) for name in table.classes], np.int64)},
        fields={"label": table.names} if table.names else {},
        picture=lambda row: read_file(root / pictures[row]),
        stylized=_stylized(root, pictures, copies) if copies else None,
        skipped=tuple(listing.skipped),
        passed_over=dict(listing.passed_over.most_common()),
        notes=table.notes,
        rules=rules,
        stamp=_stamp(root, pictures),
    )


def _said(root: Path, listing: Listing, rules: int) -> Layout:
    """What the folders say of the pictures."""
    if not listing.pictures:
        raise UserError(
            f"Expected pictures in {str(root)!r}. Found {_census(listing)}. Name a folder of JPEG, PNG, ... files."
        )
    found = layout(listing.pictures) if rules > 1 else first_layout(listing.pictures)
    return replace(found, classes=[readable_name(name) for name in found.classes])


def _stamp(root: Path, pictures: list[str]) -> str:
    """Changes when pictures come, go or change places."""
    names = "\0".join([os.path.abspath(root), *pictures])
    return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()


def _take_copies(listing: Listing, rules: int) -> set[PurePosixPath]:
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


def _stylized(root: Path, pictures: list[str], copies: set[PurePosixPath]) -> Callable[[int], bytes]:
    by_stem = {path.with_suffix(""): path for path in sorted(copies)}

    def read(row: int) -> bytes:
        copy = by_stem.get(PurePosixPath(pictures[row]).with_suffix(""))
        if copy is None:
            raise ValueError(f"no stylised copy in {STYLIZED}/")
        return read_file(root / STYLIZED / copy)

    return read


def _census(listing: Listing) -> str:
    if not listing.others:
        return "no files"
    extensions: Iterable[str] = sorted({kind(path) for path in listing.others})
    return f"{len(listing.others)} other files ({', '.join(list(extensions)[:6])})"
