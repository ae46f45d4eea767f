"""What happens beside the steps: progress, measures, alarms, history, checkpoints."""

from __future__ import annotations

import logging
from pathlib import Path

from looc_tf.callbacks.alarms import CollapseAlarm, StopNotFinite
from looc_tf.callbacks.base import Steps
from looc_tf.callbacks.history import History
from looc_tf.callbacks.measures import HELD_OUT, NeighborMonitor, SpaceMeasures, effective_rank
from looc_tf.callbacks.progress import Bar, Clock, Lines
from looc_tf.callbacks.saving import BestCheckpoint, Checkpoints, StopOnSignal
from looc_tf.checkpoints import CheckpointFolder
from looc_tf.config import Experiment
from looc_tf.data import Source, open_source
from looc_tf.errors import UserError
from looc_tf.export import Embedder
from looc_tf.methods import Method
from looc_tf.run_folder import resume_command, tell_skipped
from looc_tf.run_log import on_terminal

__all__ = [
    "Bar",
    "BestCheckpoint",
    "Checkpoints",
    "Clock",
    "CollapseAlarm",
    "History",
    "Lines",
    "NeighborMonitor",
    "SpaceMeasures",
    "Steps",
    "StopNotFinite",
    "StopOnSignal",
    "effective_rank",
    "standard_callbacks",
]

log = logging.getLogger(__name__)


def standard_callbacks(
    experiment: Experiment, out: Path, folder: CheckpointFolder, source: Source, *, start: int, steps: int
) -> list[Steps]:
    """The callbacks of `looc train`, in the order in which they must run.

    What is not finite stops the run before it is measured; measures come before what writes them, and a checkpoint
    after the row of its step, since rows can be taken back when a run is resumed and checkpoints cannot.

    Args:
        experiment: the config.
        out: the run folder.
        folder: of the checkpoints of the method that is trained.
        source: the training pictures.
        start: steps done before.
        steps: of the whole training.
    """
    every = experiment.training.log_every
    clock = Clock(start, steps, experiment.training.batch)
    monitor = _monitor(experiment, folder.method, source, start, steps)
    return [
        clock,
        StopNotFinite(start, steps, folder.steps),
        SpaceMeasures(start, steps, every),
        *monitor,
        CollapseAlarm(start, steps, every),
        *([Bar(clock)] if on_terminal() else []),
        Lines(clock, every),
        History(out, clock, every, sometimes=("knn",) if monitor else ()),
        *([BestCheckpoint(folder, start, steps)] if monitor else []),
        Checkpoints(folder, start, steps, experiment.training.checkpoint_every),
        StopOnSignal(folder, start, steps, resume_command(out)),
    ]


def _monitor(experiment: Experiment, method: Method, source: Source, start: int, steps: int) -> list[Steps]:
    """The kNN monitor on the validation part; none when it is turned off or there are no labels to read.

    `training.monitor_every` is rounded up to a multiple of `training.log_every`, where the history has a row.
    """
    training, data = experiment.training, experiment.data
    if not training.monitor_every or "label" not in source.fields:
        return []
    try:
        held_out = open_source(data.name, "validation", size=data.size, limit=HELD_OUT)
    except UserError as error:  # a handful of pictures has no part to hold out
        log.info("No kNN monitor: %s", error)
        return []
    tell_skipped(held_out)
    if any((part.labels["label"] < 0).all() for part in (source, held_out)):  # class folders hold but a few pictures
        return []
    every = -(-training.monitor_every // training.log_every) * training.log_every
    embedder = Embedder(method.encoder, data_size=data.size, view_size=experiment.views.size)
    return [NeighborMonitor(start, steps, every, train=source, held_out=held_out, embedder=embedder)]
