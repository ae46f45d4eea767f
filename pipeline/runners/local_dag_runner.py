"""TFX's local runner with a line on the screen for each step: its place, name, seconds and what became of it."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import re
import time
import traceback
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from rich.console import Console
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from looc_tf.errors import UserError, cause
from pipeline.metadata.history import STORE, open_store

log = logging.getLogger(__name__)

# A terminal has one live line. These steps draw a progress bar on it; the runner shows a spinner for all others.
STEPS_WITH_PROGRESS_BAR = ("Pretrain", "FitProbes")
_WHILE_RUNNING = re.compile(r" \[while running '.*?'\]")


def store_config(root: Path) -> Any:
    """The connection to the metadata of a root."""
    return metadata.sqlite_metadata_connection_config(str(root / STORE))


def prepare(root: Path) -> None:
    """Makes the root and opens what metadata it has, so that what is wrong with them is said before any work.

    Raises:
        UserError: the root cannot be written, or the metadata has another layout.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Expected a folder for the pipeline. {root}: {error.strerror}. Choose another --root."
        ) from error
    if not os.access(root, os.W_OK):
        raise UserError(f"Expected a folder for the pipeline. {root} may not be written to. Choose another --root.")
    if (root / STORE).exists():
        open_store(root)


class LocalRunner(LocalDagRunner):
    """TFX's local runner with a line for each step, and errors that name the step.

    Its `run` raises `UserError` when a step fails (what is before it is kept, and the next run goes on from there), and
    lets `KeyboardInterrupt`, or `SystemExit` with 143, pass when a training is interrupted.

    Args:
        root: the pipeline's root.
    """

    def __init__(self, root: Path):
        super().__init__()
        self.root, self.console = root, Console(highlight=False)
        self.run_id = datetime.datetime.now().isoformat()
        self.log_file = root / "logs" / f"{self.run_id.replace(':', '-')}.log"

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None) -> None:
        """`LocalDagRunner.run_with_ir` for whole runs, with a line for each step."""
        parameters = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: self.run_id}
        runtime_parameter_utils.substitute_runtime_parameter(pipeline, parameters)
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        connection = getattr(
            deployment.metadata_connection_config, deployment.metadata_connection_config.WhichOneof("connection_config")
        )
        for number, entry in enumerate(pipeline.nodes, start=1):
            node = entry.pipeline_node
            step = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, node.node_info.id),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node.node_info.id),
            )
            self._step(node.node_info.id, f"{number:>2}/{len(pipeline.nodes)}", step, connection)

    def _step(self, name: str, place: str, step: launcher.Launcher, connection: Any) -> None:
        started = time.monotonic()
        spinner = self.console.is_terminal and name not in STEPS_WITH_PROGRESS_BAR
        try:
            with self.console.status(f"{place} {name}") if spinner else contextlib.nullcontext():
                info = step.launch()
        except Exception as error:
            log.error("%s", traceback.format_exc())
            self._print_line(place, name, started, "failed")
            raise self._failure(name, error) from error
        state = _state(connection, info)
        self._print_line(place, name, started, state)
        if state == "failed":
            raise self._failure(name, RuntimeError("its inputs could not be resolved"))

    def _print_line(self, place: str, name: str, started: float, state: str) -> None:
        self.console.print(f"{place} {name:<20}{time.monotonic() - started:>8.1f} s   {state}")

    def _failure(self, name: str, error: Exception) -> UserError:
        if isinstance(error, UserError):
            return UserError(f"Step {name}: {_line(error)}")
        return UserError(
            f"Step {name} failed: {type(error).__name__}: {_line(error)}. The whole trace is in {self.log_file}. "
            "What is before it is kept: run again to go on from there."
        )


def _line(error: Exception) -> str:
    """An error in one line, without the places in a Beam pipeline or a graph that Beam and TensorFlow add to it."""
    text = cause(error) if type(error).__module__.startswith("tensorflow.") else str(error)
    return _WHILE_RUNNING.sub("", " ".join(text.split()))[:600].rstrip(".") + (
        "." if isinstance(error, UserError) else ""
    )


def _state(connection: Any, info: Any) -> str:
    """What became of an execution, in a word."""
    if info is None or not info.execution_id:
        return "left out"
    with metadata.Metadata(connection) as handle:
        [execution] = handle.store.get_executions_by_id([info.execution_id])
    states = metadata_store_pb2.Execution
    words = {states.CACHED: "from the cache", states.COMPLETE: "done", states.FAILED: "failed"}
    return words.get(execution.last_known_state, "done")
