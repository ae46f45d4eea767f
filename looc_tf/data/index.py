"""What one pass over record files notes of every record: where it is, and all but its pictures. It is kept for the
next start (`looc_tf.data.stored`), and beside record files that `looc pack` wrote.

An index of a file is taken as long as the file is the same one on the disk by its place, size and times or, where it
was copied, as all of its records still state the lengths and checksums that were noted. What is read by an index that
was kept is read from the record files alone, and its checksum is verified when it is read first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from looc_tf.data import stored
from looc_tf.data.checksum import masked_checksum
from looc_tf.data.records import LARGEST, STAMP, bytes_at, stamp, sums_hold
from looc_tf.data.stored import Columns, texts, texts_of
from looc_tf.progress import stages

BESIDE = "records.index"  # the file beside record files
WORTH = 1 << 20  # bytes of record files: fewer are read again as soon as an index of them


@dataclass
class FileIndex:
    """Of one file.

    Attributes:
        file: it.
        stamp: of the file when it was read.
        offsets, lengths, sums: of each record with a picture: of its payload in the file, and the checksum of that.
        ids: of each.
        labels: label field -> number or name of each.
        texts: number of a class -> names that records give it.
        skipped: (name, reason) of the others.
        stylized: whether any has a stylised copy.
        verified: which payloads had their checksums compared in this process; None where all had.
    """

    file: Path
    stamp: tuple[int, ...]
    offsets: Any = field(default_factory=list)  # a list while they are noted, an array where they were kept
    lengths: Any = field(default_factory=list)
    sums: Any = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labels: dict[str, list[int | str]] = field(default_factory=dict)
    texts: dict[int, set[str]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    stylized: bool = False
    verified: np.ndarray | None = None

    def read(self, row: int) -> bytes:
        """The payload of a record; `ValueError` or `OSError` where it is not there any more."""
        data = bytes_at(self.file, int(self.offsets[row]), int(self.lengths[row]))
        if self.verified is not None and not self.verified[row]:
            if len(data) != self.lengths[row] or masked_checksum(data) != self.sums[row]:
                raise ValueError("damaged, or changed since it was indexed")
            self.verified[row] = True
        return data

    def holds(self) -> bool:
        """Whether it is of the file that lies there now; its places are within that file."""
        now = stamp(self.file)
        offsets, lengths = np.asarray(self.offsets, np.int64), np.asarray(self.lengths, np.int64)
        inside = (offsets >= 12) & (lengths > 0) & (lengths <= LARGEST) & (offsets <= now[2] - lengths - 4)
        if now[2] != self.stamp[2] or not inside.all():
            return False
        if now != self.stamp and not sums_hold(self.file, offsets, lengths, np.asarray(self.sums)):
            return False
        self.stamp = now
        return True


Tell = Callable[[int], object]  # how many bytes were looked through
Scan = Callable[[Path, Tell], FileIndex]


def indices(files: Sequence[Path], about: Sequence[str], scan: Scan) -> list[FileIndex]:
    """The index of each file: the one that is kept, where it still holds, else a new one, which is then kept.

    Args:
        files: record files.
        about: what the index depends on beside them, such as the keys that are looked for.
        scan: reads a file from end to end.

    Raises:
        UserError: a file cannot be read.
    """
    sizes = [stamp(file)[2] for file in files]
    if sum(sizes) < WORTH:
        return [scan(file, _nobody) for file in files]
    place = stored.place("records", *about, *(file.absolute() for file in files))
    known = {**_kept(place, about, files, str), **_kept_beside(about, files)}
    found, fresh = [], False
    with stages(after=2.0) as show:
        for number, file in enumerate(files):
            before = sum(sizes[:number])
            index = known.get(file)
            if index is None or not index.holds():
                tell = lambda place: show("looking through record files", before + place, sum(sizes))  # noqa: E731, B023
                index, fresh = scan(file, tell), True
            found.append(index)
    if fresh:
        stored.write(place, columns(found, about, [str(file) for file in files]))
    return found


def _nobody(place: int) -> None:
    """Is told how far a scan is where it is a short one."""


def write_beside(folder: Path, files: Sequence[Path], about: Sequence[str], scan: Scan) -> None:
    """Keeps the index of all record files of a folder in it."""
    found = columns([scan(file, _nobody) for file in files], about, [file.name for file in files])
    (folder / BESIDE).write_bytes(stored.content(found))


def _kept_beside(about: Sequence[str], files: Sequence[Path]) -> dict[Path, FileIndex]:
    found: dict[Path, FileIndex] = {}
    for folder in sorted({file.parent for file in files}):
        inside = [file for file in files if file.parent == folder]
        found.update(_kept(folder / BESIDE, about, inside, lambda file: file.name))
    return found


def _kept(
    place: Path | None, about: Sequence[str], files: Sequence[Path], name: Callable[[Path], str]
) -> dict[Path, FileIndex]:
    """The indices of these files that a file of them holds."""
    kept = stored.read(place)
    if kept is None:
        return {}
    try:
        return indices_of(kept, about, {name(file): file for file in files})
    except (ValueError, KeyError, IndexError):
        return {}


def columns(found: Sequence[FileIndex], about: Sequence[str], names: Sequence[str]) -> Columns:
    """Indices as columns, one file behind the other."""
    labels = list(found[0].labels) if found else []
    skipped = [each for one in found for each in one.skipped]
    named = [sorted((number, text) for number, all_ in one.texts.items() for text in all_) for one in found]
    kept: Columns = {
        **texts("about", about),
        **texts("files", names),
        **texts("labels", labels),
        "stamps": np.array([one.stamp for one in found], "<i8").reshape(-1),
        "stylized": np.array([one.stylized for one in found], np.uint8),
        "rows": np.array([len(one.ids) for one in found], "<i8"),
        "offsets": _joined([one.offsets for one in found], "<i8"),
        "lengths": _joined([one.lengths for one in found], "<i8"),
        "sums": _joined([one.sums for one in found], "<u4"),
        **texts("ids", [each for one in found for each in one.ids]),
        "skipped": np.array([len(one.skipped) for one in found], "<i8"),
        **texts("broken", [name for name, _ in skipped]),
        **texts("reasons", [why for _, why in skipped]),
        "named": np.array([len(each) for each in named], "<i8"),
        "numbers": np.array([number for each in named for number, _ in each], "<i8"),
        **texts("names", [text for each in named for _, text in each]),
    }
    for place, label in enumerate(labels):
        kept.update(_label_columns(f"label {place}", [value for one in found for value in one.labels[label]]))
    return kept


def indices_of(kept: Columns, about: Sequence[str], files: Mapping[str, Path]) -> dict[Path, FileIndex]:
    """The inverse of `columns`, for those of its files that are asked for; {} where it is about something else.

    Raises:
        ValueError, KeyError, IndexError: the columns are no indices.
    """
    if texts_of(kept, "about") != list(about):
        return {}
    names = texts_of(kept, "files")
    ids, skipped = texts_of(kept, "ids"), list(zip(texts_of(kept, "broken"), texts_of(kept, "reasons")))
    named = list(zip(kept["numbers"].tolist(), texts_of(kept, "names")))
    labels = {label: _labels(kept, f"label {place}") for place, label in enumerate(texts_of(kept, "labels"))}
    places = [kept[name] for name in ("offsets", "lengths", "sums")]
    rows = _parts(kept["rows"], names, ids, *labels.values(), *places)
    of_skipped, of_named = _parts(kept["skipped"], names, skipped), _parts(kept["named"], names, named)
    stamps, stylized = kept["stamps"].reshape(len(names), STAMP).tolist(), kept["stylized"].tolist()
    if len(stylized) != len(names):
        raise ValueError("columns of different lengths")
    return {
        files[name]: FileIndex(
            file=files[name],
            stamp=tuple(stamps[number]),
            offsets=kept["offsets"][rows[number]],
            lengths=kept["lengths"][rows[number]],
            sums=kept["sums"][rows[number]],
            ids=ids[rows[number]],
            labels={label: values[rows[number]] for label, values in labels.items()},
            texts=_sets(named[of_named[number]]),
            skipped=skipped[of_skipped[number]],
            stylized=bool(stylized[number]),
            verified=np.zeros(rows[number].stop - rows[number].start, bool),
        )
        for number, name in enumerate(names)
        if name in files
    }


def _joined(parts: Sequence[Sequence[int]], kind: str) -> np.ndarray:
    return np.concatenate([np.asarray(part, kind) for part in parts]) if parts else np.zeros(0, kind)


def _parts(counts: np.ndarray, files: Sequence[str], *several: Sequence | np.ndarray) -> list[slice]:
    """Where the rows of each file are; `ValueError` where there are not as many in each column."""
    ends = np.cumsum(counts).tolist()
    if len(counts) != len(files) or (counts < 0).any() or any(len(each) != (ends or [0])[-1] for each in several):
        raise ValueError("columns of different lengths")
    return [slice(end - count, end) for end, count in zip(ends, counts.tolist())]


def _sets(named: Sequence[tuple[int, str]]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for number, text in named:
        found.setdefault(number, set()).add(text)
    return found


def _label_columns(name: str, values: list[int | str]) -> Columns:
    """Numbers as they are, texts as places among those that there are."""
    named = sorted({value for value in values if isinstance(value, str)})
    places = {text: place for place, text in enumerate(named)}
    numbers = np.array([places[value] if isinstance(value, str) else value for value in values], "<i8")
    kinds = np.array([isinstance(value, str) for value in values], np.uint8)
    return {name: numbers, f"{name}.kinds": kinds, **texts(f"{name}.names", named)}


def _labels(kept: Columns, name: str) -> list[int | str]:
    numbers, kinds, named = kept[name].tolist(), kept[f"{name}.kinds"].tolist(), texts_of(kept, f"{name}.names")
    if len(kinds) != len(numbers) or any(kind and not 0 <= place < len(named) for place, kind in zip(numbers, kinds)):
        raise ValueError(name)
    return [named[number] if kind else number for number, kind in zip(numbers, kinds)]
