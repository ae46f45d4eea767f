"""The matrix {representation} x {probe} as text: on screen, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from looc_tf.results.levels import majorities, of_column, with_balanced
from looc_tf.results.records import UNKNOWN, Record, by_data
from looc_tf.results.summary import (
    NOTHING,
    PROBES,
    Cell,
    Estimate,
    asked_by,
    methods_of,
    probes_of,
    representations_of,
    summarise,
)


def screen(records: Iterable[Record], chance: Optional[Mapping[str, float]] = None, title: str = "") -> Group:
    """`rich` tables, one for each data set under its name: a block of rows for each method, the best of each column in
    bold, chance in the last row.

    Where the classes are uneven there is a column of balanced accuracies, and below chance what one reaches who always
    answers with the class that most training pictures have. What has several values, such as `retrieval@hue`, has a
    table of its own below.
    """
    shown: list[RenderableType] = []
    for name, block in _headed(records):
        shown += [Text(f"\n{name}" if shown else name)] if name else []
        shown += [
            _several(its, chance or {}, kind) if kind else _screen(its, chance or {}, title)
            for kind, its in _by_kind(block).items()
        ]
    return Group(*shown)


def _by_kind(records: Iterable[Record]) -> dict[str, list[Record]]:
    """What is read as one value, under ""; then each that has several, such as `retrieval@hue`, under its name."""
    records = list(records)
    several = {asked_by(record["probe"]) for record in records if "@" in record["probe"]}
    kinds: dict[str, list[Record]] = {}
    for record in records:
        name = asked_by(record["probe"])
        kinds.setdefault(name if name in several else "", []).append(record)
    return {name: kinds[name] for name in sorted(kinds, key=lambda name: (name != "", _place(name)))}


def _place(probe: str) -> int:
    return PROBES.index(probe) if probe in PROBES else len(PROBES)


def _screen(records: Iterable[Record], chance: Mapping[str, float], title: str) -> Table:
    records = list(records)
    cells = summarise(with_balanced(records))
    caption = "Accuracy in percent on the test part"
    table = Table(title=escape(title) or None, caption=caption, caption_justify="left")
    table.add_column("method")
    table.add_column("representation")
    for probe in probes_of(cells):
        table.add_column(probe, justify="right")
    for method, block in _blocks(cells, "[bold]{}[/bold]").items():
        for row, (representation, values) in enumerate(block.items()):
            name = "" if row else escape(method)
            table.add_row(name, escape(representation), *values, end_section=row == len(block) - 1)
    for name, level in _levels(records, chance).items():
        table.add_row("", name, *_level_row(cells, level), style="dim")
    return table


def _several(records: Iterable[Record], chance: Mapping[str, float], kind: str) -> Table:
    """The values of one evaluation, a row each: there may be more of them than fit abreast."""
    cells = summarise(with_balanced(records))
    names = representations_of(cells)
    table = Table(title=kind, caption="In percent, on the test part", caption_justify="left")
    for heading in ("method", "value"):
        table.add_column(heading)
    for heading in (*names, *(["chance"] if chance else [])):
        table.add_column(escape(heading), justify="right")
    for method in methods_of(cells):
        own = {cell[1:]: str(value) for cell, value in cells.items() if cell[0] == method}
        probes = probes_of(cell for cell in cells if cell[0] == method)
        for row, probe in enumerate(probes):
            texts = [own.get((name, probe), NOTHING) for name in names]
            level = [f"{chance[probe]:.1f}" if probe in chance else NOTHING] if chance else []
            name = probe.removeprefix(kind).lstrip("@ ") or "all"
            table.add_row("" if row else escape(method), name, *texts, *level, end_section=row == len(probes) - 1)
    return table


def markdown(records: Iterable[Record], chance: Optional[Mapping[str, float]] = None) -> str:
    """The same tables in Markdown: mean ± half of the 95 % interval over seeds; the best of each column in bold."""
    parts = [(f"### {name}\n\n" if name else "") + _markdown(block, chance or {}) for name, block in _headed(records)]
    return "\n\n".join(parts)


def _markdown(records: Iterable[Record], chance: Mapping[str, float]) -> str:
    records = list(records)
    cells = summarise(with_balanced(records))
    probes = probes_of(cells)
    lines = [["method", "representation", *probes], ["---", "---", *["---:"] * len(probes)]]
    for method, block in _blocks(cells, "**{}**").items():
        lines += [["" if row else method, name, *values] for row, (name, values) in enumerate(block.items())]
    for name, level in _levels(records, chance).items():
        lines.append([name, "", *_level_row(cells, level)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _headed(records: Iterable[Record]) -> list[tuple[str, list[Record]]]:
    """The data sets under their names; one that is not known, where there is no other, goes without."""
    blocks = by_data(records)
    return [("" if name == UNKNOWN and len(blocks) == 1 else name, block) for name, block in blocks.items()]


def _blocks(cells: Mapping[Cell, Estimate], best: str) -> dict[str, dict[str, list[str]]]:
    """{method: {representation: a text for each probe}}; `best` is the format of the highest mean of a column."""
    probes = probes_of(cells)
    top = {probe: max(value.mean for cell, value in cells.items() if cell[2] == probe) for probe in probes}

    def text(cell: Cell) -> str:
        if cell not in cells:
            return NOTHING
        value = cells[cell]
        return best.format(value) if value.mean == top[cell[2]] else str(value)

    blocks: dict[str, dict[str, list[str]]] = {}
    for method in methods_of(cells):
        own = representations_of(cell for cell in cells if cell[0] == method)
        blocks[method] = {name: [text((method, name, probe)) for probe in probes] for name in own}
    return blocks


def _levels(records: list[Record], chance: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The last rows, which stand where chance does: chance, and always the commonest class where that is more."""
    if not chance:
        return {}
    probes = probes_of(summarise(with_balanced(records)))
    guessing = {probe: level for probe in probes if (level := of_column(chance, probe)) is not None}
    above = majorities(records)
    return {"chance": guessing, **({"majority class": above} if above else {})}


def _level_row(cells: Mapping[Cell, Estimate], level: Mapping[str, float]) -> list[str]:
    return [f"{level[probe]:.1f}" if probe in level else NOTHING for probe in probes_of(cells)]
