"""`looc advise`: which representation of a run a task should take, as a few sentences, a page and JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Optional

import numpy as np
from matplotlib.figure import Figure

from looc_tf.data import Source, census_of
from looc_tf.errors import UserError, unknown
from looc_tf.evaluate.advice import Advice, advise
from looc_tf.evaluate.destroyed import WITHOUT
from looc_tf.evaluate.features import UPRIGHT, Features, extract
from looc_tf.evaluate.progress import terminal_progress
from looc_tf.evaluate.subsets import MOST
from looc_tf.export.given import check_rule
from looc_tf.files import typed, write_atomically, writing
from looc_tf.report.frame import drawing, pages
from looc_tf.report.runs import opened, parts_of
from looc_tf.report.tables import Table
from looc_tf.representations import CONCAT, TRUNK, beside
from looc_tf.results import Estimate
from looc_tf.results.records import LAST
from looc_tf.run import Run

COLORS = ("#3b6fb6", "#9aa7b5", "#e07b39")  # what is advised, the others, the trunk
FOLDER = "advice"
LABEL = "label"  # what a table of labels is read as, whichever its column


@dataclass(frozen=True)
class Advised:
    """An advice and where it lies: `path` is a folder of advice.html and advice.json; `says` are its sentences;
    `command` ships what it advises, where it advises anything."""

    path: Path
    advice: Advice
    says: tuple[str, ...]
    command: str = ""


def advise_run(
    run: Run | str | Path,
    data: str | None = None,
    labels: str | None = None,
    field: str = "label",
    checkpoint: str = LAST,
    out: str | Path | None = None,
    tell: Optional[Callable[[str], None]] = None,
) -> Advised:
    """Compares what the trunk, each space, each two of them and all of them tell of a task's labels.

    Args:
        run: an open run, or its folder.
        data: labelled pictures, of all whose parts it makes use; by default those of the run.
        labels: a CSV file of labels.
        field: which label, where there are several; of a table of labels, the column.
        checkpoint: of a folder, see `load_run`.
        out: the folder to write; by default RUN/advice.
        tell: is given the lines that say how many pictures there are.

    Raises:
        UserError: no such label, too few labelled pictures, or what `evaluate_run` raises.
    """
    run = opened(run, checkpoint)
    column = field if labels is not None and field != LABEL else None
    sources = parts_of(run, data, labels, column)
    field = LABEL if column else field
    census = census_of(sources.values())
    for line in census.lines if census else ():
        (tell or (lambda line: None))(line)
    for source in sources.values():
        check_rule(source, run.pixels)
    if field not in sources["train"].fields:
        raise unknown("label", field, sources["train"].fields)
    settings = run.experiment.evaluation
    with terminal_progress() as progress:
        features, answers = _embedded(run, list(sources.values()), field, settings.batch, progress)
        plain = {name: features.of(UPRIGHT, name) for name in candidates(features)}
        without = {factor: {TRUNK: features.of(factor, TRUNK)} for factor in WITHOUT}
        found = advise(plain, answers, settings.strengths, without, progress)
    classes = sources["train"].fields[field]
    path = Path(out) if out is not None else run.path / FOLDER
    done = Advised(path, found, sentences(found), export_command(run, found))
    facts = {"label": column or field, "classes": len(classes), "pictures": data or run.experiment.data.name}
    _write(done, run, facts)
    return done


def export_command(run: Run, found: Advice) -> str:
    """The command that ships what is advised, of the checkpoint that was asked; "" where nothing can be told."""
    if not found.readable:
        return ""
    of = "" if run.checkpoint == LAST else f" --checkpoint {run.checkpoint}"
    return f"looc export {typed(run.path)} --representation {typed(found.representation)}{of} --out exports"


def candidates(features: Features) -> list[str]:
    """The trunk, each space, each two of them, all; of spaces that own a last stage the same of these branches."""
    names = [TRUNK]
    for family in features.families:
        if len(family) > MOST:
            names += [*family, beside(family)]
            continue
        names += [beside(some) for size in (1, 2) for some in combinations(family, size)]
        names += [beside(family)] * (len(family) > 2)
    return [CONCAT if name == beside(features.spaces) and len(features.spaces) > 1 else name for name in names]


def sentences(found: Advice) -> tuple[str, ...]:
    """What a person is told: what to take, by how much, with how many labels, and on what they hang."""
    best, trunk = found.accuracy[found.best], found.accuracy[TRUNK]
    told = f"{found.pictures:,} labelled pictures of {found.classes} classes."
    if not found.readable:
        return (
            f"Nothing can be told of these labels: {_called(found.best)} reads {best} %, always the commonest class "
            f"{found.majority:.1f} %. No difference between representations.",
            told,
        )
    if found.differs:
        more = f"{found.gain} points more than the trunk, which reads {trunk} %"
        take = f"Take {_called(found.best)}: it reads {best} %, {more}."
    elif found.best == TRUNK:
        take = f"Take the trunk: it reads {trunk} %, and no space more. No difference."
    else:
        size = dataclasses.replace(found.gain, mean=abs(found.gain.mean))
        more = f"{size} points {'less' if found.gain.mean < 0 else 'more'}"
        beside_it = f"the best beside it, {_called(found.best)}, reads {more}"
        take = f"Take the trunk: it reads {trunk} %. No difference: {beside_it}."
    return take, _labels_needed(found), _hangs_on(found), told


def _called(name: str) -> str:
    """A representation as a person may know it."""
    return {TRUNK: "the trunk", CONCAT: f"all spaces side by side ({CONCAT})"}.get(name, name)


def _labels_needed(found: Advice) -> str:
    steps = [f"{count:,} labels ({100 * share:.0f} %) {mean} %" for share, (count, mean, _) in found.curve.items()]
    (*_, (_, some, _), (_, every, _)) = found.curve.values()
    more = "more labels would help" if every.mean - some.mean > every.half else "more labels would help little"
    return f"With fewer labels, {_called(found.best)} reads: {', '.join(steps)}; {more}."


def _hangs_on(found: Advice) -> str:
    losses = ", ".join(f"{name} {drop}" for name, drop in found.drops.items())
    factor = f"hang on {found.factor} most" if found.factor else "hang on none of color, orientation and texture alone"
    return f"The labels {factor}. Points that the trunk loses on pictures without it: {losses}."


def _embedded(
    run: Run, sources: list[Source], field: str, batch: int, progress: Callable[[str, int, int], None]
) -> tuple[Features, np.ndarray]:
    """All labelled pictures of all parts, as they are and without each factor."""
    chosen = [(source, np.flatnonzero(source.labels[field] >= 0)) for source in sources if field in source.labels]
    total, done = sum(len(rows) for _, rows in chosen), 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        progress("Embedding", done, total)

    copies = (UPRIGHT, *WITHOUT)
    parts = [extract(run.embedder.images, source, rows, copies, batch, report) for source, rows in chosen if len(rows)]
    if not parts:
        raise UserError(f"Expected labelled pictures. None has a {field!r}. Give --labels FILE, or other --data.")
    joined = {
        copy: {name: np.concatenate([part.copies[copy][name] for part in parts]) for name in parts[0].copies[copy]}
        for copy in copies
    }
    answers = np.concatenate([part.labels[field] for part in parts])
    return Features(joined, {field: answers}), answers


def _write(done: Advised, run: Run, facts: dict[str, Any]) -> None:
    path, found = done.path, done.advice
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    facts = {"run": str(run.path), "step": run.step, **facts}
    about = {
        "representation": found.representation,
        "differs": found.differs,
        "factor": found.factor,
        "says": list(done.says),
        "command": done.command,
    }
    write_atomically(path / "advice.json", json.dumps({**about, **facts, **_plain(found)}, indent=2) + "\n")
    drawn = {"bars": drawing(_bars(found)), "curve": drawing(_curve(found))}
    page = pages().get_template("advice.html").render(done=done, facts=facts, **drawn, **_tables(found))
    write_atomically(path / "advice.html", page)


def _tables(found: Advice) -> dict[str, Table]:
    """What the two drawings show, in numbers; and what the trunk loses without each factor."""
    best = {(row, 1) for row, name in enumerate(found.accuracy) if name == found.best}
    rows = [[name, str(value)] for name, value in found.accuracy.items()]
    always = [["always the commonest class", f"{found.majority:.1f}"]]
    heads = ["labels", found.best, *([TRUNK] if found.best != TRUNK else [])]
    steps = [[f"{count:,}", str(own), str(trunk)][: len(heads)] for count, own, trunk in found.curve.values()]
    drops = [[name, str(drop)] for name, drop in found.drops.items()]
    return {
        "accuracy": Table("Accuracy", ["representation", "percent"], 1, rows, best, always),
        "labels": Table("Accuracy with fewer labels", heads, 0, steps, about="percent"),
        "drops": Table("Points that the trunk loses", ["pictures without", "points"], 1, drops),
    }


def _plain(found: Advice) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Estimate):
            return {"mean": round(value.mean, 4), "half": round(value.half, 4)}
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    kept = ("best", "gain", "accuracy", "majority", "curve", "drops", "pictures", "classes")
    return {field.name: plain(getattr(found, field.name)) for field in dataclasses.fields(found) if field.name in kept}


def _bars(found: Advice) -> Figure:
    """Each representation's accuracy with its interval, the advised one in color, the trunk in its own."""
    names = list(found.accuracy)
    figure = Figure(figsize=(7, 0.9 + 0.34 * len(names)), layout="constrained")
    axis = figure.subplots()
    colors = [COLORS[2] if name == TRUNK else COLORS[0] if name == found.best else COLORS[1] for name in names]
    values = [found.accuracy[name] for name in names]
    axis.barh(names, [each.mean for each in values], xerr=[each.half for each in values], color=colors, height=0.7)
    axis.axvline(found.majority, color="#444", linestyle="--", linewidth=1)
    axis.invert_yaxis()
    axis.set_xlabel("accuracy on held-out folds, percent (dashed: always the commonest class)")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _curve(found: Advice) -> Figure:
    """Accuracy against the number of labels, of the best and of the trunk."""
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axis = figure.subplots()
    counts = [count for count, _, _ in found.curve.values()]
    lines = {found.best: (COLORS[0], [best for _, best, _ in found.curve.values()])}
    lines.setdefault(TRUNK, (COLORS[2], [trunk for _, _, trunk in found.curve.values()]))
    for name, (color, values) in lines.items():
        means, halves = [each.mean for each in values], [each.half for each in values]
        axis.errorbar(counts, means, yerr=halves, label=name, color=color, marker="o", capsize=3)
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    axis.minorticks_off()
    axis.set_xlabel("labels")
    axis.set_ylabel("accuracy, percent")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
