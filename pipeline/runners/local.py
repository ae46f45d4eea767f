"""`looc pipeline run`: an experiment and a root to a judged model, and what came of it in a few lines."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfx.orchestration.pipeline import Pipeline

from looc_tf.config import Experiment
from looc_tf.data.splits import SPLITS
from pipeline import experiments
from pipeline.definition.create import create_pipeline
from pipeline.examples.origin import data_version, record_files
from pipeline.judging import thresholds
from pipeline.metadata.history import artifacts_of_run, open_store
from pipeline.runners import local_dag_runner
from pipeline.runners.logs import logging_into
from pipeline.steps.gate import VERDICT
from pipeline.steps.represent import named_splits


@dataclass
class Done:
    """Whether the model of a run is blessed, and what to say of the run."""

    blessed: bool
    lines: list[str] = field(default_factory=list)


def run_locally(experiment: Experiment, data: str, root: Path, **options: Any) -> Done:
    """Runs the pipeline under `root` and reads what it wrote.

    Args:
        experiment: what to train, probe and ask for.
        data: the pictures.
        root: of artifacts and metadata.
        options: `model_name`, `schema`, `embed`, `warm_start`, see `create_pipeline`.

    Raises:
        UserError: bad input, or a step that failed.
    """
    named_splits(options.get("embed", "test"), SPLITS)  # a slip would be noticed after the training
    root = root.absolute()
    runner = local_dag_runner.Runner(root)
    local_dag_runner.prepare(root)
    with logging_into(runner.log_file):
        runner.run(_pipeline(experiment, data, root, **options))
        return told(root, runner.run_id)


def _pipeline(
    experiment: Experiment,
    data: str,
    root: Path,
    model_name: str = "looc",
    schema: str = "",
    embed: str = "test",
    warm_start: bool = False,
) -> Pipeline:
    return create_pipeline(
        root=str(root),
        config=experiments.for_training(experiment),
        probe_config=experiments.for_probes(experiment),
        thresholds=thresholds.to_text(experiment.gate),
        data=_absolute(data),
        size=experiment.data.size,
        data_version=data_version(data),
        records=record_files(data),
        schema=os.path.abspath(schema) if schema else "",
        embed=embed,
        warm_start=warm_start,
        model_name=model_name,
        metadata=local_dag_runner.store_config(root),
    )


def _absolute(data: str) -> str:
    """A path as an absolute one, so that another working folder changes nothing; a TFDS name as it is."""
    path = os.path.expanduser(data)
    return os.path.abspath(path) if os.path.exists(path) or (os.sep in data and "*" in data) else data


def told(root: Path, run_id: str) -> Done:
    """What became of a run, read from its artifacts."""
    found = artifacts_of_run(open_store(root), run_id)
    verdict = json.loads(Path(found["ModelEvaluation"].uri, VERDICT).read_text(encoding="utf-8"))
    pushed = found["PushedModel"].custom_properties
    lines = ["blessed" if verdict["blessed"] else "not blessed, not pushed:"]
    lines += [f"  {reason}" for reason in verdict["reasons"]]
    if "pushed_destination" in pushed:
        lines.append(f"pushed:  {pushed['pushed_destination'].string_value}")
    lines.append(f"report:  {Path(found['pipeline.RunReport'].uri, 'report.html')}")
    return Done(verdict["blessed"], lines)
