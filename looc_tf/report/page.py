"""report.html: the views, the curves, the matrices and the nearest neighbors of some runs on one page of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from looc_tf import config
from looc_tf.data import Census, Source, census_of
from looc_tf.data.class_lists import of_classes
from looc_tf.evaluate import chance
from looc_tf.files import write_atomically
from looc_tf.methods import build_plan
from looc_tf.report.curves import curves_figure
from looc_tf.report.headline import headline
from looc_tf.report.neighbors import Neighbors, data_uri, nearest, spread_queries
from looc_tf.report.runs import notes_of, opened
from looc_tf.report.views_grid import views_figure
from looc_tf.representations import TRUNK
from looc_tf.results import by_data
from looc_tf.results.figure import matrix, render
from looc_tf.run import Run

QUERIES, NEIGHBORS, GALLERY = 6, 5, 2000  # rows of the last section, pictures in a row, pictures searched
BATCH = 256


def write_page(
    path: Path,
    runs: Mapping[str, Run | str | Path],
    records: Sequence[Mapping[str, Any]],
    sources: Mapping[str, Source],
    notes: Sequence[str] = (),
    census: Census | None = None,
) -> Path:
    """Write a self-contained page over some runs; its first run is the one whose views and spaces are shown.

    Args:
        path: the file to write.
        runs: label -> an open run, or its folder.
        records: the results of these runs.
        sources: the parts of the data; neighbors come from `test`.
        notes: lines to show first, such as why a model was not pushed.
        census: of the pictures, where `sources` are copies of them.
    """
    census = census or census_of(sources.values())
    found = {label: opened(run) for label, run in runs.items()}
    first = next(iter(found.values()))
    alike = len(by_data(records)) == 1  # else the level of chance differs as well
    environment = Environment(loader=PackageLoader("looc_tf.report", "."), autoescape=True, undefined=StrictUndefined)
    page = environment.get_template("page.html").render(
        notes=list(notes),
        headline=headline(records),
        labels=list(runs),
        views=_picture(_views(first, sources["train"])),
        plan=build_plan(first.experiment),
        curves=_picture(curves_figure({label: run.path for label, run in found.items()})),
        matrix=_picture(matrix(records, chance=_chance(first, sources) if alike else None)),
        neighbors=_neighbors(found, sources["test"]),
        remarks=_remarks(found),
        data={part: len(source) for part, source in sources.items()},
        census=census.lines if census else [],
        name=sources["train"].name,
        runs=[_facts(label, run) for label, run in found.items()],
        uri=data_uri,
    )
    write_atomically(path, page)
    return path


def _chance(run: Run, sources: Mapping[str, Source]) -> dict[str, float]:
    asked = run.experiment.evaluation
    return chance(of_classes(sources, asked.classes), asked.probes)


def _picture(figure: Figure) -> str:
    return "data:image/png;base64," + base64.b64encode(render(figure)).decode("ascii")


def _views(run: Run, source: Source) -> Figure:
    image = source.fetch(tf.constant([7 % len(source)], tf.int64))["image"][0].numpy()
    return views_figure(build_plan(run.experiment), image, seed=run.experiment.seed, rows=3)


def _neighbors(runs: Mapping[str, Run], source: Source) -> list[Neighbors]:
    """Each trunk, and each space of the first run where it has several."""
    rows = tf.range(min(len(source), GALLERY), dtype=tf.int64)
    pictures = source.fetch(rows)
    images = pictures["image"].numpy()
    embeddings: dict[str, np.ndarray] = {}
    for place, (label, run) in enumerate(runs.items()):
        embed = run.embedder.images
        parts = [embed(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        spaces = list(run.method.final.heads) if place == 0 else []
        for name in [TRUNK, *spaces]:
            embeddings[f"{label}: {name}"] = np.concatenate([part[name].numpy() for part in parts])
    queries = spread_queries(pictures["label"].numpy(), min(QUERIES, len(images)))
    classes = source.fields.get("label", ())
    names = [classes[label] if 0 <= label < len(classes) else "" for label in pictures["label"].numpy()]
    return nearest(images, embeddings, queries, NEIGHBORS, names)


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
    return {"label": label, "about": about, **said}
