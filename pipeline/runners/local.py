"""`looc pipeline run`: runs the pipeline on this machine and says whether the model was blessed and pushed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from looc_tf.config import Experiment
from looc_tf.data.splits import SPLITS
from looc_tf.errors import UserError, shown
from pipeline import experiments
from pipeline.artifacts import PAGE_FILE, VERDICT_FILE
from pipeline.definition import NAME, PipelineSettings, create_pipeline
from pipeline.examples.origin import data_version, record_files
from pipeline.judging import thresholds
from pipeline.metadata.history import artifacts_of_run, open_store
from pipeline.runners import local_dag_runner
from pipeline.runners.logs import logging_into
from pipeline.steps.represent import named_splits


@dataclass
class Outcome:
    """What came of a run: whether its model is blessed, and what to tell the user."""

    blessed: bool
    messages: list[str] = field(default_factory=list)


def run_locally(
    experiment: Experiment,
    data: str,
    root: Path,
    *,
    model_name: str = NAME,
    schema: str = "",
    embed: str = "test",
    warm_start: bool = False,
) -> Outcome:
    """Runs the pipeline under `root` and reads what it wrote.

    Args:
        experiment: what to train, probe and ask for.
        data: the pictures: a folder, TFRecord files or a TFDS name.
        root: of artifacts and metadata.
        model_name, schema, embed, warm_start: see `PipelineSettings`.

    Raises:
        UserError: bad input, or a step that failed.
    """
    named_splits(embed, SPLITS)  # a slip would be noticed after the training
    root = _plain(root.absolute())
    runner = local_dag_runner.LocalRunner(root)
    local_dag_runner.prepare(root)
    with logging_into(runner.log_file):
        settings = PipelineSettings(
            root=str(root),
            config=experiments.for_training(experiment),
            probe_config=experiments.for_probes(experiment),
            thresholds=thresholds.to_text(experiment.gate),
            data=_absolute(data),
            size=experiment.data.size,
            pixels=experiments.pixels(experiment),
            data_version=data_version(data),
            records=record_files(data),
            schema=os.path.abspath(schema) if schema else "",
            embed=embed,
            warm_start=warm_start,
            model_name=model_name,
            metadata=local_dag_runner.store_config(root),
        )
        runner.run(create_pipeline(settings))
        return outcome_of(root, runner.run_id)


def _plain(root: Path) -> Path:
    """The root, where the steps of TFX and Beam find again what they write: they read every path as a pattern."""
    patterns = sorted({character for character in str(root) if character in "*?[]\\" or not character.isprintable()})
    if patterns:
        raise UserError(
            f"Expected a root without {' '.join(map(shown, patterns))} in its path, which TFX and Beam read as a "
            f"pattern. Received {shown(str(root))}. Choose another --root."
        )
    return root


def _absolute(data: str) -> str:
    """A path as an absolute one, so that another working folder changes nothing; a TFDS name as it is."""
    path = os.path.expanduser(data)
    return os.path.abspath(path) if os.path.exists(path) or (os.sep in data and "*" in data) else data


def outcome_of(root: Path, run_id: str) -> Outcome:
    """What became of a run, read from its artifacts."""
    found = artifacts_of_run(open_store(root), run_id)
    verdict = json.loads(Path(found["ModelEvaluation"].uri, VERDICT_FILE).read_text(encoding="utf-8"))
    pushed = found["PushedModel"].custom_properties
    messages = ["blessed" if verdict["blessed"] else "not blessed, not pushed:"]
    messages += [f"  {reason}" for reason in verdict["reasons"]]
    if "pushed_destination" in pushed:
        messages.append(f"pushed:  {pushed['pushed_destination'].string_value}")
    messages.append(f"report:  {Path(found['pipeline.RunReport'].uri, PAGE_FILE)}")
    return Outcome(verdict["blessed"], messages)
