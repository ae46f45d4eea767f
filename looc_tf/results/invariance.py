"""The curves of `invariance` as small multiples: one look says which representation ignores what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Union

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from looc_tf.errors import UserError
from looc_tf.files import write_atomically
from looc_tf.results.figure import FAINT, INK, KINDS, STYLE, render
from looc_tf.results.records import Record
from looc_tf.results.summary import Estimate, methods_of, representations_of, summarise

POINT = re.compile(r"invariance@(?P<kind>\w+)/(?P<strength>[\d.]+) (?P<measure>cosine|kept|found)")
MEASURES = {
    "cosine": "cosine to the unchanged picture",  # between that to another picture, 0, and 1, which is 100
    "kept": "nearest neighbors kept, %",
    "found": "own picture found again, %",
}
AXES = {
    "hue": "hue\nturns",
    "saturation": "saturation\ntaken away",
    "brightness": "brightness\ntaken away",
    "contrast": "contrast\ntaken away",
    "rotation": "rotation\ndegrees",
    "free_rotation": "free rotation\ndegrees",
    "texture": "random\nconvolution\nits weight",
    "crop": "crop\narea left",
    "blur": "blur\nσ in pixels",
}
COLORS = ("#1d2433", "#3b6fb6", "#e07b39", "#4a9c5d", "#8d5fb0", "#b8433f", "#7a6a58", "#2a9da5")
STYLES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (4, 1.5, 1, 1.5)))  # of methods
PANEL = (2.9, 1.15)  # of a panel, in inches


class Line(NamedTuple):
    """The line of one representation in one panel, and where blind chance would lie."""

    strengths: list[float]
    values: list[Estimate]
    chance: float


Lines = Mapping[tuple[str, str, str, str], Line]  # augmentation, measure, method, representation


def has_curves(records: Iterable[Record]) -> bool:
    """Whether there is something to draw."""
    return any(POINT.fullmatch(record["probe"]) for record in records)


def invariance_file(records: Iterable[Record], path: Union[str, Path], title: str = "") -> None:
    """Draws `invariance_figure(records, title)` into a .png, .svg or .pdf file, written whole or not at all."""
    kind = Path(path).suffix.lstrip(".").lower()
    if kind not in KINDS:
        raise UserError(f"Expected a picture file, one of .{', .'.join(KINDS)}. Received {str(path)!r}.")
    write_atomically(path, render(invariance_figure(records, title), kind))


def invariance_figure(records: Iterable[Record], title: str = "") -> Figure:
    """Rows are augmentations, columns the cosine, the neighbors kept and the own picture found again.

    A line is one representation, a color each; of several methods each has a dash of its own. Several seeds are a mean
    with its 95 % interval as a band. Faint dots say where pictures lie that have nothing to do with each other. Cosines
    are drawn between these, which are 0, and 1: the features of a trunk lie in a narrow cone, where all are alike.

    Raises:
        UserError: no record is a point of such a curve, or what `summarise` raises.
    """
    lines = _lines(list(records))
    if not lines:
        raise UserError("Expected records of `invariance`, received none. Add it to evaluation.probes and evaluate.")
    kinds = sorted({kind for kind, *_ in lines}, key=[*AXES, *sorted({kind for kind, *_ in lines})].index)
    with rc_context(STYLE):
        size = (PANEL[0] * len(MEASURES) + 1.3, PANEL[1] * len(kinds) + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(kinds), len(MEASURES), squeeze=False, sharey=True, sharex="row")
        colors = dict(zip(dict.fromkeys(name for *_, name in lines), COLORS * len(lines)))
        styles = dict(zip(dict.fromkeys(method for _, _, method, _ in lines), STYLES * len(lines)))
        for row, kind in zip(panels, kinds):
            for axes, measure in zip(row, MEASURES):
                _panel(axes, lines, (kind, measure), colors, styles)
                _frame(axes, kind, measure, top=row[0] is panels[0][0])
        _legend(figure, panels[0][0])
        if title:
            figure.suptitle(title, fontsize=12, fontweight="bold", color=INK)
    return figure


def _lines(records: list[Record]) -> Lines:
    points = [_from_chance(record) for record in records if POINT.fullmatch(record["probe"])]
    chance = {(record["representation"], record["probe"]): record.get("chance") for record in points}
    cells = summarise(points)
    found: dict[tuple[str, str, str, str], dict[float, tuple[Estimate, float]]] = {}
    for method in methods_of(cells):
        for name in representations_of(cell for cell in cells if cell[0] == method):
            for probe in (probe for its, own, probe in cells if (its, own) == (method, name)):
                kind, strength, measure = POINT.fullmatch(probe).group("kind", "strength", "measure")  # type: ignore
                level = chance[name, probe]
                value = cells[method, name, probe], np.nan if level is None else float(level)
                found.setdefault((kind, measure, method, name), {})[float(strength)] = value
    return {key: _line(points) for key, points in found.items()}


def _line(points: Mapping[float, tuple[Estimate, float]]) -> Line:
    strengths = sorted(points)
    return Line(strengths, [points[each][0] for each in strengths], points[strengths[0]][1])


def _from_chance(record: Record) -> Record:
    """A record with its cosine between chance, which becomes 0, and 100; any other as it is."""
    chance = record.get("chance")
    if not record["probe"].endswith(" cosine") or chance is None or not chance < 100.0:
        return record
    return {**record, "value": 100.0 * (record["value"] - chance) / (100.0 - chance), "chance": 0.0}


def _panel(
    axes: Axes, lines: Lines, panel: tuple[str, str], colors: Mapping[str, str], styles: Mapping[str, object]
) -> None:
    for (kind, measure, method, name), line in lines.items():
        if (kind, measure) != panel:
            continue
        color, means = colors[name], [value.mean for value in line.values]
        label = name if len(styles) == 1 else f"{method}: {name}"
        axes.plot(line.strengths, means, color=color, linestyle=styles[method], linewidth=1.5, label=label)
        axes.plot(line.strengths, means, "o", color=color, markersize=2.6)
        half = np.array([value.half for value in line.values])
        if np.isfinite(half).all():
            axes.fill_between(line.strengths, means - half, means + half, color=color, alpha=0.15, linewidth=0)
        axes.set_xticks(line.strengths, [f"{strength:g}" for strength in line.strengths])
        axes.axhline(line.chance, color=color, linestyle=(0, (1, 3)), linewidth=0.8, alpha=0.7)


def _frame(axes: Axes, kind: str, measure: str, top: bool) -> None:
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), 103)
    if kind == "crop" and not axes.xaxis_inverted():
        axes.invert_xaxis()  # the least change stands on the left
    if measure == "cosine":
        name = AXES.get(kind, kind.replace("_", " "))
        axes.set_ylabel(name, fontsize=8, color=INK, rotation=0, ha="right", va="center", labelpad=6)
    if top:
        axes.set_title(MEASURES[measure], fontsize=9, fontweight="bold", color=INK)
    axes.tick_params(labelsize=7, length=2, colors=FAINT)
    axes.grid(axis="y", color="#e4e7ee", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#c9cfda")


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6), fontsize=8, frameon=False)
