"""An advice as files: the page advice.html and the same as advice.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from looc_tf.evaluate.advice import SAME, Advice
from looc_tf.files import write_atomically, writing
from looc_tf.report.frame import drawing, pages
from looc_tf.report.tables import Table
from looc_tf.representations import TRUNK
from looc_tf.results import Estimate

FILE, PAGE = "advice.json", "advice.html"
COLORS = ("#3b6fb6", "#9aa7b5", "#e07b39")  # what is advised, the others, the trunk


@dataclass(frozen=True)
class Advised:
    """An advice and where it lies: `path` is a folder of advice.html and advice.json; `says` are its sentences;
    `command` ships what it advises, where it advises anything."""

    path: Path
    advice: Advice
    says: tuple[str, ...]
    command: str = ""


def write_advice(done: Advised, facts: Mapping[str, Any], question: str) -> None:
    """Writes advice.json and advice.html into the folder of an advice, which is made.

    Args:
        done: the advice.
        facts: name -> of which run, which pictures, which labels it is.
        question: a hash of what was asked; of the JSON alone.
    """
    path, found = done.path, done.advice
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    write_atomically(path / FILE, json.dumps(_as_dict(done, {**facts, "question": question}), indent=2) + "\n")
    drawn = {"bars": drawing(_bars(found)), "curve": drawing(_curve(found))}
    named = {"curves": " and of ".join(_curves(found)), "same": f"{SAME:g}"}
    page = pages().get_template(PAGE).render(done=done, facts=facts, **named, **drawn, **_tables(found))
    write_atomically(path / PAGE, page)


def _as_dict(done: Advised, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of an advice: each accuracy and difference under the name of the representation that it is of."""
    found = done.advice
    curve = {
        str(share): {"labels": count, "accuracy": {found.best: _plain(best), TRUNK: _plain(trunk)}}
        for share, (count, best, trunk) in found.curve.items()
    }
    return {
        "representation": found.representation,
        "verdict": found.verdict,
        "differs": found.differs,
        "factor": found.factor,
        "says": list(done.says),
        "command": done.command,
        **facts,
        "best": found.best,
        "gain": _plain(found.gain),
        "rival": found.rival,
        "bound": round(found.bound, 4),
        "differences": {name: _plain(value) for name, value in found.differences.items()},
        "chosen": list(found.chosen),
        "choosing": _plain(found.choosing or found.gain),
        "accuracy": {name: _plain(value) for name, value in found.accuracy.items()},
        "majority": found.majority,
        "curve": curve,
        "drops": {name: _plain(value) for name, value in found.drops.items()},
        "pictures": found.pictures,
        "classes": found.classes,
    }


def _plain(value: Estimate) -> dict[str, float]:
    return {"mean": round(value.mean, 4), "half": round(value.half, 4)}


def _curves(found: Advice) -> dict[str, list[Estimate]]:
    """Representation -> its accuracy with each number of labels, the advised one first."""
    lines = {TRUNK: [trunk for _, _, trunk in found.curve.values()]}
    lines = {found.best: [best for _, best, _ in found.curve.values()]} | lines
    return dict(sorted(lines.items(), key=lambda line: line[0] != found.representation))


def _tables(found: Advice) -> dict[str, Table]:
    """What the two drawings show, in numbers; and what the trunk loses without each factor."""
    advised = {(row, 1) for row, name in enumerate(found.accuracy) if found.readable and name == found.representation}
    rows = [[name, str(value), str(found.differences.get(name, ""))] for name, value in found.accuracy.items()]
    always = [["always the commonest class", f"{found.majority:.1f}", ""]]
    lines = _curves(found)
    counts = [f"{count:,}" for count, _, _ in found.curve.values()]
    steps = [[count, *map(str, values)] for count, *values in zip(counts, *lines.values())]
    drops = [[name, str(drop)] for name, drop in found.drops.items()]
    heads = ["representation", "percent", "points more than the trunk"]
    return {
        "accuracy": Table("Accuracy", heads, 1, rows, advised, always),
        "labels": Table("Accuracy with fewer labels", ["labels", *lines], 0, steps, about="percent"),
        "drops": Table("Points that the trunk loses", ["pictures without", "points"], 1, drops),
    }


def _bars(found: Advice) -> Figure:
    """Each representation's accuracy with its interval, the advised one in color, the trunk in its own."""
    names = list(found.accuracy)
    figure = Figure(figsize=(7, 0.9 + 0.34 * len(names)), layout="constrained")
    axis = figure.subplots()
    taken = found.representation
    colors = [COLORS[2] if name == TRUNK else COLORS[0] if name == taken else COLORS[1] for name in names]
    values = [found.accuracy[name] for name in names]
    axis.barh(names, [each.mean for each in values], xerr=[each.half for each in values], color=colors, height=0.7)
    axis.set_xlim(right=min(100.0, axis.get_xlim()[1]))  # of few pictures an interval goes beyond
    axis.axvline(found.majority, color="#444", linestyle="--", linewidth=1)
    axis.invert_yaxis()
    axis.set_xlabel("accuracy on held-out folds, percent (dashed: always the commonest class)")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _curve(found: Advice) -> Figure:
    """Accuracy against the number of labels, of what is advised and of what it was compared with."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    counts = [count for count, _, _ in found.curve.values()]
    for name, values in _curves(found).items():
        advised = found.readable and name == found.representation
        color = COLORS[2] if name == TRUNK else COLORS[0] if advised else COLORS[1]
        means, halves = [each.mean for each in values], [each.half for each in values]
        label = f"{name} (advised)" if advised else name
        axis.errorbar(counts, means, yerr=halves, label=label, color=color, marker="o", capsize=3)
    axis.set_ylim(top=min(101.0, axis.get_ylim()[1]))
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    axis.minorticks_off()
    axis.set_xlabel("labels")
    axis.set_ylabel("accuracy, percent")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
