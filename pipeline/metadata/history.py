"""Reading the metadata of a root: runs, their steps, what is blessed and pushed. Needs ml-metadata, not TFX."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_metadata
from ml_metadata.proto import metadata_store_pb2

from looc_tf.errors import UserError

STORE = "metadata.sqlite"
STATES = {
    metadata_store_pb2.Execution.NEW: "begun",
    metadata_store_pb2.Execution.RUNNING: "running or interrupted",
    metadata_store_pb2.Execution.COMPLETE: "done",
    metadata_store_pb2.Execution.FAILED: "failed",
    metadata_store_pb2.Execution.CACHED: "from the cache",
    metadata_store_pb2.Execution.CANCELED: "canceled",
}


@dataclass(frozen=True)
class StepExecution:
    """One step of a run: what became of it, when it began and how long it took."""

    name: str
    state: str
    begun: datetime.datetime
    seconds: float


@dataclass(frozen=True)
class PipelineRun:
    """One run of a pipeline, with its steps in the order in which they began."""

    name: str
    steps: list[StepExecution]


def open_store(root: Path) -> Any:
    """The metadata of a root, for reading.

    Raises:
        UserError: there is none, or it is of another layout.
    """
    path = root / STORE
    if not path.is_file():
        raise UserError(
            f"Expected the root of a pipeline, with {STORE}. {root} holds none. Run one: looc pipeline run."
        )
    settings = metadata_store_pb2.ConnectionConfig()
    settings.sqlite.filename_uri = str(path)
    settings.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE
    try:
        return ml_metadata.MetadataStore(settings)
    except Exception as error:  # kinds of its own, and RuntimeError
        line = re.split(r"\. | query: ", " ".join(str(error).split()), maxsplit=1)[0]  # the rest is for developers
        raise UserError(
            f"The metadata in {path} cannot be used: {line}. It is of another version of TFX, or damaged. "
            "Move it away, or choose another root."
        ) from error


def runs(store: Any) -> Iterator[PipelineRun]:
    """All runs, oldest first."""
    contexts = store.get_contexts_by_type("pipeline_run")
    for context in sorted(contexts, key=lambda one: one.create_time_since_epoch):
        executions = store.get_executions_by_context(context.id)
        ordered = sorted(executions, key=lambda one: one.id)
        yield PipelineRun(context.name, [_step(store, execution) for execution in ordered])


def _step(store: Any, execution: Any) -> StepExecution:
    nodes = [one.name for one in store.get_contexts_by_execution(execution.id) if one.type == "node"]
    name = nodes[0].rpartition(".")[2] if nodes else execution.type
    began, ended = execution.create_time_since_epoch, execution.last_update_time_since_epoch
    at = datetime.datetime.fromtimestamp(began / 1000)
    return StepExecution(name, STATES.get(execution.last_known_state, "unknown"), at, (ended - began) / 1000)


def artifacts_of_run(store: Any, run_id: str) -> dict[str, Any]:
    """Type name -> the artifact of that type that a run made or took from the cache; the last, where there are more."""
    contexts = [one for one in store.get_contexts_by_type("pipeline_run") if one.name.endswith(run_id)]
    if not contexts:
        raise UserError(f"There is no run {run_id} in the metadata.")
    executions = store.get_executions_by_context(contexts[0].id)
    events = store.get_events_by_execution_ids([one.id for one in executions])
    outputs = {event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT}
    artifacts = store.get_artifacts_by_id(sorted(outputs))
    return {artifact.type: artifact for artifact in artifacts}


def blessings(store: Any) -> list[Any]:
    """All blessings, oldest first."""
    return sorted(store.get_artifacts_by_type("ModelBlessing"), key=lambda one: one.id)
