"""Labels from a table beside the pictures: a CSV file with a row for each of them.

The column of files is the one whose cells are the names of pictures here: relative to the set's folder or to one below
it, with the extension or without, below folders that all rows share or not. The column of labels is called `label`,
`class`, `target`, ..., or is the only other one. A column `split` may say train, val, test or unlabeled. Cells are
separated by commas, semicolons or tabs; the first row may name the columns. Nothing that a row names is opened: it is
looked up among the pictures that were listed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from looc_tf.data.extensions import EXTENSIONS, PHONE_EXTENSIONS
from looc_tf.data.layout import Layout, kind_of
from looc_tf.data.splits import ALIASES, POOL
from looc_tf.errors import UserError, reason, shown

NONE = "none"  # in the place of a file: no table is looked for
LARGEST = 1 << 27  # bytes of a table

_TABLES = frozenset({".csv", ".tsv"})
_LABELS = "label labels class classname target category categoryname classid species breed diagnosis y".split()
_SPLITS = "split set subset partition".split()
_INVENTED = re.compile("submission|sample", re.I)  # tables of competitions that hold no true labels
_WHOLE, _NUMBER = re.compile(r"[-+]?\d{1,18}"), re.compile(r"[-+]?\d*\.?\d+(?:e[-+]?\d+)?", re.I)
_FEW = 8  # labels that may all differ

Row = tuple[int, list[str]]  # line, cells


@dataclass(frozen=True)
class LabelFile:
    """Which table of labels is wanted.

    Attributes:
        name: a file, as a path or below the pictures; "none" for no table at all; "" for the one that lies there.
        columns: the names of the columns of files and of labels; () where they are to be found.
    """

    name: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """Splits and classes of pictures, from their folders or from a table.

    Attributes:
        splits, classes: of each picture; "" for none.
        files: the tables in the folder that were read.
        notes: what is to be said of tables.
    """

    splits: Sequence[str]
    classes: Sequence[str]
    files: tuple[PurePosixPath, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes in order: numbers by size, other names by the alphabet."""
        names = {name for name in self.classes if name}
        numbers = bool(self.files or self.notes) and all(map(_WHOLE.fullmatch, names))
        return tuple(sorted(names, key=(lambda name: (int(name), name)) if numbers else None))


class _Unfit(ValueError):
    """Why a table cannot be read as one of labels."""


@dataclass(frozen=True)
class _Stated:
    """What a table says: picture -> label and split, and of how many rows."""

    labels: dict[int, str]
    splits: dict[int, str]
    rows: int


def labelled(root: Path, found: Layout, others: Iterable[PurePosixPath], wanted: LabelFile | None = None) -> Labelled:
    """What the table of labels says of the pictures, else what their folders do.

    Args:
        root: the set's folder.
        found: its pictures.
        others: its other files, among which a table may be.
        wanted: which table; the one that is there if None. One that nobody named is read where folders tell no classes
            apart, and at least half of its rows are of pictures here.

    Raises:
        UserError: the table that was named cannot be read as one of these pictures, or has two rows for one of them.
    """
    wanted = wanted or LabelFile()
    folders = Labelled(found.splits, found.classes)
    tables = [path for path in sorted(others) if path.suffix.lower() in _TABLES and len(path.parts) <= 2]
    if wanted.name and wanted.name.lower() != NONE:
        file = _named(root, wanted.name)
        try:
            stated = _read(file, _Names(found.pictures), wanted.columns)
        except _Unfit as error:
            raise UserError(f"Expected a table of labels. {str(file)!r}: {error}.") from error
        return _laid_over(found, file.name, stated, tuple(path for path in tables if (root / path).samefile(file)))
    if wanted.name or len(set(found.classes) - {""}) > 1 or not tables:
        return folders
    return _looked_for(root, found, tables)


def _named(root: Path, name: str) -> Path:
    for path in (Path(name).expanduser(), root / name):
        if path.is_file():
            return path
    raise UserError(f"Expected data.labels to be a CSV file. {name!r} does not exist, nor does it in {str(root)!r}.")


def _looked_for(root: Path, found: Layout, tables: Sequence[PurePosixPath]) -> Labelled:
    """What the table says that lies in the folder and is of its pictures."""
    names, fit, notes = _Names(found.pictures), {}, []
    for path in tables:
        try:
            if not _INVENTED.search(path.name):
                stated = _read(root / path, names)
                if 2 * len(stated.labels) < stated.rows:
                    raise _Unfit("most of its rows are of no picture here")
                fit[path] = stated
        except _Unfit as error:
            notes.append(f"{path} is not read: {error}")
    order = sorted(fit, key=lambda path: (path.stem.lower() != "labels", kind_of(path.stem) not in ("train", "masks")))
    notes += [f"{path} is not read: {order[0]} is" for path in order[1:]]
    if not order:
        return Labelled(found.splits, found.classes, notes=tuple(notes))
    done = _laid_over(found, str(order[0]), fit[order[0]], (order[0],))
    return replace(done, notes=(*done.notes, *notes))


def _laid_over(found: Layout, name: str, stated: _Stated, files: tuple[PurePosixPath, ...]) -> Labelled:
    """The pictures with what a table says of them in the place of what their folders do."""
    rows = range(len(found.pictures))
    lost, bare = stated.rows - len(stated.labels), len(rows) - len(stated.labels)
    note = f"labels from {name}: {stated.rows:,} rows, {lost:,} without a picture; {bare:,} pictures without a row"
    return Labelled(
        [stated.splits.get(row, "") for row in rows] if any(stated.splits.values()) else found.splits,
        [stated.labels.get(row, "") for row in rows],
        files,
        (note,),
    )


class _Names:
    """Pictures by what a table may call them."""

    def __init__(self, pictures: Sequence[PurePosixPath | str]):
        self._rows: dict[str, int] = {}
        for row, path in enumerate(pictures):
            parts = str(path).split("/")
            for start in range(len(parts)):
                name = "/".join(parts[start:])
                for key in {name, _bare(name)}:
                    self._rows[key] = -1 if key in self._rows else row  # a name of two pictures is none

    def found(self, cells: Sequence[str]) -> list[int]:
        """The picture of each cell, -1 for none. Folders that all cells share may lie above the set's own."""
        names = [cell.strip().replace("\\", "/").removeprefix("./") for cell in cells]
        folders = [name.split("/")[:-1] for name in names[1:] if name]  # the first cell may be the name of the column
        shared = 0
        while folders and len({tuple(parts[: shared + 1]) for parts in folders}) == 1 and len(folders[0]) > shared:
            shared += 1
        for above in range(shared + 1):
            rows = [self._find("/".join(name.split("/")[above:])) for name in names]
            if max(rows, default=-1) >= 0:
                return rows
        return [-1] * len(cells)

    def _find(self, name: str) -> int:
        row = self._rows.get(name, -1)
        return row if row >= 0 or not name else self._rows.get(_bare(name), -1)


def _bare(name: str) -> str:
    """A picture's name without its extension."""
    extension = PurePosixPath(name).suffix.lower()
    return name[: -len(extension)] if extension in EXTENSIONS | PHONE_EXTENSIONS else name


def _read(file: Path, names: _Names, wanted: tuple[str, ...] = ()) -> _Stated:
    """What a table says of pictures; `_Unfit` where it says nothing of them, `UserError` where it says two things."""
    rows = _rows(file)
    files, pictures, label, split = _columns(rows, names, wanted)
    header = 1 if pictures[0] < 0 else 0
    lines: dict[int, int] = {}
    labels: dict[int, str] = {}
    splits: dict[int, str] = {}
    for (line, cells), picture in list(zip(rows, pictures))[header:]:
        if picture in lines:
            raise UserError(
                f"Expected one row for each picture in {file.name}. {shown(cells[files])} has two: "
                f"{shown(labels[picture])} in line {lines[picture]}, {shown(cells[label])} in line {line}. "
                f"Leave one of them out, or the table: data.labels={NONE}."
            )
        if picture >= 0:
            lines[picture], labels[picture] = line, _class_name(cells[label])
            splits[picture] = kind_of(cells[split]) if split is not None else ""
    _check_classes(list(labels.values()))
    known = {kind in (*ALIASES, POOL, "") for kind in splits.values()} == {True}
    return _Stated(labels, splits if known else {}, len(rows) - header)


def _class_name(cell: str) -> str:
    """A label on one line; `3.0`, as tables with gaps hold numbers, is 3."""
    return re.sub(r"^([-+]?\d+)\.0+$", r"\1", " ".join(cell.split()))


def _check_classes(labels: Sequence[str]) -> None:
    different = set(labels) - {""}
    if different and all(map(_NUMBER.fullmatch, different)) and not all(map(_WHOLE.fullmatch, different)):
        odd = next(label for label in labels if label and not _WHOLE.fullmatch(label))
        raise _Unfit(f"its labels are numbers such as {odd}, not classes")
    if len(labels) > _FEW and len(different) == len(labels):
        raise _Unfit("every picture has a label of its own, so these are no classes")


def _columns(rows: list[Row], names: _Names, wanted: tuple[str, ...]) -> tuple[int, list[int], int, int | None]:
    """The column of files, the picture of each of its cells, and the columns of labels and of splits."""
    exact = [cell.strip() for cell in rows[0][1]]
    header = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in exact]
    if wanted and (len(wanted) > 2 or not set(wanted) <= set(exact)):
        raise _Unfit(f"expected one or two of its columns {', '.join(exact)} in data.label_columns, not {list(wanted)}")
    columns = [exact.index(wanted[0])] if len(wanted) == 2 else range(len(header))
    found = {column: names.found([cells[column] for _, cells in rows]) for column in columns}
    files = max(found, key=lambda column: len(set(found[column]) - {-1}))
    if max(found[files]) < 0:
        raise _Unfit(f"no column of it names pictures here, such as {shown(rows[-1][1][files])}")
    split = next((header.index(word) for word in _SPLITS if word in header), None)
    rest = [column for column in range(len(header)) if column not in (files, split)]
    named = [header.index(word) for word in _LABELS if word in header and header.index(word) in rest]
    labels = [exact.index(wanted[-1])] if wanted else named or rest
    if not named and len(labels) != 1:
        raise _Unfit(
            f"which of its columns {', '.join(shown(cell) for cell in exact[:8])} holds the labels? "
            "Name it: data.label_columns=[LABELS], or both: [FILES,LABELS]"
        )
    return files, found[files], labels[0], split


def _rows(file: Path) -> list[Row]:
    """All rows that are not empty, as wide as the first."""
    text = _text(file)
    start = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=start.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise _Unfit(f"it cannot be read as CSV ({error})") from error
    if len(rows) < 2 or len(rows[0][1]) < 2:
        raise _Unfit("it has no two rows of two cells, separated by comma, semicolon or tab")
    width = len(rows[0][1])
    return [(line, (cells + [""] * width)[:width]) for line, cells in rows]


def _text(file: Path) -> str:
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            raise _Unfit(f"no file, or one of more than {LARGEST:,} bytes")
        data = file.read_bytes()
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unfit("it is not UTF-8 text: save it as that") from error
    except OSError as error:
        raise _Unfit(reason(error)) from error
