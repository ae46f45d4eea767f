"""The curves of training runs, read from their history.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

PANELS = (
    ("loss", "loss (dashed: chance)"),
    ("accuracy", "accuracy of the training task"),
    ("effective_rank", "effective rank"),
)
OWN_KEY = ("sibling_accuracy", "query nearer to its own key than to siblings")  # of pair methods with several spaces
COLORS = ("#3b6fb6", "#e07b39", "#4a9c5d", "#8d5fb0", "#b8433f", "#7a6a58")
STYLES = ("-", (0, (3, 1.5)), (0, (1, 1)))


def read_history(path: Path) -> dict[str, list[float]]:
    """Column -> values; an empty cell is nan. A run of no steps has no history, and no columns."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def curves_figure(runs: Mapping[str, Path]) -> Figure:
    """Loss, accuracy and effective rank of every space of every run, side by side; of a run without spaces, its own.

    Beside each loss stands the chance level that the run has logged for it.

    Args:
        runs: label -> run folder.
    """
    histories = {label: read_history(path / "history.csv") for label, path in runs.items()}
    told = any(column.endswith(f"/{OWN_KEY[0]}") for history in histories.values() for column in history)
    panels = (*PANELS, OWN_KEY) if told else PANELS
    figure = Figure(figsize=(13 if len(panels) == len(PANELS) else 16, 3.6), layout="constrained")
    axes = dict(zip((panel for panel, _ in panels), figure.subplots(1, len(panels))))
    names = dict.fromkeys(name for history in histories.values() for name in [*spaces_of(history), ""])
    colors = dict(zip(names, (COLORS * len(names))))
    for style, (label, history) in zip(STYLES * len(runs), histories.items()):
        for panel, axis in axes.items():
            for name, column in _columns(history, panel):
                line = {"color": colors[name], "linestyle": style, "linewidth": 1.6}
                axis.plot(history["step"], history[column], label=f"{label}: {name}" if name else label, **line)
        for name in spaces_of(history):
            for level in sorted(set(history.get(f"{name}/chance_loss", ()))):
                axes["loss"].axhline(level, color=colors[name], linestyle="--", linewidth=0.9, alpha=0.6)
    _finish(axes, dict(panels))
    return figure


def spaces_of(history: Mapping[str, list[float]]) -> list[str]:
    """What a history has columns of, such as `color` of `color/loss`, in their order."""
    return list(dict.fromkeys(column.rpartition("/")[0] for column in history if "/" in column))


def _columns(history: Mapping[str, list[float]], panel: str) -> list[tuple[str, str]]:
    """(space, column) of each line in a panel; where no space has one, ("", that of the whole run)."""
    found = [(name, f"{name}/{panel}") for name in spaces_of(history) if f"{name}/{panel}" in history]
    return found or ([("", panel)] if panel in history else [])


def _finish(axes: dict, titles: Mapping[str, str]) -> None:
    for panel, title in titles.items():
        axis = axes[panel]
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("step", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        if not any(value < 0 for line in axis.lines for value in line.get_ydata()):
            axis.set_ylim(bottom=0)  # a loss of cosines may lie below
        axis.tick_params(labelsize=8)
    if axes["loss"].lines:
        axes["loss"].legend(fontsize=8, frameon=False)
