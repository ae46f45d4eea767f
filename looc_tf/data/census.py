"""The census of a set of pictures: how many a run uses and for what, what it leaves aside, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from looc_tf.data.ingest import summary
from looc_tf.data.splits import SPLITS
from looc_tf.data.table import Table
from looc_tf.errors import printable

if TYPE_CHECKING:
    from looc_tf.data.source import Source

CLASSES, KINDS = 5, 6  # classes and kinds of files that a line names
KEPT = 20  # that a census keeps: it is written into run.json, which stays small
UNLABELLED, LIMITED, NOWHERE = "test without labels", "beyond the limit", "in no part"  # why rows are unused
LATER = ("unopened",)  # fields that earlier versions did not write
NAMED = 20  # broken pictures that are named
REASONS = {"dropped": UNLABELLED}  # what `assign` calls a row that is in no part -> why


@dataclass(frozen=True)
class Census:
    """How many pictures of a set are for what. It is counted from the listing; no picture is opened for it.

    Attributes:
        name: of the set, as it was asked for.
        training, validation, test: pictures in each part.
        labelled: training pictures whose class is known.
        classes: that occur among them; a class that only other parts have is none of these.
        class_names: of the first `KEPT` of them.
        skipped: pictures that are broken, as far as the parts were opened.
        passed_over: kind -> files beside the pictures, the most frequent kinds first.
        unused: reason -> pictures that are in no part.
        notes: what else is to be said of how the set was read, a line each.
        unopened: parts whose pictures were not all looked at when this was counted: broken ones may be among them.

    Example:
        >>> print(Census("photos", 90, 8, 18, 30, 3, ("bar", "disc", "ring"), passed_over={".heic": 40}))
        photos: 90 training pictures (30 labelled, 3 classes: bar, disc, ring), 8 validation, 18 test, 0 skipped; \
40 files passed over: 40 .heic
    """

    name: str
    training: int = 0
    validation: int = 0
    test: int = 0
    labelled: int = 0
    classes: int = 0
    class_names: tuple[str, ...] = ()
    skipped: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)
    unused: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Table, splits: np.ndarray, name: str) -> Census:
        """Of a table whose rows are in these parts: "train", "validation", "test", or anything else for none."""
        rows = {split: np.flatnonzero(splits == split) for split in SPLITS}
        aside = Counter(REASONS.get(str(split), NOWHERE) for split in splits[~np.isin(splits, SPLITS)])
        census = cls(
            name,
            validation=len(rows["validation"]),
            test=len(rows["test"]),
            skipped=len(table.skipped),
            passed_over=bounded(table.passed_over),
            unused=dict(aside.most_common()),
            notes=tuple(printable(note, 400) for note in table.notes[:KEPT]),
            unopened=SPLITS,
        )
        return census._trained_on(table.labels["label"][rows["train"]], table.fields.get("label", ()))

    def limited(self, split: str, part: Table) -> Census:
        """With `part` in place of a whole part of the set: what a limit leaves out is unused."""
        left_out = self._count(split) - len(part)
        census = self._with(split, part.labels["label"], part.fields.get("label", ()))
        return replace(census, unused={**self.unused, LIMITED: left_out}) if left_out else census

    def opened(self, *sources: Source) -> Census:
        """As the parts turned out that were opened: broken pictures are skipped and in no part."""
        census = self
        for source in sources:
            census = census._with(source.split, source.labels["label"], source.fields.get("label", ()))
        looked_at = {source.split for source in sources if source.looked_at}
        unopened = tuple(part for part in self.unopened if part not in looked_at)
        return replace(census, skipped=len(broken_of(sources)), unopened=unopened)

    def turned_out(self, counts: Mapping[str, int], skipped: int) -> Census:
        """As all of it turned out when each picture was looked at: "train", ... -> how many are sound, and how many of
        the set are not."""
        training, validation, test = (counts.get(split, 0) for split in SPLITS)
        sound = replace(self, training=training, validation=validation, test=test)
        return replace(sound, labelled=min(self.labelled, training), skipped=skipped, unopened=())

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `read` reads it back."""
        return asdict(self)

    @classmethod
    def read(cls, said: Any) -> Census | None:
        """What `as_dict` wrote; None where there is none, as in the run.json of earlier versions."""
        if not isinstance(said, Mapping) or not set(said) >= {part.name for part in fields(cls)} - {*LATER}:
            return None
        known = {part.name: said[part.name] for part in fields(cls) if part.name in said}
        counts = [known[part.name] for part in fields(cls) if part.type == "int"]
        for kinds in (known["passed_over"], known["unused"]):
            counts += kinds.values() if isinstance(kinds, Mapping) else [None]
        lists = {name: known[name] for name in ("class_names", "notes", *LATER) if name in known}
        if not all(isinstance(count, int) for count in counts) or not all(
            isinstance(one, list) for one in lists.values()
        ):
            return None
        return cls(**{**known, **{name: tuple(map(str, one)) for name, one in lists.items()}})

    @property
    def lines(self) -> list[str]:
        """All that a command says before anything else: the census in one line, and the notes."""
        return [str(self), *self.notes]

    def __str__(self) -> str:
        """One line."""
        parts = [f"{many(self.training, 'training picture')} ({self._labels()})"]
        parts += [
            f"{count:,} {part}" for part, count in (("validation", self.validation), ("test", self.test)) if count
        ]
        parts.append(self._skipped())
        line = [", ".join(parts)]
        if self.passed_over:
            line.append(passed_over_line(self.passed_over))
        if self.unused:
            why = [reason if len(self.unused) == 1 else f"{count:,} {reason}" for reason, count in self.unused.items()]
            line.append(f"{sum(self.unused.values()):,} unused ({', '.join(why)})")
        return f"{printable(self.name, 200)}: {'; '.join(line)}"

    def _skipped(self) -> str:
        """How many were skipped, and of which parts nobody knows yet."""
        said = f"{self.skipped:,} skipped{' as broken' if self.skipped else ''}"
        unopened = [part for part in SPLITS if part in self.unopened and self._count(part)]
        if not unopened:
            return said
        *before, last = ("training" if part == "train" else part for part in unopened)
        parts = f"{', '.join(before)} and {last}" if before else last
        return f"{said} so far ({parts} pictures are looked at when they are read)"

    def _labels(self) -> str:
        if not self.labelled:
            return "no labels"
        names = ", ".join(printable(name, 40) for name in self.class_names[:CLASSES])
        more = ", ..." if self.classes > CLASSES else ""
        some = "" if self.labelled == self.training else f"{self.labelled:,} labelled, "
        return f"{some}{self.classes:,} class{'es' if self.classes != 1 else ''}: {names}{more}"

    def _count(self, split: str) -> int:
        return self.training if split == "train" else self.validation if split == "validation" else self.test

    def _with(self, split: str, labels: np.ndarray, names: tuple[str, ...]) -> Census:
        if split == "train":
            return self._trained_on(labels, names)
        if split == "validation":
            return replace(self, validation=len(labels))
        return replace(self, test=len(labels))

    def _trained_on(self, labels: np.ndarray, names: tuple[str, ...]) -> Census:
        found = np.unique(labels[labels >= 0]).tolist()
        shown = tuple(names[number] if number < len(names) else str(number) for number in found[:KEPT])
        known = int((labels >= 0).sum())
        return replace(self, training=len(labels), labelled=known, classes=len(found), class_names=shown)


def census_of(sources: Iterable[Source]) -> Census | None:
    """Of the set whose parts these are, as they turned out; None where they were made of something else than a set."""
    sources = list(sources)
    census = sources[0].census
    return None if census is None else census.opened(*sources)


def broken_of(sources: Iterable[Source]) -> list[tuple[str, str]]:
    """(id, reason) of the pictures that parts of a set have skipped; what could not be listed is in each of them."""
    return list(dict(broken for source in sources for broken in source.skipped).items())


def opening_lines(sources: Iterable[Source]) -> list[str]:
    """What a command says of parts that it has opened: the lines of their census, and the broken pictures by name."""
    sources = list(sources)
    census, broken = census_of(sources), summary(broken_of(sources), show=NAMED)
    return [*(census.lines if census else ()), *([broken] if broken else [])]


def passed_over_line(kinds: Mapping[str, int]) -> str:
    """Such as "45 files passed over: 40 .heic, 5 without extension"."""
    named = [f"{count:,} {printable(kind, 40)}" for kind, count in list(kinds.items())[:KINDS]]
    if len(kinds) > KINDS:
        named.append(f"{sum(list(kinds.values())[KINDS:]):,} of other kinds")
    return f"{many(sum(kinds.values()), 'file')} passed over: {', '.join(named)}"


def bounded(kinds: Mapping[str, int]) -> dict[str, int]:
    """The most frequent kinds, the rest of them as one."""
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    rest = sum(count for _, count in ordered[KEPT:])
    return {**dict(ordered[:KEPT]), **({"of other kinds": rest} if rest else {})}


def many(count: int, what: str) -> str:
    """A number of things: "1 file", "2,000 files"."""
    return f"{count:,} {what}{'s' if count != 1 else ''}"
