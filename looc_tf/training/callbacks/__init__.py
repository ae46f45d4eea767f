"""What happens beside the steps: progress, measures, alarms, history, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from looc_tf.data import Source
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods import Facts
from looc_tf.run.folder import RunFolder, resume_command
from looc_tf.run.log import on_terminal
from looc_tf.training.callbacks.alarms import CollapseAlarm, StopNotFinite
from looc_tf.training.callbacks.base import StepCallback
from looc_tf.training.callbacks.history import History
from looc_tf.training.callbacks.measures import (
    AccuracyMonitor,
    NeighborMonitor,
    SpaceMeasures,
    effective_rank,
    held_out_monitor,
)
from looc_tf.training.callbacks.progress import Bar, Clock, Lines
from looc_tf.training.callbacks.saving import BestCheckpoint, Checkpoints, EarlyStop, StopOnSignal

__all__ = [
    "AccuracyMonitor",
    "Bar",
    "BestCheckpoint",
    "Checkpoints",
    "Clock",
    "CollapseAlarm",
    "EarlyStop",
    "History",
    "Lines",
    "NeighborMonitor",
    "SpaceMeasures",
    "StepCallback",
    "StopNotFinite",
    "StopOnSignal",
    "effective_rank",
    "joined",
    "standard_callbacks",
]


def standard_callbacks(run: RunFolder, source: Source, facts: Facts) -> list[StepCallback]:
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
    monitor = held_out_monitor(run, source, facts)
    reading, patience = folder.method.reading, type(folder.method).patience(experiment)
    return [
        clock,
        StopNotFinite(start, steps, folder.steps),
        SpaceMeasures(start, steps, every),
        *monitor,
        CollapseAlarm(start, steps, every),
        *([Bar(clock)] if on_terminal() else []),
        Lines(clock, every),
        History(run.own, clock, every, sometimes=(reading,) if monitor else ()),
        *([BestCheckpoint(folder, start, steps, reading)] if monitor else []),
        *(EarlyStop(folder, start, steps, each.every, patience) for each in monitor if patience),
        Checkpoints(folder, start, steps, experiment.training.checkpoint_every),
        StopOnSignal(folder, start, steps, resume_command(run.path)),
    ]


def joined(standard: Sequence[StepCallback], own: Sequence[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """The standard callbacks and those of a user, who sees what was measured, and may stop the run before it is saved.

    Raises:
        UserError: what a user gave is none.
    """
    for callback in own:
        if not isinstance(callback, keras.callbacks.Callback):
            raise UserError(
                f"Expected Keras callbacks. Received {type(callback).__name__}. Make it a class of "
                "keras.callbacks.Callback, or give a function as keras.callbacks.LambdaCallback(on_batch_end=...)."
            )
    saving = next((place for place, each in enumerate(standard) if isinstance(each, Checkpoints)), len(standard))
    return [*standard[:saving], *own, *standard[saving:]]
