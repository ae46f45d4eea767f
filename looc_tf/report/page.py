"""report.html: the views, the curves, the matrices and the nearest neighbors of some runs on one page of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from matplotlib.figure import Figure

from looc_tf import config
from looc_tf.config import Evaluation
from looc_tf.data import Census, Source, census_of
from looc_tf.data.class_lists import of_classes
from looc_tf.evaluate import chance
from looc_tf.evaluate.protocol import tested
from looc_tf.files import write_atomically
from looc_tf.methods import build_plan, seen_of
from looc_tf.report.curves import curves_figure
from looc_tf.report.evaluated import notes_of, opened
from looc_tf.report.explorer import explorer
from looc_tf.report.frame import drawing, inline, pages
from looc_tf.report.headline import finding, headline
from looc_tf.report.tables import tables
from looc_tf.report.views_grid import views_figure
from looc_tf.results import by_data
from looc_tf.results.certainty import below_majority, few_pictures
from looc_tf.results.figure import matrix
from looc_tf.results.invariance import has_curves, invariance_figure
from looc_tf.results.levels import majorities, shown
from looc_tf.results.records import Record
from looc_tf.results.summary import PROBES, summarise
from looc_tf.run import Run

PAGE = "report.html"
UNRECORDED = {"seed": "–", "version": "–", "commit": None, "tensorflow": "–", "machine": "another machine"}
FALLBACK = 6, 5  # queries and neighbors of each that are seen without a script


def write_page(
    path: Path,
    runs: Mapping[str, Run | str | Path],
    records: Sequence[Mapping[str, Any]],
    sources: Mapping[str, Source],
    notes: Sequence[str] = (),
    census: Census | None = None,
    remarks: Sequence[str] | None = None,
) -> Path:
    """Write a self-contained page over some runs; its first run is the one whose views and spaces are shown.

    Args:
        path: the file to write.
        runs: label -> an open run, or its folder.
        records: the results of these runs.
        sources: the parts of the data; neighbors come from `test`.
        notes: lines to show first, such as why a model was not pushed.
        census: of the pictures, where `sources` are copies of them.
        remarks: what is to be known of the numbers besides; by default what the runs' own evaluations noted.
    """
    census = census or census_of(sources.values())
    found = {label: opened(run) for label, run in runs.items()}
    first = next(iter(found.values()))
    alike = len(by_data(records)) == 1  # else the level of chance differs as well
    counts = tested_by(first.experiment.evaluation, sources) if alike else {}
    page = (
        pages()
        .get_template("page.html")
        .render(
            notes=list(notes),
            finding=finding(records),
            headline=headline(records, counts),
            views=drawing(_views(first, sources["train"])),
            plan=build_plan(first.experiment),
            curves=drawing(curves_figure({label: run.path for label, run in found.items()})),
            matrix=drawing(matrix(_probed(records), chance=_chance(first, sources) if alike else None)),
            tables=tables(records),
            doubts=_doubts(records, counts),
            invariance=drawing(invariance_figure(records)) if has_curves(records) else None,
            explorer=explorer(found, sources["test"]),
            explorer_style=inline("explorer.css"),
            fallback=FALLBACK,
            remarks=_remarks(found) if remarks is None else list(remarks),
            data={part: len(source) for part, source in sources.items()},
            census=census.lines if census else [],
            name=sources["train"].name,
            runs=[_facts(label, run) for label, run in found.items()],
        )
    )
    write_atomically(path, page)
    return path


def _probed(records: Sequence[Record]) -> list[Record]:
    """What the picture of accuracies has room for: the probes; what else was read stands in tables."""
    return [record for record in records if record["probe"] in PROBES] or list(records)


def _chance(run: Run, sources: Mapping[str, Source]) -> dict[str, float]:
    asked = run.experiment.evaluation
    return chance(of_classes(sources, asked.classes), asked.probes)


def tested_by(asked: Evaluation, sources: Mapping[str, Source]) -> dict[str, int]:
    """Probe -> how many test pictures it is asked of, where an evaluation may be of some classes alone."""
    return tested(of_classes(sources, asked.classes), asked.probes)


def _doubts(records: Sequence[Record], counts: Mapping[str, int]) -> list[str]:
    """What keeps the numbers in the tables from being believed as they are: of each data set, under its name."""
    lines, blocks = [], by_data(records)
    for heading, block in blocks.items():
        cells = summarise(shown(block)[0])
        where = f"{heading}: " if len(blocks) > 1 else ""
        lines += [where + line for line in [*below_majority(cells, majorities(block)), *few_pictures(cells, counts)]]
    return lines


def _views(run: Run, source: Source) -> Figure:
    image = source.fetch(tf.constant([7 % len(source)], tf.int64))["image"][0].numpy()
    return views_figure(build_plan(run.experiment), image, run.experiment.seed, 3, seen_of(run.experiment))


def _remarks(runs: Mapping[str, Run]) -> list[str]:
    """What is to be known of the numbers besides: once where it holds of all runs, else under their labels."""
    said: dict[str, list[str]] = {}
    for label, run in runs.items():
        for note in notes_of(run.path):
            said.setdefault(note, []).append(label)
    return [note if len(labels) == len(runs) else f"{', '.join(labels)}: {note}" for note, labels in said.items()]


def _facts(label: str, run: Run) -> dict[str, Any]:
    about = json.loads((run.path / "run.json").read_text(encoding="utf8"))
    census = Census.read(about.get("census"))
    said = {"trained_on": str(census) if census else "", "config": config.to_yaml(run.experiment), "step": run.step}
    return {"label": label, "about": {**UNRECORDED, **about}, **said}
