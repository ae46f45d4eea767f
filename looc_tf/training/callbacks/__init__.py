"""What happens beside the steps: progress, measures, alarms, history, checkpoints."""

from __future__ import annotations

import logging

from looc_tf.data import Source, open_source, summary
from looc_tf.errors import UserError
from looc_tf.export import Embedder
from looc_tf.methods import Facts
from looc_tf.run.folder import RunFolder, resume_command
from looc_tf.run.log import on_terminal
from looc_tf.training.callbacks.alarms import CollapseAlarm, StopNotFinite
from looc_tf.training.callbacks.base import Steps
from looc_tf.training.callbacks.history import History
from looc_tf.training.callbacks.measures import HELD_OUT, NeighborMonitor, SpaceMeasures, effective_rank
from looc_tf.training.callbacks.progress import Bar, Clock, Lines
from looc_tf.training.callbacks.saving import BestCheckpoint, Checkpoints, StopOnSignal

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


def standard_callbacks(run: RunFolder, source: Source, facts: Facts) -> list[Steps]:
    """The callbacks of `looc train`, in the order in which they must run.

    What is not finite stops the run before it is measured; measures come before what writes them, and a checkpoint
    after the row of its step, since rows can be taken back when a run is resumed and checkpoints cannot.

    Args:
        run: the run folder, begun.
        source: the training pictures.
        facts: of the training.
    """
    experiment, folder, start, steps = run.experiment, run.checkpoints, run.start, facts.steps
    every = experiment.training.log_every
    clock = Clock(start, steps, experiment.training.batch)
    monitor = _monitor(run, source, start, steps)
    return [
        clock,
        StopNotFinite(start, steps, folder.steps),
        SpaceMeasures(start, steps, every),
        *monitor,
        CollapseAlarm(start, steps, every),
        *([Bar(clock)] if on_terminal() else []),
        Lines(clock, every),
        History(run.own, clock, every, sometimes=("knn",) if monitor else ()),
        *([BestCheckpoint(folder, start, steps)] if monitor else []),
        Checkpoints(folder, start, steps, experiment.training.checkpoint_every),
        StopOnSignal(folder, start, steps, resume_command(run.path)),
    ]


def _monitor(run: RunFolder, source: Source, start: int, steps: int) -> list[Steps]:
    """The kNN monitor on the validation part; none when it is turned off or there are no labels to read.

    `training.monitor_every` is rounded up to a multiple of `training.log_every`, where the history has a row.
    """
    experiment = run.experiment
    training, data = experiment.training, experiment.data
    if not training.monitor_every or "label" not in source.fields:
        return []
    try:
        held_out = open_source(data.name, "validation", size=data.size, limit=HELD_OUT)
    except UserError as error:  # a handful of pictures has no part to hold out
        log.info("No kNN monitor: %s", error)
        return []
    if held_out.skipped:
        log.warning("%s", summary(held_out.skipped))
    if any((part.labels["label"] < 0).all() for part in (source, held_out)):  # class folders hold but a few pictures
        return []
    every = -(-training.monitor_every // training.log_every) * training.log_every
    embedder = Embedder(run.checkpoints.method.final, data_size=data.size, view_size=experiment.views.size)
    return [NeighborMonitor(start, steps, every, train=source, held_out=held_out, embedder=embedder)]
