"""The matrix {representation} x {probe} as a picture: one panel for each method, side by side."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Optional, Union

from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import FancyBboxPatch

from looc_tf.errors import UserError
from looc_tf.files import write_atomically
from looc_tf.results.levels import AT, BALANCED, majorities, of_column, shown
from looc_tf.results.records import Record, by_data
from looc_tf.results.summary import DRAWS, NOTHING, Cell, Estimate, methods_of, probes_of, representations_of, summarise

COLORS = colormaps["YlGnBu"]
SHADES = (0.04, 0.86)  # the part of the map in use: neither paper white nor ink
INK, FAINT = "#1d2433", "#7a8194"
WIDTH, HEIGHT = 0.92, 0.56  # of a cell, in inches
LONGEST = 13  # characters of a line above a column
TITLE = 0.4  # of the line above each of several data sets
STYLE = {"font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "svg.fonttype": "path"}
KINDS = ("png", "svg", "pdf")
ABREAST = 3  # panels in a row at most
LEAST = 10.0  # points that a column's colors span at least, so that noise around chance stays pale


def matrix_figure(
    records: Iterable[Record],
    path: Union[str, Path],
    title: str = "",
    chance: Optional[Mapping[str, float]] = None,
) -> None:
    """Draws `matrix(records, ...)` into a .png, .svg or .pdf file, written whole or not at all."""
    kind = Path(path).suffix.lstrip(".").lower()
    if kind not in KINDS:
        raise UserError(f"Expected a picture file, one of .{', .'.join(KINDS)}. Received {str(path)!r}.")
    write_atomically(path, render(matrix(records, title, chance), kind))


def render(figure: Figure, kind: str = "png") -> bytes:
    """The bytes of a figure as "png", "svg" or "pdf": to be written, or put into a page."""
    buffer = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=160, bbox_inches="tight", pad_inches=0.15, facecolor="white")
    return buffer.getvalue()


def matrix(records: Iterable[Record], title: str = "", chance: Optional[Mapping[str, float]] = None) -> Figure:
    """A heat map of accuracies: rows are representations, columns are probes, a panel for each method.

    Colors run, column by column, from chance or what always the commonest class reaches, if that is more (or the lowest
    value, where chance is not given), to the highest value of any method, so that cells of one column can be compared
    across panels: what is no better than either is pale. Several seeds show mean and 95 % interval.
    Several data sets stand one below the other, each under its name and with colors of its own.
    """
    by_name = by_data(records)
    blocks = [(name, summarise(shown(block)[0])) for name, block in by_name.items()]
    if not blocks:
        raise UserError("Expected results to draw, received none. Run `looc evaluate` first.")
    levels = [
        Levels(chance or {}, majorities(block) if chance else {}, drawn)
        for block, drawn in zip(by_name.values(), (_drawn(cells) for _, cells in blocks))
    ]
    sizes = [_size(cells) for _, cells in blocks]
    height = sum(height for _, height in sizes) + TITLE * (len(blocks) > 1) * len(blocks)
    with rc_context(STYLE):
        figure = Figure(figsize=(max(width for width, _ in sizes), height), layout="constrained")
        if len(blocks) == 1:
            _draw(figure, blocks[0][1], levels[0])
        else:
            parts = figure.subfigures(len(blocks), 1, height_ratios=[height + TITLE for _, height in sizes])
            for part, (name, cells), level in zip(parts, blocks, levels):
                _draw(part, cells, level)
                part.suptitle(name, fontsize=11, color=INK)
        if title and {title} != {method for _, cells in blocks for method in methods_of(cells)}:  # or it stands twice
            figure.suptitle(title, fontsize=12, fontweight="bold", color=INK)
    return figure


def _grid(cells: Mapping[Cell, Estimate]) -> tuple[int, int]:
    """How many lines of how many panels."""
    methods = len(methods_of(cells))
    lines = math.ceil(methods / ABREAST)
    return lines, math.ceil(methods / lines)


def _size(cells: Mapping[Cell, Estimate]) -> tuple[float, float]:
    """Width and height in inches."""
    lines, columns = _grid(cells)
    rows, probes = representations_of(cells), probes_of(cells)
    return WIDTH * len(probes) * columns + 1.6, (HEIGHT * len(rows) + 0.9) * lines + 0.2


class Levels(NamedTuple):
    """What stands below the columns of one data set: probe -> the accuracy of guessing, and of the commonest class; and
    in which of them ± is over the draws of the evaluation, there being one seed."""

    chance: Mapping[str, float]
    majority: Mapping[str, float]
    drawn: frozenset[str] = frozenset()

    def note(self, probe: str) -> str:
        """The text below a column."""
        chance = of_column(self.chance, probe)
        lines = [] if chance is None else [f"chance {chance:.3g}"]
        lines += [f"majority {self.majority[probe]:.3g}"] if probe in self.majority else []
        return "\n".join([*lines, *(["± over draws"] if probe in self.drawn else [])])


def _drawn(cells: Mapping[Cell, Estimate]) -> frozenset[str]:
    return frozenset(probe for (_, _, probe), value in cells.items() if value.over == DRAWS)


def _draw(figure: FigureBase, cells: Mapping[Cell, Estimate], levels: Levels) -> None:
    """The panels of one data set."""
    methods, rows, probes = methods_of(cells), representations_of(cells), probes_of(cells)
    spans = {probe: _span(cells, probe, levels) for probe in probes}
    panels = figure.subplots(*_grid(cells), sharey=True, squeeze=False).ravel()
    for unused in panels[len(methods) :]:
        unused.remove()
    for method, axes in zip(methods, panels):
        _frame(axes, method, rows, probes, levels)
        for y, row in enumerate(rows):
            for x, probe in enumerate(probes):
                _cell(axes, x, y, cells.get((method, row, probe)), spans[probe])


def _span(cells: Mapping[Cell, Estimate], probe: str, levels: Levels) -> tuple[float, float]:
    values = [value.mean for cell, value in cells.items() if cell[2] == probe]
    chance = of_column(levels.chance, probe)
    low = min(values) if chance is None else max(chance, levels.majority.get(probe, chance))
    return low, max(*values, low + LEAST)


def _frame(axes: Axes, method: str, rows: list[str], probes: list[str], levels: Levels) -> None:
    axes.set(xlim=(-0.5, len(probes) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(
        range(len(probes)), [_heading(probe) for probe in probes], fontsize=9.5, color=INK, parse_math=False
    )
    axes.set_yticks(range(len(rows)), rows, fontsize=9.5, color=INK)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0, pad=3)
    for x, probe in enumerate(probes):
        axes.text(x, len(rows) - 0.44, levels.note(probe), ha="center", va="top", fontsize=7, color=FAINT)
    axes.set_title(method, fontsize=11, fontweight="bold", color=INK, pad=8)
    axes.spines[:].set_visible(False)


def _heading(probe: str) -> str:
    """The name of a column; which value of an evaluation it is stands on a line of its own, or it would not fit."""
    name = probe.replace(BALANCED, f"\n{BALANCED.strip()}").replace(AT, f"\n{AT}", 1)
    return "\n".join(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…" for line in name.split("\n"))


def _cell(axes: Axes, x: int, y: int, value: Optional[Estimate], span: tuple[float, float]) -> None:
    if value is None:
        axes.text(x, y, NOTHING, ha="center", va="center", fontsize=10, color=FAINT)
        return
    share = min(max((value.mean - span[0]) / (span[1] - span[0]), 0.0), 1.0)
    color = COLORS(SHADES[0] + share * (SHADES[1] - SHADES[0]))
    axes.add_patch(
        FancyBboxPatch((x - 0.44, y - 0.42), 0.88, 0.84, boxstyle="round,pad=0,rounding_size=0.07", fc=color, ec="none")
    )
    ink = "white" if share > 0.6 else INK
    interval = math.isfinite(value.half)
    axes.text(x, y - 0.1 * interval, f"{value.mean:.1f}", ha="center", va="center", fontsize=10.5, color=ink)
    if interval:
        axes.text(x, y + 0.22, f"± {value.half:.1f}", ha="center", va="center", fontsize=7, color=ink, alpha=0.85)
