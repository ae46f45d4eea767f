"""The step `Report`: the library's page on this run against the blessed one, with what the gate said."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation, PushedModel

from looc_tf.data import Census, Source, read_table
from looc_tf.data.pixels import PLAIN
from looc_tf.data.source import BUDGET
from looc_tf.data.splits import SPLITS, assign
from looc_tf.evaluate import read_results
from looc_tf.experiments import load
from looc_tf.report.page import write_page
from pipeline.artifacts import DATA_REPORT_FILE, PAGE_FILE, RUN_FOLDER, VERDICT_FILE, DataReport, RunReport
from pipeline.storage import examples_glob, local, read_text, write_text

THIS, BLESSED = "this run", "blessed"


@component
def Report(
    examples: InputArtifact[Examples],
    data: InputArtifact[DataReport],
    model: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    pushed: InputArtifact[PushedModel],
    report: OutputArtifact[RunReport],
    fingerprint: Parameter[str],
) -> None:
    """Writes `report.html`.

    Args:
        model: the evaluation model, which carries its run; the one it was compared with carries another.
    """
    del fingerprint
    verdict = json.loads(read_text(os.path.join(evaluation.uri, VERDICT_FILE)))
    data_report = json.loads(read_text(os.path.join(data.uri, DATA_REPORT_FILE)))
    runs = {THIS: local(model.uri) / RUN_FOLDER}
    if verdict["baseline"]:
        runs[BLESSED] = local(verdict["baseline"]) / RUN_FOLDER
    records = [
        {**record, "run": label, "method": label, **({"data": data_report["data"]} if label == THIS else {})}
        for label, path in runs.items()
        for record in read_results(path / "results.json")
    ]
    size = load(runs[THIS] / "config.yaml").data.size
    sources = open_for_page(examples_glob(examples.uri), size, name=data_report["data"])
    destination = pushed.get_string_custom_property("pushed_destination")
    with tempfile.TemporaryDirectory() as folder:
        page = write_page(
            Path(folder, PAGE_FILE),
            runs,
            records,
            sources,
            notes(verdict, data_report, destination),
            Census.read(data_report.get("census")),
        )
        write_text(os.path.join(report.uri, PAGE_FILE), page.read_text(encoding="utf-8"))


def open_for_page(files: str, size: int, name: str) -> dict[str, Source]:
    """The parts of the pictures under the name of their origin; only the test part is decoded.

    The page shows neighbors from the test part and the views of one training picture, which is decoded when it is asked
    for: at opening all training pictures would be.
    """
    table = read_table(files)
    splits = assign(table)
    return {
        split: Source(
            table.take(np.flatnonzero(splits == split)),
            name=name,
            split=split,
            size=size,
            budget=BUDGET if split == "test" else 0,
            pixels=table.pixels or PLAIN,
        )
        for split in SPLITS
        if (splits == split).any()
    }


def notes(verdict: dict[str, Any], data_report: dict[str, Any], destination: str) -> list[str]:
    """The first lines of the page: pushed or refused and why, and what was odd in the pictures.

    Args:
        verdict: the gate's.
        data_report: of `CheckData`.
        destination: where the model was pushed; empty where it was not.
    """
    against = (
        "the latest blessed model"
        if verdict["baseline"]
        else "floors alone: no blessed model before it can be compared with"
    )
    lines = [f"Blessed, judged against {against}." if verdict["blessed"] else f"Not pushed, judged against {against}."]
    lines += [f"{reason}." for reason in verdict["reasons"]]
    if destination:
        lines.append(f"Pushed to {destination}.")
    if data_report["broken"]:
        named = ", ".join(f"{name} ({why})" for name, why in data_report["named"][:3])
        lines.append(f"{data_report['broken']} broken pictures were left out: {named}.")
    if data_report.get("moved"):
        lines.append(f"Moved since the run before: {', '.join(data_report['moved'])}.")
    return lines
