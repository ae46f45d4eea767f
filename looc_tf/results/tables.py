"""The matrix {representation} x {probe} as text: on screen, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from looc_tf.results.certainty import below_majority, few_pictures, many_pictures
from looc_tf.results.levels import BALANCED, majorities, of_column, shown
from looc_tf.results.records import UNKNOWN, Record, by_data
from looc_tf.results.summary import (
    DRAWS,
    NOTHING,
    PROBES,
    Cell,
    Estimate,
    methods_of,
    probes_of,
    representations_of,
    summarise,
)

ABREAST = 3  # columns of evaluations in one table of 80 characters
MAJORITY = "majority class"  # the row of always answering with the commonest class


def screen(
    records: Iterable[Record],
    chance: Optional[Mapping[str, float]] = None,
    title: str = "",
    tested: Optional[Mapping[str, int]] = None,
) -> Group:
    """`rich` tables, those of each data set under its name: a block of rows for each method, the best of each column in
    bold, chance in the last row. Evaluations beside the probes stand below these, `ABREAST` columns at a time.

    Where the classes are uneven there is a column of balanced accuracies, and below chance what one reaches who always
    answers with the class that most training pictures have; a line says which representations are worse than that.

    Args:
        records: of any number of runs.
        chance: probe -> the accuracy of guessing; without it nothing is said of levels.
        title: above the first table.
        tested: probe -> how many test pictures it was asked of; of few a line says how far a value can be believed.
    """
    blocks: list[RenderableType] = []
    for name, block in _headed(records):
        blocks += [Text(f"\n{name}" if blocks else name)] if name else []
        blocks += _screen(block, chance or {}, title, tested or {})
    return Group(*blocks)


def _screen(
    records: list[Record], chance: Mapping[str, float], title: str, tested: Mapping[str, int]
) -> list[RenderableType]:
    """The tables of one data set, and the lines below them."""
    columns, remarks = shown(records)
    cells = summarise(columns)
    levels = _levels(records, cells, chance)
    parts = [{cell: value for cell, value in cells.items() if cell[2] in some} for some in _abreast(probes_of(cells))]
    tables = [_table(part, levels, title if place == 0 else "") for place, part in enumerate(parts)]
    counts = {tested[probe] for probe in probes_of(cells) if probe in tested}
    tables[-1].caption = f"In percent, on {many_pictures(*counts) if len(counts) == 1 else 'the test part'}"
    doubts = [*below_majority(cells, levels.get(MAJORITY, {})), *few_pictures(cells, tested)]
    return [*tables, *map(Text, [*_drawn(cells), *doubts, *remarks])]


def _abreast(probes: list[str]) -> list[list[str]]:
    """Which columns stand in one table: those of the probes, then the others, as many as a terminal has room for."""
    own = [probe for probe in probes if probe.removesuffix(BALANCED) in PROBES]
    others = [probe for probe in probes if probe not in own]
    return [*([own] if own else []), *(others[start : start + ABREAST] for start in range(0, len(others), ABREAST))]


def _table(cells: Mapping[Cell, Estimate], levels: Mapping[str, Mapping[str, float]], title: str) -> Table:
    table = Table(title=escape(title) or None, caption_justify="left")
    table.add_column("method", overflow="fold")
    table.add_column("representation", overflow="fold")
    for probe in probes_of(cells):
        table.add_column(escape(probe), justify="right", overflow="fold")
    for method, block in _blocks(cells, "[bold]{}[/bold]").items():
        for row, (representation, values) in enumerate(block.items()):
            name = "" if row else escape(method)
            table.add_row(name, escape(representation), *values, end_section=row == len(block) - 1)
    for name, level in levels.items():
        if set(level) & set(probes_of(cells)):
            table.add_row("", name, *_level_row(cells, level), style="dim")
    return table


def markdown(records: Iterable[Record], chance: Optional[Mapping[str, float]] = None) -> str:
    """The same tables in Markdown: mean ± half of the 95 % interval over seeds; the best of each column in bold."""
    parts = [(f"### {name}\n\n" if name else "") + _markdown(block, chance or {}) for name, block in _headed(records)]
    return "\n\n".join(parts)


def _markdown(records: Iterable[Record], chance: Mapping[str, float]) -> str:
    records = list(records)
    columns, remarks = shown(records)
    cells = summarise(columns)
    probes = probes_of(cells)
    headings = [probe.replace("|", "\\|") for probe in probes]
    lines = [["method", "representation", *headings], ["---", "---", *["---:"] * len(probes)]]
    for method, block in _blocks(cells, "**{}**").items():
        lines += [["" if row else method, name, *values] for row, (name, values) in enumerate(block.items())]
    for name, level in _levels(records, cells, chance).items():
        lines.append([name, "", *_level_row(cells, level)])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    worse = below_majority(cells, majorities(records) if chance else {})
    return "\n\n".join([table, *_drawn(cells), *worse, *remarks])


def _drawn(cells: Mapping[Cell, Estimate]) -> list[str]:
    """What ± is of the values of one seed that have it, where there are such."""
    return [f"± of one seed: 95 % interval over {DRAWS}"] if any(one.over == DRAWS for one in cells.values()) else []


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


def _levels(
    records: list[Record], cells: Mapping[Cell, Estimate], chance: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """The last rows, which stand where chance does: chance, and always the commonest class where that is more."""
    if not chance:
        return {}
    probes = probes_of(cells)
    guessing = {probe: level for probe in probes if (level := of_column(chance, probe)) is not None}
    above = majorities(records)
    return {"chance": guessing, **({MAJORITY: above} if above else {})}


def _level_row(cells: Mapping[Cell, Estimate], level: Mapping[str, float]) -> list[str]:
    return [f"{level[probe]:.1f}" if probe in level else NOTHING for probe in probes_of(cells)]
