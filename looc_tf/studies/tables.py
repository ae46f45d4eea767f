"""A study's table, in Markdown, LaTeX, HTML and JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from looc_tf.files import write_atomically
from looc_tf.report.frame import pages
from looc_tf.report.tables import Table
from looc_tf.results import Estimate
from looc_tf.studies.study import COUNTED, Study
from looc_tf.studies.verdicts import Values, Verdict

FORMS = ("md", "tex", "html")
LATEX = {"\\": r"\textbackslash{}", **{each: f"\\{each}" for each in "&%$#_{}"}, "~": r"\textasciitilde{}"}
LATEX |= {"^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--", "−": "$-$"}


def write_tables(
    folder: Path, name: str, study: Study, values: Values, found: Sequence[Verdict], facts: Mapping[str, str]
) -> list[Path]:
    """Writes NAME.md, .tex, .html and .json into a folder, and returns them.

    Args:
        folder, name: where.
        study: what the table is of.
        values, found: its cells and verdicts.
        facts: what a reader should know of the numbers, such as pictures and seeds.
    """
    places = [(row.name, column.name) for row in study.rows for column in study.columns]
    cells = {place: _estimate(values, *place) for place in places}
    shown = {place: _shown(study, place, estimate) for place, estimate in cells.items()}
    judged = [(each.claim.says, _difference(each), each.word) for each in found]
    paths = []
    for form in FORMS:
        template = _environment(form).get_template(f"table.{form}.j2")
        sorting = _sorting(study, shown, judged) if form == "html" else {}
        text = template.render(study=study, cells=shown, verdicts=judged, facts=facts, **sorting)
        write_atomically(folder / f"{name}.{form}", text.rstrip() + "\n")
        paths.append(folder / f"{name}.{form}")
    write_atomically(folder / f"{name}.json", json.dumps(_plain(study, values, cells, found, facts), indent=2) + "\n")
    return [*paths, folder / f"{name}.json"]


def _estimate(values: Values, row: str, column: str) -> Estimate | None:
    seeds = values.get((row, column))
    return Estimate.of(list(seeds.values())) if seeds else None


def _shown(study: Study, place: tuple[str, str], estimate: Estimate | None) -> str:
    """`58.9 ± 3.7 (61.1)`: the mean, its interval and the paper's own number; a dash where nothing was read."""
    row, column = place
    if any(each.name == column and each.probe in COUNTED for each in study.columns):
        return "–" if estimate is None else f"{estimate.mean:,.0f}"
    printed = study.printed.get(row, {}).get(column)
    return ("–" if estimate is None else str(estimate)) + ("" if printed is None else f" ({printed:.1f})")


def _difference(verdict: Verdict) -> str:
    found = verdict.difference
    if found is None:
        return "–"
    mean = round(found.mean, 1) + 0.0  # no -0.0
    return f"{mean:+.1f}" + (f" ± {found.half:.1f}" if math.isfinite(found.half) else "")


def _sorting(
    study: Study, cells: Mapping[tuple[str, str], str], verdicts: Sequence[tuple[str, str, str]]
) -> dict[str, Table]:
    """The two tables of the page."""
    columns = ["row", *(column.name for column in study.columns)]
    rows = [[row.name, *(cells[row.name, column.name] for column in study.columns)] for row in study.rows]
    judged = [[says, word, difference] for says, difference, word in verdicts]
    return {
        "values": Table(study.title, columns, 1, rows),
        "claims": Table("Claims of the paper", ["claim", "verdict", "difference, paired by seed"], 2, judged),
    }


def _environment(form: str) -> Environment:
    own = PackageLoader("looc_tf.studies")
    if form == "html":
        return pages(own)
    made = Environment(loader=own, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["latex"] = lambda text: "".join(LATEX.get(each, each) for each in str(text))
    made.filters["cell"] = lambda text: str(text).replace("|", "\\|")
    return made


def _plain(
    study: Study,
    values: Values,
    cells: Mapping[tuple[str, str], Estimate | None],
    found: Sequence[Verdict],
    facts: Mapping[str, str],
) -> dict[str, Any]:
    def plain(estimate: Estimate | None) -> dict[str, Any] | None:
        if estimate is None:
            return None
        half = round(estimate.half, 4) if math.isfinite(estimate.half) else None
        return {"mean": round(estimate.mean, 4), "half": half, "seeds": estimate.count}

    return {
        "title": study.title,
        "paper": study.paper,
        "facts": dict(facts),
        "cells": [
            {
                "row": row,
                "column": column,
                "value": plain(estimate),
                "seeds": {str(seed): value for seed, value in sorted(values.get((row, column), {}).items())},
                "printed": study.printed.get(row, {}).get(column),
            }
            for (row, column), estimate in cells.items()
        ],
        "claims": [
            {**dataclasses.asdict(each.claim), "difference": plain(each.difference), "verdict": each.word}
            for each in found
        ],
    }
