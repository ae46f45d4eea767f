"""The matrix {representation} x {probe} as text: on screen, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from rich.table import Table

from looc_tf.evaluate.results import Record
from looc_tf.evaluate.summary import NOTHING, Cell, Estimate, methods_of, probes_of, representations_of, summarise


def screen(records: Iterable[Record], chance: Optional[Mapping[str, float]] = None, title: str = "") -> Table:
    """A `rich` table, one block of rows for each method, the best of each column in bold, chance in the last row."""
    cells = summarise(records)
    table = Table(title=title or None, caption="Accuracy in percent on the test part", caption_justify="left")
    table.add_column("method")
    table.add_column("representation")
    for probe in probes_of(cells):
        table.add_column(probe, justify="right")
    for method, block in _blocks(cells, "[bold]{}[/bold]").items():
        for row, (representation, values) in enumerate(block.items()):
            table.add_row("" if row else method, representation, *values, end_section=row == len(block) - 1)
    if chance:
        table.add_row("", "chance", *_chance_row(cells, chance), style="dim")
    return table


def markdown(records: Iterable[Record], chance: Optional[Mapping[str, float]] = None) -> str:
    """The same table in Markdown: mean ± half of the 95 % interval over seeds; the best of each column in bold."""
    cells = summarise(records)
    probes = probes_of(cells)
    lines = [["method", "representation", *probes], ["---", "---", *["---:"] * len(probes)]]
    for method, block in _blocks(cells, "**{}**").items():
        lines += [["" if row else method, name, *values] for row, (name, values) in enumerate(block.items())]
    if chance:
        lines.append(["chance", "", *_chance_row(cells, chance)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


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


def _chance_row(cells: Mapping[Cell, Estimate], chance: Mapping[str, float]) -> list[str]:
    return [f"{chance[probe]:.1f}" if probe in chance else NOTHING for probe in probes_of(cells)]
