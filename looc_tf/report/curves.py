"""The curves of training runs, read from their history.csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from looc_tf.config import Experiment

PANELS = (
    ("loss", "InfoNCE loss, nats (dashed: chance, log(1 + S + K))"),
    ("accuracy", "contrastive accuracy"),
    ("effective_rank", "effective rank of the queue"),
)
COLORS = ("#3b6fb6", "#e07b39", "#4a9c5d", "#8d5fb0", "#b8433f", "#7a6a58")
STYLES = ("-", (0, (3, 1.5)), (0, (1, 1)))


def read_history(path: Path) -> dict[str, list[float]]:
    """Column -> values; an empty cell is nan. A run of no steps has no history, and no columns."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}


def curves_figure(runs: Mapping[str, tuple[Experiment, Path]]) -> Figure:
    """Loss, contrastive accuracy and effective rank of every space of every run, side by side.

    Args:
        runs: label -> experiment and run folder.
    """
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    axes = dict(zip((panel for panel, _ in PANELS), figure.subplots(1, len(PANELS))))
    names = dict.fromkeys(space.name for experiment, _ in runs.values() for space in experiment.method.spaces)
    colors = dict(zip(names, (COLORS * len(names))))
    for style, (label, (experiment, path)) in zip(STYLES * len(runs), runs.items()):
        history = read_history(path / "history.csv")
        for space in experiment.method.spaces:
            for panel, axis in axes.items():
                column = f"{space.name}/{panel}"
                if column in history:
                    line = {"color": colors[space.name], "linestyle": style, "linewidth": 1.6}
                    axis.plot(history["step"], history[column], label=f"{label}: {space.name}", **line)
    _finish(axes, runs)
    return figure


def _finish(axes: dict, runs: Mapping[str, tuple[Experiment, Path]]) -> None:
    rows = {space.queue for experiment, _ in runs.values() for space in experiment.method.spaces}
    for count in rows:
        axes["loss"].axhline(math.log(count + 1), color="#999999", linestyle="--", linewidth=0.9)
    for panel, title in PANELS:
        axis = axes[panel]
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("step", fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        axis.set_ylim(bottom=0)
        axis.tick_params(labelsize=8)
    if axes["loss"].lines:
        axes["loss"].legend(fontsize=8, frameon=False)
