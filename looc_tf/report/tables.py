"""Every value that was read, as tables that a page can sort: one of the probes, one of each evaluation beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from looc_tf.results.levels import AT, MOST, asked_by, guessing, is_point, majorities, with_balanced
from looc_tf.results.records import Record, by_data
from looc_tf.results.summary import (
    NOTHING,
    PROBES,
    Cell,
    Estimate,
    methods_of,
    probes_of,
    representations_of,
    summarise,
)
from looc_tf.results.tables import MAJORITY

LINEAR = "Probes"
ABOUT = {
    LINEAR: "linear probes and nearest neighbors",
    "few_shot": "so many labelled pictures of each class",
    "low_label": "a part of the labels, in percent",
    "object_top5": "the right class is among the first five",
    "object_sgd": "the object by the paper's own classifier",
    "subsets": "the object from some spaces side by side",
    "draws_on": "how much the classifier of a class draws on each space",
    "retrieval": "nearest neighbors that share the query's label",
    "invariance": "how far a representation moves as one augmentation grows",
    "corruptions": "the object on corrupted pictures",
}


NEITHER = ("draws_on", "invariance")  # where more is not better


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Attributes:
        title, about: its name, and what is in it.
        columns: their headings; the first `words` of them hold words, the others numbers.
        rows: a text for each column.
        best: (row, column) of the highest value of each column, where more is better.
        foot: rows that stay below when the others are sorted: levels of chance.
        long: whether it is one to look things up in, which a page folds away.
    """

    title: str
    columns: Sequence[str]
    words: int
    rows: Sequence[Sequence[str]]
    best: Collection[tuple[int, int]] = ()
    foot: Sequence[Sequence[str]] = ()
    about: str = ""
    long: bool = False


def tables(records: Iterable[Record]) -> list[Table]:
    """The tables of all records, data set by data set; points of curves and whatever is wide in long ones.

    Those of a data set stand under its name where there are several.
    """
    blocks = by_data(records)
    found: list[Table] = []
    for heading, block in blocks.items():
        where = f"{heading}: " if len(blocks) > 1 else ""
        found += [_table(name, where, group) for name, group in _groups(block).items()]
    return found


def _groups(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The values that have a table in common; points of a curve have one beside that of the evaluation's values."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        name = asked_by(record["probe"])
        name = LINEAR if name in PROBES else f"{name}, point by point" if is_point(record["probe"]) else name
        groups.setdefault(name, []).append(record)
    return groups


def _table(name: str, where: str, records: list[Record]) -> Table:
    evaluation = name.partition(",")[0]
    columns = records if name != evaluation else with_balanced(records)
    cells = summarise(columns)
    long = name != evaluation or len(probes_of(cells)) > MOST
    make = _by_value if long else _by_representation
    return make(f"{where}{name}", ABOUT.get(evaluation, ""), cells, _levels(columns, records), evaluation)


def _by_representation(
    title: str, about: str, cells: Mapping[Cell, Estimate], levels: Mapping[str, Mapping[str, float]], evaluation: str
) -> Table:
    """A row for each representation, a column for each value."""
    probes, methods = probes_of(cells), methods_of(cells)
    places = list(dict.fromkeys((method, name) for method, name, _ in cells))
    several = len(methods) > 1
    head = [*(["method"] * several), "representation"]
    rows = [
        [*([method] * several), name, *(_text(cells.get((method, name, probe))) for probe in probes)]
        for method, name in places
    ]
    best = set()
    for x, probe in enumerate(probes, start=len(head)):
        column = [(*place, probe) for place in places]
        values = {y: cells[cell].mean for y, cell in enumerate(column) if cell in cells}
        if len(values) > 1 and evaluation not in NEITHER:
            best |= {(y, x) for y, value in values.items() if value == max(values.values())}
    blank = [""] * several
    foot = [[*blank, what, *(_level(level, probe) for probe in probes)] for what, level in levels.items() if level]
    return Table(title, [*head, *(_short(probe, evaluation) for probe in probes)], len(head), rows, best, foot, about)


def _by_value(
    title: str, about: str, cells: Mapping[Cell, Estimate], levels: Mapping[str, Mapping[str, float]], evaluation: str
) -> Table:
    """A row for each value, a column for each representation: where there are many values."""
    methods = methods_of(cells)
    own = {method: representations_of(cell for cell in cells if cell[0] == method) for method in methods}
    places = [(method, name) for method in methods for name in own[method]]
    head = [f"{method}: {name}" if len(methods) > 1 else name for method, name in places]
    rows = [
        [_short(probe, evaluation), *(_text(cells.get((*place, probe))) for place in places)]
        for probe in probes_of(cells)
    ]
    return Table(title, ["value", *head], 1, rows, about=about, long=True)


def _levels(columns: Sequence[Record], records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Below the columns: chance, where it is the same for all of a column, and always the commonest class; of a
    balanced accuracy that says nothing more."""
    return {"chance": guessing(columns), MAJORITY: majorities(records)}


def _level(levels: Mapping[str, float], probe: str) -> str:
    return f"{levels[probe]:.1f}" if levels.get(probe) is not None else NOTHING


def _text(value: Estimate | None) -> str:
    return NOTHING if value is None else str(value)


def _short(probe: str, evaluation: str) -> str:
    """What a heading need not say again is left out: `few_shot@5` is `5` in the table of `few_shot`."""
    return probe.removeprefix(evaluation).lstrip(AT).strip() or probe
