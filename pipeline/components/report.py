"""The step `Report`: the library's page on this run against the blessed one, with what the gate said."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation, PushedModel

from looc_tf.data import open_parts
from looc_tf.evaluate import read_results
from looc_tf.experiments import load
from looc_tf.report.page import write_page
from pipeline.artifacts import DataReport, RunReport
from pipeline.components.gate import VERDICT
from pipeline.run_fn import RUN
from pipeline.storage import examples_glob, local, read_text, write_text

PAGE = "report.html"
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
    told = json.loads(read_text(os.path.join(evaluation.uri, VERDICT)))
    found = json.loads(read_text(os.path.join(data.uri, "report.json")))
    runs = {THIS: local(model.uri) / RUN}
    if told["baseline"]:
        runs[BLESSED] = local(told["baseline"]) / RUN
    records = [
        {**record, "run": label, "method": label, **({"data": found["data"]} if label == THIS else {})}
        for label, path in runs.items()
        for record in read_results(path / "results.json")
    ]
    size = load(runs[THIS] / "config.yaml").data.size
    sources = open_parts(examples_glob(examples.uri), size=size)
    for source in sources.values():
        source.name = found["data"]  # the page names the origin, not the artifact
    destination = pushed.get_string_custom_property("pushed_destination")
    with tempfile.TemporaryDirectory() as folder:
        page = write_page(Path(folder, PAGE), runs, records, sources, notes(told, found, destination))
        write_text(os.path.join(report.uri, PAGE), page.read_text(encoding="utf-8"))


def notes(told: dict[str, Any], found: dict[str, Any], destination: str) -> list[str]:
    """What to say before anything else: pushed or refused and why, and what was odd in the pictures."""
    against = (
        "the latest blessed model"
        if told["baseline"]
        else "floors alone: no blessed model before it can be compared with"
    )
    lines = [f"Blessed, judged against {against}." if told["blessed"] else f"Not pushed, judged against {against}."]
    lines += [f"{reason}." for reason in told["reasons"]]
    if destination:
        lines.append(f"Pushed to {destination}.")
    if found["broken"]:
        named = ", ".join(f"{name} ({why})" for name, why in found["named"][:3])
        lines.append(f"{found['broken']} broken pictures were left out: {named}.")
    if found.get("moved"):
        lines.append(f"Moved since the run before: {', '.join(found['moved'])}.")
    return lines
